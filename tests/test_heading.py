"""What stands above an article's text: bylines, names, datelines, in four languages."""

from __future__ import annotations

import pytest

from index.clean import clean
from index.heading import author_of, dateline_outlet, is_byline, signature, source_line
from index.values import Document, Media, Source

TEXT = (
    "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts. "
    "The first harvest went to the ticket office."
)


@pytest.mark.parametrize(
    ("line", "author", "outlet"),
    [
        ("By Ann Harrow", "Ann Harrow", ""),
        ("by Ann van Harrow", "Ann van Harrow", ""),
        ("By Ann Harrow, Oakmere Post", "Ann Harrow", "Oakmere Post"),
        ("By Ann Harrow | 5 May 2024", "Ann Harrow", ""),
        ("By Ann Harrow, Oakmere Post, 5 May 2024", "Ann Harrow", "Oakmere Post"),
        ("Story and photos by Ann Harrow", "Ann Harrow", ""),
        ("Interview by Ann Harrow", "Ann Harrow", ""),
        ("Author: Ann Harrow", "Ann Harrow", ""),
        ("Müəllif: Aysel Qarabağlı", "Aysel Qarabağlı", ""),
        ("Müəllif Aysel Rəşid qızı", "Aysel Rəşid qızı", ""),
        ("Hazırladı: Aysel Qarabağlı", "Aysel Qarabağlı", ""),
        ("Söhbətləşdi: Orxan Daş", "Orxan Daş", ""),
        ("Автор: Зоя Санина", "Зоя Санина", ""),
        ("Автор Зоя Санина, «Верхний маяк»", "Зоя Санина", "Верхний маяк"),
        ("Подготовила Зоя Санина", "Зоя Санина", ""),
        ("Беседовала Зоя Санина", "Зоя Санина", ""),
        ("Текст: З. Санина", "З. Санина", ""),
        ("Yazan: Ece Çınar, 29 Şubat 2024", "Ece Çınar", ""),
        ("Haber: Ece Çınar", "Ece Çınar", ""),
        ("Röportaj: Ece Çınar — Çınaraltı Postası", "Ece Çınar", "Çınaraltı Postası"),
        # no bylines
        ("By the time he came, it was dark", "", ""),
        ("By Monday the water had gone", "", ""),
        ("Автор неизвестен", "", ""),
        ("Haber yok", "", ""),
        ("Ann Harrow", "", ""),
        ("", "", ""),
    ],
)
def test_bylines(line: str, author: str, outlet: str) -> None:
    assert author_of(line) == (author, outlet)
    assert is_byline(line) == bool(author)


@pytest.mark.parametrize(
    ("line", "author", "outlet"),
    [
        ("Oakmere Post, 1 October 2024", "", "Oakmere Post"),
        ("Ann Harrow, Oakmere Post, 1 October 2024", "Ann Harrow", "Oakmere Post"),
        ("September 2024, Council press desk", "Council press desk", ""),
        ("Зоя Санина, «Верхний маяк», 8 июля 2024 г.", "Зоя Санина", "Верхний маяк"),
        ("Пресс-служба посёлка, 8 июля 2024", "Пресс-служба посёлка", ""),
        ("“Gilavar” qəzeti, 3 mart 2024", "", "Gilavar” qəzeti"),
        ("Ece Çınar | 3 Mart 2024", "Ece Çınar", ""),
        ("3 Mart 2024", "", ""),
    ],
)
def test_lines_with_a_date_and_names(line: str, author: str, outlet: str) -> None:
    assert source_line(line) == (author, outlet)


@pytest.mark.parametrize(
    ("line", "author", "outlet"),
    [
        ("Ann Harrow", "Ann Harrow", ""),
        ("Зоя Санина, Верхний маяк", "Зоя Санина", "Верхний маяк"),
        ("ANN HARROW", "", ""),
        ("Ann left.", "", ""),
        ("Beans", "", ""),
    ],
)
def test_names_that_stand_by_themselves(line: str, author: str, outlet: str) -> None:
    assert signature(line) == (author, outlet)


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        ("OAKMERE, Feb. 19 (Tram News Agency) - Beans grow.", "Tram News Agency"),
        ("ВЕРХНИЕ САНИ, 19 фев (Лыжный вестник) — Письма идут.", "Лыжный вестник"),
        ("The beans (all 300) - and more.", ""),
    ],
)
def test_datelines(line: str, outlet: str) -> None:
    assert dateline_outlet(line) == outlet


def read(text: str) -> Document:
    (document,) = clean(Source("a.txt", Media.TEXT, "0", text)).documents
    return document


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("Beans along the fence\nBy Ann Harrow\n5 May 2024", ("Beans along the fence", "Ann Harrow", "", "2024-05-05")),
        ("Beans along the fence\nMay 2024", ("Beans along the fence", "", "", "2024-05")),
        ("OPINION\nBeans along the fence\nAnn Harrow", ("Beans along the fence", "Ann Harrow", "", "")),
        ("5 May 2024\nBeans along the fence", ("Beans along the fence", "", "", "2024-05-05")),
        ("Beans", ("Beans", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_heads(head: str, told: tuple[str, str, str, str]) -> None:
    document = read(f"{head}\n{TEXT}\n")
    assert (document.title, document.author, document.outlet, document.date) == told


def test_the_body_begins_below_the_head() -> None:
    text = f"Beans along the fence\nBy Ann Harrow\n5 May 2024\n{TEXT}"
    document = read(text)
    assert [span.of(text) for span in document.body] == [TEXT]
    assert [span.of(text) for span in document.spans] == [text]
    assert document.date_from == "date line"


def test_a_short_article_has_a_title_too() -> None:
    text = "Beans along the fence\n\nThey grow well there.\nDrivers water them."
    document = read(text)
    assert document.title == "Beans along the fence"
    assert [span.of(text) for span in document.body] == ["They grow well there.\nDrivers water them."]
