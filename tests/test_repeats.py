"""Lines that several files repeat, counted once a file."""

from __future__ import annotations

from collections import Counter

from index.repeats import FEWEST_FILES, could_repeat, line_key, repeatable_lines, repeated


def test_a_line_counts_once_a_file() -> None:
    text = "The Dell Courier\nYour town, your paper\nA moose swam across the lake on Thursday, and nobody minded.\n" * 3
    assert repeatable_lines(text) == {line_key("The Dell Courier"), line_key("Your town, your paper")}


def test_enough_files_make_a_line_furniture() -> None:
    masthead, title = line_key("The Dell Courier"), line_key("Choir rehearses in the car wash")
    files = [frozenset({masthead, line_key(f"Title {n}")}) for n in range(FEWEST_FILES - 1)]
    assert repeated(files, known=Counter()) == frozenset()
    assert repeated([*files, frozenset({masthead, title})], known=Counter()) == {masthead}
    assert repeated(files[:1], known=Counter({masthead: FEWEST_FILES - 1, title: 1})) == {masthead}


def test_sentences_and_long_lines_never_are() -> None:
    assert not could_repeat("It rained.")
    assert not could_repeat("x" * 61)
    assert could_repeat("Çinar qəzeti")


def test_keys_fit_into_a_number_of_sqlite() -> None:
    assert all(0 <= line_key(f"line {n}") < 2**63 for n in range(1000))
