"""Sources to articles: what is kept, what is dropped and why, and that nothing is lost in between."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.clean import Cleaned, clean, clean_given
from index.embed import Embedder
from index.folder import Index
from index.language import detect_language
from index.passages import Chunking, split_passages
from index.read import MEDIA_BY_SUFFIX, file_hash, read_source
from index.values import Document, DroppedSpan, Media, Part, Passage, Source, Span, Spelling

WORD_COUNT = lambda texts: [len(text.split()) * 2 for text in texts]  # noqa: E731
CheckCharacters = Callable[[Source, Cleaned], None]

BODY = (
    "Sahilkənd mayakının gözətçisi 41 il gecə növbəsində oturub və bu payız açarları təhvil verib. "
    "Onun yerinə maşın işləyəcək, amma qapı hələ də açıqdır."
)
ENGLISH = (
    "The lighthouse of Sahilkend has been run by a machine since the spring, and the keeper has gone home for good. "
    "His dog has not."
)


def source_of(text: str, name: str = "a.txt") -> Source:
    suffix = Path(name).suffix
    media = MEDIA_BY_SUFFIX[suffix]
    spelling = Spelling.JSON if media is Media.JSONL else Spelling.PLAIN
    return Source(name, media, file_hash(text.encode(errors="replace")), text, spelling=spelling)


def titles(cleaned: Cleaned) -> list[str]:
    return [document.title for document in cleaned.documents]


def body(document: Document, source: Source) -> str:
    return "\n".join(span.of(source.text) for span in document.body)


def reasons(cleaned: Cleaned, source: Source) -> dict[str, str]:
    return {dropped.span.of(source.text): dropped.reason for dropped in cleaned.dropped}


# Nothing is lost, nothing twice

WORDS = st.text(alphabet=st.sampled_from("ab cdə.,!?«»“ жя1 \t\u00a0\ufeff😀"), max_size=30)
LINES = st.one_of(
    WORDS,
    st.sampled_from(
        [
            "", "", "", "Read the whole story", "Share this story", "1 Share", "· · ·", "Harbour_Reader",
            "2 hours ago", "Leave a Reply", "Name *", "148447 stories", "▼ ещё ▼", "http://a.example/", "5 May 2024",
            "Page 1 of 2", "# Heading of it", "## Part", "Four words make titles", "Why are the rows empty this spring",
            BODY, ENGLISH, "Хвост",
        ]
    ),
)  # fmt: skip
BREAKS = st.sampled_from(["\n", "\n", "\n\n", "\n\n\n", "\r\n", "\f", "\u2028", "\r", "\v", "\x85"])
TEXTS = st.lists(st.tuples(LINES, BREAKS), min_size=1, max_size=14).map(lambda p: "".join(a + b for a, b in p))


@st.composite
def sources(draw: st.DrawFn) -> Source:
    """A source of any media, with parts, gaps between them, and lines that are set aside."""
    media = draw(st.sampled_from([media for media in Media if media is not Media.JSONL]))
    text = ""
    parts: list[Part] = []
    set_aside: list[DroppedSpan] = []
    with_parts = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        start = len(text)
        for line in draw(st.lists(LINES, max_size=6)):
            if draw(st.integers(0, 4)) == 0 and line.strip():
                set_aside.append(DroppedSpan(Span(len(text), len(text) + len(line)), "menu"))
            text += line + draw(BREAKS)
        if with_parts and draw(st.booleans()):
            parts.append(Part(Span(start, len(text)), *draw(st.tuples(WORDS, st.sampled_from(["", "2024-05-17"])))))
    return Source("a", media, file_hash(text.encode()), text, parts=tuple(parts), set_aside=tuple(set_aside))


@settings(max_examples=250)
@given(source=sources())
def test_every_character_is_kept_or_dropped(check_every_character: CheckCharacters, source: Source) -> None:
    cleaned = clean(source)
    check_every_character(source, cleaned)
    for spans in ([s for d in cleaned.documents for s in d.spans], [d.span for d in cleaned.dropped]):
        assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(dropped.reason for dropped in cleaned.dropped)


@settings(max_examples=150)
@given(source=sources())
def test_passages_are_what_stands_at_their_places(source: Source) -> None:
    cleaned = clean(source)
    for document in cleaned.documents:
        assert all(any(s.start <= r.start and r.end <= s.end for s in document.body) for r, _ in document.languages)
        passages = split_passages(document, source, chunking=Chunking(16, 0), count_tokens=WORD_COUNT)
        assert all(passage.text == passage.span.of(source.text) for passage in passages)
        told = {lang for _, lang in document.languages} | {document.lang}
        assert document.lang == "und" or {passage.lang for passage in passages} <= told


@settings(max_examples=100)
@given(source=sources())
def test_cleaning_twice_gives_the_same(source: Source) -> None:
    assert clean(source) == clean(source)
    ids = [document.id for document in clean(source).documents]
    assert len(set(ids)) == len(ids)


VALUES = st.one_of(
    st.text(max_size=20), st.integers(), st.none(), st.booleans(), st.lists(st.text(max_size=5), max_size=2)
)
RECORDS = st.dictionaries(st.sampled_from(["text", "title", "date", "body", 'a "b"', "url", "ə"]), VALUES, max_size=5)
JSON_LINES = st.lists(
    st.one_of(
        st.tuples(RECORDS, st.booleans()).map(lambda r: json.dumps(r[0], ensure_ascii=r[1])),
        st.sampled_from(
            [
                "",
                "  ",
                "not json",
                '{"text": ',
                "[1]",
                "7",
                '"text"',
                '{"text": {"text": "in"}}',
                '{"text":"a","text":"b"}',
            ]
        ),
    ),
    max_size=6,
)


@settings(max_examples=150)
@given(lines=JSON_LINES, end=st.sampled_from(["\n", "\r\n"]))
def test_every_character_of_json_lines_is_kept_or_dropped(
    check_every_character: CheckCharacters, lines: list[str], end: str
) -> None:
    source = source_of(end.join(lines), "a.jsonl")
    check_every_character(source, clean(source))


@settings(max_examples=100)
@given(text=TEXTS, name=st.sampled_from(["a.txt", "a.md", "a.pdf"]))
def test_bodies_lie_within_what_is_kept(text: str, name: str) -> None:
    source = source_of(text, name)
    cleaned = clean(source)
    for document in cleaned.documents:
        assert document.body
        # The body lies within what is kept, and differs from it by the title only.
        for span in document.body:
            assert any(kept.start <= span.start and span.end <= kept.end for kept in document.spans)


def test_every_character_of_the_sample_corpus(corpus: Path, check_every_character: CheckCharacters) -> None:
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file()]
    assert len(files) > 15
    for path in files:
        source = read_source(path.read_bytes(), path=path.name)
        cleaned = clean(source)
        assert cleaned.documents
        assert cleaned.problems == ()
        check_every_character(source, cleaned)


def test_a_byte_order_mark_is_accounted_for() -> None:
    source = source_of("\ufeff" + ENGLISH)
    cleaned = clean(source)
    spans = [s for d in cleaned.documents for s in d.spans] + [d.span for d in cleaned.dropped]
    assert any(span.start == 0 for span in spans)


# A feed

FEED = f"""148447 stories
·
0 followers

The keeper goes home | Coast

1 Share

{ENGLISH}

A second paragraph of the same story.

Read the whole story
· · ·
Harbour_Reader
2 hours ago
reply
http://harbour_reader.feeds.example/
Share this story
Delete

Gözətçi getdi

1 Share

{BODY}

Read the whole story
·
Harbour_Reader
about 3 days ago
reply
Share this story
Delete
Next Page of Stories
Loading...
"""


def test_a_feed_is_cut_where_its_stories_end() -> None:
    source = source_of(FEED)
    cleaned = clean(source)
    assert titles(cleaned) == ["The keeper goes home | Coast", "Gözətçi getdi"]
    assert [document.lang for document in cleaned.documents] == ["en", "az"]
    assert body(cleaned.documents[0], source) == f"{ENGLISH}\n\nA second paragraph of the same story."
    assert body(cleaned.documents[1], source) == BODY
    assert reasons(cleaned, source) == {
        "148447 stories": "counter",
        "·": "separator",
        "0 followers": "counter",
        "1 Share": "share bar",
        "Read the whole story": "end of story",
        "· · ·": "separator",
        "Harbour_Reader": "repeated line",
        "2 hours ago": "age",
        "about 3 days ago": "age",
        "reply": "share bar",
        "http://harbour_reader.feeds.example/": "address",
        "Share this story": "end of story",
        "Delete": "share bar",
        "Next Page of Stories": "read more",
        "Loading...": "read more",
    }


MORE = "His sister in the hills has made up a bed for him, and the neighbours have brought a chair that faces the sea."


def test_furniture_inside_an_article_parts_its_spans() -> None:
    source = source_of(f"The keeper goes home\n\n{ENGLISH}\n\n▼ читать продолжение новости ▼\n\n{MORE}\n")
    cleaned = clean(source)
    (document,) = cleaned.documents
    assert [span.of(source.text) for span in document.body] == [ENGLISH, MORE]


FURNITURE = [
    ("12 Shares", "share bar"),
    ("Share this article", "share bar"),
    ("Tweet", "share bar"),
    ("Paylaş", "share bar"),
    ("ПОДЕЛИТЬСЯ", "share bar"),
    ("1,204 views", "counter"),
    ("15 комментариев", "counter"),
    ("an hour ago", "age"),
    ("www.example.org/a?b=c", "address"),
    ("Читать далее", "read more"),
    ("Continue reading", "read more"),
    ("Website", "comment form"),
    ("Skip to content", "navigation"),
    ("Newsletter Signup", "newsletter"),
    ("Reklam", "advertisement"),
    ("* * *", "separator"),
    ("Ətraflı oxu", "end of story"),
]


@pytest.mark.parametrize(("line", "reason"), FURNITURE)
def test_furniture_is_known_by_its_words(line: str, reason: str) -> None:
    after = f"He likes it there: {line}, he said, and then he said it once more, for nobody had believed him at all."
    source = source_of(f"The keeper goes home\n\n{ENGLISH}\n{line}\n{after}\n")
    assert reasons(clean(source), source) == {line: reason}


def test_words_of_furniture_within_a_sentence_are_kept() -> None:
    text = (
        f"{ENGLISH}\nHe asked them to share this story and to leave a reply.\nShare of the market: 5 percent.\n{MORE}"
    )
    source = source_of(text)
    cleaned = clean(source)
    assert cleaned.dropped == ()
    assert cleaned.documents[0].spans == (Span(0, len(text)),)


def test_a_comment_form_ends_the_page() -> None:
    form = ["Leave a Reply", "Your email address will not be published.", "Comment *", "Ali says hello", "Post Comment"]
    source = source_of(f"The keeper goes home\n\n{ENGLISH}\n\n" + "\n".join(form))
    cleaned = clean(source)
    assert body(cleaned.documents[0], source) == ENGLISH
    assert list(reasons(cleaned, source)) == form


def test_a_comment_form_in_the_middle_takes_nothing_with_it() -> None:
    rest = "\n".join(f"Paragraph {n} of the story, which has its own words." for n in range(20))
    source = source_of(f"{ENGLISH}\nLeave a Reply\n{rest}")
    cleaned = clean(source)
    assert reasons(cleaned, source) == {"Leave a Reply": "comment form"}


# Several articles in one file


def test_articles_are_cut_at_titles() -> None:
    source = source_of(
        f"The keeper hands over his keys\n\n{BODY}\n\n\n"
        f"Second-hand books for the schools\n\n{ENGLISH}\nAnd more of it.\n\n\n"
        f"What awaits us in 2023?\n\n{BODY}\n"
    )
    cleaned = clean(source)
    assert titles(cleaned) == [
        "The keeper hands over his keys", "Second-hand books for the schools", "What awaits us in 2023?"
    ]  # fmt: skip
    assert [document.lang for document in cleaned.documents] == ["az", "en", "az"]
    assert body(cleaned.documents[1], source) == f"{ENGLISH}\nAnd more of it."


def test_an_english_title_over_an_azerbaijani_body() -> None:
    source = source_of(f"Why did the authorities refuse the meeting?\n\n23 dekabr 2022-ci il\n\n{BODY}\n")
    (document,) = clean(source).documents
    assert (document.title, document.lang, document.date) == (
        "Why did the authorities refuse the meeting?", "az", "2022-12-23"
    )  # fmt: skip


def test_a_heading_within_an_article_is_no_title() -> None:
    source = source_of(f"The keeper goes home\n\n{ENGLISH}\n\nWhat is the cause?\n\n{ENGLISH}x\n")
    assert titles(clean(source)) == ["The keeper goes home"]


def test_a_file_of_furniture_alone_has_no_article() -> None:
    source = source_of("1 Share\nShare this story\n· · ·\n")
    cleaned = clean(source)
    assert cleaned.documents == ()
    assert [dropped.reason for dropped in cleaned.dropped] == ["share bar", "end of story", "separator"]


def test_document_ids_are_the_same_on_every_build_and_apart() -> None:
    first, again = clean(source_of(FEED)), clean(source_of(FEED))
    assert [d.id for d in first.documents] == [d.id for d in again.documents]
    assert len({d.id for d in first.documents} | {d.id for d in clean(source_of(FEED, "b.txt")).documents}) == 4


def test_markdown_is_cut_at_first_level_headings() -> None:
    source = source_of(
        f"# Blades above the lake #\n\n*30.09.2024*\n\n{ENGLISH}\n\n## Costs\n\nThey rose.\n\n# Another\n\n{BODY}\n",
        "a.md",
    )
    cleaned = clean(source)
    assert [(d.title, d.lang, d.date) for d in cleaned.documents] == [
        ("Blades above the lake", "en", "2024-09-30"), ("Another", "az", "")
    ]  # fmt: skip
    assert "## Costs" in body(cleaned.documents[0], source)


def test_a_given_document_is_kept_whole() -> None:
    source = Source("id-1", Media.TEXT, "0", f"  Share this story\n{ENGLISH}\n", title="Any title")
    cleaned = clean_given(source)
    (document,) = cleaned.documents
    assert document.title == "Any title"
    assert body(document, source) == f"Share this story\n{ENGLISH}"


def test_a_given_document_without_words_is_no_document() -> None:
    assert clean_given(Source("id-2", Media.TEXT, "0", " \n ")).documents == ()


# JSON lines


def test_json_lines_with_escapes() -> None:
    text = 'He said \\"Bak\\u0131 v\\u0259 G\\u0259nc\\u0259\\".\\nNew line \\ud83d\\ude00 end.'
    title = '"title": "Q\\u0131z\\u0131l\\u00e7ay", "url": "https://x/\\"text\\""'
    line = f'{{{title}, "text": "{text}", "date": "2024-05-17T10:00"}}'
    source = source_of(line, "a.jsonl")
    cleaned = clean(source)
    (document,) = cleaned.documents
    assert (document.title, document.date) == ("Qızılçay", "2024-05-17")
    assert [span.of(source.text) for span in document.body] == [text]
    (passage,) = split_passages(
        document, source, chunking=Chunking(), count_tokens=lambda t: [len(x.split()) for x in t]
    )
    assert passage.readable == 'He said "Bakı və Gəncə".\nNew line 😀 end.'
    assert passage.text == text
    assert set(reasons(cleaned, source).values()) == {"JSON syntax and other fields"}


def test_lines_that_are_no_json_are_told_by_file_and_line() -> None:
    source = source_of(
        f'{{"text": {json.dumps(ENGLISH)}}}\n\nnot json\n{{"text": "cut\n{{"text": {json.dumps(BODY)}}}', "in/a.jsonl"
    )
    cleaned = clean(source)
    assert len(cleaned.documents) == 2
    assert [problem.split(" (")[0] for problem in cleaned.problems] == [
        "in/a.jsonl:3: not JSON",
        "in/a.jsonl:4: not JSON",
    ]
    assert all(problem.endswith("correct or remove the line") for problem in cleaned.problems)
    assert reasons(cleaned, source)["not json"] == "not JSON"


def test_objects_without_text_are_dropped_with_a_reason() -> None:
    lines = ['{"title": "Only a title"}', '{"text": "  "}', '{"text": 5}', "[1, 2]", '{"doc": {"text": "inner"}}', "7"]
    source = source_of("\n".join(lines), "a.jsonl")
    cleaned = clean(source)
    assert cleaned.documents == ()
    assert cleaned.problems == ()
    assert reasons(cleaned, source) == dict.fromkeys(lines, "no article text")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('{"body": "From the body."}', "From the body."),
        ('{"text": "", "content": "From the content."}', "From the content."),
        ('{"meta": {"text": "no"}, "tags": ["text", "x"], "text": "Outer."}', "Outer."),
        ('{"text": "first", "text": "last"}', "last"),
        ('{"\\u0074ext": "Under an escaped key."}', "Under an escaped key."),
        ('{"text" :\t"Spaces about."}', "Spaces about."),
        ('\ufeff{"text": "After a mark."}', "After a mark."),
        ('{"text": "a \\\\"}', "a \\\\"),
    ],
)
def test_which_value_is_the_text(line: str, wanted: str) -> None:
    source = source_of(line, "a.jsonl")
    (document,) = clean(source).documents
    assert body(document, source) == wanted


@given(text=st.text(min_size=1).filter(lambda t: t.strip()), ascii_only=st.booleans(), title=st.text(max_size=10))
def test_json_text_is_read_back(text: str, ascii_only: bool, title: str) -> None:
    source = source_of(json.dumps({"title": title, "text": text}, ensure_ascii=ascii_only), "a.jsonl")
    (document,) = clean(source).documents
    passages = split_passages(document, source, chunking=Chunking(), count_tokens=lambda t: [1] * len(t))
    for passage in passages:
        assert json.loads(f'"{passage.text}"') == passage.readable
        assert passage.readable in text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ('"date": "2024-05", "author": "Ann Su", "site": "Oakmere"', ("2024-05", "metadata", "Ann Su", "Oakmere")),
        ('"published": 1715953500', ("2024-05-17", "metadata", "", "")),
        (
            '"tarix": "17.05.2024", "müəllif": "Ay", "mənbə": "Yel"',
            ("2024-05-17", "metadata", "Ay", "Yel"),
        ),
        ('"дата": "17 мая 2024", "автор": "З. С."', ("2024-05-17", "metadata", "З. С.", "")),
        ('"tarih": "Mayıs 2024", "yazar": "Ece"', ("2024-05", "metadata", "Ece", "")),
        ('"title": "Beans", "date": "soon"', ("2024-05-03", "date line", "", "")),
    ],
)
def test_what_json_fields_tell(fields: str, told: tuple[str, str, str, str]) -> None:
    line = f'{{{fields}, "text": "3 May 2024\\n{ENGLISH}"}}'
    (document,) = clean(source_of(line, "a.jsonl")).documents
    assert (document.date, document.date_from, document.author, document.outlet) == told


def test_a_json_article_in_two_languages() -> None:
    text = f"{BODY}\\n{ENGLISH}"
    line = f'{{"text": "{text}"}}'
    (document,) = clean(source_of(line, "a.jsonl")).documents
    assert [(span.of(line), lang) for span, lang in document.languages] == [(BODY, "az"), (ENGLISH, "en")]


# One file and another


def test_another_file_changes_no_article(make_index: Callable[..., Index]) -> None:
    (before,) = make_index({"a.txt": FEED}).catalog.sources()
    both = make_index({"a.txt": FEED, "b.txt": f"Harbour_Reader\n{ENGLISH}\n", "c.md": f"# Title of it\n\n{BODY}\n"})
    after = next(stored for stored in both.catalog.sources() if stored.path == "a.txt")
    assert after == before


# The real files. What they say stands nowhere here: it is read from them, or told by its hash.


def seed(seeds: Path, number: str) -> Source:
    (path,) = seeds.glob(f"{number}_*.txt")
    return read_source(path.read_bytes(), path=path.name)


def seed_passages(source: Source) -> list[Passage]:
    return [
        passage
        for document in clean(source).documents
        for passage in split_passages(document, source, chunking=Chunking(), count_tokens=WORD_COUNT)
    ]


def test_every_character_of_the_seeds(seeds: Path, check_every_character: CheckCharacters) -> None:
    for path in sorted(seeds.glob("0*.txt")):
        source = read_source(path.read_bytes(), path=path.name)
        check_every_character(source, clean(source))


def test_the_articles_of_seed_000(seeds: Path) -> None:
    source = seed(seeds, "000")
    cleaned = clean(source)
    assert cleaned.dropped == ()
    assert [d.lang for d in cleaned.documents] == ["en", "az", "az", "az", "en"]
    # English titles, each a line of its own, above bodies that hold all the rest.
    assert [detect_language(d.title) for d in cleaned.documents] == ["en"] * 5
    lines = [line.strip() for line in source.text.split("\n") if line.strip()]
    told = [line for d in cleaned.documents for line in (d.title, *body(d, source).split("\n")) if line.strip()]
    assert [line.strip() for line in told] == lines


def test_the_stories_of_seed_003(seeds: Path) -> None:
    source = seed(seeds, "003")
    cleaned = clean(source)
    lines = [line.strip() for line in source.text.split("\n") if line.strip()]
    shares = [i for i, line in enumerate(lines) if re.fullmatch(r"\d+ Shares?", line)]
    assert [d.title for d in cleaned.documents] == [lines[i - 1] for i in shares]
    assert [d.lang for d in cleaned.documents] == ["en", "en", "ru", "en", "en", "en"]
    assert [d.date for d in cleaned.documents] == ["2025-01-14", "", "", "", "", ""]
    # What the service puts around stories is the same in all of them; above the name of who shared one is its age.
    names = {lines[i - 1] for i, line in enumerate(lines) if re.fullmatch(r"(about )?\d+ \w+ ago", line)}
    furniture = {line for line in lines if lines.count(line) > 1} | names | set(lines[:3])
    passages = seed_passages(source)
    assert len(names) == 1
    assert [(line, p.id) for p in passages for line in p.text.split("\n") if line.strip() in furniture] == []


def test_each_quote_of_the_seeds_is_within_one_passage(seeds: Path, e5: Embedder) -> None:
    passages: dict[str, list[str]] = {}  # and titles, which are cited as such
    for path in sorted(seeds.glob("0*.txt")):
        source = read_source(path.read_bytes(), path=path.name)
        passages[path.name] = [
            " ".join(passage.text.split())
            for document in clean(source).documents
            for passage in split_passages(document, source, chunking=Chunking(), count_tokens=e5.count_tokens)
        ] + [document.title for document in clean(source).documents]
    rows = [json.loads(line) for line in (seeds / "questions-dev.jsonl").read_text(encoding="utf-8").splitlines()]
    quotes = [(row["id"], row["file"], " ".join(quote.split())) for row in rows for quote in row["gold"]]
    assert len(quotes) >= len(rows) == 36
    assert [name for name, file, quote in quotes if not any(quote in text for text in passages[file])] == []


# What a format sets aside


def test_a_share_bar_that_is_set_aside_does_not_end_an_article() -> None:
    text = f"The keeper goes home\n\n{ENGLISH}\n\nShare this story\n\n{BODY}"
    at = text.index("Share this")
    aside = (DroppedSpan(Span(at, at + len("Share this story")), "share bar"),)
    source = Source("a.html", Media.HTML, "0", text, title="The keeper goes home", set_aside=aside)
    cleaned = clean(source)
    (document,) = cleaned.documents
    assert body(document, source) == f"{ENGLISH}\n{BODY}"
    assert cleaned.dropped == aside


# What other lines say of a line is not the last word


def test_pages_below_one_another_are_no_comments_of_the_first() -> None:
    page = "{}\n14 Eylül 2022 - 08:12\n{}\nYorum yaz\n{} yorum\n"
    source = source_of(page.format("The keeper goes home", ENGLISH, 12) + page.format("Açarlar təhvil", BODY, 3))
    cleaned = clean(source)
    assert titles(cleaned) == ["The keeper goes home", "Açarlar təhvil"]
    assert [body(document, source) for document in cleaned.documents] == [ENGLISH, BODY]


def test_titles_and_days_between_the_labels_of_a_database_are_kept() -> None:
    record = "HD\n{}\nBY\nBy Ada Crow\nPD\n{}\nSN\nThe Harn Post\nLA\nEnglish\nLP\n{}\n\n"
    first = record.format("The keeper goes home for good", "14 March 2016", ENGLISH)
    second = record.format("A keeper hands over his keys", "22 March 2016", f"{BODY} {BODY}")
    cleaned = clean(source_of(first + second))
    assert [(document.title, document.date) for document in cleaned.documents] == [
        ("The keeper goes home for good", "2016-03-14"),
        ("A keeper hands over his keys", "2016-03-22"),
    ]


def test_titles_that_are_listed_at_the_top_are_titles_below() -> None:
    entries = ["The keeper goes home for good", "A keeper hands over his keys"]
    text = f"Harn Weekly\n1. {entries[0]}\n2. {entries[1]} ..... 4\n\n{entries[0]}\n{ENGLISH}\n\n{entries[1]}\n{BODY}\n"
    cleaned = clean(source := source_of(text))
    assert titles(cleaned) == entries
    assert [body(document, source) for document in cleaned.documents] == [ENGLISH, BODY]


def test_two_articles_of_one_day_both_keep_it() -> None:
    day = "Harn Post, 2 October 2022"
    text = f"The keeper goes home\n{day}\n{ENGLISH}\n\nKeys are handed over\n{day}\n{BODY}"
    assert [document.date for document in clean(source_of(text)).documents] == ["2022-10-02"] * 2


def test_the_items_that_a_message_counts_are_articles() -> None:
    items = (
        f"1. The keeper goes home\nHarn Post, 3 June 2024\n{ENGLISH}\n\n"
        f"2. Keys are handed over\nHarn Post, 4 June 2024\n{BODY}\n"
    )
    message = f"From: Ada Crow <ada@harn.test>\nSubject: Press\nDate: Tue, 04 Jun 2024 08:30:00 +0300\n\n{items}"
    documents = clean(read_source(message.encode(), path="a.eml")).documents
    assert [(d.title, d.date) for d in documents] == [
        ("The keeper goes home", "2024-06-03"),
        ("Keys are handed over", "2024-06-04"),
    ]


def test_the_name_of_a_channel_is_no_title_of_its_first_message() -> None:
    third = (
        "Sabah saat onda kitabxananın qarşısında yığışırıq, hər kəs bir kitab gətirsin və yüksək səslə oxusun. Gəlin."
    )
    messages = "".join(
        f"Harn Pulse, [0{n}.02.2024 14:33]\n{text}\n👍 1{n} 👁 2,{n}K\n\n"
        for n, text in enumerate((ENGLISH, BODY, third), start=1)
    )
    source = source_of(f"The street of the keepers in Harn\n\n{messages}")
    cleaned = clean(source)
    assert titles(cleaned) == ["", "", ""]
    assert [body(document, source) for document in cleaned.documents] == [ENGLISH, BODY, third]
    assert [document.date for document in cleaned.documents] == ["2024-02-01", "2024-02-02", "2024-02-03"]
