"""The same against a real Milvus server, started here on loopback from the package `milvus`: `make milvus`.

The package is 58 MB, 450 unpacked, so it is not among those that `make test` installs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="needs pymilvus: pip install 'dragoman[milvus]'")
pytest.importorskip("milvus", reason="needs the server that the package milvus carries; run: make milvus")

import index.served
from eval.made import MadeArchive, Parent, Question
from eval.served import build, compare_served, milvus_server
from index.catalog import Catalog
from index.check import check
from index.embed import HashingEmbedder, fit_token_codec
from index.errors import ServerError, SettingsError
from index.folder import Filters, Index
from index.ingest import GivenDocument, ingest_given
from index.milvus import Collection, Row
from index.place import Server
from index.tokens import TokenCodec

TEXTS = {
    "en": "The lighthouse keeper counted {} boats before the storm. He wrote them into a book. {} came back.",
    "az": "Mayak gözətçisi tufandan əvvəl {} qayıq saydı. Hamısını dəftərinə yazdı. {} qayıq qayıtdı.",
    "ru": "Смотритель маяка насчитал {} лодок перед бурей. Он записал их в тетрадь. Вернулось {}.",
}


def archive(count: int) -> MadeArchive:
    embedder = HashingEmbedder()
    codec: TokenCodec = fit_token_codec(embedder)
    parents = []
    for lang, text in TEXTS.items():
        for number in range(30):
            its = text.format(number, number * 7)
            (embedded,) = embedder.embed_and_pack([its], codec)
            sentences = tuple(f"{part}." for part in its.split(". "))
            parents.append(Parent(lang, sentences, embedded.vector, codec.unpack(embedded.tokens)))
    asked = [text.format(number, 3) for number in range(7) for text in TEXTS.values()]
    questions = tuple(Question(text, embedder.embed_query(text), embedder.query_tokens(text)) for text in asked)
    return MadeArchive(count, "hashing", tuple(parents), questions, codec)


def test_the_server_finds_the_same_and_loses_nothing_when_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index.served, "FEW", 0)  # so that every filter acts in the server
    told: list[str] = []
    plain, served, killed = compare_served(archive(5_000), ["folder", "milvus"], tmp_path, report=told.append)
    assert (served.skipped, killed.skipped) == ("", "")
    assert served.kind.startswith("FLAT by Milvus v2.3.5") and "no sparse vectors" in served.kind
    assert min(served.same, served.same_fused, served.same_filtered, served.same_after, killed.same) >= 0.98
    assert (served.removed_found, served.lost, served.doubled) == (0, 0, 0)
    assert (killed.kills, killed.lost, killed.doubled) == (2, 0, 0)
    assert plain.same == 1.0


# Asks as a server does that stays open beside a writer: for each vector that it reads, the best five of each
# language.
READER = """
import json, sys
import numpy as np
from index.folder import Filters, Index

with Index.open(sys.argv[1]) as index:
    print("open", flush=True)
    for line in sys.stdin:
        index.refresh()
        hits = index.search_dense(np.array(json.loads(line), np.float32), k=5, filters=Filters())
        found = index.passages(hit.key for hit in hits).values()
        print(json.dumps([stored.passage.text for stored in found]), flush=True)
"""


def test_what_another_process_has_committed_is_found_at_once(tmp_path: Path) -> None:
    folder, made = tmp_path / "news.index", archive(4_000)
    passages = [passage for block in made.blocks() for passage in block]
    with milvus_server(tmp_path / "server") as (port, _, _):
        command = [sys.executable, "-c", READER, str(folder)]
        readers: list[subprocess.Popen[str]] = []

        def ask(batch: int) -> None:
            """Ask for the last of the batches before."""
            if not batch:
                return
            if not readers:
                root = Path(__file__).parents[1]
                pipe = subprocess.PIPE
                readers.append(subprocess.Popen(command, cwd=root, stdin=pipe, stdout=pipe, text=True))
            (reader,) = readers
            assert reader.stdin is not None and reader.stdout is not None
            if batch == 1:
                assert reader.stdout.readline() == "open\n"
            last = passages[500 * batch - 1]
            print(json.dumps(last.vector.tolist()), file=reader.stdin, flush=True)
            assert last.text in json.loads(reader.stdout.readline())

        try:
            build(made, folder, f"milvus://127.0.0.1:{port}/news", on_batch=ask)
            assert readers
        finally:
            for reader in readers:
                reader.communicate()


def test_servers_run_beside_each_other_and_start_again(tmp_path: Path) -> None:
    with milvus_server(tmp_path / "one") as (port, kill, start), milvus_server(tmp_path / "other") as (other, _, _):
        for each in (port, other):
            url = f"milvus://127.0.0.1:{each}/news?catalog={tmp_path}/{each}.index"
            ingest_given([GivenDocument("a.txt", "", f"Of {each}.")], url, embedder=HashingEmbedder())
        kill()
        with pytest.raises(ServerError, match="Milvus cannot be reached"):
            Index.open(tmp_path / f"{port}.index")
        start()
        for each in (port, other):
            with Index.open(tmp_path / f"{each}.index") as opened:
                assert opened.dense.count == 1


def test_a_server_without_sparse_vectors_searches_no_words(tmp_path: Path) -> None:
    documents = [GivenDocument("a.txt", "", TEXTS["en"].format(1, 2))]
    folder = tmp_path / "news.index"
    with milvus_server(tmp_path / "server") as (port, _, _):
        url = f"milvus://127.0.0.1:{port}/news?catalog={folder}"
        for times in range(2):  # when it is made, and when it is there
            with pytest.raises(SettingsError, match=r"no sparse vectors; .* words are searched in the index folder"):
                ingest_given(documents, f"{url}&words=server", embedder=HashingEmbedder())
            ingest_given(documents, url, embedder=HashingEmbedder())
            with Index.open(url) as opened:
                assert opened.dense.count == len(opened.search_lexical("boats", k=5, filters=Filters())) == 1, times


def test_rows_that_are_there_twice_are_found_and_mended(tmp_path: Path) -> None:
    documents = [GivenDocument(f"{i}.txt", "", TEXTS["en"].format(i, i)) for i in range(20)]
    folder, told = tmp_path / "news.index", list[str]()
    with milvus_server(tmp_path / "server") as (port, _, _):
        url = f"milvus://127.0.0.1:{port}/news?catalog={folder}"
        ingest_given(documents, url, embedder=HashingEmbedder())
        collection = Collection(Server.parse(f"milvus://127.0.0.1:{port}/news"))
        collection.open()
        with Catalog(folder) as catalog:
            block = next(catalog.vectors_since(0))
        collection.insert([Row(5, "en", "5.txt", "", "", block.vectors[4].astype(np.float32))])
        collection.close()
        (problem,) = check(folder).problems
        assert "holds a passage more than once" in str(problem)
        with Index.open(folder, report=told.append) as opened:
            assert opened.dense.count == 20
        assert "holds 21 of 20 vectors" in told[0]
        assert check(folder).problems == ()
