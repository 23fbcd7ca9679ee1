"""Proving a saved answer again: what stands, what no longer does, and answers that nobody should trust."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import DataSetError
from index.folder import Index
from index.read import file_hash, readable_types
from rag.verify import SavedCitation, load_citations, verify

TEXT = "Başlıq\r\n\r\nThe lighthouse 😀 has been run by a machine. The keeper has gone home.\r\n"
QUOTE = "The keeper has gone home."
START = TEXT.index(QUOTE)


@pytest.fixture
def docs(tmp_path: Path, write: Callable[..., Path]) -> Path:
    return write(tmp_path / "docs", {"a.txt": TEXT, "sub/b.txt": "Another file of words."})


def citation(**changes: object) -> dict[str, object]:
    sha256 = file_hash(TEXT.encode())
    return {"source": "a.txt", "start": START, "end": START + len(QUOTE), "quote": QUOTE, "sha256": sha256, **changes}


def answer(*citations: dict[str, object], **changes: object) -> dict[str, object]:
    return {"kind": "answer", "question": "?", "statements": [{"text": QUOTE, "citations": list(citations)}], **changes}


def saved(tmp_path: Path, reply: object) -> Path:
    location = tmp_path / "answer.json"
    location.write_text(reply if isinstance(reply, str) else json.dumps(reply), encoding="utf-8")
    return location


def problems(docs: Path, *citations: dict[str, object]) -> list[str]:
    found, _ = load_citations(saved(docs.parent, answer(*citations)))
    return [verdict.problem for verdict in verify(found, lambda path: docs / path)]


def test_what_stands(docs: Path) -> None:
    whole = citation(start=0, end=len(TEXT), quote=TEXT)
    assert problems(docs, citation(), whole, citation(sha256="")) == ["", "", ""]


def test_a_file_that_has_changed(docs: Path) -> None:
    (docs / "a.txt").write_bytes(("New words before it. " + TEXT).encode())
    (problem,) = problems(docs, citation())
    assert problem.startswith(f"a.txt: characters {START} to {START + len(QUOTE)}: read ")
    assert problem.endswith(f"the file has changed since; the words now stand at {START + 21}")
    (docs / "a.txt").write_text("Nothing of it is left.")
    (problem,) = problems(docs, citation())
    assert problem.endswith("the file has changed since; the words are nowhere in it")


def test_a_change_behind_the_quote_leaves_it_standing(docs: Path) -> None:
    (docs / "a.txt").write_bytes((TEXT + "More words after it.").encode())
    assert problems(docs, citation()) == [""]


def test_a_newline_that_was_translated(docs: Path) -> None:
    (docs / "a.txt").write_bytes(TEXT.replace("\r\n", "\n").encode())
    (problem,) = problems(docs, citation())
    assert problem.endswith(f"the file has changed since; the words now stand at {START - 2}")


def test_a_file_that_is_gone(docs: Path) -> None:
    (docs / "a.txt").unlink()
    (problem,) = problems(docs, citation())
    assert problem == f"{docs / 'a.txt'}: No such file or directory; check that it exists and may be read"


def test_a_file_that_cannot_be_read_any_more(docs: Path) -> None:
    (docs / "a.txt").write_bytes(b"\x00\x01")
    assert "is zero, so this is not text but a binary file" in problems(docs, citation())[0]


def test_a_forged_quote(docs: Path) -> None:
    forged = "The keeper has gone mad!!"
    (problem,) = problems(docs, citation(quote=forged))
    assert f"read {QUOTE!r}, the citation has {forged!r}: the file is as it was, the citation is wrong" in problem
    assert problem.endswith("the words are nowhere in it")


@pytest.mark.parametrize(
    "changes",
    [
        {"start": START + 1},
        {"end": START + len(QUOTE) - 1},
        {"quote": ""},
        {"start": 5, "end": 5, "quote": ""},
        {"start": 9, "end": 4},
        {"start": -26, "end": -1},
        {"start": 10**9, "end": 10**9 + 25},
        {"source": "sub/b.txt"},
        {"quote": QUOTE.lower()},
        {"start": 0, "end": 10**30, "quote": "x"},
    ],
)
def test_what_does_not_stand(docs: Path, changes: dict[str, object]) -> None:
    assert problems(docs, citation(**changes)) != [""]


def test_verdicts_are_in_order_one_for_each(docs: Path) -> None:
    found = problems(docs, citation(), citation(quote="forged"), citation(source="none.txt"), citation())
    assert [bool(problem) for problem in found] == [False, True, True, False]


def test_a_source_of_no_type_of_ours(docs: Path) -> None:
    (docs / "passwd").write_text(QUOTE)
    assert problems(docs, citation(source="passwd", start=0, end=25)) == [
        "passwd: files of type 'none' cannot be read; convert it to one of " + " ".join(readable_types())
    ]


# Answers that nobody should trust


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("not json", "not JSON"),
        ("", "not JSON"),
        ("[]", "want what `dragoman ask --json` prints"),
        ("7", "want what"),
        ({"kind": "poem", "statements": []}, "\"kind\" is 'poem'"),
        ({"kind": "answer"}, "KeyError at 'statements'"),
        (answer(), "a statement has no citation, so nothing proves it"),
        ({"kind": "answer", "statements": [{"text": "x"}]}, "KeyError at 'citations'"),
        (answer({"source": "a.txt"}), "KeyError at 'start'"),
        (answer(citation(start="four")), "ValueError at invalid literal"),
        (answer(citation(start=None)), "TypeError"),
        (answer("a.txt"), "TypeError"),
        ({"kind": "answer", "statements": None}, "TypeError"),
    ],
)  # fmt: skip
def test_what_is_no_answer(tmp_path: Path, reply: object, message: str) -> None:
    with pytest.raises(DataSetError) as caught:
        load_citations(saved(tmp_path, reply))
    assert str(caught.value).startswith(f"{tmp_path / 'answer.json'}: ")
    assert message in str(caught.value)
    assert "want what `dragoman ask --json` prints" in str(caught.value)


def test_an_answer_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"none\.json: No such file or directory"):
        load_citations(tmp_path / "none.json")


@pytest.mark.parametrize("reply", [json.dumps(answer(citation(start=float("inf")))), "[" * 100_000])
def test_numbers_and_depths_that_no_answer_has(tmp_path: Path, reply: str) -> None:
    with pytest.raises(DataSetError):
        load_citations(saved(tmp_path, reply))


def test_an_abstention_has_nothing_to_prove(tmp_path: Path) -> None:
    assert load_citations(saved(tmp_path, {"kind": "abstention", "statements": [], "index": "/i"})) == ([], "/i")


NAMES = st.sampled_from(["a.txt", "sub/b.txt", "none.txt", "a.pdf", "a", ""])
CITATIONS = st.builds(
    SavedCitation, NAMES, st.integers(-5, 99), st.integers(-5, 99), st.text(max_size=5), st.text(max_size=3)
)


@given(citations=st.lists(CITATIONS, max_size=4))
def test_a_quote_stands_only_where_it_is_read(
    citations: list[SavedCitation], tmp_path_factory: pytest.TempPathFactory
) -> None:
    docs = tmp_path_factory.mktemp("docs")
    (docs / "a.txt").write_bytes(TEXT.encode())
    verdicts = verify(citations, lambda path: docs / path)
    assert [verdict.citation for verdict in verdicts] == citations
    for c, verdict in zip(citations, verdicts, strict=True):
        stands = c.source == "a.txt" and 0 <= c.start < c.end and bool(c.quote) and TEXT[c.start : c.end] == c.quote
        assert stands == (verdict.problem == "")


# The command


def test_the_command(make_index: Callable[..., Index], tmp_path: Path, dragoman: Callable) -> None:
    index = make_index({"a.txt": TEXT})
    location = saved(tmp_path, answer(citation(), index=str(index.folder)))
    done = dragoman("verify", location)
    assert (done.returncode, done.stdout) == (0, "1 of 1 quotes stand\n")
    (tmp_path / "docs" / "a.txt").write_text("Nothing of it is left.")
    done = dragoman("verify", location)
    assert done.returncode == 1
    assert done.stdout.startswith("does not stand: a.txt: characters ")
    assert done.stdout.endswith("0 of 1 quotes stand\n")
    (row,) = json.loads(dragoman("verify", location, "--json").stdout)
    assert (row["source"], row["start"], row["end"], row["stands"]) == ("a.txt", START, START + len(QUOTE), False)
    assert "the words are nowhere in it" in row["problem"]


def test_the_command_with_a_root_stays_under_it(docs: Path, tmp_path: Path, dragoman: Callable) -> None:
    (tmp_path / "secret.txt").write_text(QUOTE)
    (docs / "link.txt").symlink_to(tmp_path / "secret.txt")
    outside = {"start": 0, "end": len(QUOTE)}
    location = saved(
        tmp_path,
        answer(
            citation(),
            citation(source="../secret.txt", **outside),
            citation(source=str(tmp_path / "secret.txt"), **outside),
            citation(source="sub/../../secret.txt", **outside),
            citation(source="link.txt", **outside),
        ),
    )
    done = dragoman("verify", location, "--root", docs, "--json")
    assert done.returncode == 1
    assert [row["stands"] for row in json.loads(done.stdout)] == [True, False, False, False, False]
    assert QUOTE not in "".join(row["problem"] for row in json.loads(done.stdout)[1:])


@pytest.mark.parametrize("source", ["a\x00.txt", "a\ud800.txt"])
def test_the_command_with_a_path_that_cannot_be(
    make_index: Callable[..., Index], tmp_path: Path, dragoman: Callable, source: str
) -> None:
    index = make_index({"a.txt": TEXT})
    location = saved(tmp_path, answer(citation(source=source), index=str(index.folder)))
    for options in (["--root", tmp_path / "docs"], []):
        done = dragoman("verify", location, *options)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
