"""A real browser on a page that is served, and what a person does there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rag.abstain import Calibration, Signals
from rag.assistant import Assistant
from ui.pool import Assistants

playwright = pytest.importorskip("playwright.sync_api")
Browser, Locator, Page, Route = playwright.Browser, playwright.Locator, playwright.Page, playwright.Route
expect = playwright.expect

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
# What is asked of them: how many students fell ill at the school in Marvek?
DISAGREEING = {
    "nurse.txt": "A school closes its canteen\n\n12 February 2024\n\nThe canteen was closed at noon. "
    "31 students fell ill at the school in Marvek, its nurse said.\n",
    "soup.txt": "Soup is tested\n\n13 February 2024\n\nSamples of the soup were taken. "
    "The hospital counted 44 students who fell ill at the school in Marvek.\n",
}
WAIT_MS = 60_000  # the machine may be busy; nothing here is about speed


@dataclass(frozen=True)
class Served:
    """A page that is being served, and where its index and files are."""

    url: str
    folder: Path
    files: Path


def alone(assistant: Assistant) -> Assistants:
    """An assistant to be borrowed by one at a time."""
    return Assistants(assistant, lambda: assistant, size=1)


def always(threshold: float) -> Calibration:
    """Answers whatever it is asked (0.0), or nothing (2.0)."""
    return Calibration(0.0, Signals(0, 0, 0, 0, 0, 0), threshold)


def open_browser() -> Iterator[Browser]:
    """Chromium; where it is missing the test is skipped, but fails in CI."""
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing; install it: apt-get install chromium fonts-noto-core"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with playwright.sync_playwright() as api:
        browser = api.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def new_tab(browser: Browser, *, width: int, language: str = "en-US") -> Iterator[Page]:
    """A page whose every request and error is kept; it fails the test that went anywhere but to our server."""
    context = browser.new_context(viewport={"width": width, "height": 800}, locale=language)
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    page = context.new_page()
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    yield page
    origin = page.evaluate("location.origin") + "/"
    assert requests
    assert [url for url in requests if not url.startswith((origin, "data:"))] == []
    assert not problems, problems
    assert page.evaluate("window.__pwned") is None
    context.close()


def visit(page: Page, served: Served) -> None:
    page.goto(served.url)
    expect(page.locator(".holdings")).to_contain_text("passages")


def ask(page: Page, question: str) -> Locator:
    """Ask, and the reply when it is there."""
    replies = page.locator(".log .reply")
    before = replies.count()
    page.get_by_label("Your question").fill(question)
    page.get_by_label("Your question").press("Enter")
    expect(replies).to_have_count(before + 1)
    return replies.last


def answered(page: Page, question: str) -> Locator:
    """Ask, and the reply when it is whole."""
    reply = ask(page, question)
    expect(page.locator(".turn-tools")).to_have_count(page.locator(".log .reply").count())
    return reply


def chip_of(reply: Locator, words: str) -> Locator:
    return reply.locator(".statement", has_text=words).locator(".chip").first


def marked_text(page: Page) -> str:
    expect(page.locator("mark")).to_have_count(1)
    return page.locator("mark").evaluate("mark => mark.textContent")
