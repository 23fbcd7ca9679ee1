"""Where articles begin and end in text that says it only by how it looks, in four languages."""

from __future__ import annotations

import pytest

from index.clean import clean
from index.read import MEDIA_BY_SUFFIX, file_hash, read_source
from index.values import Document, DroppedSpan, Media, Part, Source, Span

EN = (
    "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts. "
    "The first harvest went to the ticket office."
)
EN_MORE = (
    "Passengers have asked for tomatoes as well, but the timetable, the manager explains, has no room for tomatoes "
    "before September."
)
AZ = (
    "Gilavar kəndinin dəyirmanı bu il ilk dəfə küləksiz işləyib, çünki uşaqlar qanadları növbə ilə çeviriblər. "
    "Dəyirmançı onlara unla haqq verib."
)
AZ_MORE = (
    "Qonşu kənddən gələnlər də növbəyə yazılmaq istəyirlər, lakin dəyirmançı deyir ki, siyahı payızın sonuna qədər "
    "artıq dolub."
)
RU = (
    "В посёлке Верхние Сани почтальон развозит письма на лыжах даже летом, потому что привык и не хочет переучиваться. "
    "Лыжи он смазывает маслом."
)
RU_MORE = (
    "Жители говорят, что по звуку узнают его за три улицы, и собаки встречают его молча, а кошки выходят посмотреть на "
    "колею."
)
TR = (
    "Çınaraltı mahallesinde saatçi dükkânının önündeki saat on yıldır beş dakika geri, çünkü mahalleli böyle seviyor. "
    "Belediye de artık karışmıyor."
)
TR_MORE = (
    "Otobüs şoförleri duraktan kalkarken kendi saatlerine değil bu saate bakıyor, böylece kimse geç kalmamış sayılıyor "
    "ve herkes memnun."
)
TEXTS = {"en": (EN, EN_MORE), "az": (AZ, AZ_MORE), "ru": (RU, RU_MORE), "tr": (TR, TR_MORE)}
TITLES = {
    "en": ("Beans along the tram fence", "Tomatoes must wait for autumn"),
    "az": ("Küləksiz işləyən dəyirman", "Növbəyə yazılan qonşular çoxdur"),
    "ru": ("Почтальон не снимает лыжи летом", "Собаки встречают почтальона молча"),
    "tr": ("Beş dakika geri kalan saat", "Şoförler dükkânın saatine bakıyor"),
}
LANGUAGES = sorted(TEXTS)


def documents(text: str, name: str = "a.txt", **told: object) -> list[tuple[str, str, str]]:
    """Title, language and body of each article."""
    source = Source(name, MEDIA_BY_SUFFIX[name[name.rindex(".") :]], file_hash(text.encode()), text, **told)  # pyright: ignore[reportArgumentType]
    return [(document.title, document.lang, body(document, source)) for document in clean(source).documents]


def body(document: Document, source: Source) -> str:
    return "\n".join(line for span in document.body for line in span.of(source.text).split("\n") if line.strip())


def article(lang: str, n: int = 0) -> tuple[str, str, str]:
    return TITLES[lang][n], lang, TEXTS[lang][n]


# Two articles, however they are parted

SEPARATORS = ["\n\n\n", "\n\n* * *\n\n", "\n---\n", "\n=====\n", "\n\n2.\n", "\n\n№ 2\n", "\n#####\n"]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("separator", SEPARATORS)
def test_articles_are_parted(lang: str, separator: str) -> None:
    (one, _, first), (two, _, second) = article(lang), article(lang, 1)
    assert documents(f"{one}\n\n{first}{separator}{two}\n\n{second}\n") == [article(lang), article(lang, 1)]


MARKS = {
    "en": ("Article 1 of 2", "Article 2 of 2"),
    "az": ("Məqalə 1", "Məqalə 2"),
    "ru": ("Статья 1 из 2", "Статья 2 из 2"),
    "tr": ("Haber 1", "Haber 2"),
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_numbers_of_articles_are_no_text(lang: str) -> None:
    pieces = (
        f"{mark}\n{title}\n{text}" for mark, title, text in zip(MARKS[lang], TITLES[lang], TEXTS[lang], strict=True)
    )
    assert documents("\n".join(pieces)) == [article(lang), article(lang, 1)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_article_of_two_paragraphs(lang: str) -> None:
    first, second = TEXTS[lang]
    title = TITLES[lang][0]
    assert documents(f"{title}\n\n{first}\n\n{second}\n") == [(title, lang, f"{first}\n{second}")]


# Two languages


@pytest.mark.parametrize(("one", "two"), [(a, b) for a in LANGUAGES for b in LANGUAGES if a != b])
@pytest.mark.parametrize("gap", ["\n\n", "\n"])
def test_halves_in_two_languages_are_two_articles(one: str, two: str, gap: str) -> None:
    short = {"en": "Beans", "az": "Küləksiz dəyirman", "ru": "Летние лыжи", "tr": "Geri kalan saat"}
    short["en"] = "Tram beans"
    text = gap.join((short[one], *TEXTS[one], short[two], *TEXTS[two]))
    assert documents(text) == [
        (short[one], one, "\n".join(TEXTS[one])),
        (short[two], two, "\n".join(TEXTS[two])),
    ]


@pytest.mark.parametrize(("one", "two"), [("az", "ru"), ("en", "az"), ("ru", "en"), ("tr", "ru")])
def test_alternating_paragraphs_are_one_article(one: str, two: str) -> None:
    pairs = (paragraph for pair in zip(TEXTS[one], TEXTS[two], strict=True) for paragraph in pair)
    text = "\n".join((f"{TITLES[one][0]} / {TITLES[two][0]}", *pairs))
    source = Source("a.txt", Media.TEXT, "0", text)
    (document,) = clean(source).documents
    assert [lang for _, lang in document.languages] == [one, two, one, two]
    assert [span.of(text) for span, _ in document.languages] == text.split("\n")[1:]


def test_an_article_in_one_language_has_no_runs() -> None:
    (document,) = clean(Source("a.txt", Media.TEXT, "0", f"{EN}\n{EN_MORE}\nBakı\n17")).documents
    assert document.languages == ()


# Mastheads and briefs

BRIEFS = {"en": "In brief", "az": "Qısa xəbərlər", "ru": "Коротко", "tr": "Kısa kısa"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_paragraph_of_a_column_of_briefs_is_an_article(lang: str) -> None:
    first, second = TEXTS[lang]
    assert documents(f"{BRIEFS[lang]}\n\n{first}\n\n{second}\n") == [("", lang, first), ("", lang, second)]


DAYS = {"en": "14 December 2024", "az": "14 dekabr 2024", "ru": "14 декабря 2024 г.", "tr": "14 Aralık 2024"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_date_of_a_digest_is_that_of_its_articles(lang: str) -> None:
    (one, two), (first, second) = TITLES[lang], TEXTS[lang]
    text = f"Oakmere Digest\n{DAYS[lang]}\n\n1.\n{one}\n{first}\n\n2.\n{two}\n{second}\n"
    found = clean(Source("a.txt", Media.TEXT, "0", text)).documents
    assert [(d.title, d.date, d.date_from) for d in found] == [
        (one, "2024-12-14", "masthead"),
        (two, "2024-12-14", "masthead"),
    ]


# Parts of one file that end alike

LINKS = {
    "en": "Continue on our pages",
    "az": "Səhifəmizdə davamı",
    "ru": "Продолжение у нас",
    "tr": "Sayfamızda devamı",
}


def source_in_parts(media: Media, texts: list[str], titles: list[str]) -> Source:
    text, parts = "", []
    for words, title in zip(texts, titles, strict=True):
        text += "\n\n\n" if text else ""
        parts.append(Part(Span(len(text), len(text) + len(words)), title))
        text += words
    return Source("a", media, "0", text, parts=tuple(parts))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("media", [Media.FEED, Media.MBOX, Media.WARC])
def test_short_lines_with_which_parts_end_are_furniture(lang: str, media: Media) -> None:
    texts = [f"{title}\n\n{text}\n\n{LINKS[lang]}" for title, text in zip(TITLES[lang], TEXTS[lang], strict=True)]
    source = source_in_parts(media, texts, list(TITLES[lang]))
    cleaned = clean(source)
    assert [body(document, source) for document in cleaned.documents] == list(TEXTS[lang])
    assert [(d.span.of(source.text), d.reason) for d in cleaned.dropped] == [(LINKS[lang], "repeated line")] * 2


def test_subjects_and_greetings_that_repeat_are_kept() -> None:
    texts = [f"Re: the beans\n\nDear all,\n\n{text}" for text in TEXTS["en"]]
    source = source_in_parts(Media.MBOX, texts, ["Re: the beans"] * 2)
    cleaned = clean(source)
    assert cleaned.dropped == ()
    assert [d.title for d in cleaned.documents] == ["Re: the beans"] * 2


def test_rows_of_a_table_may_end_alike() -> None:
    source = source_in_parts(Media.XLSX, [f"{text}\nSold" for text in TEXTS["en"]], ["Beans", "Tomatoes"])
    assert clean(source).dropped == ()


# Comments and advertisements

COMMENTS = {
    "en": ["3 comments", "Ann wrote 2 hours ago:", "Mine are higher.", "Reply"],
    "az": ["2 şərh", "Nərgiz yazır:", "Bizdə də belədir.", "Cavabla"],
    "ru": ["Комментарии (2)", "Зоя пишет:", "А у нас летом снег.", "Ответить"],
    "tr": ["2 yorum", "Ece yazdı:", "Saatim de geri.", "Yanıtla"],
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_comments_are_no_text(lang: str) -> None:
    text = "\n".join((TITLES[lang][0], *TEXTS[lang], *COMMENTS[lang]))
    assert documents(text) == [(TITLES[lang][0], lang, "\n".join(TEXTS[lang]))]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_count_of_comments_above_an_article_takes_nothing_with_it(lang: str) -> None:
    text = "\n".join((TITLES[lang][0], COMMENTS[lang][0], *TEXTS[lang]))
    assert documents(text) == [(TITLES[lang][0], lang, "\n".join(TEXTS[lang]))]


@pytest.mark.parametrize("word", ["ADVERTISEMENT", "Reklam", "РЕКЛАМА", "Sponsored"])
def test_the_line_below_the_word_is_the_advertisement(word: str) -> None:
    assert documents(f"Beans\n{EN}\n{word}\nBoots at half price!\n{EN_MORE}") == [("Beans", "en", f"{EN}\n{EN_MORE}")]
    assert documents(f"Beans\n{EN}\n{word}\n{EN_MORE}") == [("Beans", "en", f"{EN}\n{EN_MORE}")]


def test_what_lies_between_parts_is_dropped_with_a_reason() -> None:
    text = f"Oakmere Digest\n5 May 2024\n{EN}\n{EN_MORE}\nPrinted on beans"
    first, second = text.index(EN), text.index(EN_MORE)
    parts = (Part(Span(first, first + len(EN))), Part(Span(second, second + len(EN_MORE))))
    cleaned = clean(Source("a.epub", Media.EPUB, "0", text, parts=parts))
    assert [d.reason for d in cleaned.dropped] == ["between articles"] * 3
    assert [d.date for d in cleaned.documents] == ["2024-05-05"] * 2


def test_what_a_format_sets_aside_is_dropped_for_its_reason() -> None:
    text = f"{EN}\nfoot\n{EN_MORE}"
    aside = (DroppedSpan(Span(len(EN) + 1, len(EN) + 5), "page header or footer"),)
    cleaned = clean(Source("a.pdf", Media.PDF, "0", text, set_aside=aside))
    assert cleaned.dropped == aside


def test_a_menu_is_told_by_its_place_though_its_words_are_unknown() -> None:
    menu = "Beekeepers\nFerry times\nLost and found\nTown hall\nTide tables\n"
    text = f"{menu}\n{TITLES['en'][0]}\n3 May 2024\n{EN}\n{EN_MORE}\n"
    assert documents(text) == [(TITLES["en"][0], "en", f"{EN}\n{EN_MORE}")]


def test_a_footer_of_unknown_lines_takes_its_sentences_with_it() -> None:
    footer = "To the top of the hill\nOur friends\nThe old site\nThe town council founded this paper.\n"
    text = f"{TITLES['en'][0]}\n{EN}\n{EN_MORE}\n{footer}"
    assert documents(text) == [(TITLES["en"][0], "en", f"{EN}\n{EN_MORE}")]


def test_a_list_or_a_short_last_paragraph_is_no_footer() -> None:
    for end in ("- beans\n- peas\n- leeks", "Nobody objected.", "The beans, for now, stay."):
        assert documents(f"{TITLES['en'][0]}\n{EN}\n{end}\n") == [(TITLES["en"][0], "en", f"{EN}\n{end}")]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_numbers_that_count_up_part_articles(lang: str) -> None:
    one, two = TITLES[lang]
    first, second = TEXTS[lang]
    found = documents(f"1\n{one}\n{first}\n2\n{two}\n{second}\n")
    assert [(title, text) for title, _, text in found] == [(one, first), (two, second)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_masthead_that_is_repeated_parts_articles(lang: str) -> None:
    one, two = TITLES[lang]
    first, second = TEXTS[lang]
    found = documents(f"GILAVAR\n{one}\n{first}\nGILAVAR\n{two}\n{second}\n")
    assert [(title, text) for title, _, text in found] == [(one, first), (two, second)]


def test_a_short_title_that_the_contents_list_begins_an_article() -> None:
    text = f"Contents\nTram beans ..... 2\nLate tomatoes ..... 3\n\nTram beans\n{EN}\n\nLate tomatoes\n{EN_MORE}\n"
    assert [(title, text) for title, _, text in documents(text)] == [("Tram beans", EN), ("Late tomatoes", EN_MORE)]


def test_sentences_between_rules_are_articles_of_one_line() -> None:
    items = [f"The {word} of Oakmere was counted and found complete." for word in ("fleet", "choir", "orchard")]
    assert [text for _, _, text in documents("\n----\n".join(items))] == items


RECORD = """{n} of 2 DOCUMENTS

{paper}
{day} Tuesday
Final Edition
{label}{title}
SECTION: NEWS; Pg. A1
LENGTH: 141 words
{text_label}
{text}

LOAD-DATE: December 31, 2020
"""


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("label", "text_label"), [("", ""), ("Headline: ", "Full text:"), ("Заглавие: ", "Текст:"), ("Başlıq: ", "Mətn:")]
)
def test_records_of_a_database_of_the_press(lang: str, label: str, text_label: str) -> None:
    days = ["May 3, 2011", "June 17, 2011"]
    records = [
        RECORD.format(
            n=n + 1, paper=f"Dell Courier {n}", day=day, label=label, title=title, text_label=text_label, text=text
        )
        for n, (day, title, text) in enumerate(zip(days, TITLES[lang], TEXTS[lang], strict=True))
    ]
    source = read_source("\n".join(records).encode(), path="a.txt")
    found = clean(source).documents
    assert [(each.title, body(each, source)) for each in found] == list(zip(TITLES[lang], TEXTS[lang], strict=True))
    assert [each.date for each in found] == ["2011-05-03", "2011-06-17"]


# What recurs where articles begin or end

COUNTS = {
    "en": "Seen: {} | Answers: {}",
    "az": "Görünüb: {}, cavab: {}",
    "ru": "Увидели: {}, ответов: {}",
    "tr": "Görenler: {}, cevap: {}",
}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("titled", [True, False])
def test_counters_part_articles_though_their_numbers_differ(lang: str, titled: bool) -> None:
    title, _, text = article(lang)
    stories = [article(lang), article(lang, 1), (f"{title}!", lang, text)]
    pieces = [
        "\n".join(((title,) if titled else ()) + (text, COUNTS[lang].format(n + 7, n)))
        for n, (title, _, text) in enumerate(stories)
    ]
    assert documents("\n".join(pieces)) == [(title if titled else "", lang, text) for title, lang, text in stories]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_days_without_a_year_part_posts(lang: str) -> None:
    month = DAYS[lang].split()[1]
    text = "\n".join(f"{n} {month}, 10:4{n}\n{words}" for n, words in enumerate(TEXTS[lang], start=3))
    assert documents(text) == [("", lang, words) for words in TEXTS[lang]]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_advertisement_that_recurs_within_an_article_parts_nothing(lang: str) -> None:
    one, two = TEXTS[lang]
    (document,) = documents(f"{TITLES[lang][0]}\n{one}\nOAKMERE SOAP\n{two}\nOAKMERE SOAP\n{one}\n")
    assert document == (TITLES[lang][0], lang, f"{one}\n{two}\n{one}")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_day_in_a_line_of_every_article_is_its_date(lang: str) -> None:
    pieces = (f"Channel 9, [1{n}.12.2024 08:1{n}]\n{text}\n" for n, text in enumerate(TEXTS[lang]))
    found = clean(Source("a.txt", Media.TEXT, "0", "\n".join(pieces))).documents
    assert [(d.title, d.date) for d in found] == [("", "2024-12-10"), ("", "2024-12-11")]


LIVE = {"en": "Live", "az": "CANLI", "ru": "Онлайн", "tr": "Canlı anlatım"}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_times_of_a_ticker_part_articles_and_those_of_what_is_told_live_do_not(lang: str) -> None:
    texts = (*TEXTS[lang], TEXTS[lang][0])
    entries = "\n\n".join(f"1{n}:0{n}\n{text}" for n, text in enumerate(texts))
    assert documents(entries) == [("", lang, text) for text in texts]
    (document,) = clean(Source("a.txt", Media.TEXT, "0", f"{LIVE[lang]}\n{TITLES[lang][0]}\n\n{entries}")).documents
    assert document.title == TITLES[lang][0]


# Titles

HEADS = [
    "{outlet}\n\n{title}\n{text}",
    "Rest of site\nOver here\n{title}\n{day}\n{text}",
    "{title}\nWhat was seen of it from the hill above the town\n{text}",
    "{title}\n-----\n{text}",
    "[Close]\n@oakmere #beans\n{title}\n{text}",
]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("head", HEADS)
def test_which_line_above_a_text_is_its_title(lang: str, head: str) -> None:
    title, _, text = article(lang)
    found = documents(head.format(outlet="Oakmere Courier", title=title, day=DAYS[lang], text=text))
    assert [story[0] for story in found] == [title]


def test_a_title_of_two_lines_is_one() -> None:
    (document,) = documents(f"Beans along the long fence\nof the tram depot\n\n{EN}\n")
    assert document[0] == "Beans along the long fence\nof the tram depot".replace("\n", " ")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_paper_that_stands_above_a_title_is_its_outlet(lang: str) -> None:
    papers = ["«Oakmere Courier»", "«Evening Fence»"]
    text = "\n\n".join(f"{paper}\n{t}\n{x}" for paper, t, x in zip(papers, TITLES[lang], TEXTS[lang], strict=True))
    found = clean(Source("a.txt", Media.TEXT, "0", text)).documents
    assert [(d.title, d.outlet) for d in found] == list(
        zip(TITLES[lang], ("Oakmere Courier", "Evening Fence"), strict=True)
    )


def test_a_question_in_the_tail_does_not_keep_what_follows() -> None:
    text = f"{TITLES['en'][0]}\n{EN}\n{EN_MORE}\nOther columns\n12.09.2024 Where are the peas?\n09.09.2024 The leek\n"
    assert documents(text) == [(TITLES["en"][0], "en", f"{EN}\n{EN_MORE}")]


def test_numbers_in_dashes_part_articles_and_those_of_pages_do_not() -> None:
    story = "The tram depot of Oakmere has planted beans along its fence, and its drivers water them in turn."
    titles = ["Beans along the fence", "The mill that needs no wind"]
    parted = "\n".join(f"— {n} —\n{title}\n{story}\n{story}\n" for n, title in enumerate(titles, start=1))
    assert [d.title for d in clean(read_source(parted.encode(), path="a.txt")).documents] == titles
    paged = f"{titles[0]}\n\n{story} {story[:70]}\n- 1 -\n{story[70:]} {story[:70]}\n- 2 -\n{story[70:]}\n"
    dropped = clean(read_source(paged.encode(), path="a.txt")).dropped
    assert "number of an article" not in {each.reason for each in dropped}


GREETINGS = {
    "en": "Dear readers, here is this week's newsletter. Reply to subscribe, or forward it to a friend.",
    "az": "Hörmətli oxucular, həftəlik bülletenimizi təqdim edirik. Abunə olmaq üçün redaksiyaya yazın.",
    "ru": "Читайте новый выпуск рассылки. Подпишитесь на нас и поделитесь ссылкой, редакция будет рада.",
    "tr": "Değerli okurlar, haftalık bültenimiz karşınızda. Abone olmak için bu e-postayı yanıtlayın.",
}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_greeting_above_articles_is_none(lang: str) -> None:
    items = [f"{title}\n{text} {TEXTS[lang][1]}" for title, text in zip(TITLES[lang], TEXTS[lang], strict=True)]
    found = documents("\n\n\n".join((GREETINGS[lang], *items)) + "\n")
    assert [title for title, *_ in found] == list(TITLES[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_row_of_fields_under_every_article_is_no_text(lang: str) -> None:
    items = [
        f"{title}\n{text}\nTon: {tone}. Reach: {reach}."
        for title, text, tone, reach in zip(TITLES[lang], TEXTS[lang], ("calm", "sharp"), (34, 120), strict=True)
    ]
    found = documents("\n\n".join(items) + "\n")
    assert [body for *_, body in found] == list(TEXTS[lang])
