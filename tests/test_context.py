"""Who "he" is: the sentence before a statement that names a person, proved as every quote is, or else the title."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.folder import Index
from index.values import Document, Media, Source, Span
from rag.abstain import CALIBRATION
from rag.assistant import Assistant
from rag.context import leans, naming_sentence
from rag.replay import replay
from rag.reply import Answer, Statement
from rag.verify import load_citations, verify
from ui.payload import ReplyPayload

LEAN = [
    ("en", "He said the bridge would open in May."),
    ("en", "“We will wait for the ferry,” she said."),
    ("en", "Her office said nothing."),
    ("az", "O bildirib ki, körpü mayda açılacaq."),
    ("az", "Onun sözlərinə görə, körpü mayda açılacaq."),
    ("az", "“Gözləyin, körpü açılacaq”, - deyə əlavə edib."),
    ("ru", "Он заявил, что мост откроют в мае."),
    ("ru", "«Мы подождём парома», — сказала она."),
    ("ru", "По его словам, мост откроют в мае."),
    ("ru", "«Мы подождём парома», — заявил в беседе с газетой."),
    ("tr", "O, köprünün mayısta açılacağını söyledi."),
]
STAND_ALONE = [
    ("en", "Rashid said he was tired."),  # it names him
    ("en", "He told Leyla to wait."),
    ("en", "It was shut in May."),
    ("en", "He or she must pay."),
    ("en", "The bridge was shut."),
    ("az", "O gün yağış yağırdı."),  # that day
    ("az", "Onun yarpaqları yaşıldır."),  # its leaves
    ("az", "“Gözləyin”, — Leyla dedi."),
    ("ru", "Он шёл всего двенадцать минут."),  # the hail
    ("ru", "«Мы подождём», — сказала Лейла."),
    ("ru", "«Мы подождём», — сказал тренер."),
    ("de", "Er sagte nichts."),  # nothing is known of how this language says it
]


@pytest.mark.parametrize(("lang", "text"), LEAN)
def test_what_says_he_of_somebody(lang: str, text: str) -> None:
    assert leans(text, lang=lang, around="")


@pytest.mark.parametrize(("lang", "text"), STAND_ALONE)
def test_what_needs_nobody(lang: str, text: str) -> None:
    assert not leans(text, lang=lang, around="")


STORIES = {
    "en": (
        "Harbour master Rashid Quliyev came to the council. The rain had not stopped. He said the ferry pier is to be "
        "rebuilt of oak.",
        "Harbour master Rashid Quliyev came to the council.",
        "of what is the ferry pier to be rebuilt?",
    ),
    "az": (
        "Liman rəisi Rəşid Quliyev şuraya gəldi. Yağış hələ dayanmamışdı. O bildirib ki, bərə körpüsü palıddan yenidən "
        "tikiləcək.",
        "Liman rəisi Rəşid Quliyev şuraya gəldi.",
        "bərə körpüsü nədən yenidən tikiləcək?",
    ),
    "ru": (
        "Начальник порта Рашид Кулиев пришёл в совет. Дождь ещё не кончился. Он заявил, что паромный причал построят "
        "заново из дуба.",
        "Начальник порта Рашид Кулиев пришёл в совет.",
        "из чего построят заново паромный причал?",
    ),
}


def first_statement(index: Index, question: str) -> tuple[Answer, Statement]:
    reply = Assistant(index, calibration=replace(CALIBRATION, threshold=0.0)).ask(question)
    assert isinstance(reply, Answer)
    return reply, next(each for each in reply.statements if each.text.startswith(("He ", "O ", "Он ")))


@pytest.mark.parametrize("lang", STORIES)
def test_the_sentence_that_names_him_is_shown_and_proved(
    lang: str, make_index: Callable[..., Index], tmp_path: Path
) -> None:
    story, named, question = STORIES[lang]
    index = make_index({"pier.txt": story})
    reply, statement = first_statement(index, question)
    assert statement.text == story[story.index(statement.text[:6]) :]  # as it was
    assert statement.context.text == named
    [citation] = statement.context.citations
    assert (citation.source, citation.quote) == ("pier.txt", named)

    location = tmp_path / "reply.json"
    location.write_text(reply.to_json(), encoding="utf-8")
    quotes, _ = load_citations(location)
    assert named in [quote.quote for quote in quotes]
    assert [v.problem for v in verify(quotes, lambda path: tmp_path / "docs" / path)] == [""] * len(quotes)
    assert f"_Context: {named[:-1]}" in reply.receipt().to_markdown().replace("\\", "")
    shown = ReplyPayload(index).statement(statement)["context"]
    assert (shown["text"], [chip["quote"] for chip in shown["chips"]]) == (named, [named])


def test_a_forged_context_is_found_out(make_index: Callable[..., Index], tmp_path: Path) -> None:
    story, named, question = STORIES["en"]
    index = make_index({"pier.txt": story})
    reply, statement = first_statement(index, question)
    saved = json.loads(reply.to_json())
    place = [each["text"] for each in saved["statements"]].index(statement.text)
    location = tmp_path / "reply.json"
    location.write_text(json.dumps(saved), encoding="utf-8")
    asked = Assistant(index, calibration=replace(CALIBRATION, threshold=0.0))
    assert replay(location, asked) == []

    saved["statements"][place]["context"]["citations"][0]["quote"] = named.replace("Rashid", "Samir")
    location.write_text(json.dumps(saved), encoding="utf-8")
    quotes, _ = load_citations(location)
    verdicts = verify(quotes, lambda path: tmp_path / "docs" / path)
    assert [verdict.citation.quote for verdict in verdicts if verdict.problem] == [named.replace("Rashid", "Samir")]

    saved["statements"][place]["context"] = {"text": "Somebody else.", "citations": []}
    location.write_text(json.dumps(saved), encoding="utf-8")
    assert replay(location, asked) == ["the sentences that say who is meant are others"]
    del saved["statements"][place]["context"]  # as it was saved before there was any
    location.write_text(json.dumps(saved), encoding="utf-8")
    assert replay(location, asked) == []


def test_where_nobody_is_named_the_title_is_shown(make_index: Callable[..., Index]) -> None:
    title = "The harbour master speaks of oak"
    story = f"{title}\n5 May 2024\nThe rain had not stopped. He said the ferry pier is to be rebuilt of oak.\n"
    _, statement = first_statement(make_index({"pier.txt": story}), STORIES["en"][2])
    assert (statement.context.text, statement.context.citations) == (title, ())


def test_the_sentence_is_read_as_a_person_reads_it(make_index: Callable[..., Index]) -> None:
    story, named, question = STORIES["az"]
    index = make_index({"pier.jsonl": json.dumps({"title": "Palıd", "text": story})})
    _, statement = first_statement(index, question)
    [citation] = statement.context.citations
    assert statement.context.text == named
    assert json.loads(f'"{citation.quote}"') == named != citation.quote


def test_a_ministry_is_nobody() -> None:
    text = "Samir Aslanov waited. The Ministry of Finance wrote to Baku. He was tired."
    assert named_before(text, text.index("He was")) == "Samir Aslanov waited."


def test_who_is_named_by_one_name_again_is_nearer() -> None:
    text = "Samir Aslanov waited for Aydan Rzayeva. It rained. Aslanov went home. He was tired."
    assert named_before(text, text.index("He was")) == "Aslanov went home."


SENTENCES = st.lists(
    st.sampled_from(
        ["Samir Aslanov waited.", "It rained.", "He was tired.", "O dedi.", "Bakı Şəhəri. ", "1. x", "“A B"]
    ),
    min_size=1,
    max_size=12,
)


@given(sentences=SENTENCES, cut=st.integers(0, 200), gap=st.integers(0, 60))
def test_context_stands_before_its_statement_in_the_body(sentences: list[str], cut: int, gap: int) -> None:
    text = " ".join(sentences)
    place = min(cut, len(text))
    body = tuple(
        Span(start, end)
        for start, end in ((0, min(gap, len(text))), (min(gap + 5, len(text)), len(text)))
        if start < end
    )
    source = Source("a.txt", Media.TEXT, "", text)
    found = naming_sentence(Document("d", "a.txt", "", "en", "", body, body), source, place)
    if found is not None:
        assert found.span.end <= place
        assert found.text == found.span.of(text)
        assert any(part.start <= found.span.start and found.span.end <= part.end for part in body)
    elif body == (Span(0, len(text)),):
        assert "Samir Aslanov waited. " not in text[max(0, place - 30) : place]


def named_before(text: str, place: int) -> str:
    whole = (Span(0, len(text)),)
    found = naming_sentence(
        Document("d", "a.txt", "", "en", "", whole, whole), Source("a.txt", Media.TEXT, "", text), place
    )
    return found.text if found else ""
