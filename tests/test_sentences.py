"""Sentence boundaries: cases by where they came from, and what holds of any text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.language import LANGUAGES
from index.sentences import split_sentences

CASES = [
    json.loads(line) for line in (Path(__file__).parent / "cases" / "sentences.jsonl").read_text("utf-8").splitlines()
]
LABELS = ("wild", "synthetic", "unchanged", "known_failures")


def parameters() -> list[object]:
    return [
        pytest.param(
            case,
            id=f"{case['label']}-{case['lang']}-{number}",
            marks=[pytest.mark.xfail(strict=True, reason=case["comment"])] if case["label"] == "known_failures" else [],
        )
        for number, case in enumerate(CASES, start=1)
    ]


@pytest.mark.parametrize("case", parameters())
def test_case(case: dict[str, object]) -> None:
    text = str(case["text"])
    assert [text[start:end] for start, end in split_sentences(text, str(case["lang"]))] == case["sentences"]


def test_the_cases_are_well_formed() -> None:
    for case in CASES:
        assert set(case) == {"label", "lang", "text", "sentences", "comment"}
        assert case["label"] in LABELS
        assert case["comment"]
        assert "".join("".join(case["sentences"]).split()) == "".join(case["text"].split())
    assert all(case["sentences"] == [case["text"]] for case in CASES if case["label"] == "unchanged")
    counts = Counter(case["lang"] for case in CASES)
    assert min(counts[lang] for lang in ("en", "az", "ru", "tr")) >= 5
    assert len({case["text"] for case in CASES}) == len(CASES)


PIECES = st.sampled_from(
    [
        "a",
        "Bakı",
        "мир.",
        "Мир?",
        "3.5",
        "т.е.",
        "г.",
        "və",
        "s.",
        "Dr.",
        "U.S.",
        "“",
        "”",
        "«",
        "»",
        '"',
        "'",
        "(",
        ")",
        "…",
        "...",
        "!",
        "?!",
        "—",
        "-",
        "\n",
        "\n\n",
        "\x0c",
        "\r\n",
        "\t",
        "\xa0",
        "\u2028",
        "😀",
        "İ",
        "ı",
        "ə",
        ",",
        ";",
        ":",
        "5%",
        "A.",
        "www.a.az/B.Ć",
        ".Why",
    ]
    + ["\n", "\n\n", "\f", "\r\n", "\t", "\u2028", " ", " ", " ", ""]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=80))


@settings(max_examples=400)
@given(text=TEXTS, lang=st.sampled_from([*LANGUAGES, "und"]))
def test_sentences_are_in_order_and_hold_every_word(text: str, lang: str) -> None:
    sentences = split_sentences(text, lang)
    end_before = 0
    for start, end in sentences:
        assert end_before <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        assert not text[end_before:start].strip()
        end_before = end
    assert not text[end_before:].strip()
