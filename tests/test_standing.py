"""Which lines of an article are likelier furniture than text."""

from __future__ import annotations

import random

from eval.reading import reading_set
from index import standing
from index.layout import Layout
from index.lines import Block, Line, blocks, read_lines
from index.standing import (
    KINDS,
    SHIPPED,
    WORDS,
    Place,
    Weights,
    likely_furniture,
    line_evidence,
    title_evidence,
    using,
    weighed,
)
from index.values import Span

TEXT = (
    "The harbour board of Velden has bought a second ferry bell, since the first one was stolen by the choir in May. "
)


def place(*texts: str) -> Place:
    found, start = [], 0
    for text in texts:
        found.append(Block((Line(Span(start, start + len(text)), text, 1),)))
        start += len(text) + 2
    return Place(found, 0, len(found), -1, [""] * len(found))


def test_what_a_page_says_below_a_text_is_furniture_and_a_last_sentence_is_not() -> None:
    below = place(TEXT * 2, TEXT, "The ferry bell of Velden rings again.", "Subscribe | Follow us on Telegram")
    assert likely_furniture(below) == {3}


def test_a_heading_within_a_text_is_none() -> None:
    assert likely_furniture(place(TEXT * 3, "Karst and chalk", TEXT * 3)) == set()


def test_a_list_at_the_end_of_a_text_is_kept() -> None:
    assert likely_furniture(place(TEXT * 3, "- bells", "- ropes", "- choirs")) == set()


def test_items_of_a_list_go_with_the_first() -> None:
    assert likely_furniture(place(TEXT * 3, "- Subscribe to our newsletter", "- ropes", "- choirs")) == {1, 2, 3}


def test_evidence_that_is_left_out_would_have_decided_nothing() -> None:
    """Company is asked only where it may decide; what is decided is what all evidence says, by any weights."""
    lines = [TEXT * 2, "Keeper of Velden", "Subscribe to our newsletter", TEXT, "Photo: T. Karst", "Колокол украден"]
    lines += ["The choir of Velden", "Feribot zili çalındı ve bulunamadı", "12.05.2024", "Velden, stolen bell: board"]
    rng = random.Random(5)
    for _ in range(300):
        article = place(*rng.choices(lines, k=rng.randrange(2, 9)))
        names = {name for evidence in line_evidence(article).values() for name in evidence}
        weights = {kind: {"bias": rng.uniform(-2, 2)} for kind in KINDS} | {WORDS: {}}
        weights["line"] |= {name: rng.uniform(-2, 2) for name in sorted(names)}
        with using(weights):
            found: set[int] = set()
            for i, evidence in line_evidence(article).items():
                if i - 1 in found if evidence["item below item"] else weighed("line", evidence) > 0:
                    found.add(i)
            assert likely_furniture(article) == found


def random_weights(rng: random.Random) -> Weights:
    weights = {kind: {name: rng.uniform(-2, 2) for name in SHIPPED[kind]} for kind in KINDS}
    return weights | {WORDS: SHIPPED[WORDS]}


def test_titles_and_beginnings_are_what_all_evidence_says_by_any_weights() -> None:
    reading, rng = reading_set("dev"), random.Random(7)
    texts = [(reading.folder / gold.file).read_bytes() for gold in reading.files if gold.group == "text"]
    told = set()
    for data in rng.sample(texts, 60):
        text = data.decode("utf-8", "replace")
        found = blocks(list(read_lines(text, Span(0, len(text)))))
        with using(rng.choice((SHIPPED, random_weights(rng)))):
            layout, whole = Layout(found), Layout(found)
            for gap in layout.gaps[:-1] if layout.texts else ():
                head = whole.head(gap)
                place, around = whole.title_place(head), whole.title_texts(head)
                odds = {i: weighed("title", title_evidence(place, around, i)) for i in whole.candidates(head)}
                best = max(odds, key=odds.__getitem__, default=-1)
                assert layout.title(head) == (best if odds.get(best, -9.0) > -3 else -1)
            for gap in layout.gaps[1:-1]:
                weighs = whole.may_begin(gap) and weighed("beginning", whole.beginning_evidence(gap)) > 0
                assert layout.begins_article(gap) == (whole.is_brief or weighs)
                told.add(weighs)
    assert told == {True, False}


def test_evidence_is_between_what_is_said_of_it() -> None:
    """What is left out is left out by these ranges."""
    reading = reading_set("dev")
    texts = [(reading.folder / gold.file).read_bytes() for gold in reading.files if gold.group == "text"]
    lines = {line.strip() for data in texts[:80] for line in data.decode("utf-8", "replace").split("\n")} - {""}
    assert len(lines) > 500
    for line in lines:
        for name, value in standing.slow_shape(line).items():
            least, most = standing._SLOW[name]
            assert least <= value <= most
