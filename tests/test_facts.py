"""What a statement states that its quotes must have: numbers in digits and words, dates, names across scripts."""

from __future__ import annotations

import base64
import gzip
import hashlib
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.values import Span
from rag.budget import count_tokens, cut_to_tokens
from rag.facts import Quoted, unsupported
from rag.ground import find_quote
from rag.numbers import find_numbers

NUMBERS = [
    ("en", "two hundred and fifty thousand people", [250_000]),
    ("en", "1.5 million, half a million and 1,500", [1_500_000, 500_000, 1_500]),
    ("en", "forty-one of the third class, zero of one", [41, 3, 0]),
    ("en", "2.75 and 12,300.5", [2.75, 12_300.5]),
    ("az", "1,5 milyon, bir yarım milyon, on iki min", [1_500_000, 1_500_000, 12_000]),
    ("az", "3 min 200 nəfər, qırx bir gün, ikinci üçüncü", [3_200, 41, 2, 3]),
    ("az", "bunun üçün bir ona", []),
    ("ru", "полтора миллиона и двести пятьдесят тысяч", [1_500_000, 250_000]),
    ("ru", "12 300 человек, сорок один день, полмиллиона", [12_300, 41, 500_000]),
    ("ru", "1,5 млн и 5 тыс. в трёх городах", [1_500_000, 5_000, 3]),
    ("tr", "iki buçuk milyon ve beş yüz", [2_500_000, 500]),
    ("ar", "٤١", [41]),
]


@pytest.mark.parametrize(("lang", "text", "values"), NUMBERS)
def test_numbers(lang: str, text: str, values: list[float]) -> None:
    assert [found.values[0] for found in find_numbers(text, lang=lang)] == values


def test_what_can_be_read_in_two_ways() -> None:
    assert [found.values for found in find_numbers("1.500", lang="az")] == [(1500, 1.5)]
    assert [found.values for found in find_numbers("1.500", lang="en")] == [(1.5,)]


@given(st.text(max_size=60), st.sampled_from(["en", "az", "ru", "tr", "und"]))
def test_any_text_has_numbers_in_places_of_it(text: str, lang: str) -> None:
    spans = [found.span for found in find_numbers(text, lang=lang)]
    assert spans == sorted(spans)
    assert all(one.end <= two.start for one, two in pairwise(spans))


@given(st.integers(0, 10**9), st.sampled_from(["en", "az", "ru", "tr"]))
def test_a_whole_number_is_itself(number: int, lang: str) -> None:
    assert [found.values for found in find_numbers(f"a {number} b", lang=lang)] == [(float(number),)]


AZ = "Ermənistan Moskvadakı görüşə getmədi, çünki Nikol Paşinyan dünən Bakıda idi."
HELD = [
    ("en", "Armenia did not go to the meeting in Moscow.", "az", AZ),
    ("ru", "Армения не поехала на встречу в Москву.", "az", AZ),
    ("en", "On 22 December 2022 Pashinyan was in Baku.", "az", AZ),
    ("en", "In May 2024 the U.S. sent 2 ships.", "ru", "17 мая 2024 года США отправили два корабля."),
    ("en", "Jones and Cromwell met.", "ru", "Джонс и Кромвель встретились."),
    ("az", "Heydər Hüseynov gəldi.", "ru", "Гейдар Гусейнов приехал."),
    ("en", "The boy was hurt on Saturday.", "en", "A boy was hurt Saturday while he swam."),
]
CHANGED = [
    ("en", "Azerbaijan did not go to the meeting in Moscow.", "az", AZ, ["Azerbaijan"]),
    ("ru", "Грузия не поехала на встречу в Москву.", "az", AZ, ["Грузия"]),
    ("en", "On 21 December 2022 Pashinyan was in Baku.", "az", AZ, ["21 December 2022"]),
    (
        "en",
        "In June 2024 the U.S. sent 3 ships.",
        "ru",
        "17 мая 2024 года США отправили два корабля.",
        ["June 2024", "3"],
    ),
    ("en", "Iran and Cromwell met.", "ru", "Ирак и Кромвель встретились.", ["Iran"]),
    ("en", "putin met Cromwell.", "en", "Cromwell met someone.", ["putin"]),
]


@pytest.mark.parametrize(("lang", "statement", "its", "quote"), HELD)
def test_what_the_quote_has(lang: str, statement: str, its: str, quote: str) -> None:
    assert unsupported(statement, [Quoted(quote, its, "2022-12-23")], lang=lang) == []


@pytest.mark.parametrize(("lang", "statement", "its", "quote", "missing"), CHANGED)
def test_what_the_quote_has_not(lang: str, statement: str, its: str, quote: str, missing: list[str]) -> None:
    context = "He saw Putin there."
    assert unsupported(statement, [Quoted(quote, its, "2022-12-23")], lang=lang, context=context) == missing


@given(st.text(max_size=80), st.sampled_from(["en", "az", "ru"]))
def test_any_text_supports_itself(text: str, lang: str) -> None:
    assert unsupported(text, [Quoted(text, lang, "")], lang=lang, context=text) == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("said:  «We are\nready» today", 'said: "We are ready" today'),
        ("“We are ready”", "We are ready"),
        ("We a\u200bre ready…", "We are ready"),
        ("we are ready", None),
        ("e are ready toda", None),
        ("ready", None),
    ],
)
def test_a_quote_is_found_as_it_stands(words: str, found: str | None) -> None:
    text = 'He said: "We are ready" today, and left.'
    span = find_quote(words, text)
    assert (span and span.of(text)) == found


@given(st.text(alphabet="ab cДəş\"«'\u200b\n.", max_size=60), st.data())
def test_any_whole_words_are_found(text: str, data: st.DataObject) -> None:
    pieces = text.split()
    if not pieces:
        return
    start = data.draw(st.integers(0, len(pieces) - 1))
    end = data.draw(st.integers(start + 1, len(pieces)))
    words = " ".join(pieces[start:end])
    span = find_quote(words, text)
    if span is not None:
        assert "".join(filter(str.isalpha, span.of(text))) == "".join(filter(str.isalpha, words))
    else:
        assert sum(map(str.isalnum, words)) < 8


def test_the_encoding_is_the_one_that_tiktoken_wants() -> None:
    data = gzip.decompress(files("rag").joinpath("o200k_base.tiktoken.gz").read_bytes())
    assert hashlib.sha256(data).hexdigest() == "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
    assert base64.b64decode(data.split()[0]) == b"!"


def test_tokens_are_counted_without_a_network() -> None:
    assert [count_tokens(text) for text in ("", "hello world", "<|endoftext|>")] == [0, 2, 7]
    assert cut_to_tokens("one two three four five", 3) == "one two"
    assert cut_to_tokens("one two", 30) == "one two"


def test_spans_are_of_the_text() -> None:
    (found,) = find_numbers("İki yüz nəfər", lang="az")
    assert found.span == Span(0, 7)
