"""Files into an index: read, clean, split and commit, then embed; a batch at a time, each all or nothing.

Text is committed as it is read, and found by its words from then on. Embedding, which takes most of the time, has what
time reading leaves, then all of it, and goes on with the next run where one is stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.catalog import BuiltWith, Catalog, ReadySource
from index.clean import Cleaned, clean_given
from index.crew import Crew, LocalCrew
from index.deferred import DeferredEmbedder
from index.dense import told_of_server
from index.embed import Embedder, fit_token_codec, load_embedder
from index.errors import IndexMismatch, ReadError
from index.files import Stamp, discover, exists, size_of
from index.folder import Index, check_embedder
from index.gone import check_not_lost
from index.lock import writing
from index.migrate import migrate
from index.passages import Chunking, split_passages
from index.place import Place
from index.plan import Plan, Unchanged, make_plan
from index.read import file_hash
from index.rules import Rules
from index.said import said
from index.tokens import TokenCodec
from index.underway import Underway
from index.values import DroppedSpan, Media, Passage, Source, Span
from index.workers import SECONDS_A_FILE, Job

# A batch is what a killed run can lose. The first is small, so that something can be asked soon, and each of the next
# twice as large.
_FIRST_BATCH, _LARGEST_BATCH = 64, 4096  # passages, or files of fewer
BESIDE = "beside the text"  # why the last of a given document is dropped


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    files_done: int
    files_total: int
    passages_done: int  # embedded
    passages_known: int  # committed and to be embedded; grows while files are read
    articles: int = 0  # in the files that were read
    bytes_done: int = 0  # of the files that are new or changed
    bytes_total: int = 0


@dataclass(slots=True)
class IngestReport:
    """What a run did, and what it could not do."""

    added: list[str] = field(default_factory=list)  # paths of sources
    replaced: list[str] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)  # the old path and the new one
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # indexed, no longer among the files, and kept
    passages: int = 0  # given an embedding in this run
    known: int = 0  # of these, how many had a text that was embedded before
    failures: list[str] = field(default_factory=list)  # whole messages: what was asked for and not done
    left_out: list[str] = field(
        default_factory=list
    )  # whole messages: what was not asked for by name, or holds no article
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class GivenDocument:
    """A document that is text already and needs no cleaning, such as one of an evaluation set."""

    id: str  # becomes the path of its source
    title: str
    text: str
    date: str = ""  # ISO 8601
    beside: str = ""  # what else its source is to keep: behind the text, dropped as BESIDE, and no part of the article


@dataclass(frozen=True, slots=True)
class _Parsed:
    location: str
    source: Source
    cleaned: Cleaned
    passages: tuple[Passage, ...]
    is_new: bool
    rules: str
    stamp: Stamp = Stamp(0, 0)
    lines: Mapping[int, bool] = field(default_factory=dict)  # its short lines, and whether several files have each
    renamed_from: str = ""  # the path of the source that it replaces, if not its own


def ingest(
    paths: list[Path],
    folder: str | Path,
    *,
    embedder: Embedder,
    chunking: Chunking | None = None,
    prune: bool = False,
    even_if_empty: bool = False,
    rules: Rules | None = None,
    anew: Collection[str] = (),
    seconds_a_file: float = SECONDS_A_FILE,
    workers: int = 0,
    crew: Crew | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report: Callable[[str], None] = lambda message: None,
) -> IngestReport:
    """Make the index in `folder` hold the files at and under `paths`, and say what was done.

    A URL of `index.place` names it, too, and lets its vectors be searched by that server from now on.

    Unchanged files are skipped, changed ones replaced, as are those that were cleaned by other rules and those of the
    sources `anew`, by path. A new file of the same bytes as one that is gone takes its place. What else is gone is
    removed if `prune`; if it is all of a folder, as it looks when a disk is not mounted, FolderLost is raised and
    nothing done, unless `even_if_empty`. The rules are kept in the index and hold until a run names others; without
    `rules` they are those of the last run that did. A file that cannot be read, or not within `seconds_a_file`, is
    reported and stops nothing. At most `workers` are read at once, 0 for as many as there are cores, unless another
    `crew` reads and embeds. Ctrl-C ends the run after the last whole batch, with `interrupted` set.
    Raises IndexLocked, IndexMismatch, IndexFolderError.
    """
    discovery = discover(paths)
    with _run(folder, embedder, crew or LocalCrew(embedder, processes=workers), chunking, on_progress, report) as run:
        run.result.failures.extend(discovery.missing)
        run.result.left_out.extend(map(why_ignored, discovery.ignored))
        chosen = run.catalog.rules if rules is None else rules
        plan = make_plan(paths, discovery.files, run.catalog, chosen, anew=anew)
        if prune and not even_if_empty:
            check_not_lost(plan.lost)
        if rules is not None:
            run.catalog.keep_rules(rules)
        run.add(run.parse_changed(plan, seconds_a_file=seconds_a_file))
        run.forget_gone(plan, prune=prune)
        run.embed_pending()
    return run.result


def why_ignored(path: Path) -> str:
    """What is said of a file or a link that was left alone."""
    if path.is_symlink():
        return said("link_ignored", "{file}: links to folders and out of the folder are not followed", file=str(path))
    return said("type_ignored", "{file}: files of this type are not read", file=str(path))


def ingest_given(
    documents: list[GivenDocument],
    folder: str | Path,
    *,
    embedder: Embedder,
    chunking: Chunking | None = None,
    remove: Collection[str] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> IngestReport:
    """Make the index in `folder` hold `documents` by their ids; those that it has by the same text are skipped.

    Sources whose paths are in `remove` are taken out before. Raises as `ingest` does. Ctrl-C ends the run after the
    last whole batch, with `interrupted` set.
    """
    with _run(folder, embedder, LocalCrew(embedder), chunking, on_progress, lambda message: None) as run:
        known = run.catalog.files()
        run.remove([path for path in dict.fromkeys(remove) if path in known])
        run.add(run.parse_given(documents))
        run.embed_pending()
    return run.result


def move_vectors(url: str, *, report: Callable[[str], None] = lambda message: None) -> None:
    """Let the server of a URL search the vectors of the index that is in its folder; what is embedded stays so.

    Raises as `ingest` does, and ServerError.
    """
    folder = Place.named(url).folder
    with Catalog(folder) as catalog:
        identity = catalog.built_with.embedder
    embedder = DeferredEmbedder(folder, identity, lambda: load_embedder(identity.name, report=report))
    with _run(url, embedder, LocalCrew(embedder), None, lambda progress: None, report):
        pass


@contextmanager
def _run(
    named: str | Path,
    embedder: Embedder,
    crew: Crew,
    chunking: Chunking | None,
    on_progress: Callable[[Progress], None],
    report: Callable[[str], None],
) -> Iterator[_Run]:
    """The right to write the index that is named, and what a run needs; Ctrl-C inside ends the run, not the program."""
    place = Place.named(named)
    folder = place.folder
    with writing(folder):
        migrate(folder, report=report)
        built_with = BuiltWith(embedder.identity, chunking or Chunking())
        catalog = Catalog(folder, built_with=built_with)
        if place.server and place.server != catalog.vectors_at:
            report(told_of_server(place.server))
            catalog.keep_vectors_at(place.server)
        with Index(folder, catalog, report=report) as index:
            _check_built_with(folder, index.catalog, embedder, chunking)
            index.bring_caches_forward(writable=True)
            run = _Run(index, embedder, crew, on_progress)
            try:
                yield run
            except KeyboardInterrupt:
                run.result.interrupted = True
            finally:
                index.save()


def _check_built_with(folder: Path, catalog: Catalog, embedder: Embedder, chunking: Chunking | None) -> None:
    check_embedder(folder, catalog, embedder)
    built = catalog.built_with.chunking
    if chunking is not None and built != chunking:
        raise IndexMismatch(
            f"{folder}: built with passages of {built.max_tokens} tokens and {built.overlap_sentences} sentences of "
            f"overlap, this run wants {chunking.max_tokens} and {chunking.overlap_sentences}; leave the options away, "
            "or ingest into another folder"
        )


def _token_codec(catalog: Catalog, embedder: Embedder) -> TokenCodec:
    if (codec := catalog.token_codec) is None:
        codec = fit_token_codec(embedder)
        catalog.keep_token_codec(codec)
    return codec


def _given(given: GivenDocument, sha256: str) -> tuple[Source, Cleaned]:
    text, aside = given.text, ()
    if given.beside:
        text = f"{given.text}\n{given.beside}"
        aside = (DroppedSpan(Span(len(given.text) + 1, len(text)), BESIDE),)
    source = Source(given.id, Media.TEXT, sha256, text, title=given.title, date=given.date, set_aside=aside)
    return source, clean_given(source)


class _Run:
    """One run over the files: what it has done goes into the report as it is committed."""

    def __init__(self, index: Index, embedder: Embedder, crew: Crew, on_progress: Callable[[Progress], None]) -> None:
        self.result = IngestReport()
        self.catalog = index.catalog
        self._index = index
        self._embedder = embedder
        self._crew = crew
        self._on_progress = on_progress
        self._chunking = self.catalog.built_with.chunking
        self._underway = Underway(index, crew, _token_codec(self.catalog, embedder), tell=self._embedded)
        self._files_done = self._files_total = 0
        self._articles = self._bytes_done = self._bytes_total = 0
        self._passages_known = self.catalog.pending_count()  # what a run that was stopped has left

    def add(self, files: Iterator[_Parsed]) -> None:
        """Commit files as they are parsed, a batch at a time."""
        batch: list[_Parsed] = []
        limit, held = _FIRST_BATCH, 0
        for parsed in files:
            batch.append(parsed)
            held += max(1, len(parsed.passages))
            if held >= limit:
                self._commit(batch)
                batch, held, limit = [], 0, min(2 * limit, _LARGEST_BATCH)
            self._underway.advance()
        if batch:
            self._commit(batch)

    def embed_pending(self) -> None:
        """Embed what is committed and has no embedding yet; no text that was embedded before."""
        self._passages_known = self.result.passages + self.catalog.pending_count()
        self._underway.finish()

    def _embedded(self, now: int, before: int) -> None:
        self.result.passages += now + before
        self.result.known += before
        self._tell()

    def remove(self, paths: list[str]) -> None:
        """Take out sources that there are."""
        if paths:
            self._index.commit([], remove=paths)
            self.result.removed.extend(paths)

    def forget_gone(self, plan: Plan, *, prune: bool) -> None:
        """Deal with sources that were read from under the given paths and are no longer there."""
        renamed = {old for old, _ in self.result.renamed}
        # A new file that one was to be renamed to may have failed to be read, and one that was away may be back.
        left = sorted({*plan.gone, *plan.renamed.values()} - renamed)
        gone = [path for path in left if not exists(Path(plan.known[path].location))]
        if gone and prune:
            self.remove(gone)
        else:
            self.result.gone.extend(gone)

    def parse_given(self, documents: list[GivenDocument]) -> Iterator[_Parsed]:
        """The given documents that are new or changed."""
        self._files_total = len(documents)
        known = self.catalog.files()
        for given in documents:
            sha256 = file_hash("\0".join((given.title, given.text, *filter(None, (given.date, given.beside)))).encode())
            stored = known.get(given.id)
            if stored is not None and stored.sha256 == sha256:
                self.result.unchanged += 1
            else:
                yield self._parsed(given.id, *_given(given, sha256), is_new=stored is None)
            self._files_done += 1
            self._tell()

    def parse_changed(self, plan: Plan, *, seconds_a_file: float) -> Iterator[_Parsed]:
        """The files that are new or changed; what cannot be read goes into the report."""
        self._files_total = len(plan.steps)
        self._bytes_total = sum(size_of(step.file.location) for step in plan.steps if isinstance(step, Job))
        self._tell()
        files = len(plan.steps)
        for job, read in self._crew.read(self._jobs(plan), files=files, seconds_a_file=seconds_a_file):
            stored = plan.known.get(job.path)
            if isinstance(read, ReadError):
                self.result.failures.append(read.told)
            else:
                parsed = self._parsed(
                    str(job.file.location), read.source, read.cleaned, is_new=stored is None, rules=job.rules.sha256
                )
                lines = {line: line in job.repeated for line in job.lines}
                before = plan.renamed.get(job.path, "")
                parsed = replace(parsed, stamp=job.stamp, lines=lines, renamed_from=before)
                if parsed.passages:
                    yield parsed
                elif not (read.source.problems or read.cleaned.problems):
                    nothing = "{file}: holds no article; nothing in it can be asked"
                    self.result.left_out.append(said("no_article", nothing, file=job.path))
                if not parsed.passages and stored is not None:  # what it held before is no longer there
                    self.remove([job.path])
            self._files_done += 1
            self._bytes_done += size_of(job.file.location)
            self._tell()

    def _jobs(self, plan: Plan) -> Iterator[Job]:
        stamps = {
            step.path: step.stamp
            for step in plan.steps
            if isinstance(step, Unchanged) and step.stamp != plan.known[step.path].stamp
        }
        if stamps:
            self.catalog.keep_stamps(stamps)
        for step in plan.steps:
            if isinstance(step, Job):
                yield step
                continue
            if isinstance(step, ReadError):
                self.result.failures.append(step.told)
            else:
                self.result.unchanged += 1
            self._files_done += 1
            self._tell()

    def _parsed(self, location: str, source: Source, cleaned: Cleaned, *, is_new: bool, rules: str = "") -> _Parsed:
        source = replace(source, problems=(*source.problems, *cleaned.problems))
        self.result.failures.extend(source.problems)
        passages = [
            passage
            for document in cleaned.documents
            for passage in split_passages(
                document, source, chunking=self._chunking, count_tokens=self._embedder.count_tokens
            )
        ]
        self._passages_known += len(passages)
        self._articles += len(cleaned.documents)
        return _Parsed(location, source, cleaned, tuple(passages), is_new, rules)

    def _commit(self, batch: list[_Parsed]) -> None:
        ready = [
            ReadySource(
                source=file.source,
                location=file.location,
                documents=file.cleaned.documents,
                dropped=file.cleaned.dropped,
                passages=file.passages,
                stamp=file.stamp,
                rules=file.rules,
                lines=file.lines,
            )
            for file in batch
        ]
        self._index.commit(ready, remove=[file.renamed_from for file in batch if file.renamed_from])
        self._underway.committed()
        for file in batch:
            if file.renamed_from:
                self.result.renamed.append((file.renamed_from, file.source.path))
            else:
                (self.result.added if file.is_new else self.result.replaced).append(file.source.path)

    def _tell(self) -> None:
        self._on_progress(
            Progress(
                self._files_done,
                self._files_total,
                self.result.passages,
                self._passages_known,
                self._articles,
                self._bytes_done,
                self._bytes_total,
            )
        )
