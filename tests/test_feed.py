"""Feeds of three kinds: each entry a part, with what its fields say of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import clean
from index.errors import ReadError
from index.formats.feed import read_feed
from index.read import read_source

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Liman Bülleteni</title><link>http://liman.example/</link><description>Gəmilər haqqında</description>
<item><title>Gəmi gecikir &amp;amp; heç kim bilmir niyə</title><dc:creator>Orxan Dəniz</dc:creator>
<pubDate>Fri, 17 May 2024 23:30:00 +0400</pubDate><description>Qısaca: gecikir.</description>
<content:encoded><![CDATA[<p>Gəmi üç gündür ki, körpüdən görünmür.</p><p>Kapitan isə <b>susur</b>.</p>
<script>x()</script>]]></content:encoded></item>
<item><title>Yeni kran</title><author>qulam@liman.example (Qulam Sahil)</author>
<pubDate>16 May 2024 10:00:00 GMT</pubDate><description>Kran gəldi. Köhnəsi isə&nbsp;satılır.</description></item>
<item><link>http://liman.example/3</link></item>
</channel></rss>"""

RDF = """<?xml version="1.0" encoding="windows-1251"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="http://a.example/"><title>Вести пруда</title></channel>
<item rdf:about="http://a.example/1"><title>Утки вернулись</title><dc:date>2023-04-02T06:00+03:00</dc:date>
<dc:creator>Пахом Лугов</dc:creator><description>Две утки сели на пруд в воскресенье.</description></item></rdf:RDF>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title type="text">Notes of a lamp keeper</title>
<author><name>Ilyas</name></author><entry><title type="html">Oil &lt;i&gt;again&lt;/i&gt;</title>
<author><name>Ilyas
Ward</name></author><updated>2022-01-09T00:00:00Z</updated><published>2021-11-30T08:00:00Z</published>
<summary>Short of oil.</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>The oil came late
and thin.</p><ul><li>one barrel</li><li>half a barrel</li></ul></div></content></entry>
<entry><title>Fog</title><updated>2021-12-01T00:00:00Z</updated><content type="text">2 &lt; 3, says the log.
Fog all day.</content></entry></feed>"""

FEEDS = {"a.rss": RSS.encode(), "b.xml": RDF.encode("cp1251"), "c.atom": ATOM.encode()}


def test_rss_of_html() -> None:
    feed = read_feed(FEEDS["a.rss"], "a.rss")
    assert (feed.title, feed.outlet) == ("Liman Bülleteni", "Liman Bülleteni")
    assert [(p.title, p.date, p.author, p.outlet) for p in feed.parts] == [
        ("Gəmi gecikir & heç kim bilmir niyə", "2024-05-17", "Orxan Dəniz", "Liman Bülleteni"),
        ("Yeni kran", "2024-05-16", "Qulam Sahil", "Liman Bülleteni"),
    ]
    assert [p.span.of(feed.text) for p in feed.parts] == [
        "Gəmi gecikir & heç kim bilmir niyə\n\nGəmi üç gündür ki, körpüdən görünmür.\n\nKapitan isə susur.",
        "Yeni kran\n\nKran gəldi. Köhnəsi isə satılır.",
    ]
    assert feed.text == "\n\n\n".join(p.span.of(feed.text) for p in feed.parts)


def test_rss_1_in_windows_1251() -> None:
    feed = read_feed(FEEDS["b.xml"], "b.xml")
    assert [(p.title, p.date, p.author, p.outlet) for p in feed.parts] == [
        ("Утки вернулись", "2023-04-02", "Пахом Лугов", "Вести пруда")
    ]
    assert feed.text == "Утки вернулись\n\nДве утки сели на пруд в воскресенье."


def test_atom_of_xhtml_and_text() -> None:
    feed = read_feed(FEEDS["c.atom"], "c.atom")
    assert [(p.title, p.date, p.author) for p in feed.parts] == [
        ("Oil again", "2021-11-30", "Ilyas Ward"), ("Fog", "2021-12-01", "")
    ]  # fmt: skip
    assert [p.span.of(feed.text) for p in feed.parts] == [
        "Oil again\n\nThe oil came late and thin.\n\none barrel\nhalf a barrel",
        "Fog\n\n2 < 3, says the log.\nFog all day.",
    ]


def test_a_post_whose_title_is_its_first_line_says_it_once() -> None:
    feed = read_feed(
        b"<rss><channel><item><title>Rain</title><description>Rain</description></item></channel></rss>", "a"
    )
    assert feed.text == "Rain"


@pytest.mark.parametrize("name", FEEDS)
def test_entries_are_documents(name: str, check_every_character: Callable[..., None]) -> None:
    source = read_source(FEEDS[name], path=name)
    cleaned = clean(source)
    check_every_character(source, cleaned)
    assert [(d.title, d.date) for d in cleaned.documents] == [(p.title, p.date) for p in source.parts]


BOMB = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>
<rss><channel><item><title>&c;</title></item></channel></rss>"""
FILE = b"""<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/hostname">]>
<rss><channel><item><title>&f;</title></item></channel></rss>"""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BOMB, "a.xml: it declares entities"),
        (FILE, "a.xml: it declares entities"),
        (b"<note><to>Ali</to></note>", "a.xml: XML of <note>, and of XML only RSS and Atom feeds are read;"),
        (RSS.encode()[:700], "a.xml: not whole XML ("),
        (b"not xml", "a.xml: not whole XML ("),
        (b"<rss><channel><title>Empty</title></channel></rss>", "a.xml: the feed has no entry with words in it;"),
    ],
    ids=["bomb", "file", "other", "half", "text", "empty"],
)
def test_what_is_no_feed_is_told(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_feed(data, "a.xml")
    assert str(caught.value).startswith(message)
    assert ";" in str(caught.value)


def test_a_doctype_without_entities_and_a_page_within_an_entry_are_read() -> None:
    doctype = '<!DOCTYPE rss PUBLIC "-//A//DTD RSS 0.91//EN" "http://a.example/rss.dtd">'
    page = "<![CDATA[<!DOCTYPE html><html><body><p>A whole page</p></body></html>]]>"
    item = f"<item><title>One</title><description>{page}</description></item>"
    feed = read_feed(f"{doctype}<rss><channel>{item}</channel></rss>".encode(), "a.xml")
    assert feed.text == "One\n\nA whole page"


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(FEEDS)),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=5),
)
def test_damaged_feeds_are_read_or_told(name: str, flips: list[tuple[int, int]]) -> None:
    data = bytearray(FEEDS[name])
    for place, change in flips:
        data[place % len(data)] ^= change
    try:
        feed = read_feed(bytes(data), name)
    except ReadError as error:
        assert str(error).startswith(f"{name}: ")
    else:
        assert [p.span.start for p in feed.parts] == sorted(p.span.start for p in feed.parts)
        assert all(p.span.of(feed.text).strip() for p in feed.parts)
