"""Web archives: the pages that records hold, whatever the others hold, and what is damaged is told."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from index.clean import clean
from index.errors import ReadError
from index.files import discover
from index.formats.warc import read_warc
from index.read import read_source
from index.values import Media

BODY = "Körpünün üstündə külək o qədər güclü idi ki, balıqçılar toru yığıb evə qayıtdılar və axşama qədər gözlədilər. "
PAGE = (
    "<html><head><title>Külək</title><meta property='article:published_time' content='2024-02-01'></head><body>"
    f"<nav><a href='/'>Ana səhifə</a></nav><article><h1>Külək körpünü bağladı</h1><p>{BODY * 2}</p><p>{BODY}</p>"
    "</article></body></html>"
)
RECORDS = [
    ("http://sahil.example/1", "200 OK", "text/html; charset=utf-8", PAGE.encode()),
    ("http://sahil.example/logo.png", "200 OK", "image/png", b"\x89PNG" + bytes(200)),
    ("http://sahil.example/old", "404 Not Found", "text/html", b"<p>Nothing here</p>"),
    ("http://wind.example/note.txt", "200 OK", "text/plain", b"Wind from the north.\nNothing else."),
]


def make_warc(*, gzipped: bool, records: list[tuple[str, str, str, bytes]] = RECORDS, encoded: bool = False) -> bytes:
    data = io.BytesIO()
    writer = WARCWriter(data, gzip=gzipped)
    writer.write_record(writer.create_warcinfo_record("a.warc", {"software": "test"}))
    for address, status, media, payload in records:
        headers = [("Content-Type", media), *([("Content-Encoding", "gzip")] if encoded else [])]
        writer.write_record(
            writer.create_warc_record(
                address,
                "response",
                payload=io.BytesIO(gzip.compress(payload) if encoded else payload),
                http_headers=StatusAndHeaders(status, headers, protocol="HTTP/1.1"),
            )
        )
    writer.write_record(
        writer.create_warc_record("urn:a", "metadata", payload=io.BytesIO(b"a: b"), warc_content_type="text/plain")
    )
    return data.getvalue()


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("encoded", [False, True])
def test_pages_and_texts_are_parts(gzipped: bool, encoded: bool) -> None:
    archive = read_warc(make_warc(gzipped=gzipped, encoded=encoded), "a.warc")
    assert [(p.title, p.date, p.outlet) for p in archive.parts] == [
        ("Külək körpünü bağladı", "2024-02-01", "sahil.example"), ("", "", "wind.example")
    ]  # fmt: skip
    assert archive.parts[1].span.of(archive.text) == "Wind from the north.\nNothing else."
    assert [(d.span.of(archive.text), d.reason) for d in archive.set_aside] == [("Ana səhifə", "navigation")]
    assert archive.problems == ()


def test_a_resource_is_read_too() -> None:
    data = io.BytesIO()
    writer = WARCWriter(data, gzip=False)
    payload = io.BytesIO(PAGE.encode())
    writer.write_record(
        writer.create_warc_record("http://a.example/", "resource", payload=payload, warc_content_type="text/html")
    )
    assert [p.outlet for p in read_warc(data.getvalue(), "a.warc").parts] == ["a.example"]


def test_set_aside_is_shifted_to_the_second_page() -> None:
    archive = read_warc(make_warc(gzipped=True, records=[RECORDS[3], RECORDS[0], RECORDS[0]]), "a.warc.gz")
    assert [d.span.of(archive.text) for d in archive.set_aside] == ["Ana səhifə", "Ana səhifə"]
    assert len(archive.parts) == 3


@pytest.mark.parametrize("name", ["a.warc", "b.WARC.gz"])
def test_the_suffix_may_be_double(name: str, check_every_character: Callable[..., None]) -> None:
    source = read_source(make_warc(gzipped=name.endswith("gz")), path=name)
    assert source.media is Media.WARC
    cleaned = clean(source)
    check_every_character(source, cleaned)
    assert [d.title for d in cleaned.documents] == ["Külək körpünü bağladı", ""]


def test_a_plain_gzip_is_no_archive(tmp_path: Path) -> None:
    for name in ("a.warc.gz", "b.gz", "c.txt.gz"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.name for file in discover([tmp_path]).files] == ["a.warc.gz"]


def test_a_damaged_record_stops_no_other() -> None:
    plain = make_warc(gzipped=False)
    at = plain.index(b"Content-Length", plain.index(b"sahil.example/1"))
    archive = read_warc(plain[:at] + b"X" + plain[at + 1 :], "a.warc")
    assert [p.outlet for p in archive.parts] == ["wind.example"]
    assert len(archive.problems) == 1
    assert archive.problems[0].startswith("a.warc: at byte ")
    assert archive.problems[0].endswith("a damaged record, or one that is cut off; fetch that page again")


def test_a_damaged_piece_of_gzip_stops_no_other() -> None:
    packed = make_warc(gzipped=True)
    starts = [i for i in range(len(packed)) if packed[i : i + 3] == b"\x1f\x8b\x08"]
    broken = bytearray(packed)
    broken[starts[1] + 40] ^= 0xFF
    archive = read_warc(bytes(broken), "a.warc.gz")
    assert [p.outlet for p in archive.parts] == ["wind.example"]
    assert archive.problems == (
        f"a.warc.gz: what is packed at byte {starts[1]} is damaged; fetch the archive again for it",
    )


def test_an_archive_that_is_cut_off_is_read_as_far_as_it_goes() -> None:
    plain = make_warc(gzipped=False)
    archive = read_warc(plain[: plain.index(b"Wind from")], "a.warc")
    assert [p.outlet for p in archive.parts] == ["sahil.example"]
    assert len(archive.problems) == 1


def test_a_bomb_is_refused() -> None:
    bomb = gzip.compress(make_warc(gzipped=False) + bytes(2_000_000))
    with pytest.raises(ReadError, match=r"a\.warc\.gz: unpacks to more than 1,000,000 bytes; split"):
        read_warc(bomb, "a.warc.gz", max_unpacked_bytes=1_000_000)
    many = gzip.compress(bytes(400_000)) * 3
    with pytest.raises(ReadError, match=r"a\.warc\.gz: unpacks to more than 1,000,000 bytes; split"):
        read_warc(many, "a.warc.gz", max_unpacked_bytes=1_000_000)


@pytest.mark.parametrize("data", [b"no archive", b"\x1f\x8b\x08 no archive", make_warc(gzipped=False, records=[])])
def test_an_archive_without_pages_is_told(data: bytes) -> None:
    with pytest.raises(ReadError, match=r"a\.warc: no page or text could be read from this archive.*; fetch"):
        read_warc(data, "a.warc")


WARCS = {gzipped: make_warc(gzipped=gzipped) for gzipped in (False, True)}


@settings(max_examples=150)
@given(
    gzipped=st.booleans(),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=5),
)
def test_damaged_archives_are_read_or_told(gzipped: bool, flips: list[tuple[int, int]]) -> None:
    data = bytearray(WARCS[gzipped])
    for place, change in flips:
        data[place % len(data)] ^= change
    try:
        archive = read_warc(bytes(data), "a.warc")
    except ReadError as error:
        assert str(error).startswith("a.warc: ")
    else:
        assert all(p.span.of(archive.text).strip() for p in archive.parts)
        assert all(message.startswith("a.warc: ") for message in archive.problems)
