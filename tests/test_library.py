"""The library of the page, in a real browser: what is in the index, what is added and taken out, and how it is."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.embed import HashingEmbedder
from index.folder import Index
from index.ingest import ingest
from rag.assistant import Assistant
from tests.browsing import Page, Served, alone, always, ask, expect
from ui.api import make_api
from ui.app import RunningPage, build_page, launch
from ui.jobs import Jobs
from ui.library import Shelf
from ui.observe import Observer
from ui.uploads import Uploads

FERRY = "The ferry is back in the harbour\n\n12 March 2024\n\n" + "The ferry of Sahilkend sails again at dawn. " * 5
LANTERN = (
    "A lantern for the pier\n\n14 March 2024\n\n"
    "The fishermen of Sahilkend have hung a lantern at the end of the old pier. "
    "It is lit at dusk by whoever comes home last, and two boats have found their way by it in the fog. "
    "The oil is paid for by the school, whose pupils collect bottles on the beach every Saturday morning.\n"
)
PAGE = """<html><head><title>The lamp is lit</title></head><body>
<nav><a href="/">Start</a> <a href="/all">All the news of today</a></nav>
<article><h1>The lamp is lit</h1><p>The lamp above the harbour of Sahilkend burns again after two dark weeks in spring.
The keeper lit it by hand and stayed with it through the whole of the first night, as his father did.</p></article>
<footer>Subscribe to our newsletter and never miss a lamp</footer></body></html>"""
HOSTILE = '<img src=x onerror="__pwned=1"><script>__pwned=2</script>'
HOSTILE_NAME = "<img src=x onerror=__pwned=3>.jsonl"


def write_files(files: Path) -> None:
    files.mkdir()
    (files / "ferry.txt").write_text(FERRY, encoding="utf-8")
    (files / "lamp.html").write_text(PAGE, encoding="utf-8")
    rows = [
        {"title": f"{HOSTILE} storm", "text": f"The storm {HOSTILE} hit the pier. " * 5, "outlet": HOSTILE, "id": "s"},
        *({"title": f"Day {n:03}", "text": f"On day {n} the boat left the pier. " * 5, "id": n} for n in range(60)),
    ]
    (files / HOSTILE_NAME).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    files, folder = tmp_path / "files", tmp_path / "news.index"
    write_files(files)
    ingest([files], folder, embedder=HashingEmbedder())
    assistant = Assistant(Index.open(folder), calibration=always(0.0))
    jobs = Jobs(folder, Uploads(tmp_path / "news.index.uploads"), allowed=[tmp_path / "more"])
    assistants = alone(assistant)
    page = build_page(assistants, folder, jobs=jobs)
    api = make_api(assistants, jobs, Observer())
    running = RunningPage(launch(page, port=0, api=api), page, assistant.close)
    yield Served(running.url, folder, files)
    jobs.close()
    running.close()


@pytest.fixture
def tab(served: Served, tab: Page) -> Page:  # in this order, so that the page is left before its server
    tab.goto(f"{served.url}#library")
    expect(tab.locator(".found")).to_have_text("1–50 of 63 articles")
    return tab


def titles(page: Page) -> list[str]:
    return page.locator(".article-title").all_text_contents()


def search(page: Page, words: str) -> None:
    page.get_by_label("Search titles, outlets and files").fill(words)


def sent(name: str, data: bytes) -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": data}


def test_articles_are_searched_sorted_and_turned_over(tab: Page) -> None:
    tab.get_by_label("Next page").click()
    expect(tab.locator(".found")).to_have_text("51–63 of 63 articles")
    search(tab, "FERRY")
    expect(tab.locator(".found")).to_have_text("1–1 of 1 article")
    row = tab.locator("table.articles tbody tr")
    expect(row).to_contain_text("ferry.txt")
    expect(row.locator(".column-date")).to_have_text("2024-03-12")
    expect(row.locator(".column-lang")).to_have_text("English")
    search(tab, "day")
    expect(tab.locator(".found")).to_have_text("1–50 of 60 articles")
    tab.get_by_role("button", name="Article", exact=True).click()
    expect(tab.locator("th.column-title").first).to_have_attribute("aria-sort", "ascending")
    expect(tab.locator(".article-title").first).to_have_text("Day 000")
    tab.get_by_role("button", name="Article", exact=True).click()
    expect(tab.locator(".article-title").first).to_have_text("Day 059")
    search(tab, "no such thing")
    expect(tab.locator(".none")).to_have_text("No article is like that.")


def test_what_was_dropped_is_shown_in_its_place_with_the_reason(tab: Page) -> None:
    search(tab, "lamp")
    tab.get_by_role("button", name=re.compile("The lamp is lit")).click()
    cleaning = tab.locator(".cleaning")
    expect(cleaning).to_contain_text("The lamp above the harbour of Sahilkend burns again")
    dropped = cleaning.locator("del", has_text="newsletter")
    expect(dropped).to_have_attribute("aria-label", re.compile(r"^dropped: \w+"))
    dropped.focus()
    reason = dropped.get_attribute("data-why")
    shown = dropped.evaluate("element => getComputedStyle(element, '::after').content")
    assert reason is not None
    assert reason.removeprefix("dropped: ") in shown
    assert cleaning.evaluate("element => element.textContent").index("The lamp above") < cleaning.evaluate(
        "element => element.textContent"
    ).index("newsletter")
    tab.get_by_label(re.compile("show what was dropped")).uncheck()
    expect(dropped).not_to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator(".volume")).not_to_be_visible()
    expect(tab.get_by_role("button", name=re.compile("The lamp is lit"))).to_be_focused()


def test_nothing_that_a_document_says_runs(tab: Page) -> None:
    search(tab, "storm")
    tab.get_by_role("button", name=re.compile("storm")).click()
    expect(tab.locator(".volume-title")).to_have_text(f"{HOSTILE} storm")
    expect(tab.locator(".volume .volume-facts")).to_contain_text(HOSTILE_NAME)
    expect(tab.locator(".cleaning")).to_contain_text(f"The storm {HOSTILE} hit the pier.")
    tab.get_by_role("button", name="Remove…").click()
    expect(tab.get_by_role("alertdialog")).to_contain_text(f"Remove {HOSTILE_NAME} (61 articles")
    assert tab.locator("section.view-library img, section.view-library script").count() == 0


def test_uploaded_files_are_ingested_and_asked(tab: Page, tmp_path: Path) -> None:
    files = [
        {
            "name": "crane.txt",
            "mimeType": "text/plain",
            "buffer": b"The crane is green\n\n" + b"The crane is green. " * 9,
        },
        {
            "name": "qurğu #1.txt",
            "mimeType": "text/plain",
            "buffer": b"The buoy is red\n\n" + b"The buoy is red now. " * 9,
        },
        {"name": "x.exe", "mimeType": "text/plain", "buffer": b"MZ"},
    ]
    tab.locator("input.files").set_input_files(files)
    expect(tab.locator(".sending")).to_contain_text("files of this type cannot be read")
    expect(tab.locator(".job .job-stage")).to_have_text("Done")
    expect(tab.locator(".job .job-detail")).to_have_text("2 files added")
    expect(tab.locator(".found")).to_have_text("1–50 of 65 articles")
    expect(tab.locator(".holdings")).to_contain_text("65 articles")
    assert sorted(path.name for path in (tmp_path / "news.index.uploads").iterdir()) == ["crane.txt", "qurğu #1.txt"]
    tab.get_by_role("button", name="Ask", exact=True).first.click()
    expect(ask(tab, "What colour is the crane?")).to_contain_text("The crane is green")


def test_a_removed_upload_is_gone_and_other_files_stay(tab: Page, served: Served, tmp_path: Path) -> None:
    tab.locator("input.files").set_input_files([sent("crane.txt", b"The crane is green\n\n" + b"It is green. " * 9)])
    expect(tab.locator(".job .job-detail")).to_have_text("1 file added")
    for name, total in (("crane.txt", 63), ("ferry.txt", 62)):
        search(tab, name)
        expect(tab.locator(".found")).to_have_text("1–1 of 1 article")
        tab.locator(".open-article").click()
        tab.get_by_role("button", name="Remove…").click()
        expect(tab.get_by_role("button", name="Keep it")).to_be_focused()
        tab.get_by_role("button", name="Keep it").click()
        tab.get_by_role("button", name="Remove…").click()
        tab.get_by_role("button", name="Remove it").click()
        expect(tab.locator(".job .job-detail")).to_have_text("1 file taken out")
        # The second time this is told of the first file still: what it was about must be gone, too.
        expect(tab.locator(".none")).to_have_text("No article is like that.")
        search(tab, "")
        expect(tab.locator(".found")).to_have_text(f"1–50 of {total} articles")
    assert not (tmp_path / "news.index.uploads" / "crane.txt").exists()
    assert (served.files / "ferry.txt").exists()


def test_a_file_is_read_again(tab: Page, served: Served) -> None:
    (served.files / "ferry.txt").write_text(FERRY.replace("is back", "has sunk"), encoding="utf-8")
    search(tab, "ferry")
    expect(tab.locator(".found")).to_have_text("1–1 of 1 article")
    tab.locator(".open-article").click()
    tab.get_by_role("button", name="Read its file again").click()
    expect(tab.locator(".job .job-detail")).to_have_text("1 file read again")
    expect(tab.locator(".article-title")).to_have_text("The ferry has sunk in the harbour")


def test_files_of_an_uploaded_archive_are_named_as_they_were_handed_in(tab: Page, tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        package.writestr("news/lantern.txt", LANTERN)
        package.writestr("news/lantern-again.txt", LANTERN.replace("two boats", "three boats"))
        package.writestr("news/song.mp3", "la")
    expect(tab.locator(".drop-hint")).to_contain_text("each up to 256 MB")
    tab.get_by_label("choose files").set_input_files([sent("both.zip", data.getvalue())])
    expect(tab.locator(".job-problems summary")).to_be_visible()
    expect(tab.locator(".job-problems li")).to_have_text("both.zip/news/song.mp3: files of this type are not read.")
    search(tab, "lantern-again")
    expect(tab.locator(".found")).to_have_text("1–1 of 1 article")
    tab.locator(".open-article").click()
    expect(tab.locator(".volume .volume-facts")).to_contain_text("both.zip/news/lantern-again.txt")
    expect(tab.locator(".volume")).not_to_contain_text(str(tmp_path))
    tab.locator(".volume").get_by_role("button", name="Remove…").click()
    expect(tab.locator(".confirm")).to_contain_text("It stays in its ZIP archive")
    tab.get_by_role("button", name="Keep it").click()
    # What stands for it or is like it is named by its title, and opens.
    other = tab.locator(".volume .other").first
    expect(other).to_have_text("A lantern for the pier")
    other.click()
    expect(tab.locator(".volume .volume-facts")).to_contain_text("both.zip/news/lantern.txt")


def test_a_folder_is_ingested_and_can_be_cancelled(tab: Page, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    rows = ({"title": f"Row {n}", "text": f"In row {n} the boat {n * 7} left. " * 9, "id": n} for n in range(6_000))
    (more / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    tab.get_by_label("A folder on this machine").fill("/etc")
    tab.get_by_role("button", name="Add the folder").click()
    expect(tab.locator(".notice")).to_contain_text("this server may not read there")
    tab.get_by_label("A folder on this machine").fill(str(more))
    tab.get_by_role("button", name="Add the folder").click()
    # How far it is, how fast, and how long it will take, as far as that can be told.
    expect(tab.locator(".job .job-stage")).to_have_text("Preparing the search by meaning")
    told = re.compile(r"^[\d,]+ of 6,000 passages · [\d,]+ a second · \d+ (?:s|min) left$")
    expect(tab.locator(".job .job-detail")).to_have_text(told)
    assert tab.locator(".job progress").evaluate("bar => bar.position") > 0
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".job .job-detail")).to_contain_text("what was done is kept")


def test_the_index_is_checked(tab: Page) -> None:
    expect(tab.locator(".health-line")).to_contain_text("search by meaning is 100% ready")
    tab.locator(".health summary").click()
    tab.get_by_role("button", name="Check everything").click()
    expect(tab.locator(".health-body")).to_contain_text("Nothing is wrong.")
    expect(tab.locator(".health-line")).to_contain_text("checked, nothing is wrong")


def test_a_page_that_only_reads_offers_nothing_else(served: Served) -> None:
    shelf = Shelf(served.folder, None)
    assert shelf.library_jobs()["writable"] is False
    refused = shelf.library_forget({"source": "ferry.txt"})
    assert (refused["kind"], refused["message"]) == ("error", "this server only reads; ingest with: dragoman ingest")


@pytest.mark.parametrize("request_", [None, [], {"order": "path; DROP TABLE sources"}, {"words": 3, "order": "title"}])
def test_what_the_page_sends_is_checked(served: Served, request_: object) -> None:
    assert Shelf(served.folder, None).library_list(request_)["kind"] == "error"
