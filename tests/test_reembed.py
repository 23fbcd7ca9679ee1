"""An index embedded anew: the former vectors serve until the others are whole, and nothing is embedded twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.compact import compact
from index.embed import EmbeddedPassage, Embedder, Floats, HashingEmbedder, unit
from index.errors import IndexLocked, IndexMismatch
from index.folder import Filters, Index
from index.ingest import ingest
from index.lock import writing
from index.reembed import reembed
from index.tokens import TokenCodec, TokenVectors
from rag.retrieve import HybridRetriever
from ui.cli import main

Write = Callable[[Path, dict[str, str]], Path]
COUNT = 600


class Narrow(HashingEmbedder):
    """Another embedder: half as many dimensions, in the other order. It counts, and stops at a passage if it shall."""

    identity = replace(HashingEmbedder.identity, name="narrow", weights_hash="narrow-1", dimension=32)

    def __init__(self, *, stops_at: int = -1) -> None:
        self.encoded = 0
        self._stops_at = stops_at

    def embed_query(self, text: str) -> Floats:
        return unit(super().embed_query(text)[31::-1].copy())

    def query_tokens(self, text: str) -> TokenVectors:
        found = super().query_tokens(text)
        return TokenVectors(found.tokens, unit(found.vectors[:, 31::-1].copy()), found.starts)

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        for one in super().embed_and_pack(texts, codec):
            if self.encoded == self._stops_at:
                raise KeyboardInterrupt
            self.encoded += 1
            yield one


@pytest.fixture
def docs(tmp_path: Path, write: Write) -> Path:
    files = {
        f"{i}.txt": f"The keeper of lighthouse {i} went home to {i * 7} on Friday with his dog." for i in range(COUNT)
    }
    return write(tmp_path / "docs", files)


@pytest.fixture
def folder(docs: Path, tmp_path: Path, hashing: Embedder) -> Path:
    folder = tmp_path / "news.index"
    ingest([docs], folder, embedder=hashing)
    return folder


def nearest(index: Index, embedder: Embedder, words: str) -> str:
    (hit, *_) = index.search_dense(embedder.embed_query(words), k=1, filters=Filters())
    return index.passages([hit.key])[hit.key].passage.source_path


def test_it_is_as_if_it_had_been_built_with_the_other(docs: Path, folder: Path, tmp_path: Path, content) -> None:
    report = reembed(folder, embedder=Narrow())
    assert (report.former, report.serving, report.passages, report.interrupted) == ("hashing", "narrow", COUNT, False)
    ingest([docs], tmp_path / "anew", embedder=Narrow())
    assert content(folder) == content(tmp_path / "anew")
    with Index.open(folder) as index, Index.open(tmp_path / "anew") as anew:
        assert index.dense.count == COUNT
        query = Narrow().embed_query("lighthouse 17")
        for one, other in zip(*(i.search_dense(query, k=10, filters=Filters()) for i in (index, anew)), strict=True):
            assert one.score == other.score


def test_what_was_embedded_is_not_embedded_again(folder: Path) -> None:
    stopped = Narrow(stops_at=300)
    report = reembed(folder, embedder=stopped)
    assert report.interrupted and report.serving == "hashing"
    with Index.open(folder) as index:
        assert index.catalog.built_with.embedder == HashingEmbedder.identity  # the former serves
        assert nearest(index, index.embedder, "lighthouse 17 119") == "17.txt"
    going_on = Narrow()
    assert reembed(folder, embedder=going_on).passages == going_on.encoded == COUNT - 256
    back = HashingEmbedder()
    assert reembed(folder, embedder=back).passages == 0  # its embeddings are still there
    with Index.open(folder) as index:
        index.use_embedder(back)
        assert nearest(index, back, "lighthouse 17 119") == "17.txt"


def test_compacting_keeps_what_a_stopped_run_has_embedded(folder: Path) -> None:
    reembed(folder, embedder=Narrow(stops_at=300))
    assert compact(folder).embeddings == 0
    going_on = Narrow()
    reembed(folder, embedder=going_on)
    assert going_on.encoded == COUNT - 256
    assert compact(folder).embeddings == COUNT  # of the former


def test_an_open_index_changes_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.folder.load_embedder", lambda name, report: Narrow())
    with Index.open(folder) as index:
        index.use_embedder(HashingEmbedder())
        before = HybridRetriever(index).retrieve("lighthouse 17", k=3)
        reembed(folder, embedder=Narrow())
        after = HybridRetriever(index).retrieve("lighthouse 17", k=3)
        assert index.embedder.identity == Narrow.identity
        assert before[0].passage == after[0].passage and before[0].dense != after[0].dense
        assert np.isfinite([hit.late for hit in after]).all()


def test_the_former_embedder_is_refused_then(docs: Path, folder: Path, hashing: Embedder) -> None:
    reembed(folder, embedder=Narrow())
    with pytest.raises(IndexMismatch, match="index has 'narrow', this run wants 'hashing'"):
        ingest([docs], folder, embedder=hashing)


def test_one_writer(folder: Path) -> None:
    with writing(folder), pytest.raises(IndexLocked):
        reembed(folder, embedder=Narrow())


def test_embeddings_that_are_not_whole_are_not_served(folder: Path) -> None:
    with Catalog(folder) as catalog:
        codec = catalog.token_codec
        assert codec is not None
        key, _ = catalog.begin_embedder(Narrow.identity, lambda: codec)
        with pytest.raises(ValueError, match=f"has not embedded {COUNT} passages"):
            catalog.serve(key)
        assert catalog.built_with.embedder == HashingEmbedder.identity and catalog.pending_count() == 0


def test_by_command(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.embed.load_embedder", lambda name, report: {"narrow": Narrow()}[name])
    assert main(["index", "reembed", "--model", "narrow", "--index", str(folder)]) == 0
    assert capsys.readouterr().out == f"{COUNT} texts embedded; served by narrow (before: hashing)\n"
    assert main(["index", "reembed", "--model", "narrow", "--index", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "former": "narrow", "serving": "narrow", "passages": 0, "interrupted": False
    }  # fmt: skip


KILLED = """
import sys
from pathlib import Path
from index.reembed import reembed
from tests.test_reembed import Narrow
reembed(Path(sys.argv[1]), embedder=Narrow(), on_progress=lambda progress: print(progress.passages_done, flush=True))
"""


@pytest.mark.parametrize("batches", [1, 2])
def test_kill_9_leaves_the_former_serving(folder: Path, batches: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, folder], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(batches):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    going_on = Narrow()
    reembed(folder, embedder=going_on)
    assert going_on.encoded <= COUNT - 256 * batches
    with Index.open(folder) as index:
        assert index.dense.count == COUNT and index.catalog.built_with.embedder == Narrow.identity
