"""Renames, and files that are gone: what a run makes of them, and what a dry run says of it beforehand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.deferred import DeferredEmbedder
from index.embed import EmbeddedPassage, Embedder, HashingEmbedder
from index.errors import FolderLost, IndexMismatch
from index.folder import Filters, Index
from index.ingest import ingest
from index.preview import preview
from index.tokens import TokenCodec

ROOT = Path(__file__).parents[1]
STORY = (
    "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home with his dog."
)
FILES = {f"{name}.txt": STORY.format(name.title()) for name in ("sahilkend", "narlidere", "qizilcay")}
Content = Callable[[Path], dict[str, list[tuple[object, ...]]]]
Write = Callable[[Path, dict[str, str]], Path]


class Counting(HashingEmbedder):
    """Keeps what it was given to encode."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        self.texts.extend(texts)
        return super().embed_and_pack(texts, codec)


@pytest.fixture
def docs(tmp_path: Path, write: Write) -> Path:
    return write(tmp_path / "docs", FILES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "news.index"


# Renames


def test_a_renamed_file_takes_the_place_of_the_old_and_encodes_nothing(
    docs: Path, folder: Path, content: Content
) -> None:
    embedder = Counting()
    ingest([docs], folder, embedder=embedder)
    embedder.texts.clear()
    (docs / "sub").mkdir()
    (docs / "sahilkend.txt").rename(docs / "sub" / "lighthouse.txt")
    planned = preview([docs], folder)
    assert (planned.renamed, planned.new, planned.gone) == ([("sahilkend.txt", "sub/lighthouse.txt")], [], [])
    report = ingest([docs], folder, embedder=embedder)
    assert report.renamed == planned.renamed
    assert (report.added, report.replaced, report.removed, report.gone, report.unchanged) == ([], [], [], [], 2)
    assert (report.passages, report.known, embedder.texts) == (1, 1, [])
    anew = folder.with_name("anew.index")
    ingest([docs], anew, embedder=embedder)
    assert content(folder) == content(anew)
    assert ingest([docs], folder, embedder=embedder).unchanged == 3


def test_a_copy_is_a_copy(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    shutil.copy(docs / "sahilkend.txt", docs / "copy.txt")
    report = ingest([docs], folder, embedder=hashing, prune=True)
    assert (report.renamed, report.added, report.removed, report.unchanged) == ([], ["copy.txt"], [], 3)


def test_of_files_of_the_same_bytes_each_is_renamed_to_one(docs: Path, folder: Path, hashing: Embedder) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (docs / name).write_text(STORY.format("Twin"))
    ingest([docs], folder, embedder=hashing)
    (docs / "new").mkdir()
    (docs / "b.txt").rename(docs / "new" / "b.txt")
    (docs / "a.txt").rename(docs / "new" / "x.txt")
    (docs / "c.txt").unlink()
    report = ingest([docs], folder, embedder=hashing)
    assert report.renamed == [("b.txt", "new/b.txt"), ("a.txt", "new/x.txt")]
    assert report.gone == ["c.txt"]


def test_what_is_read_otherwise_by_its_new_type_is_new(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "sahilkend.txt").rename(docs / "sahilkend.md")
    report = ingest([docs], folder, embedder=hashing)
    assert (report.renamed, report.added, report.gone) == ([], ["sahilkend.md"], ["sahilkend.txt"])


def test_what_was_renamed_and_changed_is_new(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    (docs / "sahilkend.txt").unlink()
    (docs / "other.txt").write_text(FILES["sahilkend.txt"].replace("dog", "cat"))
    report = ingest([docs], folder, embedder=hashing)
    assert (report.renamed, report.added, report.gone) == ([], ["other.txt"], ["sahilkend.txt"])


def test_a_file_from_outside_the_given_folders_is_not_taken_for_the_old_one(
    docs: Path, folder: Path, hashing: Embedder, tmp_path: Path, write: Write
) -> None:
    other = write(tmp_path / "other", {"harbour.txt": STORY.format("Harbour"), "x.txt": STORY.format("X")})
    ingest([docs, other], folder, embedder=hashing)
    (other / "harbour.txt").rename(docs / "harbour-2.txt")
    assert ingest([docs], folder, embedder=hashing).renamed == []  # the other folder was not looked at


def test_lines_of_a_renamed_file_do_not_count_twice(tmp_path: Path, folder: Path, hashing: Embedder) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(3):  # four files with a line make it furniture
        story = f"The keeper of lighthouse {n} went home on Friday. " * 3
        (docs / f"{n}.txt").write_text(f"Keeper number {n} goes home\n\nThe Dell Courier weekly\n\n{story}\n")
    ingest([docs], folder, embedder=hashing)
    for n in range(3):
        (docs / f"{n}.txt").rename(docs / f"moved-{n}.txt")
    assert len(ingest([docs], folder, embedder=hashing).renamed) == 3
    with Index.open(folder) as index:
        dropped = [d.reason for source in index.catalog.sources() for d in source.dropped]
    assert "repeated in other files" not in dropped


MOVES = st.lists(
    st.tuples(st.sampled_from(["rename", "copy", "delete", "write"]), st.integers(0, 5), st.integers(0, 5)), max_size=8
)


@given(rounds=st.lists(MOVES, min_size=1, max_size=3))
@settings(max_examples=25)
def test_whatever_is_done_to_files_pruning_gives_what_ingesting_anew_gives(
    tmp_path_factory: pytest.TempPathFactory, content: Content, rounds: list[list[tuple[str, int, int]]]
) -> None:
    home = tmp_path_factory.mktemp("moves")
    docs, folder, embedder = home / "docs", home / "i", Counting()
    (docs / "sub").mkdir(parents=True)
    (docs / "stays.txt").write_text(STORY.format("Stays"))
    names = ["a.txt", "b.txt", "c.md", "sub/a.txt", "sub/b.txt", "sub/d.txt"]
    for name in names[:3]:
        (docs / name).write_text(STORY.format(name))
    ingest([docs], folder, embedder=embedder)
    for moves in rounds:
        for what, one, other in moves:
            old, new = docs / names[one], docs / names[other]
            if what == "write":
                old.write_text(STORY.format(f"{names[one]} {other}"))
            elif what == "delete":
                old.unlink(missing_ok=True)
            elif old.exists() and old != new:
                old.rename(new) if what == "rename" else shutil.copy(old, new)
        planned = preview([docs], folder)
        embedder.texts.clear()
        report = ingest([docs], folder, embedder=embedder, prune=True, even_if_empty=True)
        assert (planned.renamed, planned.new, planned.changed) == (report.renamed, report.added, report.replaced)
        assert (planned.gone, planned.unchanged) == (report.removed, report.unchanged)
        assert len(set(embedder.texts)) == len(embedder.texts)
    anew = home / "anew"
    ingest([docs], anew, embedder=embedder)
    assert content(folder) == content(anew)


# What is gone


def check_refused(paths: list[Path], folder: Path, lost: Path, content: Content, embedder: Embedder) -> None:
    before = content(folder)
    assert preview(paths, folder).lost == [str(lost)]
    with pytest.raises(FolderLost) as caught:
        ingest(paths, folder, embedder=embedder, prune=True)
    assert str(caught.value).startswith(
        f"{lost}: missing or empty, and --prune would make the index forget all 3 files"
    )
    assert "--even-if-empty" in str(caught.value)
    assert content(folder) == before


def test_a_missing_folder_is_forgotten_only_if_that_is_meant(
    docs: Path, folder: Path, hashing: Embedder, content: Content
) -> None:
    ingest([docs], folder, embedder=hashing)
    shutil.rmtree(docs)
    check_refused([docs], folder, docs, content, hashing)
    assert len(ingest([docs], folder, embedder=hashing).gone) == 3
    report = ingest([docs], folder, embedder=hashing, prune=True, even_if_empty=True)
    assert report.removed == sorted(FILES)


def test_an_empty_folder_within_the_given_one_is_lost_and_a_deleted_one_is_not(
    docs: Path, folder: Path, hashing: Embedder, content: Content, tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    mounted = docs.rename(tmp_path / "all" / "disk")
    (tmp_path / "all" / "here.txt").write_text(STORY.format("Here"))
    ingest([tmp_path / "all"], folder, embedder=hashing)
    for name in FILES:
        (mounted / name).unlink()
    (mounted / ".hidden").touch()
    check_refused([tmp_path / "all"], folder, mounted, content, hashing)
    shutil.rmtree(mounted)
    assert ingest([tmp_path / "all"], folder, embedder=hashing, prune=True).removed == [
        f"disk/{n}" for n in sorted(FILES)
    ]


def test_some_files_of_a_folder_are_forgotten_without_more_words(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    for name in sorted(FILES)[1:]:
        (docs / name).unlink()
    assert ingest([docs], folder, embedder=hashing, prune=True).removed == sorted(FILES)[1:]


def test_a_damaged_archive_loses_nothing(docs: Path, folder: Path, hashing: Embedder) -> None:
    shutil.make_archive(str(docs / "pack"), "zip", docs)
    ingest([docs], folder, embedder=hashing)
    packed = docs / "pack.zip"
    packed.write_bytes(packed.read_bytes()[:-30])
    report = ingest([docs], folder, embedder=hashing, prune=True)
    assert (report.removed, report.gone, len(report.failures)) == ([], [], 1)
    with Index.open(folder) as index:
        assert len(index.search_lexical("sahilkend", k=9, filters=Filters())) == 2


# As the command says it


def test_the_command_names_what_it_would_remove(
    docs: Path, folder: Path, hashing: Embedder, dragoman: Callable
) -> None:
    for n in range(25):
        (docs / f"{n:02d}.txt").write_text(STORY.format(f"Number {n}"))
    ingest([docs], folder, embedder=hashing)
    for n in range(25):
        (docs / f"{n:02d}.txt").unlink()
    (docs / "sahilkend.txt").rename(docs / "new.txt")
    done = dragoman("ingest", docs, "--index", folder, "--prune", "--dry-run")
    assert done.stdout.splitlines()[:22] == [
        "0 files new, 0 changed, 1 renamed, 2 unchanged, 25 gone, to be removed, 0 not read",
        "  renamed: sahilkend.txt -> new.txt",
        *(f"  gone: {n:02d}.txt" for n in range(20)),
    ]
    assert done.stdout.splitlines()[22] == "  gone: 5 more, which --json lists"
    told = json.loads(dragoman("ingest", docs, "--index", folder, "--prune", "--dry-run", "--json").stdout)
    assert (told["renamed"], len(told["gone"])) == ([["sahilkend.txt", "new.txt"]], 25)
    told = json.loads(dragoman("ingest", docs, "--index", folder, "--prune", "--json").stdout)
    assert (told["renamed"], told["removed"]) == ([["sahilkend.txt", "new.txt"]], [f"{n:02d}.txt" for n in range(25)])
    shutil.rmtree(docs)
    done = dragoman("ingest", docs, "--index", folder, "--prune")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"dragoman: {docs}: missing or empty")
    assert dragoman("ingest", docs, "--index", folder, "--even-if-empty").returncode == 2


class Stopped(HashingEmbedder):
    """Is stopped with Ctrl-C before its first passage."""

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        raise KeyboardInterrupt


def test_commands_say_what_is_not_embedded_yet(docs: Path, folder: Path, dragoman: Callable) -> None:
    assert ingest([docs], folder, embedder=Stopped()).interrupted
    told = "3 of 3 passages are not embedded yet and found by their words"
    for arguments in (["ask", "who keeps the lighthouse?"], ["search", "sahilkend"], ["sources"]):
        done = dragoman(*arguments, "--index", folder)
        assert told in done.stderr, arguments
        assert "sahilkend.txt" in done.stdout
    assert dragoman("ingest", docs, "--index", folder).returncode == 0
    assert dragoman("sources", "--index", folder).stderr == ""


RUN = """
import sys
from ui.cli import main
code = main(sys.argv[1:])
print([name for name in ("onnxruntime", "tokenizers", "torch") if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""


def test_a_run_that_finds_nothing_changed_loads_no_model(
    tmp_path: Path, e5: Embedder, docs: Path, folder: Path
) -> None:
    ingest([docs], folder, embedder=e5)

    def run() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", RUN, "ingest", docs, "--index", folder, "--prune"],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return [done.stdout.split(";")[0], done.stderr]

    assert run() == ["0 added, 0 replaced, 3 unchanged", "[]\n"]
    (docs / "new.txt").write_text(STORY.format("New"))
    assert run() == ["1 added, 0 replaced, 3 unchanged", "['onnxruntime', 'tokenizers']\n"]


def test_a_deferred_embedder_of_other_weights_is_refused(docs: Path, folder: Path, hashing: Embedder) -> None:
    ingest([docs], folder, embedder=hashing)
    other = replace(hashing.identity, weights_hash="other weights")
    loaded: list[str] = []

    class Other(HashingEmbedder):
        identity = other

        def __init__(self) -> None:
            loaded.append("other")

    embedder = DeferredEmbedder(folder, hashing.identity, Other)
    assert ingest([docs], folder, embedder=embedder).unchanged == 3
    assert loaded == []
    (docs / "new.txt").write_text(STORY.format("New"))
    with pytest.raises(IndexMismatch, match="index has 'hashing' of weights hashing-1, here it is weights other weigh"):
        ingest([docs], folder, embedder=embedder)
    assert loaded == ["other"]
