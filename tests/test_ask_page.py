"""Asking, proof and conversations on the page, in a real browser on the sample archive."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.embed import Embedder
from index.folder import Index
from index.ingest import ingest
from rag.assistant import Assistant
from tests.browsing import DISAGREEING, Browser, Locator, Page, Served, alone, answered, ask, expect, new_tab, visit
from ui.app import RunningPage, build_page, launch
from ui.conversations import Conversations, conversations_file

MOSCOW = "why did Armenia skip the Moscow meeting?"
SKIPPED = "Ermənistan Moskvadakı görüşə ona görə getmədi ki"
LIGHTHOUSE = "How many years did the Sahilkend lighthouse keeper stand the night watch?"
KEEPER = "How many years did the keeper of the lighthouse stand the night watch in Sahilkend?"
NOWHERE = "who won the chess olympiad in Budapest?"
TRANSLATED = "The keeper handed over his keys after 41 years of night watches."
DREDGING = "When did dredging of the approach channel begin?"


class Slow:
    """A model that says two things, the second when it is told to go on."""

    name = "slow"

    def __init__(self) -> None:
        self.goes_on = threading.Event()

    def stream(self, task: str, material: str, *, schema: dict[str, Any]) -> Iterator[str]:
        rows = [json.loads(line) for line in material.splitlines() if line.startswith("{")]
        if task.startswith("You translate"):
            said = [TRANSLATED if "41 il" in row["text"] else "" for row in rows]
            pairs = zip(rows, said, strict=True)
            yield json.dumps({"translations": [{"id": row["id"], "text": text} for row, text in pairs]})
            return
        shown = next(row for row in rows if "41 il" in row["text"])
        begun = '{"statements": ['
        for quote in re.findall(r"[^.]*(?:41 il|1,5 kilovat)[^.]*\.", shown["text"])[:2]:
            quoted = [{"passage": shown["id"], "quote": quote.strip()}]
            yield begun + json.dumps({"quotes": quoted, "text": quote.strip()}, ensure_ascii=False)
            begun = ","
            yield ","
            self.goes_on.wait(60)
            begun = ""
        yield "]}"


def serving(folder: Path, embedder: Embedder, **options: Any) -> Iterator[Served]:
    index = Index.open(folder)
    index.use_embedder(embedder)
    assistant = Assistant(index, **options)
    page = build_page(alone(assistant), folder)
    running = RunningPage(launch(page, port=0), page, assistant.close)
    yield Served(running.url, folder, folder)
    running.close()


@pytest.fixture(scope="module")
def sample(sample_index: Path, e5: Embedder) -> Iterator[Served]:
    yield from serving(sample_index, e5)


@pytest.fixture(scope="module")
def model() -> Slow:
    return Slow()


@pytest.fixture(scope="module")
def written(sample_index: Path, e5: Embedder, model: Slow) -> Iterator[Served]:
    yield from serving(sample_index, e5, chat=model)


@pytest.fixture(scope="module")
def disagreeing(tmp_path_factory: pytest.TempPathFactory, e5: Embedder) -> Iterator[Served]:
    files, folder = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("disagreeing") / "news.index"
    for name, text in DISAGREEING.items():
        (files / name).write_text(text, encoding="utf-8")
    assert ingest([files], folder, embedder=e5).failures == []
    yield from serving(folder, e5)


# Panes, examples, filters


def test_three_panes_on_a_wide_screen_and_tabs_on_a_narrow_one(tab: Page, phone: Page, sample: Served) -> None:
    names = ["Conversations and filters", "Questions and answers", "Evidence"]
    visit(tab, sample)
    for name in names:
        expect(tab.get_by_label(name, exact=True)).to_be_visible()
    visit(phone, sample)
    for button, shown in zip(["Conversations", "Chat", "Evidence"], names, strict=True):
        phone.get_by_role("button", name=button, exact=True).click()
        for name in names:
            expect(phone.get_by_label(name, exact=True)).to_be_visible(visible=name == shown)


def test_example_questions_are_answered(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    examples = tab.locator(".examples .suggestion")
    expect(examples.nth(2)).to_be_visible()
    for text in examples.all_text_contents():
        assert re.fullmatch(r"[A-ZА-Я“].*\?", text)
    text = examples.first.text_content()
    examples.first.click()
    expect(tab.locator(".answer .statement").first).to_be_visible()
    expect(tab.locator(".log .question")).to_have_text(text)


def test_a_filter_is_a_chip_that_can_be_taken_away(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    tab.get_by_role("checkbox", name="Russian").check()
    tab.get_by_label("Dated from").fill("2024-01-01")
    tab.get_by_label("File or folder").fill("misc")
    chips = tab.locator(".active .filter-name")
    expect(chips).to_have_text(["Russian", "from 2024-01-01", "in misc"])
    for name in ("from 2024-01-01", "Russian"):
        tab.get_by_role("button", name=f"Remove the filter: {name}").click()
    expect(chips).to_have_text(["in misc"])
    expect(tab.get_by_role("checkbox", name="Russian")).not_to_be_checked()
    answered(tab, LIGHTHOUSE).locator(".chip").first.click()
    expect(tab.locator(".fact-file dd")).to_have_text(re.compile("^misc/"))


def test_files_and_folders_are_offered(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    tab.get_by_label("File or folder").fill("MISC")
    offered = tab.locator("datalist option")
    expect(offered.nth(1)).to_have_attribute("value", "misc/a-09.txt")
    expect(offered.first).to_have_attribute("value", "misc")
    expect(tab.locator(".translating")).to_be_hidden()  # there is no model to translate


# Asking


def test_statements_come_one_by_one_and_can_be_stopped(tab: Page, written: Served, model: Slow) -> None:
    model.goes_on.clear()
    visit(tab, written)
    ask(tab, LIGHTHOUSE)
    expect(tab.locator(".statement")).to_have_count(1)
    expect(tab.locator(".statement .badge")).to_have_text(re.compile("^Not checked|^Quoted|^Supported"))
    expect(tab.locator(".thinking")).to_be_visible()
    expect(tab.locator(".searched")).to_contain_text("34 articles")
    expect(tab.locator(".panel .card")).to_have_count(1)
    tab.get_by_role("button", name="Stop").click()
    expect(tab.locator(".stopped")).to_be_visible()
    expect(tab.locator(".send", has_text="Ask")).to_be_visible()
    model.goes_on.set()
    reply = answered_after_stop(tab, LIGHTHOUSE)
    expect(reply.locator(".statement")).to_have_count(2)
    expect(tab.locator(".note")).to_have_text("Written by slow.")


def test_what_is_asked_meanwhile_is_asked_next(tab: Page, written: Served, model: Slow) -> None:
    model.goes_on.clear()
    visit(tab, written)
    ask(tab, LIGHTHOUSE)
    box, waiting = tab.get_by_label("Your question"), tab.get_by_role("status").filter(has_text="Asked next")
    box.fill(KEEPER)
    box.press("Enter")
    expect(waiting).to_contain_text(KEEPER)
    expect(box).to_have_value("")
    waiting.get_by_role("button", name="Do not ask").click()
    expect(waiting).to_be_hidden()
    expect(box).to_have_value(KEEPER)
    box.press("Enter")
    expect(waiting).to_contain_text(KEEPER)
    expect(tab.locator(".log .question")).to_have_text([LIGHTHOUSE])
    model.goes_on.set()
    expect(tab.locator(".turn-tools")).to_have_count(2)
    expect(tab.locator(".log .question")).to_have_text([LIGHTHOUSE, KEEPER])
    expect(waiting).to_be_hidden()


def test_what_would_be_asked_next_is_in_the_box_again_after_a_stop(tab: Page, written: Served, model: Slow) -> None:
    model.goes_on.clear()
    visit(tab, written)
    ask(tab, LIGHTHOUSE)
    tab.get_by_label("Your question").fill(KEEPER)
    tab.get_by_label("Your question").press("Enter")
    expect(tab.locator(".asked-next")).to_be_visible()
    tab.get_by_role("button", name="Stop").click()
    expect(tab.locator(".stopped")).to_be_visible()
    expect(tab.get_by_label("Your question")).to_have_value(KEEPER)
    expect(tab.locator(".asked-next")).to_be_hidden()
    model.goes_on.set()
    expect(tab.locator(".log .question")).to_have_text([LIGHTHOUSE])


def answered_after_stop(page: Page, question: str) -> Locator:
    page.get_by_label("Your question").fill(question)
    page.locator(".send", has_text="Ask").click()
    expect(page.locator(".turn-tools")).to_have_count(2)
    return page.locator(".log .reply").last


def test_quotes_are_translated_where_that_is_wanted(tab: Page, written: Served, model: Slow) -> None:
    model.goes_on.set()
    visit(tab, written)
    tab.get_by_role("checkbox", name="Translate quotes").check()
    reply = answered(tab, LIGHTHOUSE)
    told = f"Translation, not a quote: {TRANSLATED}"
    expect(tab.locator(".panel .translation")).to_have_text([told])
    expect(reply).not_to_contain_text(TRANSLATED)
    reply.locator(".chip").first.hover()
    expect(tab.get_by_role("tooltip")).to_contain_text(told)
    expect(tab.locator(".note", has_text="Not translated")).to_contain_text("1 of 2")
    tab.reload()
    expect(tab.locator(".panel .translation")).to_have_text([told])


def test_a_question_can_be_asked_again_and_edited(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, MOSCOW)
    answered(tab, NOWHERE)
    tab.get_by_role("button", name="Ask again", exact=True).last.click()
    expect(tab.locator(".turn")).to_have_count(2)
    expect(tab.locator(".abstention")).to_have_count(1)
    tab.get_by_role("button", name="Edit this question").first.click()
    expect(tab.get_by_label("Your question")).to_have_value(MOSCOW)
    expect(tab.locator(".editing")).to_contain_text("The 1 reply after it will be taken out")
    tab.get_by_label("Your question").fill(LIGHTHOUSE)
    tab.keyboard.press("Enter")
    expect(tab.locator(".log .question")).to_have_text([LIGHTHOUSE])
    expect(tab.locator(".statement").first).to_contain_text("41 il")
    tab.reload()
    expect(tab.locator(".log .question")).to_have_text([LIGHTHOUSE])


def test_nothing_is_asked_without_a_question(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    tab.get_by_label("Your question").fill("   ")
    tab.get_by_role("button", name="Ask", exact=True).last.click()
    expect(tab.get_by_label("Your question")).to_be_focused()
    expect(tab.locator(".turn")).to_have_count(0)


def test_an_answer_is_copied_with_its_sources(tab: Page, sample: Served) -> None:
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(tab, sample)
    answered(tab, MOSCOW)
    tab.get_by_role("button", name="Copy").click()
    expect(tab.locator(".notice")).to_contain_text("Copied")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{MOSCOW}\n\n{SKIPPED}")
    assert re.search(r"\[1\] “Ermənistan .*” An empty chair .* · 0007\.txt:249-387\n", copied)


def test_a_suggestion_goes_on_from_the_answer(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, "Who runs the lighthouse?")
    suggestion = tab.locator(".turn .suggestion").first
    text = suggestion.text_content()
    suggestion.click()
    expect(tab.locator(".log .question").nth(1)).to_have_text(text)
    expect(tab.locator(".turn-tools")).to_have_count(2)


# Proof


def test_a_chip_tells_what_it_stands_for(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    chip = answered(tab, DREDGING).locator(".chip").first
    chip.hover()
    tip = tab.get_by_role("tooltip")
    expect(tip).to_contain_text("A deeper road to the sea")
    expect(tip).to_contain_text("2024-05-21 · English · page 1")
    expect(tip).to_contain_text("Dredging of the approach channel at Sahilkənd began on 17 May.")
    tab.mouse.move(2, 2)
    expect(tip).to_be_hidden()
    tab.get_by_role("button", name="Ask again", exact=True).focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Shift+Tab")
    expect(chip).to_be_focused()
    expect(tip).to_be_visible()
    chip.click()
    expect(tab.locator(".fact-page dd")).to_have_text("1")


def test_cited_first_and_what_was_not_used_is_folded(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, MOSCOW)
    cards = tab.locator(".panel .list > .cards .card")
    expect(cards).to_have_count(tab.locator(".statement .chip").count())
    expect(cards.first).to_contain_text("An empty chair at the three-way talks")
    expect(cards.first).to_contain_text(SKIPPED)
    unused = tab.locator(".panel .unused .card")
    expect(unused.first).to_be_hidden()
    tab.get_by_text("Found but not used").click()
    expect(unused.first).to_be_visible()
    unused.first.get_by_role("button").click()
    expect(tab.locator("mark")).to_be_in_viewport()
    tab.keyboard.press("Escape")
    expect(unused.first).to_be_visible()


def test_a_sentence_lights_its_evidence(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, "Who runs the lighthouse?")
    statements, cards = tab.locator(".statement"), tab.locator(".panel .card")
    expect(statements).to_have_count(3)
    for number in (1, 0):
        statements.nth(number).locator(".words").click()
        expect(statements.nth(number)).to_have_class(re.compile(r"\blit\b"))
        expect(tab.locator(".statement.lit")).to_have_count(1)
        expect(cards.nth(number)).to_have_class(re.compile(r"\blit\b"))
        expect(tab.locator(".card.lit")).to_have_count(1)


def test_each_statement_says_how_it_is_supported(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, MOSCOW)
    expect(tab.locator(".statement .badge").first).to_have_text("Quoted")


def test_disagreement_is_shown_side_by_side(tab: Page, disagreeing: Served) -> None:
    visit(tab, disagreeing)
    answered(tab, "How many students fell ill at the school in Marvek?")
    expect(tab.locator(".disagreement h3")).to_have_text("The sources disagree on a number")
    sides = tab.locator(".disagreement .side-of")
    expect(sides).to_have_count(2)
    expect(sides.first.locator(".side-says")).to_have_text("44")
    expect(sides.first.locator(".side-about")).to_have_text("2024-02-13 · soup.txt")
    expect(sides.last.locator(".side-says")).to_have_text("31")
    first, second = (sides.nth(n).bounding_box() for n in (0, 1))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]
    sides.last.locator(".chip").click()
    expect(tab.locator("mark")).to_contain_text("31 students fell ill")


def test_a_statement_says_how_many_reports_say_it_and_how_it_is_supported(tab: Page, sample: Served) -> None:
    def copied(route: Any) -> None:
        response = route.fetch()
        told = response.json()
        for event in told.get("events", []) if isinstance(told, dict) else []:
            if event["kind"] == "answer":
                event["statements"][0] |= {"support": "partly", "reports": 3, "independent": 2}
        route.fulfill(response=response, json=told)

    visit(tab, sample)
    tab.route("**/component_server/**", copied)
    answered(tab, MOSCOW)
    expect(tab.locator(".badge").first).to_have_text("Partly supported · 3 reports, 2 independent")
    tab.unroute_all(behavior="wait")  # what the page asks by itself may be on its way


def test_an_abstention_says_what_was_searched_and_what_could_be_asked(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    expect(tab.locator(".examples .suggestion").first).to_be_visible()
    card = answered(tab, NOWHERE)
    expect(card).to_have_attribute("aria-label", "The documents do not tell")
    expect(card).to_contain_text("Searched 34 articles")
    expect(card.locator(".closest .chip")).to_have_count(3)
    expect(card.locator(".suggestion").first).to_be_visible()
    expect(card.get_by_role("button", name="Search without filters")).to_have_count(0)
    expect(tab.get_by_role("alert")).to_have_count(0)


def test_what_filters_leave_out_can_be_searched_at_once(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    tab.get_by_label("Dated from").fill("2031-01-01")
    answered(tab, MOSCOW)
    tab.get_by_role("button", name="Search without filters").click()
    expect(tab.locator(".statement").first).to_contain_text(SKIPPED)
    expect(tab.locator(".turn")).to_have_count(1)
    expect(tab.locator(".active")).to_be_hidden()


def test_keys_lead_through_the_citations(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, "Who runs the lighthouse?")
    chips = tab.locator(".log .chip")
    tab.locator(".heading").click()
    for key, number in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1), ("k", 0)):
        tab.keyboard.press(key)
        expect(chips.nth(number)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("mark")).to_be_visible()
    first = tab.locator("mark").text_content()
    tab.keyboard.press("j")
    expect(tab.locator("mark")).not_to_have_text(first)
    tab.keyboard.press("Escape")
    expect(tab.locator(".panel .list")).to_be_visible()
    tab.keyboard.press("/")
    expect(tab.get_by_label("Your question")).to_be_focused()
    tab.keyboard.type("j/k")
    expect(tab.get_by_label("Your question")).to_have_value("j/k")


# Conversations


def test_a_conversation_is_there_after_a_restart_with_its_citations(
    browser: Browser, sample_index: Path, e5: Embedder, tmp_path: Path
) -> None:
    folder = tmp_path / "sample.index"
    shutil.copytree(sample_index, folder)
    for served in serving(folder, e5):
        for page in new_tab(browser, width=1440):
            visit(page, served)
            answered(page, MOSCOW)
            answered(page, NOWHERE)
            expect(page.locator(".conversation-title")).to_have_text([MOSCOW])
            page.reload()
            expect(page.locator(".log .question")).to_have_text([MOSCOW, NOWHERE])
    for served in serving(folder, e5):
        for page in new_tab(browser, width=1440):
            visit(page, served)
            page.locator(".conversation", has_text=MOSCOW).click()
            expect(page.locator(".log .question")).to_have_text([MOSCOW, NOWHERE])
            page.locator(".statement .chip").first.click()
            expect(page.locator("mark")).to_contain_text(SKIPPED)
            page.keyboard.press("Escape")
            answered(page, "and what does it fear?")
            expect(page.locator(".log .question")).to_have_count(3)
            expect(page.locator(".conversation")).to_have_count(1)
    assert conversations_file(folder).is_file()


def test_conversations_are_renamed_searched_and_deleted(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, DREDGING)
    tab.get_by_role("button", name="Rename").click()
    tab.get_by_label("Name of the conversation").fill("<i>Harbour</i> works")
    tab.keyboard.press("Enter")
    expect(tab.locator(".heading")).to_have_text("<i>Harbour</i> works")
    tab.get_by_label("Search conversations").fill("harbour wor")
    expect(tab.locator(".conversation-title")).to_have_text(["<i>Harbour</i> works"])
    tab.get_by_label("Search conversations").fill("nobody asked this")
    expect(tab.locator(".conversations")).to_have_text("None has these words.")
    tab.get_by_label("Search conversations").fill("dredging")
    expect(tab.locator(".conversation", has_text="works")).to_have_count(1)
    tab.get_by_role("button", name="Delete").click()
    tab.get_by_role("button", name="Delete for good?").click()
    expect(tab.locator(".conversation", has_text="works")).to_have_count(0)
    expect(tab.locator(".turn")).to_have_count(0)
    expect(tab.locator(".welcome")).to_be_visible()


def test_a_conversation_is_saved_as_markdown_and_json(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, MOSCOW)
    with tab.expect_download() as markdown:
        tab.get_by_role("button", name="Save Markdown").click()
    assert markdown.value.suggested_filename == "why-did-Armenia-skip-the-Moscow-meeting.md"
    text = Path(markdown.value.path()).read_text(encoding="utf-8")
    assert SKIPPED in text
    assert "[^1-1]: “Ermənistan" in text
    with tab.expect_download() as json_:
        tab.get_by_role("button", name="Save JSON").click()
    document = json.loads(Path(json_.value.path()).read_text(encoding="utf-8"))
    assert document["turns"][0]["reply"]["statements"][0]["citations"][0]["source"] == "0007.txt"


def test_feedback_is_kept(tab: Page, sample: Served) -> None:
    visit(tab, sample)
    answered(tab, NOWHERE)
    tab.get_by_role("button", name="Something wrong?").click()
    tab.get_by_role("radio", name="Missing source").check()
    tab.get_by_label("Words of a document that answer").fill("nobody won")
    tab.get_by_role("button", name="Save", exact=True).click()
    expect(tab.locator(".wrong")).to_have_text("You said: missing source")
    tab.reload()
    expect(tab.locator(".wrong")).to_have_text("You said: missing source")
    kept = Conversations(conversations_file(sample.folder))
    told = [(each.question, each.verdict.value, each.words) for each in kept.feedback()]
    kept.close()
    assert (NOWHERE, "missing source", "nobody won") in told


def test_an_opened_conversation_is_not_mixed_with_a_reply_that_is_being_made(
    tab: Page, written: Served, model: Slow
) -> None:
    model.goes_on.clear()
    visit(tab, written)
    ask(tab, LIGHTHOUSE)
    expect(tab.locator(".statement")).to_have_count(1)
    tab.get_by_role("button", name="New conversation").click()
    expect(tab.locator(".turn")).to_have_count(0)
    model.goes_on.set()
    reply = ask(tab, LIGHTHOUSE)
    expect(reply.locator(".statement")).to_have_count(2)
    expect(tab.locator(".turn")).to_have_count(1)
