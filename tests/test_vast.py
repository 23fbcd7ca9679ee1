"""An article of ten megabytes that means harm, opened in a real browser: nothing runs, breaks or stands still."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from index.catalog import ReadySource
from index.embed import HashingEmbedder
from index.folder import Index
from index.ingest import ingest
from index.passages import Chunking, split_passages
from index.values import Document, Media, Source, Span
from rag.assistant import Assistant
from tests.browsing import Page, Served, alone, always, ask, chip_of, expect, marked_text, visit
from ui.app import RunningPage, build_page, launch

SIZE = 10_000_000
SAID = "The zeppelin quartermaster vanished near Gobustan."
HARM = [
    '<script>__pwned=1</script><img src=x onerror="__pwned=2"><svg onload="__pwned=3"><a href="javascript:__pwned=4">',
    '<style>* { display: none }</style><b style="position:fixed;inset:0;background:url(http://127.0.0.1:9/y)">',
    "</div></section></body></html><!-- {{value}} ${__pwned=5} ![](http://127.0.0.1:9/z)",
    " ".join(["Ж" * 3_000, "A\u0301" * 2_000, "\u202e\u2066desrever" * 300]),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    base = tmp_path_factory.mktemp("vast")
    files, folder = base / "files", base / "news.index"
    files.mkdir()
    (files / "ferry.txt").write_text("The ferry is back\n\nThe ferry is back in the harbour after a long repair.\n")
    ingest([files], folder, embedder=HashingEmbedder())
    index = Index.open(folder)
    index.commit([vast()], remove=[])
    assistant = Assistant(index, calibration=always(0.0))
    page = build_page(alone(assistant), folder)
    running = RunningPage(launch(page, port=0), page, assistant.close)
    yield Served(running.url, folder, files)
    running.close()


def vast() -> ReadySource:
    """The article, of which only the sentence in its middle is indexed: the rest would take a minute."""
    harm = "\n\n".join(HARM) + "\n\n"
    half = harm * (SIZE // 2 // len(harm))
    text = f"{half}{'x' * 30_000} {SAID} {'y' * 30_000}\n\n{half}"
    source = Source("vast.txt", Media.TEXT, hashlib.sha256(text.encode()).hexdigest(), text)
    start = text.index(SAID)
    body = (Span(start, start + len(SAID)),)
    document = Document("vast", source.path, "<h1>Vast</h1>", "en", "", (Span(0, len(text)),), body)
    passages = split_passages(document, source, chunking=Chunking(), count_tokens=HashingEmbedder().count_tokens)
    return ReadySource(source, f"/nowhere/{source.path}", (document,), (), tuple(passages))


@pytest.mark.parametrize("size", ["tab", "phone"])
def test_it_is_read_from_its_citation(served: Served, size: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(size)
    visit(page, served)
    reply = ask(page, "Where did the zeppelin quartermaster vanish?")
    chip_of(reply, SAID).click()
    assert marked_text(page) == SAID
    article = page.locator(".article")
    above, below = (page.get_by_role("button", name=f"Show what is {side}") for side in ("above", "below"))
    top = page.locator("mark").bounding_box()["y"]
    above.evaluate("button => button.click()")  # it is out of sight, and stays so
    expect(article).to_contain_text(HARM[0])
    assert abs(page.locator("mark").bounding_box()["y"] - top) < 60  # its line may break elsewhere
    below.click()
    page.wait_for_function("document.querySelector('.article').textContent.length > 80_000")
    assert_only_text(page)
    page.keyboard.press("Escape")
    expect(page.locator("mark")).to_have_count(0)
    expect(ask(page, "Is the ferry back in the harbour?")).to_contain_text("The ferry is back")


def assert_only_text(page: Page) -> None:
    """The pane holds nothing that the article could have brought, and is as wide as its place."""
    assert page.locator(".panel").locator("img, script, style, svg, a, b, [onload], [onerror]").count() == 0
    expect(page.locator("nav.views button").first).to_be_visible()
    widths = page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.dragoman, .panel, .article')]"
        ".map(box => box.scrollWidth - box.clientWidth)"
    )
    assert max(widths) <= 0
