from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.answers import report_answers
from eval.figures import Figure
from eval.report import (
    NOT_MEASURED,
    AskedQuestion,
    EvalReport,
    RetrievalPart,
    ShownEvidence,
    ask_all,
    expected_calibration_error,
    reliability_bins,
    report_to_html,
    report_to_json,
    report_to_markdown,
    retrieval_part,
    risk_points,
    worst_questions,
)
from eval.retrieval import RetrievalReport
from eval.sets import CorpusDocument, Query, RetrievalSet, load_answer_set
from index.embed import Embedder
from index.folder import Index
from rag import Assistant

HOSTILE = (
    '<script>alert(1)</script><img src="http://evil.example/x.png" onerror=x> ![](http://evil.example/y.png) | "q"'
)
EVIDENCE = ShownEvidence("a.txt", "some words", 0.5, right=False)


def asked(
    id_: str, confidence: float, *, answered: bool = True, answerable: bool = True, right: bool = True
) -> AskedQuestion:
    return AskedQuestion(
        id=id_,
        question=f"question {id_}?",
        pair="en→az",
        gold=("gold words",) if answerable else (),
        answerable=answerable,
        answered=answered,
        right=right,
        cites_gold=answered and answerable and right,
        confidence=confidence,
        seconds=0.25,
        evidence=(EVIDENCE,),
    )


@pytest.fixture
def questions() -> tuple[AskedQuestion, ...]:
    return (
        asked("s1", 0.95),
        asked("s2", 0.85, right=False),
        asked("s3", 0.85, answerable=False, right=False),
        asked("s4", 0.15, answerable=False, answered=False),
        asked("s5", 0.05, answered=False, right=False),
    )


@pytest.fixture
def small_set() -> RetrievalSet:
    documents = tuple(CorpusDocument(id_, f"Title {id_}", f"text of {id_} {HOSTILE}") for id_ in "abc")
    queries = (Query("q1", "first?"), Query("q2", HOSTILE), Query("q3", "not judged"))
    return RetrievalSet("letters", documents, queries, {"q1": {"a": 1}, "q2": {"b": 2, "c": 1}}, "ab" * 32)


@pytest.fixture
def part(small_set: RetrievalSet) -> RetrievalPart:
    run = {"q1": {"a": 1.0, "b": 0.5}, "q2": {"a": 2.0, "b": 1.0}}
    figures = (Figure("nDCG@10", 0.75, 0.5, 1.0, 2, "data:abab"),)
    return retrieval_part(small_set, RetrievalReport("letters", "full", figures, run))


@pytest.fixture
def full(questions: tuple[AskedQuestion, ...], part: RetrievalPart) -> EvalReport:
    figures = {
        "all": (
            Figure("first citation", 0.5, 0.25, 0.75, 4, "data:1"),
            Figure("empty", *[float("nan")] * 3, 0, "data:1"),
        ),
        "en→az": (Figure("first citation", 0.25, 0.0, 0.5, 2, "data:1"),),
    }
    worst = (("en→az", figures["en→az"][0]), ("", figures["all"][1]))
    return EvalReport("The evaluation", figures, worst, questions, (part,))


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def elements(page: str) -> list[tuple[str, dict[str, str]]]:
    parser = Elements()
    parser.feed(page)
    return parser.tags


def test_the_page_refers_to_nothing_outside(full: EvalReport) -> None:
    page = report_to_html(full)
    found = elements(page)
    assert {tag for tag, _ in found}.isdisjoint({"script", "link", "a", "iframe", "object", "embed", "form", "base"})
    for tag, attributes in found:
        assert not attributes.keys() & {"href", "srcset", "action", "background", "data", "style"}
        assert not any(name.startswith("on") for name in attributes)
        if "src" in attributes:
            assert tag == "img"
            assert attributes["src"].startswith("data:image/png;base64,")
    [style] = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in page


def test_the_page_escapes_hostile_text_wherever_it_comes_from() -> None:
    evidence = ShownEvidence(HOSTILE, HOSTILE, 0.5, right=True)
    question = replace(
        asked(HOSTILE, 0.9, right=False), question=HOSTILE, pair=HOSTILE, gold=(HOSTILE,), evidence=(evidence,)
    )
    figure = Figure(HOSTILE, 0.5, 0.4, 0.6, 3, HOSTILE)
    report = EvalReport(
        HOSTILE,
        {HOSTILE: (figure,)},
        ((HOSTILE, figure),),
        (question,),
        (RetrievalPart(HOSTILE, HOSTILE, (figure,), (), ()),),
    )
    page = report_to_html(report)
    assert "<script" not in page
    assert [tag for tag, _ in elements(page) if tag in ("script", "a", "link", "iframe")] == []
    assert all(attributes["src"].startswith("data:") for tag, attributes in elements(page) if tag == "img")
    assert page.count("&lt;script&gt;") >= 10
    markdown = report_to_markdown(report)
    assert not re.search(r"(?<!\\)[<>]|(?<!\\)!\[|(?<!\\)\]\(", re.sub(r"`[^`]*`", "", markdown))


def test_hostile_signatures_do_not_leave_their_code_in_markdown() -> None:
    figure = Figure("m", 0.5, 0.4, 0.6, 3, "x` <script> `y")
    markdown = report_to_markdown(EvalReport("t", {"all": (figure,)}))
    assert "<script>" not in re.sub(r"`[^`]*`", "", markdown)


def test_four_plots_and_their_numbers(full: EvalReport) -> None:
    page = report_to_html(full)
    pictures = [attributes for tag, attributes in elements(page) if tag == "img"]
    assert [picture["alt"] for picture in pictures] == [
        "recall over documents",
        "risk over coverage",
        "reliability diagram",
        "histogram of seconds",
    ]
    for picture in pictures:
        assert base64.b64decode(picture["src"].partition(",")[2]).startswith(b"\x89PNG")
    assert "0.500 <small>[0.250, 0.750] n=4</small>" in page
    assert f"<tr><th>worst</th><td>0.250 en→az</td><td>{NOT_MEASURED}</td></tr>" in page
    assert "Median 0.250 s, 95 % within 0.250 s" in page
    assert "answered, though the documents do not; confidence 0.85" in page
    assert report_to_html(full) == page


def test_what_was_not_measured_is_said_and_not_drawn(full: EvalReport) -> None:
    page = report_to_html(EvalReport("nothing"))
    assert page.count(NOT_MEASURED) == 8
    assert "<img" not in page
    assert report_to_markdown(EvalReport("nothing")).count(NOT_MEASURED) == 3
    assert json.loads(report_to_json(EvalReport("nothing")))["calibration_error"] is None
    only_retrieval = report_to_html(replace(full, figures={}, questions=()))
    assert only_retrieval.count("<img") == 1
    assert only_retrieval.count(NOT_MEASURED) == 5
    # A figure without a case is not a number.
    assert f"<td>{NOT_MEASURED}</td>" in report_to_html(full)
    assert "nan" not in report_to_markdown(full)


def test_risk_grows_with_coverage_by_hand(questions: tuple[AskedQuestion, ...]) -> None:
    points = [(round(p.coverage, 3), round(p.risk, 3)) for p in risk_points(questions)]
    assert points == [(0.2, 0.0), (0.4, 0.5), (0.6, 0.667), (0.8, 0.75), (1.0, 0.8)]


def test_reliability_by_hand(questions: tuple[AskedQuestion, ...]) -> None:
    bins = [(b.low, b.n, round(b.confidence, 3), b.accuracy) for b in reliability_bins(questions)]
    assert bins == [(0.0, 1, 0.05, 1.0), (0.1, 1, 0.15, 0.0), (0.8, 2, 0.85, 0.5), (0.9, 1, 0.95, 1.0)]
    assert expected_calibration_error(questions) == pytest.approx((0.95 + 0.15 + 2 * 0.35 + 0.05) / 5)


def test_the_surest_mistakes_come_first(questions: tuple[AskedQuestion, ...]) -> None:
    assert [question.id for question in worst_questions(questions)] == ["s5", "s2", "s3"]


def test_recall_and_worst_queries_of_a_run(part: RetrievalPart) -> None:
    assert [(point.k, point.recall.value) for point in part.recall][:3] == [(1, 0.5), (2, 0.75), (3, 0.75)]
    [worst] = part.worst  # q1 has its document first
    assert worst.id == "q2"
    assert [(each.source, each.right) for each in worst.found] == [("a", False), ("b", True)]
    assert [each.source for each in worst.right] == ["b", "c"]
    assert worst.right[1].score != worst.right[1].score  # c was not found
    assert worst.found[0].text.startswith("Title a text of a")


def test_json_is_strict_and_whole(full: EvalReport) -> None:
    document = json.loads(report_to_json(full), parse_constant=lambda name: pytest.fail(name))
    assert document["figures"]["all"][1]["value"] is None
    assert [point["coverage"] for point in document["risk_coverage"]] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert [(each["pair"], each["name"], each["value"]) for each in document["worst"]] == [
        ("en→az", "first citation", 0.25),
        ("", "empty", None),
    ]
    assert document["retrievals"][0]["worst"][0]["right"][1]["score"] is None
    assert document["questions"][4]["question"] == "question s5?"


def test_the_tables_in_markdown(full: EvalReport) -> None:
    lines = report_to_markdown(full).splitlines()
    assert "| pair | first citation | empty |" in lines
    assert f"| all | 0.500 [0.250, 0.750] 4 | {NOT_MEASURED} |" in lines
    assert f"| en→az | 0.250 [0.000, 0.500] 2 | {NOT_MEASURED} |" in lines
    assert f"| worst | 0.250 en→az | {NOT_MEASURED} |" in lines
    assert "| letters | full | 0.750 [0.500, 1.000] 2 |" in lines


def test_answers_are_asked_timed_and_shown(tmp_path: Path, make_index: Callable[..., Index], hashing: Embedder) -> None:
    gold = "The lighthouse of Sahil was built in 1884 by the port office."
    index = make_index({"a.txt": f"Sahil harbour\n\n{gold} It still stands on the northern pier of the town.\n"})
    rows = [
        {
            "id": "u1",
            "lang": "en",
            "question": "When was the lighthouse of Sahil built?",
            "gold": [gold],
            "file": "a.txt",
            "answerable": True,
        },
        {"id": "u2", "lang": "en", "question": "Who won the chess olympiad?", "gold": [], "answerable": False},
    ]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer_set = load_answer_set(tmp_path / "questions.jsonl", corpus=tmp_path / "docs")
    heard: list[int] = []
    assistant = Assistant(index)
    judgments, shown = ask_all(answer_set, assistant, on_question=heard.append)
    assert heard == [1, 2]
    assert [question.id for question in shown] == ["u1", "u2"]
    assert shown[0].evidence[0].right
    assert not any(each.right for each in shown[1].evidence)
    assert all(question.seconds > 0 for question in shown)
    assert [question.answered for question in shown] == [judgment.answered for judgment in judgments]
    report = report_answers(judgments, answer_set, assistant)
    page = report_to_html(EvalReport("mine", {"all": report.overall, **report.by_pair}, questions=shown))
    assert "<th>first citation</th>" in page


def test_without_matplotlib_tables_are_made_and_the_page_says_what_is_missing(full: EvalReport, root: Path) -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
sys.modules["matplotlib.figure"] = None
sys.modules["matplotlib.backends.backend_agg"] = None
from eval.report import *
from index.errors import SettingsError
q = AskedQuestion("s1", "q?", "en→az", (), True, True, True, True, 0.5, 0.1, ())
report = EvalReport("t", questions=(q,))
assert "Calibration" in report_to_markdown(report) and '"s1"' in report_to_json(report)
assert "not measured" in report_to_html(EvalReport("t"))
try:
    report_to_html(report)
except SettingsError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert "pip install 'dragoman[report]'" in done.stdout
