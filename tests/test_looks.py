"""The main states of the page, light and dark, wide and narrow: in reach of everybody, and kept as pictures.

Each is looked at by axe-core, which finds what a screen reader or weak eyes would stumble over. The pictures go into
the folder that the environment names in SCREENSHOTS, for people to look at: `make screenshots`.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from eval.sets import GoldSpan
from index.embed import Embedder
from index.folder import Index
from index.ingest import ingest
from index.values import Span
from rag.assistant import Assistant
from tests.browsing import DISAGREEING, Browser, Page, Served, alone, answered, expect, new_tab, visit
from ui.app import RunningPage, build_page, launch
from ui.cases import Cases
from ui.evaluation import Evaluation
from ui.jobs import Jobs
from ui.uploads import Uploads

WIDE, NARROW = 1440, 390
MOSCOW = "why did Armenia skip the Moscow meeting?"
NOWHERE = "who won the chess olympiad in Budapest?"
ILL = "How many students fell ill at the school in Marvek?"


@pytest.fixture(scope="module")
def served(sample_index: Path, e5: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The sample archive with two articles that disagree, and a run of one question."""
    files, folder = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("archive") / "news.index"
    shutil.copytree(sample_index, folder)
    for name, text in DISAGREEING.items():
        (files / name).write_text(text, encoding="utf-8")
    ingest([files], folder, embedder=e5)
    index = Index.open(folder)
    index.use_embedder(e5)
    run_one_question(folder, index)
    assistant = Assistant(index)
    jobs = Jobs(folder, Uploads(folder.with_name("news.index.uploads")), allowed=[])
    page = build_page(alone(assistant), folder, jobs=jobs)
    running = RunningPage(launch(page, port=0), page, assistant.close)
    yield Served(running.url, folder, files)
    jobs.close()
    running.close()


def run_one_question(folder: Path, index: Index) -> None:
    source = index.catalog.source("0007.txt")
    assert source is not None
    start = source.text.index("Ermənistan Moskvadakı görüşə")
    span = Span(start, source.text.index(".", start) + 1)
    cases = Cases(folder)
    cases.add(MOSCOW, lang="en", right=[(GoldSpan("0007.txt", span), span.of(source.text))], wrong=[])
    evaluation = Evaluation(folder, None, cases)
    evaluation.evaluation_run({"set": "mine", "system": "full"})
    until = time.monotonic() + 120
    while evaluation.evaluation_state()["state"] == "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert evaluation.evaluation_state()["state"] == "done"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures go."""
    named = os.environ.get("SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def states(page: Page, served: Served) -> Iterator[str]:
    """Bring the page into one state after another, each of which has a name."""
    narrow = page.viewport_size["width"] == NARROW
    visit(page, served)
    expect(page.locator(".examples .suggestion").first).to_be_visible()
    yield "ask"
    reply = answered(page, MOSCOW)
    yield "answer"
    reply.locator(".chip").first.click()
    expect(page.locator("mark")).to_be_in_viewport()
    yield "evidence"
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    answered(page, ILL)
    expect(page.locator(".disagreement")).to_be_visible()
    page.locator(".disagreement").scroll_into_view_if_needed()
    yield "disagreement"
    reply = answered(page, NOWHERE)
    reply.scroll_into_view_if_needed()
    yield "declined"
    if narrow:
        page.get_by_role("button", name="Conversations", exact=True).click()
        yield "conversations"
    page.locator("nav.views [data-view=library]").click()
    expect(page.locator(".found")).to_contain_text("articles")
    yield "library"
    page.locator(".open-article", has_text="A school closes").click()
    expect(page.locator(".cleaning")).to_be_visible()
    yield "article"
    page.locator("nav.views [data-view=lab]").click()
    page.get_by_label("A question to compare with").fill(MOSCOW)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".ranking")).to_have_count(2)
    page.locator(".mark-as.right").first.click()
    yield "lab"
    page.get_by_text("Sliders of the left").click()
    page.locator("[data-knob=reranked] input").first.fill("10")
    expect(page.locator(".tuned-to")).to_be_visible()
    yield "sliders"
    page.locator("nav.views [data-view=evaluation]").click()
    expect(page.locator(".intervals").first).to_be_visible()
    yield "evaluation"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing(browser: Browser, served: Served, folder: Path, width: int, scheme: str) -> None:
    found: list[str] = []
    for page in new_tab(browser, width=width):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for name in states(page, served):
            form = "wide" if width == WIDE else "narrow"
            page.screenshot(path=folder / f"{name}-{form}-{scheme}.png")
            found += [
                f"{name}: {rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:150]}"
                for rule in Axe().run(page).response["violations"]
                for node in rule["nodes"]
            ]
    assert found == []
