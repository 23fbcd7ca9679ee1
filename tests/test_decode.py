"""Bytes to text: by mark, as UTF-8, by what the letters speak for; and what cannot be told is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.decode import Decoded, decode
from index.errors import ReadError
from index.values import Spelling

RUSSIAN = (
    "Маяк в Сахилькенде с весны работает без смотрителя. Старый смотритель уехал домой вместе с собакой, и теперь "
    "за светом следит машина. Жители посёлка говорят, что по ночам он стал ярче, но им не хватает человека наверху.\n"
)
TURKISH = (
    "Narlıdere'deki deniz feneri bahardan beri bekçisiz çalışıyor. Yaşlı bekçi köpeğiyle birlikte evine döndü, artık "
    "ışığa bir makine bakıyor. Köylüler gecelerin daha aydınlık olduğunu, yine de onu özlediklerini söylüyor.\n"
)
AZERBAIJANI = (
    "Sahilkənddəki mayak yazdan bəri gözətçisiz işləyir. Qoca gözətçi itini də götürüb evinə qayıdıb, indi işığa "
    "maşın baxır. Kənd sakinləri deyirlər ki, gecələr daha işıqlı olub, amma onlar gözətçi üçün darıxırlar.\n"
)
ENGLISH = "The lighthouse of Sahilkend has been run by a machine since the spring; its keeper has gone home.\n"
TEXTS = {"ru": RUSSIAN, "tr": TURKISH, "az": AZERBAIJANI, "en": ENGLISH}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_utf_8(text: str) -> None:
    assert decode(text.encode(), "a.txt") == Decoded(text, "utf-8", ())
    assert decode(text.encode(), "a.txt").spelling is Spelling.PLAIN
    assert decode(b"\xef\xbb\xbf" + text.encode(), "a.txt").text == "\ufeff" + text


@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r", "cp866"])
@pytest.mark.parametrize("times", [1, 40])
def test_older_cyrillic(encoding: str, times: int) -> None:
    found = decode((RUSSIAN * times).encode(encoding), "a.txt")
    assert (found.text, found.encoding, found.problems) == (RUSSIAN * times, encoding, ())


@pytest.mark.parametrize("times", [1, 40])
def test_older_turkish(times: int) -> None:
    found = decode((TURKISH * times).encode("cp1254"), "a.txt")
    assert (found.text, found.encoding) == (TURKISH * times, "cp1254")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_wide_text_with_and_without_its_mark(text: str, encoding: str) -> None:
    assert decode("\ufeff".encode(encoding) + text.encode(encoding), "a.txt").text == text
    found = decode(text.encode(encoding), "a.txt")
    assert (found.text, found.encoding) == (text, encoding)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_widest_text(text: str) -> None:
    assert decode(text.encode("utf-32"), "a.txt").text == text


def test_a_few_damaged_bytes_cost_themselves() -> None:
    data = bytearray((AZERBAIJANI * 10).encode())
    place = data.index("ə".encode(), 1000)
    data[place] = 0xFF  # and what followed it is no letter by itself any more
    found = decode(bytes(data), "a.txt")
    assert found.encoding == "utf-8"
    assert found.text.replace("\ufffd\ufffd", "ə") == AZERBAIJANI * 10
    line = data[:place].count(b"\n") + 1
    assert found.problems == (
        f"a.txt:{line}: byte {place} (0xff) is damaged, 2 in all; they are shown as \ufffd and the rest was "
        "read; fetch the file again if they matter",
    )


def test_the_replacement_characters_that_a_text_has_are_not_counted() -> None:
    text = "\ufffd" * 200 + RUSSIAN * 5
    assert decode(text.encode() + "я".encode()[:1], "a.txt").problems[0].endswith("fetch the file again if they matter")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "byte 8 is zero, so this is not text but a binary file"),
        (b"\x00\x01", "byte 0 is zero"),
        (bytes(range(256)) * 4, "byte 0 is zero"),
        (b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00\x01\x00\x00\x00", "byte 7 is zero"),
        (RUSSIAN.encode("utf-16")[:-1], "is not UTF-16, which the file says it is; fetch it again"),
        ("a\x00b".encode("utf-16"), "character 1 is zero"),
        (bytes(range(128, 256)) * 3, "is not UTF-8, nor is the file in an encoding that can be told"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        decode(data, "a.txt")
    assert str(caught.value).startswith("a.txt")
    assert message in str(caught.value)
    assert ";" in str(caught.value)


@given(data=st.binary(max_size=400))
def test_any_bytes_are_text_that_can_be_stored_or_refused(data: bytes) -> None:
    try:
        found = decode(data, "a.txt")
    except ReadError:
        return
    found.text.encode()
    assert "\x00" not in found.text


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_what_is_utf_8_is_never_taken_for_anything_else(text: str) -> None:
    assert decode(text.encode(), "a.txt").text == text
