"""Ingestion: what is skipped, replaced, removed; who may write; and that no Ctrl-C harms an index."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.catalog import FILE_NAME, Catalog
from index.embed import EmbeddedPassage, Embedder, EmbedderIdentity, HashingEmbedder
from index.errors import IndexLocked, IndexMismatch
from index.files import stamp_of
from index.folder import Filters, Index
from index.ingest import GivenDocument, ingest, ingest_given
from index.passages import Chunking
from index.tokens import TokenCodec
from rag.retrieve import HybridRetriever

ROOT = Path(__file__).parents[1]
STORY = (
    "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home with his dog."
)
FILES = {f"{name}.txt": STORY.format(name.title()) for name in ("sahilkend", "narlidere", "qizilcay")}
Content = Callable[[Path], dict[str, list[tuple[object, ...]]]]
Write = Callable[[Path, dict[str, str]], Path]


@pytest.fixture
def docs(tmp_path: Path, write: Write) -> Path:
    return write(tmp_path / "docs", FILES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "news.index"


def found(folder: Path, words: str) -> tuple[set[str], set[str]]:
    """The sources that dense search and lexical search find, the dense ones by nearness to the very words."""
    embedder = HashingEmbedder()
    with Index.open(folder) as index:
        dense = index.search_dense(embedder.embed_query(words), k=50, filters=Filters())
        lexical = index.search_lexical(words, k=50, filters=Filters())
        stored = index.passages([hit.key for hit in dense] + [hit.key for hit in lexical])
        assert len(stored) == len(dense)
        return (
            {stored[hit.key].passage.source_path for hit in dense},
            {stored[hit.key].passage.source_path for hit in lexical},
        )


def test_unchanged_files_are_skipped(docs: Path, folder: Path, hashing: Embedder, content: Content) -> None:
    first = ingest([docs], folder, embedder=hashing)
    assert (sorted(first.added), first.unchanged, first.passages) == (sorted(FILES), 0, 3)
    before = content(folder)
    for file in docs.iterdir():
        file.touch()
    again = ingest([docs], folder, embedder=hashing)
    assert (again.added, again.replaced, again.unchanged, again.passages) == ([], [], 3, 0)
    assert content(folder) == before


def test_changed_files_are_replaced_in_all_three_places(
    docs: Path, folder: Path, hashing: Embedder, content: Content
) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "sahilkend.txt").write_text("A submarine was seen off the coast. Nobody knows whose it may be.")
    report = ingest([docs], folder, embedder=hashing)
    assert (report.replaced, report.added, report.unchanged) == (["sahilkend.txt"], [], 2)
    assert found(folder, "submarine") == (set(FILES), {"sahilkend.txt"})
    assert found(folder, "sahilkend") == (set(FILES), set())
    anew = folder.with_name("anew.index")
    ingest([docs], anew, embedder=hashing)
    assert content(folder) == content(anew)


def test_removed_files_stay_until_they_are_pruned(
    docs: Path, folder: Path, hashing: Embedder, content: Content
) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "sahilkend.txt").unlink()
    kept = ingest([docs], folder, embedder=hashing)
    assert (kept.gone, kept.removed) == (["sahilkend.txt"], [])
    assert found(folder, "sahilkend")[1] == {"sahilkend.txt"}
    pruned = ingest([docs], folder, embedder=hashing, prune=True)
    assert (pruned.gone, pruned.removed, pruned.unchanged) == ([], ["sahilkend.txt"], 2)
    assert found(folder, "sahilkend") == (set(FILES) - {"sahilkend.txt"}, set())
    anew = folder.with_name("anew.index")
    ingest([docs], anew, embedder=hashing)
    assert content(folder) == content(anew)


def test_pruning_keeps_to_the_folders_given(
    docs: Path, folder: Path, hashing: Embedder, tmp_path: Path, write: Write
) -> None:
    other = write(tmp_path / "other", {"harbour.txt": STORY.format("Harbour")})
    ingest([docs, other], folder, embedder=hashing)
    (other / "harbour.txt").unlink()
    (docs / "qizilcay.txt").unlink()
    report = ingest([docs], folder, embedder=hashing, prune=True)
    assert report.removed == ["qizilcay.txt"]
    assert ingest([other], folder, embedder=hashing, prune=True, even_if_empty=True).removed == ["harbour.txt"]


def test_pruning_leaves_what_is_there_though_a_walk_does_not_see_it(
    docs: Path, folder: Path, hashing: Embedder, write: Write
) -> None:
    write(docs / ".hidden", {"secret.txt": STORY.format("Secret")})
    ingest([docs, docs / ".hidden" / "secret.txt"], folder, embedder=hashing)
    report = ingest([docs], folder, embedder=hashing, prune=True)
    assert (report.removed, report.gone) == ([], [])
    assert found(folder, "secret")[1] == {"secret.txt"}


def test_opening_makes_again_what_is_missing(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    before = found(folder, "sahilkend")
    for cache in ("dense", "lexical"):
        shutil.rmtree(folder / cache)
    assert found(folder, "sahilkend") == before
    for cache in ("dense", "lexical"):
        assert json.loads((folder / cache / "state.json").read_text())["sequence"] == 2


def test_a_moved_folder_keeps_its_names(docs: Path, folder: Path, hashing: Embedder, content: Content) -> None:
    ingest([docs], folder, embedder=hashing)
    moved = docs.rename(docs.with_name("moved"))
    report = ingest([moved], folder, embedder=hashing, prune=True)
    assert (report.added, report.removed, report.gone, report.failures) == ([], [], [], [])
    rows = {row[0]: row[1] for row in content(folder)["sources"]}
    assert rows == {name: str(moved / name) for name in FILES}


def test_two_folders_with_the_same_names(
    docs: Path, folder: Path, hashing: Embedder, tmp_path: Path, write: Write
) -> None:
    other = write(tmp_path / "other", {name: text.replace("machine", "robot") for name, text in FILES.items()})
    deep = write(tmp_path / "deep" / "other", {"sahilkend.txt": STORY.format("Deep")})
    assert sorted(ingest([docs], folder, embedder=hashing).added) == sorted(FILES)
    assert sorted(ingest([other], folder, embedder=hashing).added) == sorted(f"other/{name}" for name in FILES)
    assert ingest([deep], folder, embedder=hashing).added == [str(deep / "sahilkend.txt")]
    again = ingest([docs, other, deep], folder, embedder=hashing)
    assert (again.added, again.replaced, again.unchanged) == ([], [], 7)
    assert found(folder, "robot")[1] == {f"other/{name}" for name in FILES}


def test_both_folders_in_one_run(docs: Path, folder: Path, hashing: Embedder, tmp_path: Path, write: Write) -> None:
    other = write(tmp_path / "other", FILES)
    report = ingest([docs, other], folder, embedder=hashing)
    assert sorted(report.added) == sorted([*FILES, *(f"other/{name}" for name in FILES)])


def test_a_file_named_alone_and_in_its_folder_is_one(docs: Path, folder: Path, hashing: Embedder) -> None:
    assert ingest([docs / "sahilkend.txt"], folder, embedder=hashing).added == ["sahilkend.txt"]
    report = ingest([docs, docs / "sahilkend.txt"], folder, embedder=hashing)
    assert (len(report.added), report.unchanged) == (2, 1)


def test_given_documents(folder: Path, hashing: Embedder) -> None:
    documents = [GivenDocument("d1", "A title", STORY.format("A")), GivenDocument("d2", "", STORY.format("B"))]
    assert ingest_given(documents, folder, embedder=hashing).added == ["d1", "d2"]
    documents[1] = GivenDocument("d2", "", STORY.format("C"))
    report = ingest_given(documents, folder, embedder=hashing)
    assert (report.replaced, report.unchanged) == (["d2"], 1)
    assert found(folder, "A title")[1] == {"d1", "d2"} or found(folder, "title")[1] == {"d1"}


def test_a_file_that_is_changed_to_furniture_is_answered_from_no_more(
    docs: Path, folder: Path, hashing: Embedder
) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "sahilkend.txt").write_text("1 Share\nShare this story\n")
    report = ingest([docs], folder, embedder=hashing)
    assert report.left_out == ["sahilkend.txt: holds no article; nothing in it can be asked"]
    assert found(folder, "sahilkend")[1] == set()


def test_a_lone_surrogate_in_a_title_stops_nothing(docs: Path, folder: Path, hashing: Embedder) -> None:
    (docs / "a.jsonl").write_text(json.dumps({"title": "Half \ud83d of a face", "text": STORY.format("Face")}))
    report = ingest([docs], folder, embedder=hashing)
    assert set(FILES) <= set(report.added)


# Another builder


class OtherWeights(HashingEmbedder):
    identity = EmbedderIdentity("hashing", "other weights", 64, "", "")


class OtherName(HashingEmbedder):
    identity = EmbedderIdentity("labse", "hashing-1", 64, "", "")


@pytest.mark.parametrize(
    ("embedder", "message"),
    [
        (OtherName(), "index has 'hashing', this run wants 'labse'"),
        (OtherWeights(), "index has 'hashing' of weights hashing-1, here it is weights other weight"),
    ],
)
def test_another_embedder_is_refused(
    docs: Path, folder: Path, hashing: Embedder, content: Content, embedder: Embedder, message: str
) -> None:
    ingest([docs], folder, embedder=hashing)
    before = content(folder)
    (docs / "sahilkend.txt").write_text("Changed words of the file.")
    with pytest.raises(IndexMismatch) as caught:
        ingest([docs], folder, embedder=embedder)
    assert str(caught.value).startswith(f"{folder}: built with another embedder: {message}")
    assert "--index OTHER" in str(caught.value)
    assert content(folder) == before
    with Index.open(folder) as index, pytest.raises(IndexMismatch):
        index.use_embedder(embedder)


def test_another_chunking_is_refused(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing, chunking=Chunking(50, 0))
    with pytest.raises(
        IndexMismatch, match="built with passages of 50 tokens and 0 sentences of overlap, this run wants 160 and 1"
    ):
        ingest([docs], folder, embedder=hashing, chunking=Chunking())
    assert ingest([docs], folder, embedder=hashing).unchanged == 3  # none asked for: the index's own
    assert ingest([docs], folder, embedder=hashing, chunking=Chunking(50, 0)).unchanged == 3


# One writer

HOLD = """
import sys
from pathlib import Path
from index.lock import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_locked_index_names_its_writer(
    docs: Path, folder: Path, hashing: Embedder, dragoman: Callable[..., object]
) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "new.txt").write_text(STORY.format("New"))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(IndexLocked, match=f"process {holder.pid} .* is writing this index; wait for it or stop it"):
            ingest([docs], folder, embedder=hashing)
        done = dragoman("ingest", docs, "--index", folder)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"process {holder.pid}" in done.stderr
        assert found(folder, "lighthouse") == (set(FILES), set(FILES))  # reading goes on
    finally:
        holder.kill()
        holder.communicate()
    assert ingest([docs], folder, embedder=hashing).added == ["new.txt"]  # a killed writer leaves no lock


def test_a_writer_waits_for_a_process_that_only_opens_the_index(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    threading.Timer(0.3, holder.stdin.close).start()
    assert ingest([docs], folder, embedder=hashing).unchanged == len(FILES)
    assert holder.wait() == 0


# Text first


class Stopped(HashingEmbedder):
    """Is stopped with Ctrl-C at its nth passage."""

    def __init__(self, passages: int) -> None:
        self.left = passages

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        for one in super().embed_and_pack(texts, codec):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            yield one


def test_what_is_not_embedded_yet_is_found_by_its_words(docs: Path, folder: Path, hashing: Embedder) -> None:
    assert ingest([docs], folder, embedder=Stopped(0)).interrupted
    told: list[str] = []
    with Index.open(folder, report=told.append) as index:
        index.use_embedder(hashing)
        count = index.catalog.passage_count()
        assert count == index.catalog.pending_count() > 0 and index.dense.count == 0
        assert told == [
            f"{count} of {count} passages are not embedded yet and found by their words alone until dragoman ingest is "
            "run again and ends"
        ]
        wanted = HybridRetriever(index).retrieve("who keeps the lighthouse?", k=5)
        assert wanted and all(hit.lexical > 0 and hit.late > 0 for hit in wanted)
        assert index.catalog.pending_count() == count  # nothing was written
    report = ingest([docs], folder, embedder=hashing)
    assert (report.unchanged, report.passages, report.known) == (len(FILES), count, 0)
    with Index.open(folder) as index:
        index.use_embedder(hashing)
        found = HybridRetriever(index).retrieve("who keeps the lighthouse?", k=5)
        assert [hit.passage for hit in found] == [hit.passage for hit in wanted]


def test_what_was_embedded_for_a_question_is_there_though_the_memory_of_it_is_full(
    docs: Path, folder: Path, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([docs], folder, embedder=Stopped(0))
    monkeypatch.setattr("index.folder._MOST_NEWLY_EMBEDDED", 0)
    with Index.open(folder) as index:
        index.use_embedder(hashing)
        keys = [each.key for each in index.catalog.pending(5)]
        assert sorted(index.embed_now(keys[:1])) == keys[:1]
        assert sorted(index.embed_now(keys)) == keys
        assert sorted(index.token_vectors(keys)) == keys


def test_a_run_goes_on_where_another_stopped_embedding(many: Path, folder: Path, content: Content) -> None:
    first = ingest([many], folder, embedder=Stopped(600))
    assert first.interrupted and len(first.added) == MANY
    second = ingest([many], folder, embedder=Stopped(10**6))
    with Index.open(folder) as index:
        # Of what was stopped half way the batch is made again, and no more.
        assert second.passages == index.catalog.passage_count() - 600 // 256 * 256
        assert index.dense.count == index.catalog.passage_count()


class Watching(HashingEmbedder):
    """Sees how many passages have their embedding in the index whenever it begins with some texts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[int] = []

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        with Catalog(self.folder) as catalog:
            self.seen.append(catalog.passage_count() - catalog.pending_count())
        return super().embed_and_pack(texts, codec)


def test_the_next_batch_is_begun_before_the_last_is_written(many: Path, folder: Path) -> None:
    embedder = Watching(folder)
    count = ingest([many], folder, embedder=embedder).passages
    assert embedder.seen == [0, *range(0, count - 256, 256)] and len(embedder.seen) > 2


def test_what_is_embedded_is_kept_though_the_next_batch_cannot_be_begun(many: Path, folder: Path) -> None:
    assert ingest([many], folder, embedder=Stopped(256)).interrupted
    with Catalog(folder) as catalog:
        assert catalog.passage_count() - catalog.pending_count() == 256


def test_the_same_text_is_never_encoded_again(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    for file in sorted(docs.rglob("*.txt")):
        shutil.copy(file, file.with_stem(f"{file.stem}-copy"))
    report = ingest([docs], folder, embedder=Stopped(0))
    assert not report.interrupted and report.passages == report.known == len(FILES)
    shutil.rmtree(docs)
    docs.mkdir()
    assert ingest([docs], folder, embedder=hashing, prune=True, even_if_empty=True).removed
    (docs / "sahilkend.txt").write_text(FILES["sahilkend.txt"])
    report = ingest([docs], folder, embedder=Stopped(0))  # from what the index held once
    assert not report.interrupted and report.known == 1


# Stamps of files


def aged(file: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_a_file_with_the_same_stamp_is_not_even_read(
    docs: Path, folder: Path, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in docs.rglob("*.txt"):
        aged(file, 100)
    ingest([docs], folder, embedder=hashing)

    def read(location: Path) -> bytes:
        raise AssertionError(f"{location} was read")

    with monkeypatch.context() as patch:
        patch.setattr("index.plan.read_bytes", read)
        assert ingest([docs], folder, embedder=hashing).unchanged == len(FILES)


def test_a_file_that_was_touched_is_told_by_its_hash(docs: Path, folder: Path, hashing: Embedder) -> None:
    for file in docs.rglob("*.txt"):
        aged(file, 100)
    ingest([docs], folder, embedder=hashing)
    for file in docs.rglob("*.txt"):
        aged(file, 50)
    assert ingest([docs], folder, embedder=hashing).unchanged == len(FILES)
    with Catalog(folder) as catalog:
        assert all(stored.stamp == stamp_of(Path(stored.location)) for stored in catalog.files().values())


@pytest.mark.parametrize("seconds", [0, -100])  # within the tick of a clock, and in a time to come
def test_what_was_changed_just_now_is_read_whatever_its_stamp(
    docs: Path, folder: Path, hashing: Embedder, seconds: float
) -> None:
    file = docs / "sahilkend.txt"
    aged(file, seconds)
    before = file.stat()
    ingest([docs], folder, embedder=hashing)
    file.write_text(FILES["sahilkend.txt"].replace("machine", "gadgets"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ingest([docs], folder, embedder=hashing).replaced == ["sahilkend.txt"]


# Ctrl-C; tests/test_crash.py kills

MANY = 500


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Path:
    """Small files, one passage each or a few: four batches and more of them."""
    files = {f"{i:04}.txt": " ".join(STORY.format(f"Place{i}x{j}") for j in range(1 + i % 4 * 3)) for i in range(MANY)}
    return write(tmp_path_factory.mktemp("many") / "docs", files)


@pytest.fixture(scope="module")
def undisturbed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / "i"
    assert start(many, folder).wait() == 0
    return folder


def start(docs: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ui.cli", "ingest", docs, "--index", folder, "--embedder", "hashing"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def batches(folder: Path) -> list[set[str]]:
    """The paths of the sources that each batch added, first batch first."""
    db = sqlite3.connect(folder / FILE_NAME)
    rows = db.execute(
        "SELECT DISTINCT p.sequence, s.path FROM passages p JOIN documents d ON p.document = d.key "
        "JOIN sources s ON d.source = s.key"
    ).fetchall()
    db.close()
    return [{path for n, path in rows if n == number} for number in sorted({n for n, _ in rows})]


def check_whole(folder: Path, undisturbed: Path, content: Content) -> int:
    """Fail unless `folder` opens and holds the first batches of `undisturbed`, whole; returns how many."""
    with Index.open(folder) as index:
        count, pending = index.catalog.passage_count(), index.catalog.pending(10_000)
        assert index.dense.count == count - len(pending)
        assert index.lexical._count() == max(count, 0)
        assert [each.key for each in pending] == [s.key for s in index.catalog.added_since(0)][count - len(pending) :]
    wanted, held = batches(undisturbed), batches(folder)
    assert held == wanted[: len(held)]
    paths = set().union(*held)
    full = content(undisturbed)
    ids = {document[0] for document in full["documents"] if document[1] in paths}
    found = content(folder)
    wanted_passages = [row for row in full["passages"] if row[1] in ids]
    lost = [
        row[0]
        for row, whole in zip(found.pop("passages"), wanted_passages, strict=True)
        if row != whole and row != (*whole[:-2], None, None)
    ]
    assert lost == []
    assert found == {
        "sources": [row for row in full["sources"] if row[0] in paths],
        "documents": [row for row in full["documents"] if row[1] in paths],
        "dropped": [],
    }
    return len(held)


def test_ctrl_c_leaves_a_usable_index(
    many: Path, undisturbed: Path, tmp_path: Path, hashing: Embedder, content: Content
) -> None:
    folder = tmp_path / "i"
    ours = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a test run in the background would pass on "ignore"
    try:
        process = start(many, folder)
    finally:
        signal.signal(signal.SIGINT, ours)
    while process.poll() is None:
        try:
            db = sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)
            begun = int(db.execute("SELECT value FROM settings WHERE name = 'sequence'").fetchone()[0])
            db.close()
        except (sqlite3.Error, TypeError):
            begun = 0
        if begun:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130
    whole = check_whole(folder, undisturbed, content)
    assert whole >= 1
    ingest([many], folder, embedder=hashing)
    assert content(folder) == content(undisturbed)


def test_what_several_files_print_around_their_articles_is_dropped(tmp_path: Path) -> None:
    docs, folder = tmp_path / "docs", tmp_path / "ix"
    docs.mkdir()
    for n in range(5):
        title, story = f"Keeper number {n} goes home", f"The keeper of lighthouse {n} went home on Friday. " * 3
        (docs / f"{n}.txt").write_text(f"The Dell Courier\nYour town your paper\n\n{title}\n\n{story}\n")
    first = ingest([docs / f"{n}.txt" for n in range(3)], folder, embedder=HashingEmbedder())
    assert len(first.added) == 3
    with Index.open(folder) as index:
        assert not any(
            dropped.reason == "repeated in other files" for s in index.catalog.sources() for dropped in s.dropped
        )
        before = {document.id for source in index.catalog.sources() for document in source.documents}
    # With two more files the lines are known for what they are, and the first three are read again.
    second = ingest([docs], folder, embedder=HashingEmbedder())
    assert (len(second.added), len(second.replaced), second.unchanged) == (2, 3, 0)
    with Index.open(folder) as index:
        for source in index.catalog.sources():
            reasons = [dropped.reason for dropped in source.dropped]
            assert set(reasons) == {"repeated in other files"}
            [document] = source.documents
            assert document.title.startswith("Keeper number")
        after = {document.id for source in index.catalog.sources() for document in source.documents}
    assert ingest([docs], folder, embedder=HashingEmbedder()).unchanged == 5
    assert before < after  # what was a masthead by its place before has another reason now, and articles begin alike
