"""Words that a server searches: the same passages with the same scores as in a folder, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest

pytest.importorskip("pymilvus", reason="needs pymilvus: pip install 'dragoman[milvus]'")
pytest.importorskip("milvus_lite", reason="needs a Milvus in a file: pip install milvus-lite")

from eval.made import MadeArchive, Parent, Question
from eval.served import compare_served
from index.catalog import Catalog
from index.check import check
from index.embed import HashingEmbedder, fit_token_codec
from index.errors import IndexFolderError, IndexMismatch, ServerError
from index.folder import Filters, Index
from index.ingest import GivenDocument, ingest, ingest_given
from index.lexical import LexicalHit, LexicalIndex, parse_query
from index.milvus import TermsCollection
from index.place import Server
from index.reembed import reembed
from index.repair import repair
from index.served_words import ServedWords
from rag.retrieve import HybridRetriever
from tests.test_milvus import FILTERS, TEXTS, documents, lite
from tests.test_reembed import Narrow
from ui.cli import main

LONG = (
    "Путин и Пашинян говорили в Баку о {} грузовиках. Президент России вернулся в Москву. Грузия молчала.",
    "Putin met Pashinyan in Baku about {} lorries. The president of Russia went back to Moscow. Georgia was silent.",
    "Putin Bakıda Paşinyanla {} yük maşını haqqında danışdı. Rusiya prezidenti Moskvaya qayıtdı. Gürcüstan susdu.",
)
QUESTIONS = (
    "how many boats did the keeper count",
    "gözətçi neçə qayıq saydı",
    "сколько лодок насчитал смотритель в 2024",
    "What did Putin say to Pashinyan in Baku?",
    "Gürcüstan Rusiya Moskva",
    "zzzz",
    "",
)
ALL_FILTERS = (
    *FILTERS,
    Filters(phrases=parse_query('"keeper of the harbour" "3 boats"').phrases),
    Filters(phrases=parse_query('"Paşinyan"').phrases, languages=frozenset({"en", "ru"})),
    Filters(phrases=parse_query('"harbour of the keeper"').phrases),
    Filters(outlets=frozenset({"the bell"})),
    Filters(outlets=frozenset({"nobody's"})),
)


def archive(count: int = 40) -> list[GivenDocument]:
    """Passages of one sentence and of hundreds, in three languages."""
    mixed = [
        GivenDocument(f"long/{i}.txt", LONG[i % 3].split(".")[0], "\n\n".join(LONG[i % 3].format(j) for j in range(i)))
        for i in range(1, 13)
    ]
    return documents()[:count] + mixed


def served(folder: Path, name: str = "news") -> str:
    return f"{lite(folder, name)}&words=server"


def by_words(index: Index, filters: Filters = Filters(), k: int = 10) -> list[list[LexicalHit]]:
    return [index.search_lexical(question, k=k, filters=filters) for question in QUESTIONS]


def check_same(index: Index, tmp_path: Path, k: int = 10) -> None:
    """Whether the same is found as in a folder of the same catalog."""
    folder = LexicalIndex(tmp_path / "folder's")
    folder.open(index.catalog, writable=True)
    for hits, question in zip(by_words(index, k=k), QUESTIONS, strict=True):
        assert hits == nearly(folder.search(question, k=k)), question
    assert index.lexical.keys().tolist() == folder.keys().tolist() == index.catalog.keys_where("", "").tolist()
    assert words_of(index)._collection.count() == words_of(index)._counts.now.passages == len(folder.keys())
    folder.close()


def nearly(hits: list[LexicalHit]) -> list[LexicalHit]:
    """Equal to hits of the same passages in the same order: tantivy adds up in float32."""
    return [replace(hit, share=pytest.approx(hit.share, abs=2e-6)) for hit in hits]


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("local") / "news.index"
    ingest_given(archive(), folder, embedder=HashingEmbedder())
    with Index.open(folder) as index:
        yield index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Not to be changed."""
    url = served(tmp_path_factory.mktemp("lite"))
    ingest_given(archive(), url, embedder=HashingEmbedder())
    with Index.open(url) as index:
        yield index


def words_of(index: Index) -> ServedWords:
    assert isinstance(index.lexical, ServedWords)
    return index.lexical


def test_the_same_is_found_as_in_a_folder(local: Index, index: Index) -> None:
    for filters in ALL_FILTERS:
        assert by_words(index, filters) == list(map(nearly, by_words(local, filters))), filters
    assert sum(any(by_words(local, filters)) for filters in ALL_FILTERS) == len(ALL_FILTERS) - 4
    for question in QUESTIONS:
        hits = [HybridRetriever(each).retrieve(question, k=10) for each in (local, index)]
        assert hits[0] == hits[1]
        for hit in index.search_lexical(question, k=10, filters=Filters()):
            matched = [{m.asked: m for m in each.lexical.explain(question, hit.key)} for each in (local, index)]
            assert matched[0].keys() == matched[1].keys() != set()
            for asked, match in matched[0].items():  # tantivy adds up in float32
                assert matched[1][asked] == replace(match, share=pytest.approx(match.share, abs=2e-6))
    phrases = parse_query('"лодок перед бурей"').phrases
    for asked in ({}, {"phrases": phrases}, {"sources": ["a_b"]}, {"phrases": phrases, "sources": ["перо", "aXb"]}):
        assert index.lexical.keys(**asked).tolist() == local.lexical.keys(**asked).tolist() != []


def test_the_folder_holds_counts_alone(index: Index) -> None:
    held = {file.name for file in (index.folder / "lexical").iterdir()}
    assert held - {"counts.sqlite-wal", "counts.sqlite-shm"} == {"counts.sqlite"}
    assert index.dense.kind.endswith("words are searched there, too")
    assert index.lexical.sequence == index.catalog.sequence
    assert check(index.folder).problems == ()


def test_equals_come_in_order_of_their_keys(tmp_path: Path) -> None:
    many = [GivenDocument(f"{i}.txt", "", "The keeper counted nine boats.") for i in range(150)]
    few = [GivenDocument(f"other/{i}.txt", "", TEXTS["en"].format(i)) for i in range(5)]
    for place in (served(tmp_path), tmp_path / "plain.index"):
        ingest_given(few + many, place, embedder=HashingEmbedder())
    with Index.open(tmp_path / "news.index") as index, Index.open(tmp_path / "plain.index") as plain:
        for k in (1, 10, 120):
            found = index.search_lexical("nine boats", k=k, filters=Filters())
            assert found == nearly(plain.search_lexical("nine boats", k=k, filters=Filters())) and len(found) == k


def test_what_changes_is_changed_there(tmp_path: Path) -> None:
    url, folder = served(tmp_path), tmp_path / "news.index"
    ingest_given(archive(), url, embedder=HashingEmbedder())
    changed = [GivenDocument("a_b/0.txt", "", TEXTS["en"].format(1000)), *archive()[2:-1]]
    # By the folder alone: the catalog knows who searches what.
    ingest_given(changed, folder, embedder=HashingEmbedder(), remove=["aXb/1.txt", "long/12.txt"])
    with Index.open(folder) as index:
        check_same(index, tmp_path)
    again = tmp_path / "again.index"
    ingest_given(changed, served(tmp_path, "again"), embedder=HashingEmbedder())
    rows = [all_counts(each) for each in (folder, again)]
    assert rows[0] == rows[1]  # all that was removed is counted out
    assert check(folder).problems == ()


def all_counts(folder: Path) -> list[tuple[int, int]]:
    with sqlite3.connect(folder / "lexical" / "counts.sqlite") as db:
        return db.execute("SELECT * FROM terms WHERE passages != 0 ORDER BY term").fetchall()


def test_weights_of_another_mean_length_cost_no_place(tmp_path: Path) -> None:
    short = documents()
    longer = [
        GivenDocument(f"more/{i}.txt", "", LONG[i % 3].format(i) + " " + LONG[i % 3].format(-i)) for i in range(9)
    ]
    for some in (short, longer):
        ingest_given(some, served(tmp_path), embedder=HashingEmbedder())
    with Index.open(served(tmp_path)) as index:
        words = words_of(index)
        assert words._reached is not None and 1.05 < words._counts.now.mean / words._reached.mean < 1.5
        for k in (1, 10, 49):
            check_same(index, tmp_path, k)
    # Far longer ones: the weights are made again.
    ingest_given(archive(0), served(tmp_path), embedder=HashingEmbedder())
    with Index.open(served(tmp_path)) as index:
        words = words_of(index)
        assert words._reached is not None and words._counts.now.mean == words._reached.mean
        check_same(index, tmp_path)


def test_words_move_there_and_back_without_embedding(tmp_path: Path, local: Index) -> None:
    folder = tmp_path / "news.index"
    ingest_given(archive(), folder, embedder=HashingEmbedder())
    with Index.open(folder) as reader:  # which stays open
        assert isinstance(reader.lexical, LexicalIndex)
        for url, maker in ((served(tmp_path), ServedWords), (lite(tmp_path), LexicalIndex)) * 2:
            assert ingest_given([], url, embedder=HashingEmbedder()).passages == 0
            with pytest.raises(IndexMismatch, match="its vectors are at milvus:"):
                Index.open(lite(tmp_path) if maker is ServedWords else served(tmp_path))
            with Index.open(url) as index:
                assert isinstance(index.lexical, maker)
                assert by_words(index) == list(map(nearly, by_words(local)))
                collections = TermsCollection(Server.parse(url))
                assert collections.exists() == (maker is ServedWords)
                collections.close()
            reader.refresh()
            assert isinstance(reader.lexical, maker) and by_words(reader) == list(map(nearly, by_words(local)))
            names = {file.name for file in (folder / "lexical").iterdir()}
            assert ("counts.sqlite" in names, "meta.json" in names) == (maker is ServedWords, maker is LexicalIndex)
            assert check(folder).problems == ()


def test_another_embedder_leaves_words_as_they_are(tmp_path: Path, local: Index) -> None:
    ingest_given(archive(), served(tmp_path), embedder=HashingEmbedder())
    reembed(tmp_path / "news.index", embedder=Narrow())
    with Index.open(served(tmp_path)) as index:
        assert by_words(index) == list(map(nearly, by_words(local)))
        assert index.lexical.sequence == index.catalog.sequence


def test_a_reader_sees_what_another_process_commits(tmp_path: Path, local: Index) -> None:
    url = served(tmp_path)
    ingest_given(archive()[:1], url, embedder=HashingEmbedder())
    with Index.open(url) as reader:
        ingest_given(archive()[1:], url, embedder=HashingEmbedder())
        reader.refresh()
        assert by_words(reader) == list(map(nearly, by_words(local)))
        assert reader.lexical.sequence == reader.catalog.sequence


def test_the_measurement_finds_the_same(tmp_path: Path) -> None:
    embedder = HashingEmbedder()
    codec = fit_token_codec(embedder)
    parents = []
    for document in archive():
        (embedded,) = embedder.embed_and_pack([document.text], codec)
        sentences = tuple(document.text.split(". "))
        parents.append(Parent("en", sentences, embedded.vector, codec.unpack(embedded.tokens)))
    questions = [Question(each, embedder.embed_query(each), embedder.query_tokens(each)) for each in QUESTIONS[:5]]
    made = MadeArchive(300, "hashing", tuple(parents), tuple(questions), codec)
    folder, lite = compare_served(made, ["folder", "milvus-lite"], tmp_path, words="server")
    assert (folder.skipped, lite.skipped) == ("", "") and lite.kind.endswith("words are searched there, too")
    shares = [value for name, value in asdict(lite).items() if name.startswith("same")]
    assert shares == [1.0] * 9
    assert (lite.removed_found, lite.lost, lite.doubled) == (0, 0, 0)


# What goes wrong


def test_a_run_that_is_killed_loses_nothing(tmp_path: Path, write: Callable) -> None:
    url, folder = served(tmp_path), tmp_path / "news.index"
    texts = {f"{i}.txt": "\n\n".join(TEXTS["en"].format(j * i) for j in range(9)) for i in range(120)}
    docs = write(tmp_path / "docs", texts)
    command = [sys.executable, "-m", "ui.cli", "ingest", str(docs), "--index", url, "--embedder", "hashing"]
    run = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    committed = 0
    while run.poll() is None and committed < 2:  # until the first batch is there, and the next on its way
        time.sleep(0.01)
        with suppress(IndexFolderError), Catalog(folder) as catalog:  # which may not be there yet
            committed = catalog.sequence
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    (docs / "7.txt").unlink()  # which may be there, and may be counted
    report = ingest([docs], folder, embedder=HashingEmbedder(), prune=True)
    assert report.failures == []
    with Index.open(folder) as index:
        assert index.catalog.passage_count() > 0
        check_same(index, tmp_path)
    assert check(folder).problems == ()


@pytest.mark.parametrize("fails", ["insert", "terms"])
def test_a_server_that_fails_gets_it_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    url = served(tmp_path)
    ingest_given(archive()[:30], url, embedder=HashingEmbedder())
    does, calls = getattr(TermsCollection, fails), list[int]()

    def failing(self: TermsCollection, *args: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise ServerError("it is away")
        return does(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(TermsCollection, fails, failing)
        ingest_given(archive()[10:], url, embedder=HashingEmbedder(), remove=["a_b/0.txt", "aXb/1.txt"])
    assert len(calls) > 1
    with Index.open(url) as index:
        check_same(index, tmp_path)
    assert check(tmp_path / "news.index").problems == ()


def test_what_is_missing_there_is_found_and_mended(tmp_path: Path, local: Index) -> None:
    url, folder, told = served(tmp_path), tmp_path / "news.index", list[str]()
    ingest_given(archive(), url, embedder=HashingEmbedder())
    collection = TermsCollection(Server.parse(url))
    collection.open()
    collection.remove([3, 4])
    (problem,) = check(folder).problems
    assert "the lexical cache: lacks 2 passages, such as 3, 4" in str(problem)
    repaired = repair(folder)
    assert repaired.left.problems == () and "made the lexical cache again" in repaired.done[0]
    collection.open()
    collection.remove([5])
    collection.close()
    with Index.open(folder, report=told.append) as index:
        assert by_words(index) == list(map(nearly, by_words(local)))
    assert "holds the words of" in told[0] and check(folder).problems == ()


@pytest.mark.parametrize("damage", ["gone", "garbage", "other"])
def test_counts_are_made_again(tmp_path: Path, local: Index, damage: str) -> None:
    url, folder = served(tmp_path), tmp_path / "news.index"
    ingest_given(archive(), url, embedder=HashingEmbedder())
    file = folder / "lexical" / "counts.sqlite"
    match damage:
        case "gone":
            file.unlink()
        case "garbage":
            file.write_bytes(b"no database" * 1000)
        case _:
            with sqlite3.connect(file) as db:
                db.execute("UPDATE reached SET of = 'another catalog', length = 1")
    (problem,) = check(folder).problems
    assert "counts of terms are missing, damaged, or of another catalog" in str(problem)
    with Index.open(folder) as index:
        assert by_words(index) == list(map(nearly, by_words(local)))
    assert check(folder).problems == ()


def test_a_collection_has_the_words_of_one_index(tmp_path: Path) -> None:
    ingest_given(archive()[:2], served(tmp_path), embedder=HashingEmbedder())
    other = served(tmp_path, "news_words").replace("news_words.index", "other.index")
    with pytest.raises(ServerError, match="the collection news_words was not made by dragoman for this"):
        ingest_given(archive()[:2], other, embedder=HashingEmbedder())


def test_by_command(tmp_path: Path, write: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    docs = write(tmp_path / "docs", {f"{i}.txt": TEXTS["en"].format(i) for i in range(4)})
    named = ["--index", served(tmp_path)]
    assert main(["ingest", str(docs), *named, "--embedder", "hashing"]) == 0
    assert main(["search", '"3 boats" of the keeper', "-k", "1", "--explain", *named]) == 0
    assert main(["index", "stats", "--json", "--index", str(tmp_path / "news.index")]) == 0
    out, err = capsys.readouterr()
    assert "words are searched there, too" in err and "3.txt:0-" in out
    told = json.loads(out[out.index("{\n") :])
    assert told["vectors_at"].endswith("?words=server") and told["lexical_sequence"] == told["sequence"]
    assert main(["index", "check", *named]) == main(["index", "compact", *named]) == 0
