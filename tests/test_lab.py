"""The lab and the evaluation of the page, in a real browser: settings compared, questions kept, sets run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.sets import load_answer_set
from index.embed import HashingEmbedder
from index.folder import Index
from index.ingest import ingest
from rag.assistant import Assistant
from rag.retrieve import HybridRetriever
from tests.browsing import Locator, Page, Route, Served, always, expect
from ui.app import RunningPage, build_page, launch
from ui.cases import Cases
from ui.evaluation import Evaluation
from ui.jobs import Jobs
from ui.lab import SETTINGS, Lab, tune
from ui.pool import Assistants
from ui.uploads import Uploads

HOSTILE = '<img src=x onerror="__pwned=1"><script>__pwned=2</script>'
QUESTION = "Who lit the lamp above the harbour by hand?"
LIT = "The keeper lit the lamp above the harbour by hand."
ARTICLES = {
    "lamp.txt": f"The lamp is lit\n\n{LIT} He stayed with it through the whole of the first night.\n",
    "ferry.txt": "The ferry is back\n\nThe ferry is back in the harbour after a long repair of its engine.\n",
    "crane.txt": "The crane is green\n\nThe crane of the harbour was painted green and can be seen from afar.\n",
}


def open_assistant(folder: Path) -> Assistant:
    return Assistant(Index.open(folder), calibration=always(0.0))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    files, folder = tmp_path / "files", tmp_path / "news.index"
    files.mkdir()
    for name, text in ARTICLES.items():
        (files / name).write_text(text, encoding="utf-8")
    hostile = {
        "outlet": "Mayak",
        "id": "h",
        "title": HOSTILE,
        "text": f'The lamp said "{HOSTILE}"\tover the harbour. ' * 4,
    }
    (files / "<b>.jsonl").write_text(json.dumps(hostile) + "\n", encoding="utf-8")
    ingest([files], folder, embedder=HashingEmbedder())
    assistants = Assistants(open_assistant(folder), lambda: open_assistant(folder), size=1)
    jobs = Jobs(folder, Uploads(tmp_path / "news.index.uploads"), allowed=[tmp_path / "sets"])
    page = build_page(assistants, folder, jobs=jobs)
    running = RunningPage(launch(page, port=0), page, assistants.close)
    yield Served(running.url, folder, files)
    jobs.close()
    running.close()


@pytest.fixture
def tab(served: Served, tab: Page) -> Page:  # in this order, so that the page is left before its server
    tab.goto(f"{served.url}#lab")
    expect(tab.get_by_label("Left", exact=True).locator("option")).to_have_count(len(SETTINGS))
    return tab


def compare(page: Page, question: str, *, left: str = "full", right: str = "fused") -> None:
    page.get_by_label("Left", exact=True).select_option(left)
    page.get_by_label("Right", exact=True).select_option(right)
    page.get_by_label("A question to compare with").fill(question)
    page.get_by_label("A question to compare with").press("Enter")
    expect(page.locator(".ranking")).to_have_count(2)


def test_two_settings_are_compared_and_what_moved_is_told(tab: Page) -> None:
    compare(tab, QUESTION, left="answer", right="lexical")
    left, right = tab.locator(".ranking").nth(0), tab.locator(".ranking").nth(1)
    expect(left.locator(".hit").first).to_contain_text(LIT)
    words = right.locator(".hit").first.locator(".part", has_text="meaning")
    expect(words.locator(".value")).to_have_text("–")  # words alone know nothing of it
    expect(left.locator(".hit").first.locator(".moved")).to_have_text("the same on the right")
    expect(tab.locator(".outcome-words")).to_contain_text("on the left are on the right, too")
    tab.get_by_role("slider", name="Passages").fill("3")
    expect(left.locator(".hit")).to_have_count(3)


def test_who_is_quick_compares_before_all_is_there(tab: Page) -> None:
    def late(route: Route) -> None:
        if "lab_settings" in (route.request.post_data or ""):
            time.sleep(1)
        route.continue_()

    tab.route("**/component_server/**", late)
    tab.reload()
    tab.get_by_label("A question to compare with").fill(QUESTION)
    tab.get_by_label("A question to compare with").press("Enter")
    expect(tab.locator(".ranking")).to_have_count(2)
    tab.unroute_all(behavior="wait")


def test_filters_leave_passages_out(tab: Page) -> None:
    compare(tab, QUESTION)
    tab.get_by_role("combobox", name="Outlet").fill("mayak")
    tab.get_by_role("combobox", name="Outlet").press("Tab")
    for side in (0, 1):
        expect(tab.locator(".ranking").nth(side).locator(".hit-title").first).to_have_text(HOSTILE)
        expect(tab.locator(".ranking").nth(side)).not_to_contain_text("crane")
    tab.get_by_role("combobox", name="Outlet").fill("")
    tab.get_by_label("From", exact=True).fill("soon")
    tab.get_by_label("From", exact=True).press("Tab")
    expect(tab.locator(".rankings .problem")).to_contain_text("not a day")
    tab.get_by_label("From", exact=True).fill("2024-01-01")
    tab.get_by_label("From", exact=True).press("Tab")
    expect(tab.locator(".ranking").first).to_contain_text("Nothing is found.")


def test_nothing_that_a_passage_says_runs(tab: Page) -> None:
    compare(tab, "What did the lamp say over the harbour?")
    expect(tab.locator(".ranking").first).to_contain_text(HOSTILE)
    assert tab.locator("section.view-lab img, section.view-lab script").count() == 0


SELECT = """element => {
    const text = element.firstChild, words = %s, range = document.createRange();
    range.setStart(text, text.data.indexOf(words));
    range.setEnd(text, text.data.indexOf(words) + words.length);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
}"""


def test_a_marked_question_is_kept_and_can_be_run(tab: Page, served: Served, tmp_path: Path) -> None:
    compare(tab, QUESTION)
    hit = tab.locator(".ranking").first.locator(".hit", has_text=LIT)
    hit.locator(".hit-text").evaluate(SELECT % json.dumps(LIT))
    hit.get_by_role("button", name="Right").click()
    expect(tab.locator(".ranking").nth(1).locator(".hit", has_text=LIT)).to_have_class(re.compile("is-right"))
    tab.locator(".ranking").first.locator(".hit", has_text="crane").get_by_role("button", name="Wrong").click()
    expect(tab.locator(".keep-count")).to_have_text("1 right, 1 wrong. The selected words are the answer.")
    tab.get_by_label("Question in").select_option("en")
    tab.get_by_role("button", name="Add to my questions").click()
    expect(tab.locator(".notice")).to_contain_text("Added: 1 question in")
    file = tmp_path / "news.index.eval" / "questions.jsonl"
    [question] = load_answer_set(file, corpus=served.files).questions
    assert (question.question, question.lang, question.answerable, question.gold) == (QUESTION, "en", True, (LIT,))
    [place] = question.spans
    assert place.span.of((served.files / place.source).read_text(encoding="utf-8")) == LIT
    wrong = json.loads(file.read_text(encoding="utf-8"))["wrong"]
    assert [each["source"] for each in wrong] == ["crane.txt"]

    tab.get_by_role("button", name="Evaluation", exact=True).click()
    tab.get_by_label("Questions", exact=True).select_option("mine")
    expect(tab.locator(".exam-hint")).to_contain_text(f"1 question in {file}")
    for run in (1, 2):
        tab.get_by_role("button", name="Run", exact=True).click()
        expect(tab.get_by_label("Kept runs").locator("option")).to_have_count(run)
    expect(tab.locator(".intervals tr", has_text="first citation").first).to_contain_text("1.000")
    expect(tab.locator(".exam-panel", has_text="Since the run before")).to_contain_text("no more than chance")
    expect(tab.locator(".exam-report")).to_contain_text("None went wrong.")
    assert len(list((tmp_path / "news.index.eval" / "runs").iterdir())) == 2


def test_a_folder_of_queries_is_run_with_its_recall(tab: Page, tmp_path: Path) -> None:
    folder = tmp_path / "sets" / "tiny"
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": name, "title": HOSTILE, "text": text} for name, text in ARTICLES.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "the lamp above the harbour"}) + "\n")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tlamp.txt\t1\n")
    tab.get_by_role("button", name="Evaluation", exact=True).click()
    tab.get_by_label("Questions", exact=True).select_option("folder")
    tab.get_by_label("A folder with a set").fill("/etc")
    tab.get_by_role("button", name="Run", exact=True).click()
    expect(tab.locator(".notice")).to_contain_text("this server may not read there")
    tab.get_by_label("A folder with a set").fill(str(folder))
    tab.get_by_label("System").select_option("lexical")
    tab.get_by_role("button", name="Run", exact=True).click()
    expect(tab.locator(".intervals tr", has_text="nDCG@10")).to_contain_text("1.000")
    expect(tab.locator(".curve[aria-label^='documents 1: recall 1.000']")).to_be_visible()


def test_a_run_can_be_cancelled(tab: Page) -> None:
    tab.get_by_role("button", name="Evaluation", exact=True).click()
    tab.get_by_role("button", name="Run", exact=True).click()
    tab.get_by_role("button", name="Cancel", exact=True).click()
    expect(tab.locator(".notice")).to_have_text(re.compile("^Cancelled"))
    expect(tab.locator(".exam-report")).to_have_text("Nothing was run yet. The sample takes about a minute.")


@pytest.mark.parametrize("sent", [None, {}, {"set": 1}, {"set": "mine", "system": "full"}, {"id": "../../x"}])
def test_what_the_page_sends_is_checked(served: Served, sent: object) -> None:
    evaluation = Evaluation(served.folder, None, Cases(served.folder))
    assert evaluation.evaluation_run(sent)["kind"] == "error"
    assert evaluation.evaluation_report(sent)["kind"] == "error"
    assistants = Assistants(open_assistant(served.folder), lambda: open_assistant(served.folder), size=1)
    lab = Lab(assistants.borrow, Cases(served.folder))
    assert lab.lab_rank(sent)["kind"] == "error"
    assert lab.lab_keep(sent)["kind"] == "error"
    assistants.close()


def test_a_run_that_is_cancelled_before_it_has_begun_is_cancelled(served: Served) -> None:
    evaluation = Evaluation(served.folder, None, Cases(served.folder))
    assert evaluation.evaluation_run({"set": "sample", "system": "full"})["state"] == "running"
    evaluation.evaluation_cancel()
    until = time.monotonic() + 60
    while evaluation.evaluation_state()["state"] == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert evaluation.evaluation_state()["state"] == "cancelled"


def slider(page: Page, side: str, name: str) -> Locator:
    return page.get_by_role("slider", name=f"{side}: {name}")


def test_sliders_change_one_side_and_what_is_not_usual_is_told_with_it(tab: Page) -> None:
    compare(tab, QUESTION, left="full", right="full")
    left, right = tab.locator(".ranking").nth(0), tab.locator(".ranking").nth(1)
    tab.get_by_text("Sliders of the left").click()
    expect(slider(tab, "Left", "Reranked")).to_have_value("50")
    expect(tab.locator(".tuning").first.locator("[data-knob=reranked] .knob-usual")).to_have_text("default 50")
    tokens = left.locator(".part", has_text="tokens").locator(".value")
    expect(tokens.first).not_to_have_text("–")
    slider(tab, "Left", "Reranked").fill("0")
    slider(tab, "Left", "Weight of words, before reranking").fill("0")
    expect(left.locator(".tuned-to")).to_have_text(
        "Reranked: 0 (default 50) · Weight of words, before reranking: 0 (default 1.3)"
    )
    expect(tokens).to_have_text(["–"] * left.locator(".hit").count())
    # Without words and tokens the score is the meaning's.
    parts = left.locator(".hit").first.locator(".value")
    assert parts.nth(0).inner_text() == parts.nth(1).inner_text()
    expect(right.locator(".tuned-to")).to_have_count(0)
    expect(right.locator(".part", has_text="tokens").locator(".value").first).not_to_have_text("–")

    tab.get_by_role("button", name="Put the defaults back").click()
    expect(left.locator(".tuned-to")).to_have_count(0)
    expect(slider(tab, "Left", "Reranked")).to_have_value("50")
    expect(tokens.first).not_to_have_text("–")


def test_sliders_are_those_that_change_something(tab: Page) -> None:
    tab.get_by_text("Sliders of the right").click()
    knobs = tab.locator(".tuning").nth(1).locator(".knob-name")
    tab.get_by_label("Right", exact=True).select_option("dense")
    expect(knobs).to_have_count(0)
    expect(tab.locator(".tuning").nth(1)).to_contain_text("This way has nothing to set.")
    tab.get_by_label("Right", exact=True).select_option("fused")
    expect(knobs).to_have_text(["Candidates", "Weight of words, before reranking"])
    # Where nothing is asked, other numbers are usual, and nothing is said to be changed.
    compare(tab, "The lamp is lit", left="full", right="fused")
    tab.get_by_text("Sliders of the left").click()
    expect(slider(tab, "Left", "Share of vectors, in reranking")).to_have_value("0.31")
    compare(tab, QUESTION, left="full", right="fused")
    expect(slider(tab, "Left", "Share of vectors, in reranking")).to_have_value("0")
    expect(tab.locator(".tuned-to")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("answer", {"candidates": 500, "reranked": 0, "words": 0.0}),
        ("full", {"words_reranked": 1.0, "cosine_reranked": 0.5, "usual_match": 0.0}),
        ("fused", {"words": 3}),
        ("without-words", {"cosine_reranked": 1.0}),
        ("without-vectors", {"words_reranked": 0.0}),
        ("without-names", {"reranked": 0}),
    ],
)
def test_every_number_reaches_the_scores(served: Served, name: str, numbers: dict[str, float]) -> None:
    """Each by itself, but for the number of candidates, of which four articles have too few to tell."""
    assistants = Assistants(open_assistant(served.folder), lambda: open_assistant(served.folder), size=1)
    lab = Lab(assistants.borrow, Cases(served.folder))

    def scores(tuned: dict[str, float]) -> list[float]:
        asked = {"question": QUESTION, "settings": [name], "tuned": [tuned], "passages": 10}
        found = lab.lab_rank(asked | {"languages": [], "outlets": [], "after": "", "before": ""})
        assert found["kind"] == "rankings", found
        [ranking] = found["rankings"]
        assert ranking["tuned"] == tuned
        return [hit["score"] for hit in ranking["hits"]]

    for what, value in numbers.items():
        beside = {"reranked": 0} if what == "words" and name == "answer" else {}
        assert (scores({what: value, **beside}) != scores(beside)) == (what != "candidates"), what
    assistants.close()


def test_candidates_are_as_many_as_are_set(served: Served) -> None:
    with Index.open(served.folder) as index:
        usual = HybridRetriever(index)
        assert len(usual.rank(QUESTION, k=1).dense) == index.catalog.counts()[2]
        assert len(tune(usual, QUESTION, {"candidates": 1}).rank(QUESTION, k=1).dense) < index.catalog.counts()[2]


@pytest.mark.parametrize(
    "tuned",
    [{}, [{}], [{}, {"words": 9}], [{}, {"words": "1"}], [{}, {"k": 1}], [{"words": 1}, {}], [{}, {"words": True}]],
)
def test_numbers_out_of_range_or_of_another_setting_are_refused(served: Served, tuned: object) -> None:
    assistants = Assistants(open_assistant(served.folder), lambda: open_assistant(served.folder), size=1)
    lab = Lab(assistants.borrow, Cases(served.folder))
    asked = {"question": QUESTION, "settings": ["dense", "full"], "tuned": tuned, "passages": 10}
    found = lab.lab_rank(asked | {"languages": [], "outlets": [], "after": "", "before": ""})
    assert (found["kind"], found["message_said"]["key"]) == ("error", "load_again")
    assistants.close()
