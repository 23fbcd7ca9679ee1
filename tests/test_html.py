"""Web pages: all that they show is in the text, and each line that is no article's is set aside with a reason."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trafilatura
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import clean
from index.errors import ReadError
from index.formats import Extracted
from index.formats.align import align, flat
from index.formats.html import read_html
from index.formats.markup import decode_html, parse_html, visible_text
from index.read import read_source

# Pages of many makes

NEWS = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Ferry returns to Dashkand - The Shore Courier</title>
<meta property="og:title" content="Ferry returns to Dashkand"><meta property="og:site_name" content="The Shore Courier">
<meta property="article:published_time" content="2024-03-05T08:30:00+04:00">
<meta property="article:modified_time" content="2024-06-01T08:30:00+04:00">
<meta name="author" content="Leyla Hart">
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "NewsArticle",
"headline": "Ferry returns to Dashkand", "author": {"@type": "Person", "name": "Leyla Hart"},
"datePublished": "2024-03-05T08:30:00+04:00"}</script>
<style>p { color: red }</style></head><body class="home with-sidebar">
<div id="cookie-consent"><p>We use cookies to make this site work and to count its readers every day.</p>
<button>Accept all</button></div>
<header class="site"><a href="/">The Shore Courier</a><nav><ul><li><a href="/w">World</a></li>
<li><a href="/s">Sport</a></li></ul></nav></header>
<main><article><h1>Ferry returns to Dashkand</h1>
<p class="byline">By Leyla Hart, 5 March 2024</p>
<div class="share-bar"><a href="#">Facebook</a> <a href="#">Telegram</a></div>
<p>The ferry between Dashkand and the eastern shore sailed again on Tuesday after nine winters at anchor, with forty
passengers, six goats and a piano on board.</p>
<p>Its captain, Rauf Melik, said that the engine had been rebuilt twice and that the river had changed its bed in the
meantime, so that the old charts were of no use to him.</p>
<h2>Tickets</h2>
<p>A ticket costs four manats for those who live on either shore, and ten for everybody else, the harbour office said
in a note that it pinned to its door.</p>
<table><tr><th>Shore</th><th>Price</th></tr><tr><td>East</td><td>4</td></tr><tr><td>West</td><td>10</td></tr></table>
<p>The last ferry leaves at eight in the evening, and whoever misses it has to walk eleven kilometres to the bridge.</p>
</article>
<section class="related"><h3>Related stories</h3><ul><li><a href="/a">Bridge closed for repairs until autumn</a></li>
<li><a href="/b">Goats win the regional prize again</a></li></ul></section>
<section id="comments"><h3>2 comments</h3><ol><li><p>Nadir: I have waited nine winters for this and I am not even
joking.</p></li>
<li><p>Anna: The piano was mine, and it has not been tuned since.</p></li></ol></section></main>
<aside><h3>Weather</h3><p>Rain from the west, seven degrees, wind up to nine metres a second.</p></aside>
<footer><p>© 2024 The Shore Courier. All rights reserved. Printed on the river.</p></footer>
<script>var tracker = "ferry";</script><noscript>Turn scripts on</noscript></body></html>"""

BLOG = """<html lang="az"><head><meta charset="utf-8"><title>Nar bağında qış</title></head><body>
<div class="header"><div class="logo"><a href="/">Bağban dəftəri</a></div></div>
<div class="content"><div class="post"><h2 class="entry-title">Nar bağında qış</h2>
<div class="post-meta"><span class="author">Səkinə Vəli</span> <time datetime="2023-12-11">11 dekabr 2023</time></div>
<div class="entry-content"><p>Bu il şaxta gec düşdü, ona görə də nar ağaclarını yalnız dekabrın əvvəlində samanla
bürüdüm. Atam bunu həmişə noyabrda edərdi, amma onun qışları başqa idi.</p>
<blockquote>Ağacı soyuqdan yox, küləkdən qoru.</blockquote>
<ul><li>Saman quru olmalıdır.</li><li>İp çox bərk bağlanmamalıdır.</li></ul>
<p>Qonşum Rəhim kişi isə heç nə etmir: deyir ki, ağac özü bilir. Üç ildir onun narları mənimkindən şirindir, bunu
etiraf etmək ağır olsa da.</p></div>
<div class="tags"><a href="/t/1">bağ</a> <a href="/t/2">nar</a></div></div></div>
<div class="sidebar"><h3>Arxiv</h3><ul><li><a href="/1">Noyabr 2023</a></li><li><a href="/2">Oktyabr
2023</a></li></ul></div>
<div id="footer">Bütün şəkillər mənimdir.</div></body></html>"""

OLD = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1251">
<title>Мельница снова мелет</title></head><body bgcolor=white>
<table width=100%><tr><td width=150><a href=1.htm>Главная</a><br><a href=2.htm>Архив</a><br><a
href=3.htm>Письма</a></td>
<td><font size=5><b>Мельница снова мелет</b></font><br><br>
В селе Верхний Плёс после долгого перерыва заработала водяная мельница. Её жернова молчали почти тридцать лет, и
многие жители уже не помнили, как она шумит.<br><br>
Мельник Тимофей Горшков сам выточил новые лопасти из дуба. По его словам, помогали ему двое внуков и один отставной
геолог, приехавший на рыбалку.<br><br>
Первую муку раздали в школе и в библиотеке, а мешок отвезли соседям за реку, у которых мельница сгорела прошлой осенью.
</td></tr></table><center><font size=1>Газета выходит по четвергам</font></center></body></html>"""

LIST = """<html lang="tr"><head><meta charset="utf-8"><title>Köy Postası</title>
<meta property="og:site_name" content="Köy Postası"></head><body><header><h1>Köy Postası</h1></header>
<nav><a href="/">Ana sayfa</a> <a href="/arsiv">Arşiv</a></nav><main>
<article><h2><a href="/1">Değirmen yolu asfaltlandı</a></h2><p class="meta"><time datetime="2024-05-02T09:00">2 Mayıs
2024</time> <span class="author">Yazan: Emine Toprak</span></p><p>Yirmi yıldır çamurdan geçilmeyen değirmen yolu bu
hafta asfaltlandı. Köylüler ilk arabayı davulla karşıladı, muhtar ise kısa konuşacağına söz verip yarım saat konuştu.
Yolun bir sonraki bölümü güzün yapılacak.</p><div class="share"><a href="#">Paylaş</a></div></article>
<article><h2><a href="/2">Arıcılar erken bal topladı</a></h2><p class="meta"><time datetime="2024-04-28T09:00">28 Nisan
2024</time> <span class="author">Yazan: Halil Demirkol</span></p><p>Ilık geçen kıştan sonra arılar kovanlardan üç hafta
önce çıktı. Birliğin başkanı bu yıl kovan başına on iki kilo bal beklediklerini, yine de yağmurun her şeyi
değiştirebileceğini söyledi. Pazarda fiyatlar şimdiden düştü.</p><div class="share"><a
href="#">Paylaş</a></div></article>
<article><h2><a href="/3">Okulun sobası değişti</a></h2><p class="meta"><time datetime="2024-04-20T09:00">20 Nisan
2024</time></p><p>Kırk çocuğun okuduğu tek katlı okulda kömür sobasının yerine ısı pompası kuruldu. Öğretmen Nuray
Hanım, çocukların ilk gün sobayı aradığını, ikinci gün montlarını çıkardığını anlattı. Eski soba müzeye
verilecek.</p></article></main><footer>Köy Postası, Yukarı Mahalle</footer></body></html>"""

CARDS = """<html lang="en"><head><title>The well of Narband | Inland Post</title></head><body><main>
<article class="story"><h1>The well of Narband</h1><time datetime="2022-08-19">19 August 2022</time>
<p>For three summers the people of Narband have drawn their water from a well that nobody remembers digging, and this
August a student found out why.</p><p>She read the parish books from the eighteenth century and came upon a bill for
ninety metres of rope, two buckets and a priest, paid by a merchant who had lost his way in the fog.</p>
<p>The merchant never came back, but he paid for the well every year until he died, and after that the payments went on
for another eleven years, from a town that is on no map.</p></article>
<article class="card"><h1><a href="/1">A map of lost towns</a></h1><p>Where they were and who left last.</p></article>
<article class="card"><h1><a href="/2">Rope makers of the valley</a></h1><p>The trade is older than the
road.</p></article>
<article class="card"><h1><a href="/3">Fog again on Friday</a></h1><p>Drive slowly, says the council.</p></article>
</main></body></html>"""

SECTIONS = """<html lang="en"><head><title>How a dry wall is built</title></head><body><div class="page">
<h1>How a dry wall is built</h1>""" + "".join(
    f"<section><h2>{name}</h2><p>{words} A builder of the old school works without a string and without haste, looking "
    "at each stone once only, because a stone that was looked at twice will be looked at all day.</p></section>"
    for name, words in (
        ("The trench", "A trench is dug down to the clay, a little wider than the wall is meant to be at its foot."),
        ("The first course", "The biggest stones are laid along both sides of it with their longest side inwards."),
        ("The cap", "At the height of a man's belt the flat stones are laid across, and the wall is done."),
    )
) + "</div></body></html>"  # fmt: skip

HIDDEN = """<html><head><title>Открыт каток</title></head><body><div style="display:none">Секретное меню сайта</div>
<p hidden>Черновик редактора</p><template><p>Шаблон</p></template><dialog>Подпишитесь</dialog>
<article><h1>Открыт каток</h1><p>На пруду за школой открылся каток: лёд промерил сторож Пахомыч, и теперь по нему
катаются даже те, кто в прошлом году обещал больше никогда этого не делать.</p><p style="color:red; DISPLAY: none">
Невидимый абзац</p><p>Коньки выдают бесплатно под честное слово, а горячий чай стоит двадцать рублей, и его хватает
до самого вечера.</p></article></body></html>"""

BROKEN = """<html><head><title>Bulaq yenə axır</title><body><div class=menu><a href=/>Ana səhifə<div><h1>Bulaq yenə axır
<p>Kəndin yuxarısındakı bulaq iki il quruduqdan sonra yenə axmağa başladı, özü də <b>əvvəlkindən güclü.
<p>Geoloq Zaur Əhmədli deyir ki, səbəb qışda yağan qardır, <i>amma qocalar buna inanmır: onlar hər şeyi payızda kəsilən
qurbanla izah edirlər.<p>Bulağın üstünə yeni daş <table><tr><td>qoyulacaq"""

FORM = """<html><head><title>Notice</title></head><body><form id="aspnetForm" action="/x"><div id="menu"><a
href="/">Home</a></div>
<h1>Notice of the harbour office</h1><p>The eastern quay is closed to boats longer than twelve metres from the first
of May
until the new piles have been driven, which may take the whole of the summer.</p><p>Owners of longer boats may tie up at
the timber yard, provided that they leave a watchman aboard and a lantern lit after ten.</p><input name="q">
<button>Search</button></form></body></html>"""

THREAD = """<html><head><title>The owl in the tower</title></head><body><article class="post"><h1>The owl in the
tower</h1>
<p>An owl has moved into the clock tower and stopped the clock at ten past four, which suits most people in the
square well
enough, since that is when the bakery opens its back door.</p><p>The council has asked for offers to move the owl, or
the
clock, and has received one offer for the clock.</p></article><div id="comments" class="comments-area"><ol
class="comment-list">""" + "".join(
    f"<li><article class='comment-body'><h3>Reader {n}</h3><time datetime='2024-01-0{n}'>{n} January</time><p>I passed "
    f"the tower {n} times yesterday and must say that the owl is larger than the paper makes it, and that it looked at "
    "me as if I were late for something. I was, and I blame the clock, the bakery too.</p></article></li>"
    for n in (1, 2, 3)
) + "</ol></div></body></html>"  # fmt: skip

ITEMS_OF_DIVS = """<html><head><title>Notes from the pass</title></head><body><div class="menu"><a
href="/">Start</a></div>
<div class="posts">""" + "".join(
    f"""<div class="post hentry p{n}"><h3 class="t"><a href="/{n}">{title}</a></h3><div class="date">{n} May 2021</div>
<div>{words} The road crew has seen it as well and wrote it into the book, under the heading of things that are nobody's
business, between the lost ladder and the bear that ate the lunch of two surveyors.</div></div>"""
    for n, title, words in (
        (9, "Snow in May", "It snowed on the pass for six hours, and the snow was warm, or so the postman says."),
        (4, "A light in the hut", "There was a light in the upper hut again, although nobody has the key to it."),
    )
) + "</div></body></html>"  # fmt: skip

PAGES = {
    "news": NEWS, "blog": BLOG, "old": OLD, "list": LIST, "cards": CARDS, "sections": SECTIONS, "hidden": HIDDEN,
    "broken": BROKEN, "form": FORM, "thread": THREAD, "divs": ITEMS_OF_DIVS,
}  # fmt: skip


def cut(page: Extracted) -> dict[str, str]:
    """Each line that is set aside, and why."""
    return {line: d.reason for d in page.set_aside for line in d.span.of(page.text).split("\n") if line}


def kept(page: Extracted) -> list[str]:
    text = page.text
    for d in reversed(page.set_aside):
        text = text[: d.span.start] + text[d.span.end :]
    return [line for line in text.split("\n") if line.strip()]


def read(page: str) -> Extracted:
    return read_html(page.encode(), "a.html")


# What is kept, and what is told of it


def test_a_news_page_is_its_article_and_every_cut_has_a_reason() -> None:
    page = read(NEWS)
    assert (page.title, page.date, page.author, page.outlet) == (
        "Ferry returns to Dashkand", "2024-03-05", "Leyla Hart", "The Shore Courier"
    )  # fmt: skip
    assert [line[:24] for line in kept(page)] == [
        "Ferry returns to Dashkan", "The ferry between Dashka", "Its captain, Rauf Melik,", "Tickets",
        "A ticket costs four mana", "Shore | Price", "East | 4", "West | 10", "The last ferry leaves at",
    ]  # fmt: skip
    assert {line[:24]: reason for line, reason in cut(page).items()} == {
        "We use cookies to make t": "cookie notice",
        "Accept all": "form",
        "The Shore Courier": "header",
        "World": "navigation",
        "Sport": "navigation",
        "By Leyla Hart, 5 March 2": "byline",
        "Facebook Telegram": "share bar",
        "Related stories": "related articles",
        "Bridge closed for repair": "related articles",
        "Goats win the regional p": "related articles",
        "2 comments": "comments",
        "Nadir: I have waited nin": "comments",
        "Anna: The piano was mine": "comments",
        "Weather": "sidebar",
        "Rain from the west, seve": "sidebar",
        "© 2024 The Shore Courier": "footer",
    }


def test_a_blog_without_semantic_tags() -> None:
    page = read(BLOG)
    assert (page.title, page.date, page.author) == ("Nar bağında qış", "2023-12-11", "Səkinə Vəli")
    assert [line[:16] for line in kept(page)] == [
        "Nar bağında qış", "Bu il şaxta gec ", "Ağacı soyuqdan y", "Saman quru olmal", "İp çox bərk bağl",
        "Qonşum Rəhim kiş",
    ]  # fmt: skip
    assert cut(page) == {
        "Bağban dəftəri": "links", "Səkinə Vəli 11 dekabr 2023": "byline", "bağ nar": "tags", "Arxiv": "sidebar",
        "Noyabr 2023": "sidebar", "Oktyabr 2023": "sidebar", "Bütün şəkillər mənimdir.": "footer",
    }  # fmt: skip


def test_an_old_page_laid_out_by_a_table_in_windows_1251() -> None:
    page = read_html(OLD.encode("cp1251"), "old.htm")
    assert page.title == "Мельница снова мелет"
    assert [line[:17] for line in kept(page)] == [
        "Мельница снова ме", "В селе Верхний Пл", "Мельник Тимофей Г", "Первую муку разда"
    ]  # fmt: skip
    assert cut(page) == {
        "Главная": "links", "Архив": "links", "Письма": "links", "Газета выходит по четвергам": "outside the article"
    }  # fmt: skip


def test_what_is_hidden_is_not_in_the_text() -> None:
    page = read(HIDDEN)
    assert page.set_aside == ()
    assert [line[:20] for line in kept(page)] == ["Открыт каток", "На пруду за школой о", "Коньки выдают беспла"]
    assert "до самого вечера" in page.text
    for words in ("Секретное", "Черновик", "Шаблон", "Подпишитесь", "Невидимый"):
        assert words not in page.text


def test_tags_that_nobody_closes() -> None:
    page = read(BROKEN)
    assert page.title == "Bulaq yenə axır"
    assert [line[:14] for line in kept(page)] == [
        "Bulaq yenə axı", "Kəndin yuxarıs", "Geoloq Zaur Əh", "Bulağın üstünə"
    ]  # fmt: skip


def test_a_page_that_is_one_form() -> None:
    page = read(FORM)
    assert len(kept(page)) == 3
    assert cut(page) == {"Home": "navigation", "Search": "form"}


@pytest.mark.parametrize(
    ("head", "heading", "title", "outlet"),
    [
        ("<title>Bridge opens early | Inland Post</title>", "<h1>Bridge opens early</h1>",
         "Bridge opens early", "Inland Post"),
        ("<title>Inland Post - Bridge opens early</title><meta property='og:site_name' content='Inland Post'>",
         "<h2>Bridge opens early</h2>", "Bridge opens early", "Inland Post"),
        ("<title>x</title><meta property='og:title' content='Bridge opens early'>", "<h1>Inland</h1>",
         "Bridge opens early", ""),
        ("<title>Bridge opens early: full story here</title>", "<h1>Bridge <i>opens</i><br>early</h1>",
         "Bridge opens early", ""),
    ],
)  # fmt: skip
def test_which_words_are_the_title(head: str, heading: str, title: str, outlet: str) -> None:
    words = "The bridge over the Kura opened two weeks before it was due, and the mayor walked over it alone. "
    page = read(f"<html><head>{head}</head><body>{heading}<p>{words * 2}</p><p>{words}</p></body></html>")
    assert (page.title, page.outlet) == (title, outlet)


DATES = [
    ("<meta property='article:published_time' content='2019-02-03T23:10:00+04:00'>", ""),
    ('<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2019-02-03"}</script>', ""),
    ("", "<time datetime='2019-02-03'>yesterday</time>"),
    ("", "<p class='date'>3 fevral 2019</p>"),
    ("", "<div>03.02.2019</div>"),
]


@pytest.mark.parametrize(("head", "line"), DATES)
def test_the_day_of_publication(head: str, line: str) -> None:
    words = "Kür üzərindəki körpü vaxtından iki həftə əvvəl açıldı və bələdiyyə başçısı onu tək keçdi. "
    comment = "<div class='comments'><time datetime='2011-01-01'>1 yanvar</time><p>Çox gözəl</p></div>"
    page = read(
        f"<html><head><title>Körpü</title>{head}</head><body><article><h1>Körpü açıldı</h1>{line}<p>{words * 2}</p>"
        f"<p>{words * 2}</p></article>{comment}</body></html>"
    )
    assert page.date == "2019-02-03"


# Several articles on a page


def test_a_list_of_posts_is_its_posts() -> None:
    page = read(LIST)
    assert [(part.title, part.date, part.author) for part in page.parts] == [
        ("Değirmen yolu asfaltlandı", "2024-05-02", "Emine Toprak"),
        ("Arıcılar erken bal topladı", "2024-04-28", "Halil Demirkol"),
        ("Okulun sobası değişti", "2024-04-20", ""),
    ]
    assert (page.date, page.author, page.outlet) == ("", "", "Köy Postası")
    assert [part.span.of(page.text).split("\n")[0] for part in page.parts] == [part.title for part in page.parts]
    assert [line[:12] for line in kept(page)] == [
        "Değirmen yol", "Yirmi yıldır", "Arıcılar erk", "Ilık geçen k", "Okulun sobas", "Kırk çocuğun"
    ]  # fmt: skip


def test_posts_without_semantic_tags() -> None:
    page = read(ITEMS_OF_DIVS)
    assert [(part.title, part.date) for part in page.parts] == [
        ("Snow in May", "2021-05-09"), ("A light in the hut", "2021-05-04")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "page", [NEWS, BLOG, CARDS, SECTIONS, THREAD], ids=["news", "blog", "cards", "sections", "thread"]
)
def test_one_article_is_not_split(page: str) -> None:
    assert read(page).parts == ()


def test_cards_and_comments_are_not_the_article() -> None:
    assert len(kept(read(CARDS))) == 4
    assert set(cut(read(THREAD)).values()) == {"comments"}
    assert read(THREAD).date == ""  # the comments have days, the article has none


def test_the_parts_of_a_page_are_its_documents(check_every_character: Callable[..., None]) -> None:
    source = read_source(LIST.encode(), path="list.html")
    cleaned = clean(source)
    check_every_character(source, cleaned)
    assert [(d.title, d.date, d.lang) for d in cleaned.documents] == [
        ("Değirmen yolu asfaltlandı", "2024-05-02", "tr"),
        ("Arıcılar erken bal topladı", "2024-04-28", "tr"),
        ("Okulun sobası değişti", "2024-04-20", "tr"),
    ]
    assert "share bar" in {dropped.reason for dropped in cleaned.dropped}


# Promises


@pytest.mark.parametrize("name", PAGES)
def test_nothing_that_trafilatura_keeps_is_lost(name: str) -> None:
    tree, _ = parse_html(PAGES[name])
    assert tree is not None
    alone = trafilatura.bare_extraction(tree, include_comments=False, include_formatting=False)
    assert alone is not None
    ours = flat("".join(kept(read(PAGES[name]))))
    menu = flat("Главная Архив Письма")  # it takes the links above the old page's title for the article
    assert [line for line in str(alone.text).split("\n") if flat(line).replace(menu, "") not in ours] == []


@pytest.mark.parametrize("name", PAGES)
def test_all_that_is_visible_is_in_the_text_once(name: str) -> None:
    tree, _ = parse_html(PAGES[name])
    assert tree is not None
    seen = tree.xpath("//body//text()[not(ancestor::script)]")
    assert flat(read(PAGES[name]).text) == flat("".join(seen))


def check_contract(page: Extracted) -> None:
    edges = [edge for d in page.set_aside for edge in (d.span.start, d.span.end)]
    assert edges == sorted(edges)
    for d in page.set_aside:
        assert d.reason
        assert 0 <= d.span.start < d.span.end <= len(page.text)
        assert (
            d.span.start == 0
            or page.text[d.span.start - 1] == "\n"
            or page.text[: d.span.start].split("\n")[-1].isspace()
        )
        assert d.span.end == len(page.text) or page.text[d.span.end] == "\n"
    parts = [edge for part in page.parts for edge in (part.span.start, part.span.end)]
    assert parts == sorted(parts)
    assert all(part.span.of(page.text).strip() for part in page.parts)


@pytest.mark.parametrize("name", PAGES)
def test_what_is_set_aside_is_whole_lines_in_order(name: str) -> None:
    check_contract(read(PAGES[name]))


CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(["flip", "cut", "double"]), st.integers(1, 255)), max_size=6
)


@settings(max_examples=200)
@given(name=st.sampled_from(sorted(PAGES)), changes=CHANGES)
def test_damaged_pages_are_read_or_told(name: str, changes: list[tuple[int, str, int]]) -> None:
    data = PAGES[name].encode()
    for place, kind, value in changes:
        at = place % max(1, len(data))
        if kind == "flip":
            data = data[:at] + bytes([value]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at] + data[at + value :]
        else:
            data = data[: at + value] + data[at:]
    try:
        check_contract(read_html(data, "a.html"))
    except ReadError as error:
        assert str(error).startswith("a.html: ")


PIECES = st.sampled_from(
    ["<p>", "</p>", "<div class=share>", "</div>", "<table>", "<tr>", "<td>", "</table>", "<pre>", "</pre>", "<br>",
     "<a>", "</a>", "<h1>", "<article>", "</article>", "<li>", "word ", "Bakı. ", "\n", "&nbsp;", "<b hidden>", "<nav>",
     "&#0;", "<script>", "<!--", "-->", "<td><td>", "|", "Words enough to be the body of something. "]
)  # fmt: skip


@settings(max_examples=200)
@given(pieces=st.lists(PIECES, max_size=40))
def test_any_mix_of_tags_is_read_or_told(pieces: list[str]) -> None:
    try:
        check_contract(read("".join(pieces)))
    except ReadError as error:
        assert str(error).startswith("a.html: ")


def test_deep_and_huge_pages() -> None:
    words = "The well was deeper than anybody had thought, and the rope was shorter than the man who sold it had said. "
    deep = read(
        f"<html><body>{'<div><b>' * 5000}<p>{words * 3}</p>{'</b></div>' * 5000}<p>After: {words}</p></body></html>"
    )
    assert kept(deep) == [(words * 3).strip(), f"After: {words}".strip()]
    picture = f"<img src='data:image/png;base64,{'QUJD' * 4_000_000}'>"
    assert kept(read(f"<html><body>{picture}<p>{words * 3}</p></body></html>")) == [(words * 3).strip()]
    with pytest.raises(ReadError, match=r"a\.html: the page is more than the parser takes; save"):
        read(f"<html><body><p>{'x' * 12_000_000}</p></body></html>")


def test_an_article_that_only_a_script_would_show() -> None:
    body = "Gəmi doqquz qışdan sonra yenə körpüdən ayrıldı, göyərtədə isə qırx nəfər və bir piano var idi. " * 3
    page = read(
        '<html><head><title>Gəmi</title><script type="application/ld+json">'
        f'{{"@type": "NewsArticle", "articleBody": "{body}"}}'
        "</script></head><body><nav><a href='/'>Ana səhifə</a></nav></body></html>"
    )
    assert kept(page) == [body.strip()]
    assert cut(page) == {"Ana səhifə": "navigation"}


# Lines


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>A &amp; B&nbsp; C</p><p>D<br>E</p>", "A & B C\n\nD\nE"),
        ("<div>one<br><br>two</div>", "one\n\ntwo"),
        ("<ul><li>a<li>b</ul>c", "a\nb\n\nc"),
        ("<pre>def f():\n    return  1\n\nf()</pre>", "def f():\n    return  1\n\nf()"),
        ("<table><tr><th>a<th>b<tr><td><p>1</p><td>2<br>3</table>", "a | b\n1 | 2 3"),
        ("<table><tbody><tr><td></td><td>x</td></tr></tbody></table>", "| x"),
        ("<table><tr><td><table><tr><td>x</td></tr></table></td><td><p>y</p><p>z</p></td></tr></table>", "x\n\ny\n\nz"),
        ("a<script>b()</script>c<style>d</style> <noscript>e</noscript><span style='display : none'>f</span>g", "ac g"),
        ("<b>Bak</b>ı şə<wbr>həri", "Bakı şəhəri"),
        ("<p>a</p>\n\n <p> </p> b <i>c</i>", "a\n\nb c"),
        ("<html lang=az/><p>x", "x"),
        ("", ""),
    ],
)  # fmt: skip
def test_lines_are_as_a_person_sees_them(page: str, text: str) -> None:
    assert visible_text(page) == text


WORDS_RU = "Министерство сообщило, что весной в городе откроется библиотека и читатели смогут брать книги на дом."
WORDS_TR = "Belediye, ilkbaharda şehirde yeni bir kütüphane açılacağını ve ödünç alınabileceğini duyurdu."


@pytest.mark.parametrize(
    ("words", "charset", "declared"),
    [
        (WORDS_RU, "cp1251", "windows-1251"), (WORDS_RU, "cp1251", "utf-8"), (WORDS_RU, "cp1251", ""),
        (WORDS_RU, "koi8-r", "koi8-r"), (WORDS_RU, "koi8-r", ""), (WORDS_RU, "cp866", ""), (WORDS_RU, "utf-16", ""),
        (WORDS_RU, "utf-16-le", ""), (WORDS_RU, "utf-8-sig", "windows-1251"), (WORDS_RU, "utf-8", "windows-1251"),
        (WORDS_RU, "utf-8", "no-such-set"), (WORDS_TR, "cp1254", "iso-8859-9"), (WORDS_TR, "cp1254", ""),
        (WORDS_RU, "cp1251", "punycode"), ("Plain “quotes”", "cp1252", "iso-8859-1"), ("plain", "ascii", ""),
    ],
)  # fmt: skip
def test_bytes_become_the_right_characters(words: str, charset: str, declared: str) -> None:
    meta = f"<meta charset='{declared}'>" if declared else ""
    assert decode_html(f"<html>{meta}<p>{words}</p>".encode(charset)) == f"<html>{meta}<p>{words}</p>"


def test_a_few_damaged_bytes_do_not_change_the_rest() -> None:
    data = WORDS_RU.encode()
    assert decode_html(data[:39] + b"\xff" + data[39:]).replace("\ufffd", "") == WORDS_RU
    assert decode_html(data[:-2]) == WORDS_RU[:-2] + "\ufffd"


# Finding an extract on its page


def test_an_extract_is_found_though_lines_are_joined_cut_and_changed() -> None:
    page = [
        "News", "The ferry sails again", "After nine winters at anchor,", "the ferry sailed on Tuesday.", "News",
        "* * *", "The captain said that his engine had been rebuilt twice (see the picture) and that he trusted it.",
        "News",
    ]  # fmt: skip
    extract = [
        "The ferry sails again", "After nine winters at anchor, the ferry sailed on Tuesday.", "News",
        "The captain said that his engine had been rebuilt twice and that he trusted it.",
        "Nothing like it here",
    ]  # fmt: skip
    assert align(extract, page) == ({1, 2, 3, 4, 6}, ["Nothing like it here"])


LINES = st.lists(st.text(alphabet="abcə 1.", max_size=40), max_size=12)


@given(page=LINES, data=st.data())
def test_lines_of_the_page_are_found_on_it(page: list[str], data: st.DataObject) -> None:
    chosen = sorted(data.draw(st.sets(st.integers(0, len(page) - 1), max_size=len(page)))) if page else []
    found, missing = align([page[i] for i in chosen], page)
    assert missing == []
    words = [flat(page[i]) for i in found]
    assert all(flat(page[i]) in "".join(words) for i in chosen)


# Several articles, a site's name, captions

STORIES = {
    "en": ("Beans along the tram fence", "The tram depot of Oakmere has planted beans along its fence. " * 5),
    "az": ("Küləksiz işləyən dəyirman", "Gilavar kəndinin dəyirmanı bu il ilk dəfə küləksiz işləyib. " * 5),
    "ru": ("Почтальон не снимает лыжи", "В посёлке Верхние Сани почтальон развозит письма на лыжах даже летом. " * 5),
    "tr": ("Beş dakika geri kalan saat", "Çınaraltı mahallesinde saatçi dükkânının önündeki saat on yıldır geri. " * 5),
}


def sections(tag: str, attributes: str, *, above: str = "", rank: str = "h2", below: str = "") -> bytes:
    stories = "".join(
        f"<{tag} {attributes.format(lang=lang)}><{rank}>{title}</{rank}>{below}<p>{text}</p></{tag}>"
        for lang, (title, text) in STORIES.items()
    )
    page = (
        f"<html><head><meta charset='utf-8'><title>Oakmere Bulletin</title></head><body>{above}{stories}</body></html>"
    )
    return page.encode()


@pytest.mark.parametrize(
    "page",
    [
        sections("section", "lang='{lang}'"),
        sections("div", "class='story'", above="<p>Printed every week</p>"),
        sections("div", "lang='{lang}'", above="<h1>Oakmere Bulletin</h1>", rank="h3"),
        sections("div", "class='story'", above="<h1>Oakmere Bulletin</h1>", below="<p>By Ann Su</p>"),
        sections("section", "", above="<h1>Oakmere Bulletin</h1>", below="<p>5 May 2024</p>"),
    ],
)
def test_sections_that_are_articles(page: bytes) -> None:
    extracted = read_html(page, "a.html")
    assert [part.title for part in extracted.parts] == [title for title, _ in STORIES.values()]


@pytest.mark.parametrize(
    "page",
    [
        sections("section", "", above="<h1>Four stories about one town</h1>"),
        sections("section", "", above=f"<p>{STORIES['en'][1]}</p>"),
        sections("div", "class='chapter'", above="<h2>Four stories about one town</h2>"),
    ],
)
def test_sections_of_one_article(page: bytes) -> None:
    assert read_html(page, "a.html").parts == ()


def in_one_block(*, rank: str = "h3", below: str = "", foot: str = "", above: str = "", between: str = "") -> bytes:
    stories = between.join(f"<{rank}>{title}</{rank}>{below}<p>{text}</p>{foot}" for title, text in STORIES.values())
    return f"<html><head><meta charset='utf-8'></head><body><div>{above}{stories}</div></body></html>".encode()


SAME = {str(n): (f"The long story, part number {n}", STORIES["en"][1]) for n in range(3)}


@pytest.mark.parametrize(
    "page",
    [
        in_one_block(below="<p>6.XII.2023</p>"),
        in_one_block(rank="h2", foot="<p>Read it all on our page</p>", above="<p>Every week</p>"),
        in_one_block(rank="h2", above="<p>Oakmere Bulletin, issue 12</p>"),
        in_one_block(rank="b", below="<br><br>", between="<hr>"),
        sections("td", "class='news'", above="<table><tr><td><h1>No. 12</h1></td></tr>").replace(
            b"<td c", b"<tr><td c"
        ),
        sections("div", "class='one'", above="<h1>Today in Oakmere</h1>", below="<p>Code 2312-778, copy</p>"),
    ],
    ids=["days", "same words", "issue", "rules", "rows", "codes"],
)
def test_pieces_without_a_block_of_their_own(page: bytes) -> None:
    extracted = read_html(page, "a.html")
    assert [part.title for part in extracted.parts] == [title for title, _ in STORIES.values()]
    assert all(text.strip() in extracted.text for _, text in STORIES.values())


def test_headings_within_one_article_do_not_part_it() -> None:
    pieces = "".join(f"<h2>{title}</h2><p>{text}</p>" for title, text in SAME.values())
    page = (
        f"<html><head><meta charset='utf-8'></head><body><div><h1>Of beans and trams</h1>{pieces}</div></body></html>"
    )
    assert read_html(page.encode(), "a.html").parts == ()
    ruled = pieces.replace("<h2>", "<hr><h2>")
    page = f"<html><head><meta charset='utf-8'></head><body><div><h1>Of beans and trams</h1>{ruled}</div></body></html>"
    assert read_html(page.encode(), "a.html").parts == ()


def test_the_day_beside_a_title_in_bold() -> None:
    stories = "<hr>".join(f"<font size=4>{title}</font> (11.05.2002)<p>{text}" for title, text in STORIES.values())
    page = f"<html><head><meta charset='utf-8'></head><body><table><tr><td>{stories}</td></tr></table></body></html>"
    extracted = read_html(page.encode(), "a.html")
    assert [(part.title, part.date) for part in extracted.parts] == [
        (title, "2002-05-11") for title, _ in STORIES.values()
    ]


def test_the_day_above_each_post() -> None:
    posts = "".join(
        f"<b>{n} July 2013</b><div class='post'><h3>{title}</h3><p>{text}</p><p>Posted at 21:48</p></div>"
        for n, (title, text) in enumerate(STORIES.values(), start=10)
    )
    page = f"<html><head><meta charset='utf-8'></head><body><h1>The Slow Carriage</h1>{posts}</body></html>"
    assert [part.date for part in read_html(page.encode(), "a.html").parts] == [f"2013-07-{n}" for n in range(10, 14)]


def test_a_printed_page_has_the_day_of_its_address() -> None:
    title, text = STORIES["en"]
    page = (
        f"<html><head><title>Print</title></head><body><p>site.example/2022/11/21/beans/print</p><h2>{title}</h2>"
        f"<p>{text}</p><p>{text}</p><p>Printed from the site on 30.01.2023</p></body></html>"
    )
    assert read_html(page.encode(), "a.html").date == "2022-11-21"


@pytest.mark.parametrize("lang", STORIES)
def test_the_name_of_the_site_is_no_title(lang: str) -> None:
    title, text = STORIES[lang]
    page = (
        "<html><head><meta charset='utf-8'><title>Notes of a lodger</title></head><body><div>Notes of a lodger</div>"
        f"<div><h3>{title}</h3><p>{text}</p><p>{text}</p></div></body></html>"
    )
    extracted = read_html(page.encode(), "a.html")
    assert extracted.title == title
    assert [dropped.span.of(extracted.text) for dropped in extracted.set_aside] == ["Notes of a lodger"]


def test_captions_are_set_aside() -> None:
    title, text = STORIES["tr"]
    more = "Otobüs şoförleri duraktan kalkarken kendi saatlerine değil, dükkânın saatine bakıyor. Kimse geç kalmıyor."
    page = (
        f"<html><head><meta charset='utf-8'></head><body><article><h1>{title}</h1><p>{text}</p>"
        "<figure><img src='a.png'>"
        f"<figcaption>Dükkânın önü. Fotoğraf: E. Çınar</figcaption></figure><p>{more}</p></article></body></html>"
    )
    extracted = read_html(page.encode(), "a.html")
    assert [(d.span.of(extracted.text), d.reason) for d in extracted.set_aside] == [
        ("Dükkânın önü. Fotoğraf: E. Çınar", "caption")
    ]


def test_of_a_page_laid_out_as_a_table_only_the_cell_of_the_article_is_kept() -> None:
    page = (
        "<html><head><meta charset='utf-8'></head><body><table><tr><td><b>Sections</b><br>Harvest<br>Fair</td>"
        f"<td><h1>Beans along the fence</h1>{'The depot has planted beans along its fence, drivers say. ' * 3}<br><br>"
        f"{'The first harvest went to the ticket office this week. ' * 3}<br><br><a href='/p'>Printed form</a></td>"
        "<td><b>Skies</b><br>Cloudy by noon</td></tr></table></body></html>"
    )
    found = read_html(page.encode(), "a.html")
    aside = " ".join(dropped.span.of(found.text) for dropped in found.set_aside)
    for words in ("Sections", "Harvest", "Printed form", "Cloudy by noon"):
        assert words in aside
    assert "planted beans" not in aside
    assert "ticket office" not in aside
    assert found.title == "Beans along the fence"


def test_what_ends_with_the_same_link_is_several_articles() -> None:
    page = in_one_block(foot="<p><a href='#'>Read more...</a></p>", above="<h1>Topics of the day</h1>")
    assert [part.title for part in read_html(page, "a.html").parts] == [title for title, _ in STORIES.values()]


def test_a_bulletin_between_rules_may_have_its_name_above() -> None:
    stories = "<hr>".join(f"<div><b>{title}</b></div><div>{text}</div>" for title, text in STORIES.values())
    page = f"<html><body><div><b>Oakmere Bulletin</b></div><hr>{stories}<hr><div>Ring us</div></body></html>"
    assert [part.title for part in read_html(page.encode(), "a.html").parts] == [title for title, _ in STORIES.values()]


def test_exported_messages_are_articles_of_their_days() -> None:
    messages = "".join(
        f"<div class='message default'><div class='date details' title='{n + 1:02}.10.2023 09:02:11'>09:02</div>"
        f"<div class='from'>Oakmere Pulse</div><div class='text'>{text}</div></div>"
        for n, (_, text) in enumerate(STORIES.values())
    )
    parts = read_html(f"<html><body><div class='history'>{messages}</div></body></html>".encode(), "a.html").parts
    assert [(part.title, part.date) for part in parts] == [("", f"2023-10-0{n}") for n in (1, 2, 3, 4)]
