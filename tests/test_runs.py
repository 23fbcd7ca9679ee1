"""TREC runs: what is written is read again, the order never depends on chance, and faults name their line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.runs import Run, by_rank, ranked, read_run, write_run
from index.errors import DataSetError

IDS = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="␣␉␊␋␌␍\ufeff"),
        st.sampled_from(" \t\n\r\v\f"),
    ),
    min_size=1,
    max_size=8,
)
SCORES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e300, max_value=1e300),
    st.sampled_from([0.0, -0.0, 0.5, 0.50000000001, 1.0, 1.0000000001, -1.0]),
)
RUNS = st.dictionaries(IDS, st.dictionaries(IDS, SCORES, min_size=1, max_size=6), max_size=4)


@given(run=RUNS)
def test_a_run_is_read_as_it_was_written_with_nine_digits(run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("runs") / "a.run"
    write_run(run, "ours", file)
    again = read_run(file)
    assert {query: set(scores) for query, scores in again.items()} == {query: set(s) for query, s in run.items()}
    for query, scores in again.items():
        assert [document for document, _ in ranked(run[query])] == list(scores)
        assert all(math.isclose(score, run[query][d], rel_tol=1e-8, abs_tol=1e-300) for d, score in scores.items())
    file_again = file.with_suffix(".again")
    write_run(again, "ours", file_again)
    assert file_again.read_bytes() == file.read_bytes()


@given(scores=st.dictionaries(IDS, SCORES, max_size=8), data=st.data())
def test_the_order_does_not_depend_on_the_order_of_the_dictionary(
    scores: dict[str, float], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(scores.items()))))
    assert ranked(scores) == ranked(shuffled)
    assert by_rank({"q": scores}) == by_rank({"q": shuffled})


@given(scores=st.dictionaries(IDS, SCORES, max_size=8))
def test_ranks_as_scores_keep_the_order_and_have_no_ties(scores: dict[str, float]) -> None:
    flat = by_rank({"q": scores})["q"]
    assert sorted(flat, key=lambda document: -flat[document]) == [document for document, _ in ranked(scores)]
    assert sorted(flat.values()) == list(range(len(scores)))


def test_ties_break_by_document_id_and_count_with_nine_digits(tmp_path: Path) -> None:
    write_run({"q": {"b": 0.1234567891, "a": 0.1234567893, "c": 0.1234567899, "d": 2.0}}, "ours", tmp_path / "a.run")
    assert (tmp_path / "a.run").read_text() == (
        "q Q0 d 1 2 ours\nq Q0 c 2 0.12345679 ours\nq Q0 a 3 0.123456789 ours\nq Q0 b 4 0.123456789 ours\n"
    )


def test_white_space_in_ids_is_kept_and_percent_signs_are_left_alone(tmp_path: Path) -> None:
    run = {"a question": {"my file.txt": 1.0, "my%20file.txt": 0.5, "no\u00a0break": 0.25}}
    write_run(run, "our system", tmp_path / "a.run")
    assert (tmp_path / "a.run").read_text().splitlines()[0] == "a␣question Q0 my␣file.txt 1 1 our␣system"
    assert read_run(tmp_path / "a.run") == run


def test_runs_of_other_systems_are_read_by_score(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_bytes("\ufeffq1\tQ0\td1\t7\t1e-3\tx\r\nq1  0  d2 7 .5 x \r\n\r\n".encode())
    assert read_run(tmp_path / "a.run") == {"q1": {"d1": 0.001, "d2": 0.5}}
    (tmp_path / "empty.run").write_bytes(b"")
    assert read_run(tmp_path / "empty.run") == {}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("q Q0 d 1 0.5", "5 columns"),
        ("q Q0 d 1 0.5 x y", "7 columns"),
        ("q Q0 d 1 nan x", "finite"),
        ("q Q0 d 1 inf x", "finite"),
        ("q Q0 d 1 1e999 x", "finite"),
        ("q Q0 d 1 1_0 x", "finite"),
        ("q Q0 d 1 high x", "finite"),
        ("q Q0 first 1 0.5 x", "'first' stands twice for query 'q'"),
    ],
)
def test_faults_name_file_and_line(line: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "a.run"
    file.write_text(f"q Q0 first 1 0.9 x\n\n{line}\n")
    with pytest.raises(DataSetError, match=problem) as caught:
        read_run(file)
    assert str(caught.value).startswith(f"{file}:3: ")


def test_bytes_that_are_no_utf8_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.run").write_bytes(b"q Q0 d 1 0.5 x\nq Q0 \xff 2 0.4 x\n")
    with pytest.raises(DataSetError, match=r"a\.run:2: byte 5 is not UTF-8"):
        read_run(tmp_path / "a.run")


@pytest.mark.parametrize(
    "run",
    [{"q": {"d": math.nan}}, {"q": {"d": math.inf}}, {"q": {"": 1.0}}, {"q": {"␣": 1.0}}, {"\ufeffq": {"d": 1.0}}],
)
def test_what_could_not_be_read_again_is_not_written(run: Run, tmp_path: Path) -> None:
    with pytest.raises(DataSetError):
        write_run(run, "ours", tmp_path / "a.run")
    assert not (tmp_path / "a.run").exists()
