"""The command as a person or a script meets it: what goes where, exit codes, and text that a terminal must not obey."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from index.embed import Embedder
from index.folder import Index
from index.ingest import ingest
from ui.cli import printable

ROOT = Path(__file__).parents[1]
COMMANDS = ["ingest", "ask", "search", "serve", "sources", "show", "verify", "eval"]
EVIL = "\x1b[31mred\x1b[0m \x07bell \x9b2J \u202egnirts\u202c \u2066iso\u2069"
STORY = "The lighthouse of Sahilkend has been run by a machine since the spring. The keeper has gone home with his dog."
FILES: dict[str, str | bytes] = {
    "a.txt": f"The keeper goes home | {EVIL}\n\n5 May 2024\n\n{STORY}\n",
    "sub/ə b.txt": "1 Share\nГорячий обед вместо булочки\n\n"
    f"Маяк Сахилкенда с весны работает сам, {EVIL} смотритель ушёл домой с собакой.\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder, write: Callable[..., Path]) -> Path:
    home = tmp_path_factory.mktemp("cli")
    ingest([write(home / "docs", FILES)], home / "i", embedder=hashing)
    return home / "i"


def is_tame(text: str) -> bool:
    return not any(c in text for c in "\x1b\x07\x9b\u202e\u202c\u2066\u2069")


# Help and misuse


def test_help(dragoman: Callable) -> None:
    done = dragoman("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in COMMANDS:
        assert f"\n    {command} " in done.stdout
    for code in (
        "0    done",
        "1    something was not done",
        "2    the command was misused",
        "130  stopped with Ctrl-C",
    ):
        assert code in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(dragoman: Callable, command: str) -> None:
    done = dragoman(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: dragoman {command} ")


@pytest.mark.parametrize(
    "arguments",
    [[], ["dance"], ["ask"], ["ingest"], ["ask", "q", "--no-such-option"], ["search", "q", "-k", "many"], ["show"]],
)
def test_misuse(dragoman: Callable, arguments: list[str]) -> None:
    done = dragoman(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: dragoman")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", ""], "dragoman: the question is empty; write one\n"),
        (["search", "q", "-k", "0"], "dragoman: -k is 0; want 1 or more\n"),
        (["ask", "q", "--after", "yesterday"], "dragoman: --after yesterday: not a day; write it as 2024-12-31\n"),
        (["show", "a.txt:9-3"], "dragoman: a.txt:9-3: a.txt has characters 0 to "),
    ],
)
def test_values_that_cannot_be(dragoman: Callable, folder: Path, arguments: list[str], message: str) -> None:
    done = dragoman(arguments[0], "--index", folder, *arguments[1:])
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    assert done.stderr.startswith(message)


@pytest.mark.parametrize(
    "arguments",
    [["ask", "q"], ["search", "q"], ["sources"], ["show", "a.txt"], ["serve"]],
    ids=lambda arguments: arguments[0],
)
def test_no_such_index(dragoman: Callable, tmp_path: Path, arguments: list[str]) -> None:
    done = dragoman(*arguments, "--index", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{tmp_path / 'none'}: no such index; make one: dragoman ingest FOLDER-OF-DOCUMENTS --index " in done.stderr
    assert list(tmp_path.iterdir()) == []  # looking makes nothing


def test_a_folder_that_is_no_index(dragoman: Callable, tmp_path: Path) -> None:
    done = dragoman("ask", "q", "--index", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"dragoman: {tmp_path}: no index here; make one: dragoman ingest")


def test_an_index_that_is_a_file(dragoman: Callable, tmp_path: Path, write: Callable[..., Path]) -> None:
    write(tmp_path, {"docs/a.txt": STORY, "i": "a file"})
    for command in (["ask", "q"], ["sources"], ["show", "a.txt"], ["verify", "a.json"]):
        done = dragoman(*command, "--index", tmp_path / "i")
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_ingesting_into_a_file(dragoman: Callable, tmp_path: Path, write: Callable[..., Path]) -> None:
    write(tmp_path, {"docs/a.txt": STORY, "i": "a file"})
    done = dragoman("ingest", tmp_path / "docs", "--embedder", "hashing", "--index", tmp_path / "i")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


# Ingest


def test_ingest(dragoman: Callable, tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {**FILES, "bad.txt": b"\xff\xfe\x00", "x.rtf": "no"})
    command = ["ingest", docs, tmp_path / "none", "--index", tmp_path / "i", "--embedder", "hashing"]
    done = dragoman(*command)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "2 added, 0 replaced, 0 unchanged, 2 not read; the index holds 2 files, 2 articles, 2 passages",
        f'ask: dragoman ask --index {tmp_path / "i"} "your question"',
    ]
    assert f"dragoman: not read: {tmp_path / 'none'}: no such file or folder; check the path\n" in done.stderr
    assert "dragoman: not read: bad.txt: the file is UTF-16; convert it" in done.stderr
    assert "dragoman: left out: 1 .rtf " in done.stderr
    (docs / "bad.txt").unlink()
    done = dragoman("ingest", docs, "--index", tmp_path / "i")  # the embedder is the index's own
    assert done.returncode == 0
    assert done.stdout.startswith("0 added, 0 replaced, 2 unchanged; the index holds 2 files")
    (docs / "a.txt").unlink()
    done = dragoman("ingest", docs, "--index", tmp_path / "i")
    assert (
        done.returncode,
        "1 files are gone from the folders and still in the index; --prune removes them" in done.stderr,
    ) == (0, True)
    done = dragoman("ingest", docs, "--index", tmp_path / "i", "--prune", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert (report["removed"], report["unchanged"], report["added"], report["failures"]) == (["a.txt"], 1, [], [])
    assert [Path(message.split(": ")[0]).name for message in report["left_out"]] == ["x.rtf"]


def test_ingest_by_another_embedder(dragoman: Callable, folder: Path, e5: Embedder) -> None:
    done = dragoman("ingest", folder.parent / "docs", "--index", folder, "--max-tokens", "50")
    assert (done.returncode, done.stdout) == (1, "")
    assert "built with passages of 160 tokens" in done.stderr
    done = dragoman("ingest", folder.parent / "docs", "--index", folder, "--embedder", "e5-small")
    assert (done.returncode, done.stdout) == (1, "")
    assert "index has 'hashing', this run wants 'e5-small'" in done.stderr


def test_progress_is_no_part_of_the_answer(dragoman: Callable, tmp_path: Path, write: Callable[..., Path]) -> None:
    docs = write(tmp_path / "docs", {f"{i}.txt": STORY.replace("spring", f"day {i}") for i in range(300)})
    done = dragoman("ingest", docs, "--index", tmp_path / "i", "--embedder", "hashing", "--json")
    assert len(json.loads(done.stdout)["added"]) == 300
    assert "passages" not in done.stderr  # a bar is for a terminal


# Ask and search


def test_ask(dragoman: Callable, folder: Path) -> None:
    done = dragoman("ask", "--index", folder, "--json", "who has run the lighthouse since the spring?")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["kind"] in ("answer", "abstention")
    assert document["evidence"][0]["source"] == "a.txt"
    plain = dragoman("ask", "--index", folder, "who has run the lighthouse since the spring?")
    assert (plain.returncode, plain.stderr) == (0, "")
    assert "a.txt:" in plain.stdout


def test_search(dragoman: Callable, folder: Path) -> None:
    done = dragoman("search", "--index", folder, "--json", "-k", "20", "lighthouse keeper")
    assert (done.returncode, done.stderr) == (0, "")
    hits = json.loads(done.stdout)
    assert [hit["source"] for hit in hits] == ["a.txt", "sub/ə b.txt"]
    with Index.open(folder) as index:
        for hit in hits:
            assert {"source", "start", "end", "score"} <= set(hit)
            assert index.source(hit["source"]).text[hit["start"] : hit["end"]].strip()
    assert hits[0]["score"] >= hits[1]["score"]
    assert len(json.loads(dragoman("search", "--index", folder, "--json", "-k", "1", "lighthouse").stdout)) == 1
    assert json.loads(dragoman("search", "--index", folder, "--json", "--lang", "ka", "lighthouse").stdout) == []
    only = dragoman("search", "--index", folder, "--json", "--lang", "ru", "--lang", "az", "lighthouse")
    assert [hit["source"] for hit in json.loads(only.stdout)] == ["sub/ə b.txt"]
    dated = dragoman(
        "search", "--index", folder, "--json", "--after", "2024-05-05", "--before", "2024-05-05", "lighthouse"
    )
    assert [hit["source"] for hit in json.loads(dated.stdout)] == ["a.txt"]


def test_a_terminal_is_not_given_orders(dragoman: Callable, folder: Path) -> None:
    for arguments in (
        ["ask", "смотритель маяка Сахилкенда"],
        ["search", "маяк"],
        ["sources"],
        ["show", "a.txt"],
        ["show", "sub/ə b.txt"],
    ):
        done = dragoman(*arguments, "--index", folder)
        assert done.returncode == 0
        assert is_tame(done.stdout)
        assert "\N{REPLACEMENT CHARACTER}" in done.stdout
    done = dragoman("show", f"{EVIL}.txt", "--index", folder)
    assert (done.returncode, is_tame(done.stderr)) == (1, True)


def test_printable() -> None:
    assert printable("a\tb\nç Ж 😀 \u200b") == "a\tb\nç Ж 😀 \u200b"
    assert printable("a\rb\x00c\x7fd\x85e\u202ef") == "a�b�c�d�e�f"


# Sources and show


def test_sources(dragoman: Callable, folder: Path) -> None:
    done = dragoman("sources", "--index", folder, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert [source["source"] for source in listed] == ["a.txt", "sub/ə b.txt"]
    first, second = listed
    (document,) = first["documents"]
    text = str(FILES["a.txt"])
    assert {"id", "title", "lang", "date", "spans", "passages"} <= set(document)
    assert (document["lang"], document["date"]) == ("en", "2024-05-05")
    assert document["spans"] == [[0, len(text) - 1]]
    ((start, end),) = document["passages"]
    assert text[start:end].endswith(STORY)
    assert first["dropped"] == []
    assert second["dropped"] == [[0, 7, "share bar"]]
    plain = dragoman("sources", "--index", folder)
    assert [line for line in plain.stdout.splitlines() if not line.startswith(" ")] == ["a.txt", "sub/ə b.txt"]
    assert document["id"] in plain.stdout


def test_show(dragoman: Callable, folder: Path) -> None:
    whole = dragoman("show", "sub/ə b.txt", "--index", folder)
    assert (whole.returncode, whole.stderr) == (0, "")
    lines = whole.stdout.splitlines()
    assert lines[0] == "- [share bar] 1 Share"
    assert lines[1].startswith("== Горячий обед вместо булочки · ru")
    text = str(FILES["a.txt"])
    start = text.index("The lighthouse")
    place = dragoman("show", f"a.txt:{start}-{start + 14}", "--index", folder)
    assert (place.returncode, place.stdout) == (0, "The lighthouse\n")
    for wrong in (f"a.txt:{len(text)}-{len(text) + 1}", "a.txt:5-5", "none.txt", "none.txt:0-4", "a.txt:x-y"):
        done = dragoman("show", wrong, "--index", folder)
        assert (done.returncode != 0, done.stdout, "Traceback" in done.stderr) == (True, "", False)


@pytest.mark.parametrize("command", [["sources"], ["sources", "--json"], ["show", "long.txt"]])
def test_a_reader_that_stops_early(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path], command: list[str]
) -> None:
    files = {f"{i:05}-with-a-long-name-to-fill-the-pipe.txt": STORY.replace("dog", f"dog {i}") for i in range(400)}
    ingest(
        [write(tmp_path / "docs", {**files, "long.txt": "\n".join([STORY] * 2000)})], tmp_path / "i", embedder=hashing
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *command, "--index", tmp_path / "i"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_the_installed_command() -> None:
    script = Path(sys.executable).with_name("dragoman")
    if not script.exists():
        pytest.skip("the package is not installed here, only its sources are on the path")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: dragoman ")
