"""The command as a person or a script meets it: what goes where, exit codes, and text that a terminal must not obey."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.embed import Embedder
from index.folder import Index
from index.ingest import Progress, ingest
from index.read import readable_types
from index.rules import load_rules
from index.values import Media, Source
from index.workers import SECONDS_A_FILE
from ui.cli import printable
from ui.ingest_command import _Bar

ROOT = Path(__file__).parents[1]
COMMANDS = ["ingest", "ask", "search", "serve", "sources", "show", "verify", "index", "eval"]
EVIL = "\x1b[31mred\x1b[0m \x07bell \x9b2J \u202egnirts\u202c \u2066iso\u2069"
STORY = "The lighthouse of Sahilkend has been run by a machine since the spring. The keeper has gone home with his dog."
FILES: dict[str, str | bytes] = {
    "a.txt": f"The keeper goes home | {EVIL}\n\n5 May 2024\n\n{STORY}\n",
    "sub/ə b.txt": "1 Share\nГорячий обед вместо булочки\n\n"
    f"Маяк Сахилкенда с весны работает сам, {EVIL} смотритель ушёл домой с собакой.\n",
}


MISREAD = (
    "The cafÃ© by the faÃ§ade opens\n\n5 May 2024\n\n"
    "The cafÃ© by the faÃ§ade of the naÃ¯ve old theatre reopened in spring, and the keeper came back with his dog.\n"
    "1 Share\n"
)
CP1251 = (
    "Маяк Сахилкенда работает сам\n\n12 мая 2024\n\n"
    "Маяк Сахилкенда с весны работает сам, смотритель ушёл домой с собакой. Жители посёлка скучают по нему.\n\n"
    "Подпишитесь на письма гавани и читайте их каждый день перед сном вместе со своей собакой и своим котом\n"
)
RULES = '[[drop]]\npattern = "Подпишитесь .*|Subscribe to .*"\nreason = "our \\u001b[31mnewsletter"\n'


def zipped(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return data.getvalue()


MESSY: dict[str, str | bytes] = {
    "misread.txt": MISREAD,
    "old.txt": CP1251.encode("cp1251"),
    "z.zip": zipped({
        "in/a.txt": f"The lamp | {EVIL}\n\n6 May 2024\n\n{STORY}\n\nSubscribe to {EVIL} the letter\n",
        "in/b.txt": f"The dog\n\n7 May 2024\n\n{STORY}\n",
    }),
    "lines.jsonl": '{"title": "A \\"quiet\\" spring", "text": "The keeper went home.\\nHis dog went with him.", '
    '"date": "2024-05-08", "author": "A. Writer", "site": "Harbour News"}\nnot JSON\n',
}  # fmt: skip


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder, write: Callable[..., Path]) -> Path:
    """A folder with files of several kinds in docs, and an index of them in i."""
    home = tmp_path_factory.mktemp("messy")
    write(home, {"rules.toml": RULES})
    ingest([write(home / "docs", MESSY)], home / "i", embedder=hashing)
    return home


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
        (["ask", "q", "--since", "yesterday"], "dragoman: --since yesterday: not a day; write it as 2024-12-31\n"),
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
    [["ask", "q"], ["search", "q"], ["sources"], ["show", "a.txt"]],
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
    assert "dragoman: not read: bad.txt: " in done.stderr
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


def test_rules_are_told_and_hold(dragoman: Callable, messy: Path, tmp_path: Path) -> None:
    command = ["ingest", messy / "docs", "--index", tmp_path / "i", "--embedder", "hashing"]
    done = dragoman(*command, "--rules", messy / "rules.toml")
    assert f"dragoman: rules of {messy / 'rules.toml'}: 1 to drop, 0 to keep\n" in done.stderr
    with Catalog(tmp_path / "i") as catalog:
        reasons = {source.path: {one.reason for one in source.dropped} for source in catalog.sources()}
        used = {file.rules for file in catalog.files().values()}
    assert {path for path in reasons if "rule: our \x1b[31mnewsletter" in reasons[path]} == {
        "old.txt",
        "z.zip/in/a.txt",
    }
    assert used == {load_rules(messy / "rules.toml").sha256}
    done = dragoman(*command)
    assert (
        f"dragoman: rules of {messy / 'rules.toml'}, as it was when the index was last given it: 1 to drop"
        in done.stderr
    )
    assert done.stdout.startswith("0 added, 0 replaced, 5 unchanged")
    done = dragoman(*command, "--rules", "none")
    assert f"dragoman: the rules of {messy / 'rules.toml'} no longer apply\n" in done.stderr
    assert done.stdout.startswith("0 added, 5 replaced, 0 unchanged")
    assert "rules" not in dragoman(*command).stderr
    done = dragoman(*command, "--rules", tmp_path / "none.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dragoman: {tmp_path / 'none.toml'}: No such file or directory; want [[drop]]")


def test_dry_run(dragoman: Callable, messy: Path, tmp_path: Path) -> None:
    command = ["ingest", messy / "docs", "--index", tmp_path / "i", "--dry-run", "--rules", messy / "rules.toml"]
    done = dragoman(*command, "--embedder", "no/such/model")  # no model is loaded
    assert done.returncode == 1  # a line of JSON is broken
    assert "dragoman: not read: lines.jsonl:2: not JSON" in done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "5 files new, 0 changed, 0 unchanged, 0 gone (--prune would remove them), 1 not read"
    assert lines[1].startswith("in them 5 articles, ")
    assert any(line.endswith("  rule: our �[31mnewsletter") for line in lines)
    assert lines[-1] == "a dry run: nothing was written"
    assert list(tmp_path.iterdir()) == []
    found = json.loads(dragoman(*command, "--json").stdout)
    assert (found["dry_run"], len(found["new"]), found["articles"]) == (True, 5, 5)
    assert found["dropped"]["rule: our \x1b[31mnewsletter"] > 100
    found = json.loads(dragoman("ingest", messy / "docs", "--index", messy / "i", "--dry-run", "--json").stdout)
    assert (found["new"], found["changed"], found["unchanged"]) == ([], [], 5)


def test_a_time_limit_for_each_file(dragoman: Callable, messy: Path, tmp_path: Path) -> None:
    command = ["ingest", messy / "docs" / "old.txt", "--index", tmp_path / "i", "--dry-run", "--seconds-a-file"]
    done = dragoman(*command, "0.001")  # less than a process takes to start
    assert (done.returncode, "old.txt: not read within" in done.stderr) == (1, True)
    assert dragoman(*command, "30").returncode == 0
    for wrong in ("0", "-1", "nan"):
        done = dragoman(*command, wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert "--seconds-a-file" in done.stderr


def test_help_of_ingest_names_what_is_read(dragoman: Callable) -> None:
    text = dragoman("ingest", "--help").stdout
    assert sorted(set(re.findall(r"(?<!\w)\.[a-z]+(?:\.gz)?\b", text.partition("ZIP archives")[0]))) == readable_types()
    assert f"(default: {SECONDS_A_FILE:.0f})" in " ".join(text.split())


def test_the_rules_in_the_help_are_rules(dragoman: Callable, tmp_path: Path) -> None:
    text = dragoman("ingest", "--help").stdout
    example = text[text.index("  [[drop]]") : text.index("try them on one file:")]
    (tmp_path / "rules.toml").write_text(example, encoding="utf-8")
    rules = load_rules(tmp_path / "rules.toml")
    assert rules.verdict("Subscribe to our letter") == "rule: our newsletter"
    assert rules.verdict("Reply") == ""
    assert (rules.fields.text, rules.fields.title) == (("story",), ("headline", "name"))


def test_the_bar_counts_files_and_then_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with _Bar() as bar:
        bar.update(Progress(files_done=0, files_total=40, passages_done=0, passages_known=0))
        bar.update(Progress(files_done=10, files_total=40, passages_done=0, passages_known=0))
        assert "10/40 " in str(bar.shown)
        assert " files" in str(bar.shown)
        bar.update(Progress(files_done=12, files_total=40, passages_done=0, passages_known=30))
        assert "12/40 " in str(bar.shown)
        bar.update(Progress(files_done=40, files_total=40, passages_done=7, passages_known=30))
        assert "7/30 " in str(bar.shown)
        assert " passages" in str(bar.shown)


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


def test_the_older_names_of_the_days_still_work(dragoman: Callable, folder: Path) -> None:
    asked = ["search", "--index", folder, "--json", "lighthouse"]
    found = dragoman(*asked, "--since", "2024-05-05", "--until", "2024-05-05").stdout
    assert dragoman(*asked, "--after", "2024-05-05", "--before", "2024-05-05").stdout == found
    assert [hit["source"] for hit in json.loads(found)] == ["a.txt"]


def test_explain(dragoman: Callable, folder: Path) -> None:
    question = "who has run the lighthouse since the spring, in May 2024?"
    asked = ["--index", folder, "--explain", "--lang", "en", "--recent", question]
    shown = dragoman("search", *asked)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert is_tame(shown.stdout)
    assert "period: May 2024 = 2024-05\n" in shown.stdout
    assert "filters: language en; 1 passages compared\nperiod" in shown.stdout
    assert re.search(r"^        words: (?=.*\blighthouse \d+%)(?=.*\bspring \d+%)", shown.stdout, re.MULTILINE)
    for line in (
        "dates: dated 2024-05-05: +0.1",
        "recent, dated 2024-05-05: +0.2",
    ):
        assert f"        {line}" in shown.stdout
    document = json.loads(dragoman("search", "--json", *asked).stdout)
    (hit,) = document["hits"]
    assert (hit["source"], hit["dense"]["rank"], hit["lexical"]["rank"]) == ("a.txt", 1, 1)
    reply = json.loads(dragoman("ask", "--json", *asked).stdout)
    assert reply["explanation"] == document
    answer = dragoman("ask", *asked).stdout
    assert answer.endswith(f"\n\n{shown.stdout}")


def test_words_in_quotes_and_sources(dragoman: Callable, folder: Path) -> None:
    asked = ["search", "--index", folder, "--json"]
    found = json.loads(dragoman(*asked, "--exact", 'the "run by a machine" keeper').stdout)
    assert [hit["source"] for hit in found] == ["a.txt"]
    found = json.loads(dragoman(*asked, "--source", "sub", "the keeper").stdout)
    assert [hit["source"] for hit in found] == ["sub/ə b.txt"]
    done = dragoman("ask", "--index", folder, "--exact", "the keeper")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dragoman: --exact: the question has no words in quotes; put quotes around ")


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
    assert [line for line in plain.stdout.splitlines() if not line.startswith(" ")] == [
        "a.txt · text",
        "sub/ə b.txt · text",
        "2 files; 2 articles; 2 passages; languages en 1, ru 1; dated 2024-05-05 to 2024-05-05; warnings: 1 undated",
    ]
    assert document["id"] in plain.stdout


def test_sources_of_several_kinds(dragoman: Callable, messy: Path) -> None:
    done = dragoman("sources", "--index", messy / "i")
    assert (done.returncode, done.stderr) == (0, "")
    with Catalog(messy / "i") as catalog:
        passages = catalog.passage_count()
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "lines.jsonl · jsonl",
        "misread.txt · text · misread cp1252",
        "old.txt · text · cp1251",
        "z.zip/in/a.txt · text",
        "z.zip/in/b.txt · text",
        f"5 files; 5 articles; {passages} passages; languages en 4, ru 1; dated 2024-05-05 to 2024-05-12; "
        "warnings: 1 not read",
    ]
    assert "    ! lines.jsonl:2: not JSON" in done.stdout
    listed = {one["source"]: one for one in json.loads(dragoman("sources", "--index", messy / "i", "--json").stdout)}
    assert {(one["media"], one["encoding"], one["spelling"]) for one in listed.values()} == {
        ("jsonl", "utf-8", "json"), ("text", "utf-8", "misread cp1252"), ("text", "cp1251", "plain"),
        ("text", "utf-8", "plain"),
    }  # fmt: skip
    (problem,) = listed["lines.jsonl"]["problems"]
    assert problem.startswith("lines.jsonl:2: not JSON")
    (document,) = listed["lines.jsonl"]["documents"]
    assert (document["date"], document["date_from"]) == ("2024-05-08", "metadata")
    assert (document["author"], document["outlet"], document["languages"]) == ("A. Writer", "Harbour News", [])
    assert f"  {document['title']} · en · 2024-05-08 (metadata) · A. Writer · Harbour News\n" in done.stdout


def test_show(dragoman: Callable, folder: Path) -> None:
    whole = dragoman("show", "sub/ə b.txt", "--index", folder)
    assert (whole.returncode, whole.stderr) == (0, "")
    lines = whole.stdout.splitlines()
    assert lines[:2] == ["sub/ə b.txt · text", "- [share bar] 1 Share"]
    assert lines[2] == "== Горячий обед вместо булочки · ru · no date"
    assert dragoman("show", "sub/ə b.txt", "--cleaning", "--index", folder).stdout == whole.stdout
    text = str(FILES["a.txt"])
    start = text.index("The lighthouse")
    place = dragoman("show", f"a.txt:{start}-{start + 14}", "--index", folder)
    assert (place.returncode, place.stdout, place.stderr) == (0, "The lighthouse\n", "")
    for wrong in (f"a.txt:{len(text)}-{len(text) + 1}", "a.txt:5-5", "none.txt", "none.txt:0-4", "a.txt:x-y"):
        done = dragoman("show", wrong, "--index", folder)
        assert (done.returncode != 0, done.stdout, "Traceback" in done.stderr) == (True, "", False)


def test_show_a_place_in_a_pdf(
    dragoman: Callable, tmp_path: Path, hashing: Embedder, write: Callable[..., Path]
) -> None:
    from reportlab.pdfgen.canvas import Canvas

    data = io.BytesIO()
    canvas = Canvas(data, invariant=True)
    for word in ("First", "Second"):
        canvas.drawString(60, 760, f"{word} page: the lamp of the harbour was lit again.")
        canvas.showPage()
    canvas.save()
    ingest([write(tmp_path / "docs", {"a.pdf": data.getvalue()})], tmp_path / "i", embedder=hashing)
    with Catalog(tmp_path / "i") as catalog:
        source = catalog.source("a.pdf")
    assert source is not None
    start = source.text.index("Second")
    done = dragoman("show", f"a.pdf:{start}-{start + 6}", "--index", tmp_path / "i")
    assert (done.stdout, done.stderr) == ("Second\n", f"dragoman: a.pdf:{start}-{start + 6} is on page 2\n")
    done = dragoman("show", f"a.pdf:0-{start + 6}", "--index", tmp_path / "i", "--json")
    assert json.loads(done.stdout) == {
        "source": "a.pdf", "start": 0, "end": start + 6, "text": source.text[: start + 6], "page": 1,
    }  # fmt: skip
    lines = dragoman("show", tmp_path / "docs" / "a.pdf", "--cleaning").stdout.splitlines()
    assert lines.index("-- page 2 --") + 1 == next(i for i, line in enumerate(lines) if "Second page" in line)


def test_pages() -> None:
    source = Source("a.pdf", Media.PDF, "", "one\fa\ftwo", pages=(0, 4, 6))
    assert [source.page_of(place) for place in (0, 3, 4, 5, 6, 99)] == [1, 1, 2, 2, 3, 3]
    assert Source("a.txt", Media.TEXT, "", "one").page_of(0) == 0


# Show --cleaning


def test_cleaning_of_a_misread_file(dragoman: Callable, messy: Path) -> None:
    done = dragoman("show", "misread.txt", "--cleaning", cwd=messy / "docs")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "misread.txt · text · misread cp1252"
    assert lines[1].startswith("== The café by the façade opens · en · 2024-05-05 (")
    assert lines[2:5] == [
        "~ [misread cp1252] The cafÃ© by the faÃ§ade opens", "  The café by the façade opens", "  5 May 2024",
    ]  # fmt: skip
    assert lines[-2] == "- [share bar] 1 Share"
    assert lines[-1].startswith("1 article; ")
    assert lines[-1].endswith(" characters kept, 7 dropped (share bar 7), 2 lines repaired")


def test_cleaning_as_json(dragoman: Callable, messy: Path) -> None:
    for name, text in (("misread.txt", MISREAD), ("old.txt", CP1251)):
        done = dragoman("show", messy / "docs" / name, "--cleaning", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        shown = json.loads(done.stdout)
        spans = [span for article in shown["articles"] for span in article["spans"]]
        places = sorted([*spans, *([start, end] for start, end, _, _ in shown["dropped"])])
        # Nothing is lost: what is neither kept nor dropped is white space.
        rest = [text[a:b] for a, b in zip([0, *(end for _, end in places)], [s for s, _ in places], strict=False)]
        assert "".join(rest).strip() == ""
        assert all(text[start:end] == words for start, end, _, words in shown["dropped"])
        assert all(text[start:end] == words for start, end, words, _ in shown["repaired"])
        assert (shown["pages"], shown["problems"]) == ([], [])
    assert (shown["encoding"], shown["spelling"], shown["media"], shown["repaired"]) == ("cp1251", "plain", "text", [])
    misread = json.loads(dragoman("show", messy / "docs" / "misread.txt", "--cleaning", "--json").stdout)
    assert misread["spelling"] == "misread cp1252"
    assert misread["repaired"][0] == [0, 30, "The cafÃ© by the faÃ§ade opens", "The café by the façade opens"]
    assert {"id", "title", "lang", "languages", "date", "date_from", "author", "outlet", "spans"} <= set(
        misread["articles"][0]
    )


def test_cleaning_by_rules_of_ones_own(dragoman: Callable, messy: Path) -> None:
    command = ["show", messy / "docs" / "old.txt", "--cleaning"]
    assert "[rule: " not in dragoman(*command).stdout
    done = dragoman(*command, "--rules", messy / "rules.toml")
    assert done.returncode == 0
    assert "\n- [rule: our �[31mnewsletter] Подпишитесь на письма гавани" in done.stdout  # and no order to a terminal
    reasons = [
        reason
        for _, _, reason, _ in json.loads(dragoman(*command, "--rules", messy / "rules.toml", "--json").stdout)[
            "dropped"
        ]
    ]
    assert "rule: our \x1b[31mnewsletter" in reasons
    done = dragoman("show", "old.txt", "--cleaning", "--index", messy / "i", "--rules", messy / "rules.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dragoman: --rules goes with --cleaning and a file on disk")


def test_cleaning_of_a_file_in_an_archive(dragoman: Callable, messy: Path) -> None:
    done = dragoman("show", "z.zip", "--cleaning", cwd=messy / "docs")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "dragoman: z.zip: an archive of 2 files that are read; name one of them: z.zip/in/a.txt, z.zip/in/b.txt\n"
    )
    done = dragoman("show", "z.zip/in/a.txt", "--cleaning", "--color", "always", cwd=messy / "docs")
    assert (done.returncode, done.stderr) == (0, "")
    for colour in ("1", "32"):
        assert f"\x1b[{colour}m" in done.stdout
    tame = done.stdout
    for colour in ("0", "1", "2", "31", "32"):
        tame = tame.replace(f"\x1b[{colour}m", "")
    assert "\N{REPLACEMENT CHARACTER}" in tame
    assert is_tame(tame)
    plain = dragoman("show", "z.zip/in/a.txt", "--cleaning", cwd=messy / "docs")
    assert plain.stdout == tame  # a pipe is no terminal


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("none.txt", "none.txt: no such file; check the path, or name the index"),
        ("z.zip/in/none.txt", "z.zip/in/none.txt: no such file"),
        (".", ".: a folder; name one of its files"),
        ("../rules.toml", "../rules.toml: files of type '.toml' cannot be read; convert it to one of"),
        (EVIL, ""),
    ],
)
def test_cleaning_of_what_cannot_be(dragoman: Callable, messy: Path, place: str, told: str) -> None:
    done = dragoman("show", place, "--cleaning", cwd=messy / "docs")
    assert (done.returncode in (1, 2), done.stdout) == (True, "")
    assert done.stderr.startswith(f"dragoman: {told}")
    assert is_tame(done.stderr)


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
