"""Vectors that a server searches: the same is found as in a folder, and nothing is lost or there twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pymilvus", reason="needs pymilvus: pip install 'dragoman[milvus]'")
pytest.importorskip("milvus_lite", reason="needs a Milvus in a file: pip install milvus-lite")

from index import served
from index.catalog import Catalog
from index.check import check
from index.embed import HashingEmbedder
from index.errors import IndexFolderError, IndexMismatch, ServerError, SettingsError
from index.folder import Filters, Index, folder_of
from index.ingest import GivenDocument, ingest, ingest_given
from index.lexical import parse_query
from index.milvus import Collection, condition_of
from index.place import Place, Server
from index.reembed import reembed
from index.repair import repair
from index.snapshot import restore, take_snapshot
from rag.retrieve import HybridRetriever
from tests.test_reembed import Narrow
from ui.cli import main

TEXTS = {
    "en": "The keeper of the harbour light counted {} boats before the storm and wrote all of them into his book.",
    "az": "Liman mayakının gözətçisi tufandan əvvəl {} qayıq saydı və hamısını öz dəftərinə yazdı.",
    "ru": "Смотритель портового маяка насчитал {} лодок перед бурей и записал их все в свою тетрадь.",
}
DATES = ("2024-05-01", "2024-07-15", "2023-02-03", "")
FOLDERS = ("a_b", "aXb", 'quo"te', "back\\slash", "перо")
QUESTIONS = ("how many boats did the keeper count", "gözətçi neçə qayıq saydı", "сколько лодок насчитал смотритель")
FILTERS = (
    Filters(),
    Filters(languages=frozenset({"az", "ru"})),
    Filters(since="2024-05-01"),
    Filters(until="2023-12-31"),
    Filters(since="2024-07-10", until="2024-07-20", languages=frozenset({"en"})),
    *(Filters(sources=frozenset({folder})) for folder in (*FOLDERS, "a_b/", "a_b/10.txt", "nowhere")),
    Filters(sources=frozenset({"a_b", "перо"}), since="2024-01-01"),
    Filters(phrases=parse_query('"9 boats"').phrases),
)


def documents() -> list[GivenDocument]:
    return [
        GivenDocument(f"{FOLDERS[i % 5]}/{i}.txt", "", TEXTS[lang].format(i), date=DATES[i % 4])
        for i in range(40)
        for lang in [("en", "az", "ru")[i % 3]]
    ]


def found(index: Index, filters: Filters = Filters()) -> list[list[tuple[str, float]]]:
    """For each question the passages by vector, with their scores."""
    lists = []
    for question in QUESTIONS:
        hits = index.search_dense(index.embedder.embed_query(question), k=5, filters=filters)
        stored = index.passages(hit.key for hit in hits)
        lists.append([(stored[hit.key].passage.id, hit.score) for hit in hits])
    return lists


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("local") / "news.index"
    ingest_given(documents(), folder, embedder=HashingEmbedder())
    with Index.open(folder) as index:
        yield index


def lite(folder: Path, name: str = "news") -> str:
    return f"milvus:{folder}/lite.db/{name}?catalog={folder}/{name}.index"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index in Milvus Lite. Not to be changed."""
    url = lite(tmp_path_factory.mktemp("lite"))
    ingest_given(documents(), url, embedder=HashingEmbedder())
    return url


@pytest.fixture(scope="module")
def index(url: str) -> Iterator[Index]:
    with Index.open(url) as index:
        yield index


@pytest.mark.parametrize("few", [0, served.FEW])
def test_the_same_is_found_as_in_a_folder(
    local: Index, index: Index, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(served, "FEW", few)  # so that Milvus is told whom it may find
    for filters in FILTERS:
        assert found(index, filters) == found(local, filters), filters
    assert sum(bool(found(local, filters)[0]) for filters in FILTERS) == len(FILTERS) - 1  # all but "nowhere"


def test_the_retriever_ranks_the_same(local: Index, index: Index) -> None:
    for question in QUESTIONS:
        hits = [HybridRetriever(each).retrieve(question, k=10) for each in (local, index)]
        assert hits[0] == hits[1] != []


def test_what_it_is_and_holds(local: Index, index: Index) -> None:
    assert index.dense.languages == local.dense.languages == ("az", "en", "ru")
    assert index.dense.count == local.dense.count == 40
    assert index.dense.keys().tolist() == local.dense.keys().tolist()
    assert index.dense.sequence == index.catalog.sequence
    assert index.dense.recall(index.catalog) == 1.0
    assert index.dense.kind.startswith("FLAT by Milvus milvus_lite-")


def test_what_changes_is_changed_there(tmp_path: Path) -> None:
    url, folder = lite(tmp_path), tmp_path / "news.index"
    ingest_given(documents(), url, embedder=HashingEmbedder())
    changed = [GivenDocument("a_b/0.txt", "", TEXTS["en"].format(1000)), *documents()[1:]]
    # By the folder alone: the catalog knows where the vectors are.
    ingest_given(changed, folder, embedder=HashingEmbedder(), remove=["aXb/1.txt"])
    ingest_given(changed[2:], tmp_path / "plain.index", embedder=HashingEmbedder())
    ingest_given([changed[0], changed[1]], tmp_path / "plain.index", embedder=HashingEmbedder())
    with Index.open(folder) as index, Index.open(tmp_path / "plain.index") as plain:
        assert found(index) == found(plain)
        assert index.dense.count == 40
    assert check(folder).problems == ()


def test_what_is_missing_or_other_there_is_found_and_mended(tmp_path: Path) -> None:
    url, folder = lite(tmp_path), tmp_path / "news.index"
    ingest_given(documents(), url, embedder=HashingEmbedder())
    with Catalog(folder) as catalog:
        collection = Collection(Server.parse(catalog.vectors_at))
        collection.open()
        collection.remove([3, 4])
        collection.close()
    (problem,) = check(folder).problems
    assert "lacks 2 passages, such as 3, 4" in str(problem)
    repaired = repair(folder)
    assert repaired.left.problems == () and "made the dense cache again" in repaired.done[0]


def test_it_is_made_again_where_rows_are_missing(tmp_path: Path, local: Index) -> None:
    url, folder, told = lite(tmp_path), tmp_path / "news.index", list[str]()
    ingest_given(documents(), url, embedder=HashingEmbedder())
    with Catalog(folder) as catalog:
        collection = Collection(Server.parse(catalog.vectors_at))
        collection.drop()
        collection.close()
    with Index.open(folder, report=told.append) as index:
        assert found(index) == found(local)
        assert told == []  # it is a cache


def test_a_run_that_is_killed_loses_nothing(tmp_path: Path, write: Callable) -> None:
    url, folder = lite(tmp_path), tmp_path / "news.index"
    texts = {f"{i}.txt": "\n\n".join(TEXTS["en"].format(j * i) for j in range(9)) for i in range(120)}
    docs = write(tmp_path / "docs", texts)
    command = [sys.executable, "-m", "ui.cli", "ingest", str(docs), "--index", url, "--embedder", "hashing"]
    run = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    embedded = 0
    while run.poll() is None and not embedded:  # until it is in the middle of it
        time.sleep(0.01)
        with suppress(IndexFolderError), Catalog(folder) as catalog:  # which may not be there yet
            embedded = catalog.passage_count() - catalog.pending_count()
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    report = ingest([docs], folder, embedder=HashingEmbedder())
    assert report.failures == []
    with Index.open(folder) as index:
        assert index.dense.count == index.catalog.passage_count() > 0
        assert index.dense.sequence == index.catalog.sequence
    assert check(folder).problems == ()


def test_an_index_moves_to_a_server_without_embedding(tmp_path: Path, local: Index) -> None:
    folder = tmp_path / "news.index"
    ingest_given(documents(), folder, embedder=HashingEmbedder())
    assert list((folder / "dense").glob("*.faiss"))
    with pytest.raises(IndexMismatch, match="its vectors are in this folder, not at milvus:"):
        Index.open(lite(tmp_path))
    assert ingest_given(documents(), lite(tmp_path), embedder=HashingEmbedder()).passages == 0
    assert not list((folder / "dense").glob("*.faiss"))
    assert folder_of(lite(tmp_path)) == folder
    with Index.open(folder) as index:
        assert found(index) == found(local)


def test_another_kind_of_index_is_made_when_it_is_asked_for(tmp_path: Path, local: Index) -> None:
    ingest_given(documents(), lite(tmp_path), embedder=HashingEmbedder())
    ingest_given([], f"{lite(tmp_path)}&index=HNSW", embedder=HashingEmbedder())
    with Index.open(tmp_path / "news.index") as index:
        assert isinstance(index.dense, served.ServedVectors)
        assert index.dense.kind.startswith("HNSW by") and index.dense._collection.kind == "HNSW"
        assert found(index) == found(local)


def test_a_collection_that_was_half_made_is_made_again(tmp_path: Path, local: Index) -> None:
    ingest_given(documents(), lite(tmp_path), embedder=HashingEmbedder())
    collection = Collection(Server.parse(lite(tmp_path)))
    collection._client.release_collection("news")
    collection._client.drop_index("news", "vector")
    collection.close()
    with Index.open(lite(tmp_path)) as index:
        assert found(index) == found(local)
        assert isinstance(index.dense, served.ServedVectors)
        assert index.dense._collection._client.list_indexes("news") == ["vector"]


def test_a_collection_has_the_vectors_of_one_index(tmp_path: Path) -> None:
    ingest_given(documents()[:2], lite(tmp_path), embedder=HashingEmbedder())
    other = f"milvus:{tmp_path}/lite.db/news?catalog={tmp_path}/other.index"
    with pytest.raises(IndexMismatch, match="holds the vectors of another index"):
        ingest_given(documents(), other, embedder=HashingEmbedder())


def test_what_is_made_of_a_snapshot_or_an_export_is_served(
    url: str, tmp_path: Path, local: Index, capsys: pytest.CaptureFixture[str]
) -> None:
    take_snapshot(folder_of(url), tmp_path / "snapshot")
    assert main(["export", "--embeddings", "--to", "jsonl", str(tmp_path / "out.jsonl"), "--index", url]) == 0
    made = {"restored": ["index", "restore", "snapshot"], "imported": ["import", "out.jsonl"]}
    for name, (*command, origin) in made.items():
        assert main([*command, str(tmp_path / origin), "--index", lite(tmp_path, name)]) == 0
        assert "Milvus milvus_lite-" in capsys.readouterr().err
        with Index.open(lite(tmp_path, name)) as index:
            assert found(index) == found(local)
            assert index.dense.kind.startswith("FLAT by Milvus")
        away = f"milvus://127.0.0.1:1/{name}?catalog={tmp_path}/away.index"
        assert main([*command, str(tmp_path / origin), "--index", away]) == 1
        assert "Milvus cannot be reached" in capsys.readouterr().err
        assert not (tmp_path / "away.index").exists()


def test_an_answer_is_verified_by_the_url(tmp_path: Path, write: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXTS["en"].format(7)
    docs, named = write(tmp_path / "docs", {"a.txt": text}), ["--index", lite(tmp_path)]
    assert main(["ingest", str(docs), *named, "--embedder", "hashing"]) == 0
    cited = {"source": "a.txt", "start": 4, "end": 10, "quote": text[4:10], "sha256": ""}
    reply = {"kind": "answer", "question": "?", "statements": [{"text": "keeper", "citations": [cited]}]}
    (tmp_path / "answer.json").write_text(json.dumps(reply), encoding="utf-8")
    assert main(["verify", str(tmp_path / "answer.json"), *named]) == 0
    assert "1 of 1 quotes stand" in capsys.readouterr().out
    (docs / "a.txt").write_text("Nothing of it is left.", encoding="utf-8")
    assert main(["verify", str(tmp_path / "answer.json"), *named]) == 1


def test_archives_are_collections_of_their_own_in_one_server(tmp_path: Path, local: Index) -> None:
    for name, given_documents in (("one", documents()), ("other", documents()[::2])):
        ingest_given(given_documents, lite(tmp_path, name), embedder=HashingEmbedder())
    reembed(tmp_path / "other.index", embedder=Narrow())  # which drops its collection, and makes another
    ingest_given([], lite(tmp_path, "other"), embedder=Narrow(), remove=["a_b/0.txt"])
    with Index.open(lite(tmp_path, "one")) as one, Index.open(lite(tmp_path, "other")) as other:
        assert found(one) == found(local)
        assert (one.dense.count, other.dense.count) == (40, 19)
    assert check(tmp_path / "one.index").problems == check(tmp_path / "other.index").problems == ()


def test_what_is_restored_is_searched_in_its_folder(url: str, tmp_path: Path, local: Index) -> None:
    take_snapshot(folder_of(url), tmp_path / "snapshot")
    restore(tmp_path / "snapshot", tmp_path / "restored.index")
    with Index.open(tmp_path / "restored.index") as index:
        assert index.catalog.vectors_at == ""
        assert found(index) == found(local)


def test_vectors_of_another_embedder_take_their_place(tmp_path: Path) -> None:
    url = lite(tmp_path)
    ingest_given(documents(), url, embedder=HashingEmbedder())
    reembed(tmp_path / "news.index", embedder=Narrow())
    with Index.open(url) as index:
        index.use_embedder(Narrow())
        assert index.dense.count == 40 and all(found(index))


def test_outlets_are_asked_for_by_their_names() -> None:
    filters = Filters(outlets=frozenset({"the bell"}), until="2024-05-31")
    assert condition_of(filters, ['The "Bell"', "THE BELL"]) == (
        'first_day > 0 and last_day >= 0 and first_day <= 20240531 and outlet in ["The \\"Bell\\"", "THE BELL"]'
    )


# What cannot be


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    url = f"milvus://127.0.0.1:1/news?catalog={tmp_path}/news.index"
    with pytest.raises(ServerError, match=r"milvus://127\.0\.0\.1:1/news: Milvus cannot be reached.*; start it"):
        ingest_given(documents(), url, embedder=HashingEmbedder())
    ingest_given(documents(), tmp_path / "news.index", embedder=HashingEmbedder())
    with Catalog(tmp_path / "news.index") as catalog:
        assert catalog.vectors_at == ""
        catalog.keep_vectors_at("milvus://127.0.0.1:1/news")
    with pytest.raises(ServerError, match="nothing of them is lost"):
        Index.open(tmp_path / "news.index")


def test_without_pymilvus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(SettingsError, match=r"pip install 'dragoman\[milvus\]'"):
        Collection(Server.parse("milvus://127.0.0.1:1/news"))


# Names


@pytest.mark.parametrize(
    ("name", "folder", "server"),
    [
        ("news.index", "news.index", ""),
        ("milvus://box/news", "news.index", "milvus://box:19530/news"),
        ("milvus://box:1234/news?catalog=/x/y", "/x/y", "milvus://box:1234/news"),
        ("milvus://[::1]:1234/n?index=hnsw", "n.index", "milvus://[::1]:1234/n?index=HNSW"),
        ("milvus:///x/news.db/news", "news.index", "milvus:/x/news.db/news"),
        ("milvus:/x/news.db/news?catalog=c", "c", "milvus:/x/news.db/news"),
        ("milvus:/x/news.db/news?words=Server&catalog=c", "c", "milvus:/x/news.db/news?words=server"),
        ("milvus://box/n?words=server&index=hnsw", "n.index", "milvus://box:19530/n?index=HNSW&words=server"),
        ("milvus://box/n?words=folder", "n.index", "milvus://box:19530/n"),
    ],
)
def test_names(name: str, folder: str, server: str) -> None:
    assert Place.named(name) == Place(Path(folder), server)


def test_a_file_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Place.named("milvus:x/news.db/news").server == f"milvus:{tmp_path}/x/news.db/news"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("milvus://user:secret@box/news", "DRAGOMAN_MILVUS_TOKEN"),
        ("milvus://box", "names no collection"),
        ("milvus:news", "names no collection"),
        ("milvus://box/a/b", "names no collection"),
        ("milvus://box/with-hyphen", "names no collection"),
        ("milvus://box:port/news", "want milvus://HOST"),
        ("milvus://box/news?catalogue=x", "nobody knows catalogue="),
        ("milvus://box/news?index=BEST", "want one of FLAT"),
        ("milvus://box/news?words=both", "want one of folder, server"),
    ],
)
def test_what_is_no_name(name: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Place.named(name)


@given(
    st.integers(1, 65535),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True),
    st.sampled_from(["FLAT", "HNSW"]),
    st.booleans(),
)
def test_a_url_is_read_as_it_is_written(port: int, name: str, kind: str, words: bool) -> None:
    server = Server(f"http://127.0.0.1:{port}", name, kind, words)
    assert Server.parse(str(server)) == server


def test_by_command(tmp_path: Path, write: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    docs = write(tmp_path / "docs", {f"{i}.txt": TEXTS["en"].format(i) for i in range(4)})
    named = ["--index", lite(tmp_path)]
    assert main(["ingest", str(docs), *named, "--embedder", "hashing"]) == 0
    assert main(["search", "boats of the keeper", "-k", "1", *named]) == 0
    assert main(["index", "stats", *named]) == 0
    out, err = capsys.readouterr()
    assert "Milvus milvus_lite-" in err and f"the texts are in {tmp_path}/news.index" in err
    assert "4 added" in out and ".txt:0-" in out and "FLAT by Milvus" in out
    for command in (["show", "1.txt"], ["show", "1.txt:0-10"], ["sources"], ["index", "check"], ["index", "compact"]):
        assert main([*command, *named]) == 0
    assert main(["ask", "what?", "--index", lite(tmp_path, "nothing")]) == 1
    assert "make one: dragoman ingest FOLDER-OF-DOCUMENTS --index 'milvus:" in capsys.readouterr().err
    assert main(["sources", "--index", lite(tmp_path).replace("/news?", "/other?")]) == 1
    assert "its vectors are at milvus:" in capsys.readouterr().err
    assert main(["ask", "what?", "--index", "milvus://x:y@box/news"]) == 2
