"""The page in a real browser, against a real index and assistant: what a person sees, and what a document cannot do."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.embed import EmbeddedPassage, HashingEmbedder
from index.errors import IndexFolderError, SettingsError
from index.folder import Index
from index.ingest import ingest
from index.tokens import TokenCodec
from index.values import Document, Media, Source, Span, Spelling
from rag.assistant import Assistant
from tests.browsing import Page, Served, alone, always, ask, chip_of, expect, marked_text, visit
from ui.app import RunningPage, build_page, launch, serve
from ui.conversations import Conversations
from ui.page import Desk
from ui.payload import Piece, article_payload, article_pieces, more_of_article
from ui.server import Settings

ROOT = Path(__file__).parents[1]
LIGHTHOUSE = """The lighthouse keeper of Sahilkend retires

12 March 2024

After forty-one years the keeper of the Sahilkend lighthouse handed his keys to the port. The harbour office thanked
him in front of the whole crew and gave him the old brass lamp as a present.

The lamp had burned in the tower since the first winter of the century. Visitors will be shown it in a small museum.
"""

FERRY = """Паром вернулся в порт Сахилкенд

Паром «Далга» вернулся в порт Сахилкенд после долгого ремонта и снова перевозит пассажиров через залив. Капитан
рассказал журналистам, что новый двигатель расходует вдвое меньше топлива, чем прежний.
"""

HOSTILE_TITLE = 'Storm <img src=x onerror="__pwned=1"> hits <script>__pwned=2</script> the pier'
HOSTILE_QUOTE = (
    'The storm smashed <img src=x onerror="__pwned=3"> and <script>__pwned=4</script> and '
    "![x](http://127.0.0.1:9/x.png) and [click](javascript:alert(1)) and "
    '<b style="background:url(http://127.0.0.1:9/y)">bold</b> wooden barriers along the quay.'
)
HOSTILE_NAME = "<img src=x onerror=__pwned=5>.jsonl"
QUOTED = 'The mayor said "we will rebuild\teverything" and Paşinyan agreed with the plan.'


def make_index(folder: Path, files: Path) -> None:
    ingest([files], folder, embedder=HashingEmbedder())


def write_files(files: Path) -> None:
    files.mkdir()
    (files / "lighthouse.txt").write_text(LIGHTHOUSE, encoding="utf-8")
    (files / "ferry.txt").write_text(FERRY, encoding="utf-8")
    hostile = {"title": HOSTILE_TITLE, "text": f"{HOSTILE_QUOTE} {QUOTED}", "date": "2024-05-01", "id": "dropped-7"}
    (files / HOSTILE_NAME).write_text(json.dumps(hostile) + "\n", encoding="utf-8")  # escapes every letter beyond ASCII


def serve_files(base: Path, *, threshold: float) -> Iterator[Served]:
    files, folder = base / "files", base / "index"
    write_files(files)
    make_index(folder, files)
    assistant = Assistant(Index.open(folder), calibration=always(threshold))
    page = build_page(alone(assistant), folder)
    running = RunningPage(launch(page, port=0), page, assistant.close)
    yield Served(running.url, folder, files)
    running.close()


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve_files(tmp_path_factory.mktemp("answering"), threshold=0.0)


@pytest.fixture(scope="module")
def abstaining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from serve_files(tmp_path_factory.mktemp("abstaining"), threshold=2.0)


# A question, its answer, its proof


def test_holdings_are_told(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    expect(tab.locator("h1")).to_have_text("Dragoman")
    expect(tab.locator(".holdings")).to_have_text(re.compile(r"^\d+ files · \d+ articles · \d+ passages$"))


class Stopped(HashingEmbedder):
    """Is stopped with Ctrl-C before its first passage."""

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        raise KeyboardInterrupt


def test_what_share_is_embedded_is_told_until_all_is(tab: Page, tmp_path: Path) -> None:
    for served in serve_files(tmp_path, threshold=0.0):
        with Index.open(served.folder) as index:
            whole = index.catalog.passage_count()
        (served.files / "late.txt").write_text("The crane of the harbour is painted green since Monday.")
        assert ingest([served.files], served.folder, embedder=Stopped()).interrupted
        tab.goto(served.url)
        expect(tab.locator(".holdings")).to_contain_text(
            f" passages · search by meaning is {100 * whole // (whole + 1)}% ready, the rest is found by its words"
        )
        chip_of(ask(tab, "What colour is the crane of the harbour?"), "painted green").wait_for()
        ingest([served.files], served.folder, embedder=HashingEmbedder())
        ask(tab, "What colour is the crane?")
        expect(tab.locator(".holdings")).to_have_text(re.compile(f" · {whole + 1} passages$"))


def test_a_chip_opens_the_quote_in_its_article(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    quote = "After forty-one years the keeper of the Sahilkend lighthouse handed his keys to the port."
    chip = chip_of(reply, quote)
    expect(chip).to_have_text("[1]")
    chip.click()
    assert marked_text(tab) == quote
    panel = tab.get_by_label("Evidence", exact=True)
    start = LIGHTHOUSE.index(quote)
    expect(panel.locator(".title")).to_have_text("The lighthouse keeper of Sahilkend retires")
    expect(panel.locator(".facts")).to_contain_text("2024-03-12")
    expect(panel.locator(".facts")).to_contain_text("English")
    expect(panel.locator(".facts")).to_contain_text("lighthouse.txt")
    expect(panel.locator(".facts")).to_contain_text(f"{start}–{start + len(quote)}")
    expect(panel.locator(".article")).to_contain_text("Visitors will be shown it in a small museum.")
    expect(panel.locator("mark")).to_be_in_viewport()
    expect(chip).to_have_attribute("aria-pressed", "true")


def test_the_mark_is_scrolled_to_in_a_long_article(tab: Page, answering: Served) -> None:
    filler = "\n\n".join(f"Paragraph {n} tells of weather, of fish, and of nothing else at all." for n in range(200))
    words = "The zeppelin quartermaster vanished near Gobustan."
    text = f"A long report about the weather and the fish\n\n{filler}\n\n{words}\n"
    (answering.files / "long.txt").write_text(text, encoding="utf-8")
    make_index(answering.folder, answering.files)
    visit(tab, answering)
    chip_of(ask(tab, "Where did the zeppelin quartermaster vanish?"), words).click()
    assert marked_text(tab) == words
    expect(tab.locator("mark")).to_be_in_viewport()
    expect(tab.locator(".panel .title")).to_be_in_viewport()


def test_a_question_in_another_script_is_answered(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    reply = ask(tab, "Почему паром вернулся в порт?")
    chip_of(reply, "Паром «Далга» вернулся").click()
    assert marked_text(tab).startswith("Паром «Далга» вернулся в порт")
    expect(tab.locator(".facts")).to_contain_text("Russian")


def test_words_that_run_to_the_left_keep_their_order(tab: Page, answering: Served) -> None:
    words = "وزیر خارجه ایران (Araghchi) درباره Zangezur گفت که مرزها تغییر نمی‌کند."
    title = "ایران و آذربایجان در باکو دیدار کردند امروز"
    (answering.files / "rtl.txt").write_text(
        f"{title}\n\n{words} {'این دیدار سه ساعت طول کشید. ' * 5}\n", encoding="utf-8"
    )
    make_index(answering.folder, answering.files)
    visit(tab, answering)
    statement = ask(tab, "Araghchi درباره Zangezur چه گفت").locator(".statement", has_text="Zangezur")
    expect(statement).to_have_css("direction", "rtl")
    statement.locator(".chip").click()
    assert marked_text(tab) == words
    # The words of the first language stand to the right of the name that follows them.
    for text in (statement.locator(".words"), tab.locator("mark")):
        assert text.evaluate(LEFT_OF, "وزیر") > text.evaluate(LEFT_OF, "Araghchi")


LEFT_OF = """(element, word) => {
    const range = document.createRange(), at = element.firstChild.data.indexOf(word);
    range.setStart(element.firstChild, at);
    range.setEnd(element.firstChild, at + word.length);
    return range.getBoundingClientRect().left;
}"""


def test_what_was_ingested_since_is_found(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    words = "The beekeeper of Qusar sold nineteen jars of chestnut honey."
    (answering.files / "bees.txt").write_text(f"Honey from the hills of Qusar sells well\n\n{words} {'Honey. ' * 20}\n")
    holdings = tab.locator(".holdings").text_content()
    make_index(answering.folder, answering.files)
    expect(ask(tab, "How many jars of chestnut honey did the beekeeper sell?")).to_contain_text(words)
    expect(tab.locator(".holdings")).not_to_have_text(holdings)


def test_a_quote_that_has_changed_is_not_shown(tab: Page, answering: Served) -> None:
    file = answering.files / "turbine.txt"
    words = "The turbine blade cracked during the first autumn gale."
    file.write_text(
        f"A broken blade at the wind farm on the hill\n\n{words} {'It was loud. ' * 12}\n", encoding="utf-8"
    )
    make_index(answering.folder, answering.files)
    visit(tab, answering)
    reply = ask(tab, "When did the turbine blade crack?")
    file.write_text(
        f"A broken blade at the wind farm on the hill\n\nNobody knows. {'It was quiet. ' * 12}\n", encoding="utf-8"
    )
    make_index(answering.folder, answering.files)
    chip_of(reply, words).click()
    expect(tab.locator(".panel .problem")).to_contain_text("ask again")
    expect(tab.locator("mark")).to_have_count(0)


def test_keys_alone_are_enough(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    chip = reply.locator(".chip").first
    expect(chip).to_have_attribute("aria-label", re.compile(r"^Citation 1: .*lighthouse\.txt, characters \d+ to \d+$"))
    tab.get_by_label("Conversation", exact=True).focus()
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("Edit this question and ask again")).to_be_focused()
    tab.keyboard.press("Tab")
    expect(chip).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("mark")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.locator("mark")).to_have_count(0)
    expect(chip).to_be_focused()


# Abstentions, filters, errors


def test_an_abstention_is_shown_as_one(tab: Page, abstaining: Served) -> None:
    visit(tab, abstaining)
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    expect(reply).to_contain_text("The documents do not tell.")
    expect(reply).to_contain_text("they do not hold a person's name that the question has not")
    expect(reply).not_to_contain_text("probability")
    expect(reply).to_contain_text("Closest passages")
    expect(tab.locator(".answer")).to_have_count(0)
    reply.get_by_role("button", name="The lighthouse keeper of Sahilkend retires").first.click()
    assert "handed his keys to the port." in marked_text(tab)


def test_what_was_searched_is_told(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    expect(tab.locator(".searched")).to_have_text(
        re.compile(r"^Searched \d+ articles · 2024-03-12 to 2024-05-01 · .*English.*Russian")
    )


def test_a_question_is_understood_by_the_one_before_it(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    ask(tab, "Who gave the lighthouse keeper a brass lamp?")
    reply = ask(tab, "and when did he retire?")
    expect(tab.locator(".meant")).to_have_text("gave the lighthouse keeper a brass lamp — and when did he retire?")
    expect(reply).to_contain_text("the old brass lamp")


def test_health_is_told_once_questions_can_be_asked(answering: Served) -> None:
    with urllib.request.urlopen(f"{answering.url}health", timeout=60) as response:
        assert (response.status, json.load(response)) == (200, {"status": "ok"})


def test_filters_keep_to_languages_and_days(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    tab.get_by_role("checkbox", name="Russian").check()
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    expect(reply).not_to_contain_text("handed his keys")
    tab.get_by_role("checkbox", name="Russian").uncheck()
    tab.get_by_label("Dated from").fill("2030-01-01")
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    expect(reply).to_contain_text("There is no passage under these filters")


def test_a_bad_day_is_told(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    tab.get_by_label("Dated until").fill("<b>soon</b>")
    reply = ask(tab, "Who kept the lighthouse?")
    expect(reply.get_by_text("<b>soon</b>: not a day; write it as 2024-12-31")).to_be_visible()
    expect(tab.get_by_label("Your question")).to_have_value("Who kept the lighthouse?")


# Documents and questions are untrusted


def test_a_hostile_document_is_only_text(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    reply = ask(tab, "What did the storm smash along the quay, which wooden barriers?")
    expect(reply).to_contain_text(HOSTILE_QUOTE)
    chip_of(reply, "The storm smashed").hover()
    expect(tab.locator(".tip-quote")).to_have_text(HOSTILE_QUOTE)
    expect(tab.locator(".card-title", has_text=HOSTILE_TITLE).first).to_be_visible()
    assert_nothing_but_text(tab)
    chip_of(reply, "The storm smashed").click()
    assert marked_text(tab) == HOSTILE_QUOTE
    expect(tab.locator(".panel .title")).to_have_text(HOSTILE_TITLE)
    expect(tab.locator(".facts")).to_contain_text(HOSTILE_NAME)
    expect(tab.locator(".article")).not_to_contain_text("dropped-7")
    assert_nothing_but_text(tab)


def test_a_hostile_closest_passage_is_only_text(tab: Page, abstaining: Served) -> None:
    visit(tab, abstaining)
    reply = ask(tab, "What did the storm smash along the quay, which wooden barriers?")
    chip = reply.get_by_role("button", name=HOSTILE_TITLE).first
    expect(chip.locator(".name")).to_have_text(HOSTILE_TITLE)
    chip.click()
    assert HOSTILE_QUOTE in marked_text(tab)
    assert_nothing_but_text(tab)


def test_a_hostile_question_is_only_text(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    question = (
        '<img src="http://127.0.0.1:9/q.png" onerror="__pwned=6">{{value}} ${__pwned=7} ![](http://127.0.0.1:9/z)'
    )
    ask(tab, question)
    expect(tab.locator(".log .question")).to_have_text(question)
    assert_nothing_but_text(tab)


def assert_nothing_but_text(page: Page) -> None:
    """The component holds no element that a text could have brought."""
    assert page.locator(".dragoman").locator("img, script, a, iframe, b, svg, [style*=url], [onerror]").count() == 0


def test_json_escapes_are_read_and_the_mark_stays_in_place(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    chip_of(ask(tab, "What did the mayor say we will rebuild, and did Paşinyan agree?"), "The mayor said").click()
    assert marked_text(tab) == QUOTED


def test_the_browser_is_told_to_reach_no_other_host(tab: Page, answering: Served) -> None:
    response = tab.goto(answering.url)
    assert "default-src 'self'" in response.headers["content-security-policy"]
    visit(tab, answering)
    refused = tab.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => resolve(event.blockedURI));
            const image = new Image();
            image.src = "data:,"; // allowed
            document.body.append(Object.assign(document.createElement("object"), {data: location.origin + "/x"}));
        })"""
    )
    assert refused
    tab.wait_for_load_state("networkidle")  # what comes late is asked of us, too


def test_another_name_for_this_machine_is_refused(tab: Page, answering: Served) -> None:
    visit(tab, answering)
    response = tab.request.get(answering.url, headers={"Host": "attacker.example"})
    assert response.status == 400


# How it looks


def test_a_phone_needs_no_sideways_scrolling(phone: Page, answering: Served) -> None:
    visit(phone, answering)
    assert_fits(phone)
    reply = ask(phone, "What did the storm smash along the quay, which wooden barriers?")
    expect(phone.locator(".composer")).to_be_in_viewport()
    assert_fits(phone)
    chip_of(reply, "The storm smashed").click()
    expect(phone.locator("mark")).to_be_in_viewport()
    expect(phone.locator(".composer")).to_be_hidden()
    assert_fits(phone)
    phone.get_by_role("button", name="All evidence").click()
    expect(phone.locator(".composer")).to_be_visible()
    phone.get_by_role("button", name="Conversations", exact=True).click()
    expect(phone.get_by_role("button", name="New conversation")).to_be_visible()
    assert_fits(phone)


def assert_fits(page: Page) -> None:
    widths = page.evaluate(
        "[document.documentElement, ...document.querySelectorAll('.dragoman, .panel, .article, .side, .log')]"
        ".map(box => box.scrollWidth - box.clientWidth)"
    )
    assert max(widths) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_are_legible(tab: Page, answering: Served, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    visit(tab, answering)
    reply = ask(tab, "Who handed his keys of the Sahilkend lighthouse to the port?")
    reply.locator(".chip").first.click()
    for selector in (
        ".holdings",
        ".question",
        ".words",
        ".chip >> nth=0",
        ".title",
        "dt >> nth=0",
        ".article",
        "mark",
        ".send",
        ".searched",
        ".badge",
        ".quiet >> nth=0",
        ".conversation-time",
        ".fact-file dd",
    ):
        # WCAG 2.2, 1.4.3: text and what is behind it differ by 4.5 to 1.
        assert tab.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector
    page_is_dark = tab.locator(".dragoman").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(21, 24, 27)"
    assert page_is_dark == (scheme == "dark")


CONTRAST = """element => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => numbers(color).slice(0, 3)
        .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    let behind = element;
    while (numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const a = light(getComputedStyle(element).color), b = light(getComputedStyle(behind).backgroundColor);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


# Without a browser


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    write_files(tmp_path / "files")
    make_index(tmp_path / "index", tmp_path / "files")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingsError, match=rf"^--port {port}: another program has it on 127\.0\.0\.1; .*--port \d+"
        ):
            serve(Settings(tmp_path / "index", port=port), prevent_thread_lock=True)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70_000, "--port 70000: no such port"),
        ("203.0.113.7", 0, "--host 203.0.113.7: not an address of this machine"),
    ],
)
def test_an_address_that_cannot_be_had_is_told(tmp_path: Path, host: str, port: int, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        serve(Settings(tmp_path, host=host, port=port), prevent_thread_lock=True)


def test_a_missing_index_is_told(tmp_path: Path) -> None:
    with pytest.raises(IndexFolderError, match="dragoman ingest"):
        serve(Settings(tmp_path, port=0), prevent_thread_lock=True)


def test_serving_is_quiet_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    write_files(tmp_path / "files")
    make_index(tmp_path / "index", tmp_path / "files")
    program = (
        "import sys; from pathlib import Path; from ui.app import serve; from ui.server import Settings\n"
        "serve(Settings(Path(sys.argv[1]), port=0), report=lambda message: print(message, flush=True))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "index")]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell may have told its background jobs to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        assert re.fullmatch(r"ask at http://127\.0\.0\.1:\d+/ \(Ctrl-C ends it\)\n", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate()
    assert (process.returncode, out, errors) == (0, "", "")


def test_ctrl_c_while_the_address_is_told_ends_serving(tmp_path: Path) -> None:
    write_files(tmp_path / "files")
    make_index(tmp_path / "index", tmp_path / "files")

    def told(message: str) -> None:
        if message.startswith("ask at "):
            raise KeyboardInterrupt

    running = serve(Settings(tmp_path / "index", port=0), report=told)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(running.url, timeout=5)


def test_importing_the_page_loads_no_gradio() -> None:
    program = "import sys, ui.app; sys.exit('gradio' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    write_files(tmp_path / "files")
    make_index(tmp_path / "index", tmp_path / "files")
    with Assistant(Index.open(tmp_path / "index"), calibration=always(0.0)) as assistant:
        yield Desk(alone(assistant), Conversations(None))


def question(text: object = "Who kept the lighthouse?", **others: object) -> dict[str, object]:
    nothing = {"earlier": [], "languages": [], "after": "", "before": "", "sources": [], "outlets": []}
    return {"question": text, **nothing, "conversation": "", "replaces": 0, **others}


def reply_to(desk: Desk, request: dict[str, object]) -> dict[str, Any]:
    """The last event of a reply."""
    given = desk.ask(request)
    while not given.get("done", True):
        given = desk.more({"id": given["id"], "seen": 0})
    return given["events"][-1] if given["kind"] == "running" else given


def test_every_chip_opens(desk: Desk) -> None:
    reply = reply_to(desk, question())
    chips = [chip for statement in reply["statements"] for chip in statement["chips"]]
    assert [chip["number"] for chip in chips] == list(range(1, len(chips) + 1))
    for chip in chips:
        assert desk.show(chip)["kind"] == "article"


@pytest.mark.parametrize(
    "change",
    [
        {"quote": "words that are not there"},
        {"quote": ""},
        {"start": 1},
        {"start": -5},
        {"end": 10_000},
        {"source": "ferry.txt"},
        {"source": "../../etc/passwd"},
        {"document": "none"},
        {"start": "0"},
        {"quote": None},
    ],
)
def test_a_chip_that_does_not_fit_its_source_opens_nothing(desk: Desk, change: dict[str, object]) -> None:
    chip = reply_to(desk, question("Who handed his keys to the port?"))["statements"][0]["chips"][0]
    shown = desk.show({**chip, **change})
    assert (shown["kind"], "pieces" in shown) == ("error", False)


def test_dropped_words_cannot_be_shown(desk: Desk, tmp_path: Path) -> None:
    text = (tmp_path / "files" / HOSTILE_NAME).read_text(encoding="utf-8")
    chip = reply_to(desk, question("What did the storm smash along the quay?"))["statements"][0]["chips"][0]
    assert chip["source"] == HOSTILE_NAME
    start = text.index("dropped-7")
    shown = desk.show({**chip, "start": start, "end": start + 9, "quote": "dropped-7"})
    assert shown["kind"] == "error"


@pytest.mark.parametrize("text", ["", "  ", None, 7, "x" * 5_000])
def test_a_question_that_is_none_is_told(desk: Desk, text: object) -> None:
    assert reply_to(desk, question(text))["kind"] == "error"


def test_half_a_character_is_no_reason_to_fail(desk: Desk) -> None:
    assert reply_to(desk, question("Who kept the lighthouse \ud83d?", earlier=["\ud83d why?"]))["kind"] == "answer"


def test_pieces_are_the_kept_text_and_nothing_else() -> None:
    text = 'kept one. DROPPED kept \\"two\\". \n tail'
    source = Source("a.jsonl", Media.JSONL, "", text, spelling=Spelling.JSON)
    spans = (Span(0, 9), Span(18, 31), Span(34, 38))
    document = Document("a", "a.jsonl", "", "en", "", spans, spans)
    start = text.index('\\"two')
    assert article_pieces(document, source, Span(start, start + 7), Span(0, len(text))) == [
        Piece("kept one.", marked=False, after_gap=False),
        Piece("kept ", marked=False, after_gap=True),
        Piece('"two"', marked=True, after_gap=False),
        Piece(".", marked=False, after_gap=False),
        Piece("tail", marked=False, after_gap=False),
    ]


@pytest.mark.parametrize("written", ["a word ", "x", "line\n", '\\"', r"\u0259", r"\ud83d\ude00", r"\\\\u"])
def test_what_is_shown_of_a_long_article_in_parts_is_all_of_it(written: str) -> None:
    text = written * (100_000 // len(written))
    source = Source("a.jsonl", Media.JSONL, "", text, spelling=Spelling.JSON)
    third = len(text) // 3 // len(written) * len(written)
    spans = (Span(0, third), Span(third + 20 * len(written), len(text)))
    document = Document("a", "a.jsonl", "", "en", "", spans, spans)
    marked = Span(third - len(written), third)

    def read(part: dict[str, Any]) -> str:
        return "".join(piece["text"] for piece in part["pieces"])

    part = article_payload(document, source, marked)
    whole = read(part)
    assert 0 < len(whole) <= 50_000
    above, below = part["above"], part["below"]
    while above:
        part = more_of_article(document, source, above, above=True)
        whole, above = read(part) + whole, part["above"]
    while below:
        part = more_of_article(document, source, below, above=False)
        whole, below = whole + read(part), part["below"]
    everything = article_pieces(document, source, marked, Span(0, len(text)))
    assert whole == "".join(piece.text for piece in everything)


@pytest.mark.parametrize(
    "change", [{"source": "ferry.txt"}, {"source": "../../etc/passwd"}, {"document": "none"}, {"place": "0"}]
)
def test_more_of_an_article_is_of_one_that_is_there(desk: Desk, change: dict[str, object]) -> None:
    chip = reply_to(desk, question("Who handed his keys to the port?"))["statements"][0]["chips"][0]
    asked = {**chip, "place": 10_000, "side": "above"}
    assert desk.show_more(asked)["kind"] == "part"
    assert desk.show_more({**asked, **change})["kind"] == "error"
