"""An index with the vectors of another embedder, made beside those that it has, which serve until all are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from index.catalog import Catalog
from index.embed import EmbeddedPassage, Embedder, fit_token_codec
from index.folder import Index
from index.ingest import Progress
from index.lock import writing
from index.migrate import migrate
from index.underway import EMBEDDED_BATCH


@dataclass(slots=True)
class ReembedReport:
    """What a run did."""

    former: str  # the name of the embedder that served before
    serving: str  # and of the one that serves now
    passages: int = 0  # embedded in this run
    interrupted: bool = False


def reembed(
    folder: Path,
    *,
    embedder: Embedder,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report: Callable[[str], None] = lambda message: None,
) -> ReembedReport:
    """Make the index in `folder` one of `embedder`. What an earlier run of this has embedded is not embedded again.

    The index is asked with its former embedder until the last text is embedded; then one transaction changes over. Its
    embeddings are kept, so that to go back costs nothing, until the index is compacted. Ctrl-C ends the run after the
    last whole batch, with `interrupted` set. Raises IndexLocked, IndexFolderError.
    """
    with writing(folder):
        migrate(folder, report=report)
        with Catalog(folder) as catalog:
            former = catalog.built_with.embedder
            result = ReembedReport(former.name, former.name)
            try:
                _embed_all(catalog, embedder, result, on_progress)
            except KeyboardInterrupt:
                result.interrupted = True
                return result
        result.serving = embedder.identity.name
        with Index(folder, Catalog(folder), report=report) as index:
            index.bring_caches_forward(writable=True)
    return result


def _embed_all(
    catalog: Catalog, embedder: Embedder, result: ReembedReport, on_progress: Callable[[Progress], None]
) -> None:
    def write(texts: dict[bytes, str], making: Iterator[EmbeddedPassage]) -> None:
        if texts:
            catalog.keep_embeddings(key, dict(zip(texts, making, strict=True)))
            result.passages += len(texts)
            on_progress(Progress(0, 0, result.passages, total))

    key, codec = catalog.begin_embedder(embedder.identity, lambda: fit_token_codec(embedder))
    total, after = catalog.passage_count(), 0
    texts, making = dict[bytes, str](), iter(list[EmbeddedPassage]())
    while waiting := catalog.not_embedded_by(key, after=after, limit=EMBEDDED_BATCH):
        after = waiting[-1].key
        new = {passage.hash: passage.text for passage in waiting if passage.hash not in texts}
        # Given before the last batch is waited for and written, so that the embedder never waits.
        newly_making = embedder.embed_and_pack(list(new.values()), codec)
        write(texts, making)
        texts, making = new, newly_making
    write(texts, making)
    catalog.serve(key)
