"""The languages of the page: the same texts in each, and none left in another."""

from __future__ import annotations

import ast
import json
import pickle
import re
import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from index.catalog import Catalog
from index.check import Kind, Problem
from index.embed import Embedder, HashingEmbedder
from index.errors import ReadError
from index.folder import Index
from index.ingest import ingest
from index.read import readable_types
from index.said import Said, from_json, said, to_json
from rag.assistant import Assistant
from tests.browsing import Browser, Page, Served, alone, always, answered, expect, new_tab
from ui.api import make_api
from ui.app import RunningPage, build_page, launch
from ui.jobs import Jobs
from ui.observe import Observer
from ui.pieces import ASSETS, LANGUAGES, texts
from ui.uploads import Uploads

ROOT = Path(__file__).parents[1]
# By Intl.PluralRules for whole numbers. In Azerbaijani a noun after a number has one form, so its texts have none.
PLURALS = {"en": {"one", "other"}, "az": set[str](), "ru": {"one", "few", "many"}}

CODE = re.compile(
    r"{\w+}|questions\.jsonl|corpus|BEIR|dragoman serve --ingest-from DIR|dragoman show --cleaning|"
    r"dragoman index (?:check|compact|repair|restore SNAPSHOT)|<!DOCTYPE>|\.(?:txt|eml)|"
    r"\b(?:PDF|OCR|DRM|CSV|XML|RSS|Atom|ZIP|UTF-8)\b"
)

# Words that a person sees or hears on the page, but for those of documents and of the server, which say whose they are.
WORDS = """() => {
  const said = [];
  const theirs = '[dir="auto"]:not(.statement), dd, .card-about, .side-about, kbd, .examples, .suggestion, .question';
  const ours = (node) => !node.closest(theirs) && node.closest("[lang]") === document.documentElement;
  const shown = (node) => node.checkVisibility({ visibilityProperty: true });
  for (const part of document.querySelectorAll(".dragoman .bar, .dragoman .view:not([hidden])")) {
    const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (ours(node.parentElement) && shown(node.parentElement)) said.push(node.data);
    }
    for (const node of part.querySelectorAll("[aria-label], [title], [placeholder]")) {
      if (!shown(node) || node.matches(".chip, .card-open")) continue;
      for (const name of ["aria-label", "title", "placeholder"]) said.push(node.getAttribute(name) ?? "");
    }
  }
  return said.map((text) => text.trim()).filter(Boolean);
}"""
# What is the same in every language: names, and what is told by its form.
SAME = {"dragoman", "markdown", "json", "english", "azərbaycanca", "русский", "slow"}

LAMP = {"title": "The lamp is lit", "text": "The keeper lit the lamp above the harbour by hand.", "date": "2024-05-05"}
HALF = json.dumps(LAMP) + "\n{ no JSON\n"
ANSWERED = {"az": "Ermənistan niyə Moskvadakı görüşə getmədi?", "ru": "Почему Армения не поехала на встречу в Москву?"}
NOWHERE = "who won the chess olympiad in Budapest?"


def forms(text: str | dict[str, str]) -> dict[str, str]:
    return {"": text} if isinstance(text, str) else text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language: str) -> None:
    said, english = texts(language), texts("en")
    assert list(said) == list(english)  # in the same order, so that they are easily read side by side
    for key, text in said.items():
        wanted = {frozenset(re.findall(r"{\w+}", form)) for form in forms(english[key]).values()}
        assert {frozenset(re.findall(r"{\w+}", form)) for form in forms(text).values()} == wanted, key
        assert isinstance(text, str) or set(text) == PLURALS[language], key
        assert isinstance(text, str) != isinstance(english[key], dict) or language == "az", key
        assert all(form == form.strip() and re.search(r"\w", form) for form in forms(text).values()), key


@pytest.mark.parametrize("language", ["az", "ru"])
def test_texts_are_in_the_letters_of_their_language(language: str) -> None:
    for key, text in texts(language).items():
        for form in forms(text).values():
            words = set(re.findall(r"[^\W\d_]+", CODE.sub("", form)))
            foreign = {word for word in words if (word.isascii() if language == "ru" else not _is_latin(word))}
            assert foreign <= {"Dragoman", "Markdown", "JSON", "n", "p"}, key


def _is_latin(word: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-zÇçƏəĞğİıÖöŞşÜü]+", word))


def test_what_the_page_names_is_among_the_texts() -> None:
    pieces = "\n".join(each.read_text("utf-8") for each in ASSETS.iterdir() if each.name.endswith((".html", ".js")))
    named = set(re.findall(r'\bdata-(?:text|label|placeholder|title)="(\w+)"', pieces))
    named |= set(re.findall(r'\bt\("(\w+)"', pieces))
    assert len(named) > 80
    assert named <= set(texts("en"))


def sentences() -> dict[str, list[set[str]]]:
    """The sentences that the code makes with a key, by it, and the values that come with it wherever it is made."""
    found: dict[str, list[set[str]]] = {}
    for file in (path for folder in ("index", "rag", "ui") for path in (ROOT / folder).rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match call:
                case ast.Call(ast.Name("said"), [ast.Constant(str(key)), _], keywords):
                    found.setdefault(key, []).append({keyword.arg or "" for keyword in keywords})
    for kind in Kind:
        found[f"wrong_{kind.name.lower()}"] = [set(Problem(kind, "its name", "a place", "what").told.values)]
    return found


def test_sentences_of_the_server_can_be_told_in_every_language() -> None:
    made, english = sentences(), texts("en")
    assert len(made) > 130
    assert {f"said_{key}" for key in made} == {key for key in english if key.startswith("said_")}
    for key, places in made.items():
        named = set(re.findall(r"{(\w+)}", str(english[f"said_{key}"])))
        assert all(named <= values for values in places), key


def test_reasons_to_drop_a_line_can_be_told_in_every_language() -> None:
    rules = tomllib.loads((ROOT / "index" / "furniture.toml").read_text(encoding="utf-8"))
    reasons = {rule["reason"] for rule in rules["furniture"]}
    assert len(reasons) > 20
    assert {f"why_{re.sub('[ -]', '_', reason)}" for reason in reasons} <= set(texts("en"))


def test_a_sentence_is_the_same_after_json_and_after_a_process() -> None:
    made = said("too_long", "{file}: {count} letters", file="a.txt", count=7)
    for again in (from_json(json.loads(json.dumps(to_json(made)))), pickle.loads(pickle.dumps(ReadError(made))).told):
        assert isinstance(again, Said)
        assert (str(again), again.key, again.values) == ("a.txt: 7 letters", "too_long", {"file": "a.txt", "count": 7})
    assert from_json(json.loads(json.dumps(to_json("plain")))) == "plain"


def test_what_was_not_read_is_kept_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "half.jsonl").write_text(HALF, encoding="utf-8")
    report = ingest([tmp_path / "half.jsonl"], tmp_path / "news.index", embedder=HashingEmbedder())
    with Catalog(tmp_path / "news.index") as catalog:
        source = catalog.source("half.jsonl")
    assert source is not None
    for problem in (*source.problems, *report.failures):
        assert isinstance(problem, Said)
        assert (problem.key, problem.values["line"]) == ("not_json", 2)


# In a browser


@pytest.fixture(scope="module")
def sample(sample_index: Path, e5: Embedder) -> Iterator[Served]:
    index = Index.open(sample_index)
    index.use_embedder(e5)
    assistant = Assistant(index)
    page = build_page(alone(assistant), sample_index)
    running = RunningPage(launch(page, port=0), page, assistant.close)
    yield Served(running.url, sample_index, sample_index)
    running.close()


def opened(browser: Browser, served: Served, language: str) -> Iterator[Page]:
    for page in new_tab(browser, width=1440, language=language):
        page.goto(served.url)
        expect(page.locator(".holdings")).to_contain_text("34")
        yield page


def foreign(page: Page, language: str) -> list[str]:
    """What is said on the page in another language."""
    english = {word for text in texts("en").values() for form in forms(text).values() for word in _words(form)}
    own = {word for text in texts(language).values() for form in forms(text).values() for word in _words(form)}
    found: list[str] = []
    for text in page.evaluate(WORDS):
        words = {word for word in _words(text) if word not in SAME}
        if any(word.isascii() and len(word) > 1 for word in words) if language == "ru" else words & english - own:
            found.append(text)
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", re.sub(r"{\w+}", "", text).replace("I", "ı").replace("İ", "i").lower())


@pytest.mark.parametrize("language", ["az", "ru"])
def test_nothing_of_asking_stays_in_english(browser: Browser, sample: Served, language: str) -> None:
    said = texts(language)

    def copied(route: Any) -> None:
        response = route.fetch()
        told = response.json()
        for event in told.get("events", []) if isinstance(told, dict) else []:
            if event["kind"] == "answer":
                event["statements"][0] |= {"support": "partly", "reports": 5, "independent": 2}
                event |= {"written_by": "slow", "dropped": 3, "problem": "it broke off", "age": "none is dated"}
                sides = [{"says": word, "date": "", "outlet": "", "statements": []} for word in ("yes", "no")]
                event["disagreements"] = [{"about": "yes or no", "sides": sides}]
        route.fulfill(response=response, json=told)

    for page in opened(browser, sample, f"{language}-XX"):
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert foreign(page, language) == []
        page.route("**/component_server/**", copied)
        page.locator(".languages input").first.check()
        page.locator(".languages input").first.uncheck()
        question = page.locator("textarea[name=question]")
        for number, text in enumerate((ANSWERED[language], NOWHERE), start=1):
            question.fill(text)
            question.press("Enter")
            expect(page.locator(".turn-tools")).to_have_count(number)
        page.unroute_all(behavior="wait")  # what the page asks by itself may be on its way
        expect(page.locator(".abstention .verdict")).to_have_text(f"{said['not_told']}.")
        expect(page.locator(".abstention .reason")).to_have_text(str(said["said_nothing_near"]))
        expect(page.locator(".side-says")).to_have_text([str(said["yes"]), str(said["no"])])
        page.locator(".filters [name=after]").fill("2024-01-01")
        page.locator(".edit").first.click()
        page.locator(".wrong").first.click()
        page.locator(".rename").click()
        assert foreign(page, language) == []
        page.locator(".statement .chip").first.click()
        expect(page.locator("mark")).to_have_count(1)
        assert foreign(page, language) == []
        page.locator(".filters [name=after]").evaluate("field => (field.value = 'soon')")
        question.evaluate("field => field.form.requestSubmit()")
        expect(page.locator(".log .problem")).to_have_text(str(said["said_not_a_day"]).format(value="soon"))


@pytest.mark.parametrize("language", ["az", "ru"])
def test_nothing_of_the_library_stays_in_english(browser: Browser, sample: Served, language: str) -> None:
    for page in opened(browser, sample, language):
        page.locator("nav.views [data-view=library]").click()
        page.locator(".health summary").click()
        expect(page.locator(".health-body button")).to_be_visible()
        page.locator(".open-article").first.click()
        expect(page.locator(".cleaning")).to_be_visible()
        assert foreign(page, language) == []


@pytest.mark.parametrize("language", ["az", "ru"])
def test_nothing_of_the_lab_and_the_evaluation_stays_in_english(
    browser: Browser, sample: Served, language: str
) -> None:
    for page in opened(browser, sample, language):
        page.locator("nav.views [data-view=lab]").click()
        expect(page.locator("select[name=left] option").first).to_be_attached()
        assert foreign(page, language) == []
        page.locator("nav.views [data-view=evaluation]").click()
        expect(page.locator(".exam-report p")).to_be_visible()
        assert foreign(page, language) == []


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[Served]:
    """A page of an archive with one article, to which files can be added."""
    files, folder = tmp_path / "files", tmp_path / "news.index"
    files.mkdir()
    (files / "half.jsonl").write_text(HALF, encoding="utf-8")
    ingest([files], folder, embedder=HashingEmbedder())
    assistants = alone(Assistant(Index.open(folder), calibration=always(0.0)))
    jobs = Jobs(folder, Uploads(tmp_path / "news.index.uploads"))
    page = build_page(assistants, folder, jobs=jobs)
    running = RunningPage(launch(page, port=0, api=make_api(assistants, jobs, Observer())), page, assistants.close)
    yield Served(running.url, folder, files)
    jobs.close()
    running.close()


@pytest.mark.parametrize("language", ["az", "ru"])
def test_what_goes_wrong_with_files_is_told_in_the_language(browser: Browser, writable: Served, language: str) -> None:
    told = texts(language)

    def says(key: str, **values: object) -> str:
        return str(told[f"said_{key}"]).format(**values)

    for page in new_tab(browser, width=1440, language=language):
        page.goto(f"{writable.url}#library")
        expect(page.locator(".drop-hint")).to_contain_text(".zip")
        # The first two are refused by the server, the third here, the last two are sent and cannot be read.
        names = [".hidden.txt", "a" * 220 + ".txt", "song.mp3", "broken.pdf", "noise.txt"]
        data = [b"words", b"words", b"la", b"%PDF-1.4 junk", b"\0\1\2\3"]
        page.locator("input.files").set_input_files(
            [{"name": name, "mimeType": "", "buffer": each} for name, each in zip(names, data, strict=True)]
        )
        refused = page.locator(".sending .problem")
        expect(refused).to_have_count(3)
        types = " ".join([*readable_types(), ".zip"])
        expect(refused.nth(0)).to_have_text(says("upload_hidden", file=names[0]))
        expect(refused.nth(1)).to_have_text(says("upload_long_name", file=names[1][:40]))
        expect(refused.nth(2)).to_have_text(says("type_unreadable", file=names[2], types=types))
        problems = page.locator(".job-problems li")
        expect(problems).to_have_text([says("broken_pdf", file=names[3]), says("binary", file=names[4])])
        assert problems.first.get_attribute("lang") is None  # it is in the language of the page

        expect(page.locator(".flag")).to_have_text(says("not_json", file="half.jsonl", line=2))
        page.locator(".open-article").click()
        expect(page.locator(".volume-facts dd").last).to_have_text(says("not_json", file="half.jsonl", line=2))


@pytest.mark.parametrize("language", ["az", "ru"])
def test_what_a_check_finds_is_told_in_the_language(browser: Browser, writable: Served, language: str) -> None:
    with closing(sqlite3.connect(writable.folder / "catalog.sqlite")) as db, db:
        db.execute("UPDATE sources SET text = text || ' and more'")
    shutil.rmtree(writable.folder / "lexical")
    for page in new_tab(browser, width=1440, language=language):
        page.goto(f"{writable.url}#library")
        page.locator(".health summary").click()
        page.locator(".health-body button").click()
        found = page.locator(".health .job-problems li")
        wanted = {"wrong_source": {"subject": "half.jsonl"}, "cache_missing": {"file": writable.folder / "lexical"}}
        expect(found).to_have_text(
            [str(texts(language)[f"said_{key}"]).format(**values) for key, values in wanted.items()]
        )


@pytest.mark.parametrize("language", ["az", "ru"])
def test_why_a_passage_moved_is_told_in_the_language(browser: Browser, writable: Served, language: str) -> None:
    for page in new_tab(browser, width=1440, language=language):
        page.goto(f"{writable.url}#lab")
        page.locator("select[name=left]").select_option("answer")
        page.locator(".trial [name=question]").fill("Who lit the lamp in May 2024?")
        page.locator(".trial [type=submit]").click()
        moved = str(texts(language)["said_move_dated"]).format(date="2024-05-05", more="0.15")
        expect(page.locator(".ranking").first.locator(".hit-facts").last).to_have_text(
            re.compile(re.escape(moved[:-4]))
        )


def test_what_is_there_in_english_only_is_said_to_be(browser: Browser, writable: Served) -> None:
    (writable.folder / "catalog.sqlite").rename(writable.folder / "catalog.away")
    for page in new_tab(browser, width=1440, language="ru"):
        page.goto(f"{writable.url}#library")
        expect(page.locator(".health-line")).to_have_text(re.compile(f"^{texts('ru')['unsaid']}: .*no index"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_phone_needs_no_sideways_scrolling_in_any_language(browser: Browser, sample: Served, language: str) -> None:
    for page in new_tab(browser, width=360, language=language):
        page.goto(sample.url)
        expect(page.locator(".holdings")).to_contain_text("34")
        page.locator("textarea[name=question]").fill("Who runs the lighthouse?")
        page.locator("textarea[name=question]").press("Enter")
        expect(page.locator(".turn-tools")).to_be_visible()
        for view in ("library", "lab", "evaluation", "ask"):
            page.locator(f"nav.views [data-view={view}]").click()
            expect(page.locator(f"section.view-{view}")).to_be_visible()
            expect(
                page.locator(f"section.view-{view} :is(.found, .trial-languages input, .exam-hint, .chip)")
            ).not_to_have_count(0)
            over = "box => box.scrollWidth - box.clientWidth"
            assert page.locator(".dragoman").evaluate(over) <= 0, view
            assert page.locator(f"section.view-{view}").evaluate(over) <= 0, view


def test_russian_counts_in_its_three_forms(browser: Browser, sample: Served) -> None:
    for page in opened(browser, sample, "ru"):
        expect(page.locator(".holdings")).to_have_text("21 файл · 34 статьи · 78 отрывков")


def test_the_language_is_chosen_and_kept(browser: Browser, sample: Served) -> None:
    for page in opened(browser, sample, "de-DE"):
        expect(page.locator("html")).to_have_attribute("lang", "en")
        answered(page, "Who runs the lighthouse?")
        page.locator(".tongue").select_option("az")
        expect(page.locator(".send")).to_have_text("Soruş")
        expect(page.locator(".log .question")).to_have_text("Who runs the lighthouse?")
        page.reload()
        expect(page.locator("html")).to_have_attribute("lang", "az")
        expect(page.locator(".conversation-time").first).to_have_text(re.compile(r"\d\d:\d\d"))
