"""How well files are read: the measures against values worked out by hand, and the shipped set against itself."""

from __future__ import annotations

import contextlib
import html
import io
import json
import math
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.readers import READERS, make_reader, reading_speed, speed_files
from eval.reading import (
    ALL,
    GROUPS,
    MEASURES,
    SPLITS,
    GoldArticle,
    GoldFile,
    ReadArticle,
    ReadingSet,
    load_reading_set,
    reading_set,
    report_reading,
    score_file,
    tokens,
)
from index.errors import DataSetError, ReadError, SettingsError
from ui.cli import main

SHIPPED = reading_set()


def words(prefix: str, n: int) -> str:
    return " ".join(f"{prefix}{i}" for i in range(n))


def gold_article(text: str, **fields: str) -> GoldArticle:
    known = {"title": "", "lang": "en", "date": "", "author": "", "outlet": ""} | fields
    return GoldArticle(**known, paragraphs=tuple(text.split("\n")))


def gold_file(*articles: GoldArticle, **fields: object) -> GoldFile:
    known = {"file": "a.txt", "kind": "test", "split": "dev", "garbled": (), "furniture": (), "optional": ()} | fields
    return GoldFile(articles=articles, **known)  # type: ignore[arg-type]


def read_article(text: str, **fields: str) -> ReadArticle:
    return ReadArticle(**{"title": "", "text": text, "lang": "en", "date": "", "author": "", "outlet": ""} | fields)


def as_read(gold: GoldArticle) -> ReadArticle:
    return ReadArticle(gold.title, "\n".join(gold.paragraphs), gold.lang, gold.date, gold.author, gold.outlet)


def value(gold: GoldFile, read: list[ReadArticle], measure: str) -> float:
    return score_file(gold, read).value(measure)


def test_an_article_cut_in_two_has_both_edges_and_two_too_many() -> None:
    gold = gold_file(gold_article(words("a", 40)))
    halves = [read_article(" ".join(words("a", 40).split()[:20])), read_article(" ".join(words("a", 40).split()[20:]))]
    score = score_file(gold, halves)
    assert score.value("boundary F1") == pytest.approx(2 * 2 / (2 + 4))
    assert score.value("kept-text F1") == 1
    assert score.missing == ()
    assert score.extra == ("ends: a12 a13 a14 a15 a16 a17 a18 a19", "begins: a20 a21 a22 a23 a24 a25 a26 a27")


def test_two_articles_read_as_one_lose_the_edges_between_them() -> None:
    gold = gold_file(gold_article(words("a", 20)), gold_article(words("b", 20)))
    whole = [read_article(words("a", 20) + "\n" + words("b", 20))]
    assert value(gold, whole, "boundary F1") == pytest.approx(2 * 2 / (4 + 2))


def test_an_article_of_fewer_tokens_than_an_edge_has_two_edges_of_all_of_it() -> None:
    gold = gold_file(gold_article("one two"), gold_article("one two"))
    assert value(gold, [read_article("One, two!")], "boundary F1") == pytest.approx(2 * 2 / (4 + 2))


def test_kept_text_counts_tokens_of_titles_and_paragraphs() -> None:
    gold = gold_file(gold_article("five six seven eight", title="One two"))
    read = [read_article("five six share share", title="one two")]
    # Both have one, two, five, six: 2 * 4 of 6 + 6.
    assert value(gold, read, "kept-text F1") == pytest.approx(8 / 12)


def test_a_title_left_in_the_body_moves_no_edge() -> None:
    gold = gold_file(gold_article(words("a", 20), title="The title"))
    left = [read_article("The title\n" + words("a", 20))]
    assert value(gold, left, "boundary F1") == 1
    assert value(gold, left, "kept-text F1") == 1
    assert value(gold, left, "title") == 0


def test_a_first_sentence_taken_for_a_title_moves_the_first_edge() -> None:
    gold = gold_file(gold_article(words("a", 20)))
    taken = [read_article(" ".join(words("a", 20).split()[5:]), title=words("a", 5))]
    assert value(gold, taken, "boundary F1") == pytest.approx(1 / 2)
    assert value(gold, taken, "kept-text F1") == 1


def test_what_is_optional_counts_on_neither_side() -> None:
    gold = gold_file(gold_article("By Ann Oak\n" + words("a", 20), author="Ann Oak"), optional=("By Ann Oak",))
    for text in (words("a", 20), "By Ann Oak\n" + words("a", 20), words("a", 20) + "\nby ann oak"):
        score = score_file(gold, [read_article(text, author="ANN OAK")])
        assert [score.value(m) for m in ("boundary F1", "kept-text F1", "author")] == [1, 1, 1]


def test_furniture_counts_where_its_words_stand_in_a_row() -> None:
    gold = gold_file(gold_article("the share price rose by one"), furniture=("1 Share", "Read the whole story", "Like"))
    kept = [read_article("the share price rose by one\nRead the\nwhole story"), read_article("Likely 1 share.")]
    score = score_file(gold, kept)
    assert score.kept == ("1 Share", "Read the whole story")
    assert score.value("furniture kept") == pytest.approx(2 / 3)
    assert math.isnan(value(gold_file(gold_article("a b")), [read_article("a b")], "furniture kept"))


@pytest.mark.parametrize(
    ("gold", "read", "right"),
    [
        ("2024-03-05", "2024-03-05", 1),
        ("2024-03-05", "2024-03", 0),
        ("2024-03", "2024-03-05", 1),
        ("2024-03", "2024-04-05", 0),
        ("2024-03-05", "", 0),
        ("", "", 1),
        ("", "2024", 0),
    ],
)
def test_dates_are_compared_at_the_precision_of_the_gold(gold: str, read: str, right: int) -> None:
    file = gold_file(gold_article("a b c", date=gold))
    assert value(file, [read_article("a b c", date=read)], "date") == right


def test_fields_are_asked_of_the_article_that_shares_most() -> None:
    gold = gold_file(
        gold_article(words("a", 20), title="Anna", lang="az", author="X"), gold_article(words("b", 20), title="Boris")
    )
    read = [
        read_article(words("b", 20) + " " + words("a", 4), title="Boris", lang="en"),
        read_article(words("a", 18), title="ANNA", lang="az-Cyrl", author="Y"),
    ]
    score = score_file(gold, read)
    assert {m: score.ratios[m] for m in ("title", "language", "author", "outlet")} == {
        "title": score.ratios["title"].__class__(2, 2),
        "language": score.ratios["title"].__class__(2, 2),
        "author": score.ratios["title"].__class__(0, 1),
        "outlet": score.ratios["title"].__class__(0, 0),
    }


def test_an_article_that_nothing_was_read_of_is_wrong_in_every_field() -> None:
    gold = gold_file(gold_article(words("a", 20), author="X", outlet="Y"))
    for read in ([], [read_article("other words")]):
        score = score_file(gold, read)
        assert [score.value(m) for m in MEASURES if m != "furniture kept"] == [0] * 7


def test_short_articles_and_those_in_two_languages_are_not_asked_for_a_language() -> None:
    gold = gold_file(gold_article("too short"), gold_article(words("a", 40), lang=""))
    assert score_file(gold, [read_article("too short", lang="ru")]).ratios["language"].whole == 0


def test_a_garbled_file_may_be_read_as_it_stands_or_as_it_was_meant() -> None:
    meant, stands = gold_article("Bakıda yağış yağdı", lang="az"), gold_article("BakÄ±da yaÄŸÄ±ÅŸ yaÄŸdÄ±", lang="az")
    gold = gold_file(meant, garbled=(stands,))
    for article in (meant, stands):
        assert value(gold, [as_read(article)], "kept-text F1") == 1
    assert value(gold, [read_article("Bakida yagis yagdi")], "kept-text F1") == 0


FRUIT = st.sampled_from(["alma", "armud", "heyva", "nar", "üzüm", "əncir", "gilas"])
TEXTS = st.lists(FRUIT, min_size=1, max_size=30).map(" ".join)
ARTICLES = st.builds(
    GoldArticle,
    title=st.sampled_from(["", "Nar bayramı"]),
    lang=st.sampled_from(["az", "en"]),
    date=st.sampled_from(["", "2024-03", "2024-03-05"]),
    author=st.sampled_from(["", "N. Narlı"]),
    outlet=st.sampled_from(["", "Çay Xəbər"]),
    paragraphs=st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
)


@given(st.lists(ARTICLES, min_size=1, max_size=4))
def test_a_perfect_reader_is_perfect(articles: list[GoldArticle]) -> None:
    gold = gold_file(*articles, furniture=("Paylaş",))
    score = score_file(gold, [as_read(article) for article in articles])
    assert score.value("boundary F1") == score.value("kept-text F1") == 1
    assert score.value("furniture kept") == 0
    assert (score.missing, score.extra) == ((), ())


@given(st.lists(ARTICLES, max_size=4), st.lists(ARTICLES, max_size=4), st.randoms())
def test_the_order_of_what_was_read_decides_no_edge_and_no_token(
    articles: list[GoldArticle], others: list[GoldArticle], random: object
) -> None:
    gold, read = gold_file(*articles), [as_read(article) for article in others]
    turned = list(reversed(read))
    for measure in ("boundary F1", "kept-text F1"):
        assert score_file(gold, read).ratios[measure] == score_file(gold, turned).ratios[measure]


def small_set(folder: Path, *files: dict[str, object]) -> ReadingSet:
    (folder / "files").mkdir()
    for file in files:
        (folder / "files" / str(file["file"])).write_text("text of it", encoding="utf-8")
    (folder / "gold.jsonl").write_text("\n".join(map(json.dumps, files)), encoding="utf-8")
    return load_reading_set(folder)


def row(file: str, text: str, lang: str, **fields: object) -> dict[str, object]:
    article = {"title": "", "lang": lang, "date": "", "author": "", "outlet": "", "paragraphs": [text]}
    return {"file": file, "kind": "k", "split": "dev", "articles": [article], "furniture": []} | fields


def test_figures_are_micro_averages_over_files_by_slice(tmp_path: Path) -> None:
    reading = small_set(
        tmp_path, row("a.txt", words("a", 30), "en"), row("b.html", words("b", 10), "az"), row("c.zip", "c", "az")
    )

    def reader(path: Path, data: bytes) -> list[ReadArticle]:
        assert data == b"text of it"
        if path.name == "c.zip":
            raise ReadError("c.zip: cannot")
        return [read_article(words(path.stem, 10))]

    report = report_reading(reading, "ten", reader)
    kept = {name: row["kept-text F1"] for name, row in report.figures.items()}
    assert kept[ALL].value == pytest.approx(2 * (10 + 10 + 0) / (30 + 10 + 10 + 10 + 1))
    assert kept["en"].value == pytest.approx(20 / 40)
    assert kept["az"].value == pytest.approx(20 / 21)
    assert kept["macro"].value == pytest.approx((20 / 40 + 20 / 21) / 2)
    assert (kept["text"].value, kept["html"].value, kept["other"].value) == (0.5, 1, 0)
    assert [score.gold.file for score in report.scores] == ["c.zip", "a.txt", "b.html"]
    assert report.scores[0].error == "c.zip: cannot"
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["files"][0]["file"] == "c.zip"

    pages = report_reading(reading, "ten", reader, groups=("html",))
    assert set(pages.figures) == {"html"}


def test_a_set_that_is_none_says_where(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"gold.jsonl:1: \"split\" is 'train'"):
        small_set(tmp_path, row("a.txt", "a", "en", split="train"))
    (tmp_path / "gold.jsonl").write_text('{"file": "a.txt"}')
    with pytest.raises(DataSetError, match=r"gold.jsonl:1: not a gold file \(KeyError\('kind'\)\)"):
        load_reading_set(tmp_path)
    (tmp_path / "gold.jsonl").write_text(json.dumps(row("no.txt", "a", "en")))
    with pytest.raises(DataSetError, match=r"'no\.txt': No such file"):
        load_reading_set(tmp_path)


# The shipped set.

BY_NAME = {gold.file: gold for gold in SHIPPED.files}
CODECS = ("utf-8-sig", "utf-16", "cp1251", "cp1254")


def decoded(data: bytes) -> list[str]:
    """The text of a file under each encoding that can read it."""
    found = []
    for codec in CODECS:
        with contextlib.suppress(UnicodeError):
            found.append(data.decode(codec))
    return found


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("name", [gold.file for gold in SHIPPED.files if gold.group in ("text", "html")])
def test_what_the_gold_of_a_text_or_page_says_stands_in_it(name: str) -> None:
    gold = BY_NAME[name]
    data = (SHIPPED.folder / name).read_bytes()
    texts = decoded(data)
    if name.endswith(".jsonl"):
        rows = [json.loads(line) for line in data.decode().splitlines()]
        texts = ["\n".join(str(field) for row in rows for field in row.values())]
    if gold.group == "html":
        texts = [html.unescape(re.sub(r"<[^>]+>", "", text)) for text in texts]
    wanted = [paragraph for article in gold.garbled or gold.articles for paragraph in article.paragraphs]
    wanted += [article.title for article in gold.garbled or gold.articles]
    wanted += [*gold.furniture, *gold.optional]
    found = [bare(text) for text in texts]
    assert any(all(bare(each) in text for each in wanted) for text in found)


@pytest.mark.parametrize("name", BY_NAME)
def test_no_furniture_stands_in_what_must_be_kept(name: str) -> None:
    gold = BY_NAME[name]
    furniture = [" ".join(tokens(text)) for text in gold.furniture]
    assert all(furniture)
    for article in gold.articles:
        kept = f" {' '.join(tokens(article.title))} / {' '.join(tokens(chr(10).join(article.paragraphs)))} "
        assert [text for text in furniture if f" {text} " in kept] == []


def test_the_shipped_gold_names_all_files_and_no_other() -> None:
    assert sorted(BY_NAME) == sorted(path.name for path in SHIPPED.folder.iterdir())
    assert len(BY_NAME) == len(SHIPPED.files) >= 60


def test_every_article_of_the_shipped_set_is_there_once() -> None:
    paragraphs = Counter(p for gold in SHIPPED.files for article in gold.articles for p in article.paragraphs)
    assert [text for text, times in paragraphs.items() if times > 1] == []


def test_a_share_of_every_group_and_language_is_for_testing() -> None:
    for of in (*GROUPS, "en", "az", "ru", "tr", "mixed"):
        splits = Counter(gold.split for gold in SHIPPED.files if of in (gold.group, gold.lang))
        assert 0.15 <= splits["test"] / splits.total() <= 0.55
    assert {gold.split for gold in SHIPPED.files} == set(SPLITS)
    assert len(reading_set("test").files) + len(reading_set("dev").files) == len(SHIPPED.files)


def test_gold_read_back_is_perfect_on_every_shipped_file() -> None:
    report = report_reading(
        SHIPPED, "gold", lambda path, data: [as_read(article) for article in BY_NAME[path.name].articles]
    )
    values = {measure: figure.value for measure, figure in report.figures[ALL].items()}
    assert values == {measure: 0 if measure == "furniture kept" else 1 for measure in MEASURES}


def test_every_reader_reads_a_page(tmp_path: Path) -> None:
    body = "The old lighthouse was painted white again this spring, and its keeper says that the lamp will stay. "
    page = f"<html><head><title>A white lamp</title></head><body><article><p>{body * 3}</p><p>{body * 2}</p></article>"
    path = tmp_path / "page.html"
    for name in READERS:
        if name == "readability":
            pytest.importorskip("readability")  # one of what it needs is under the LGPL, so it is in no extra of ours
        reader = make_reader(name)
        read = reader.read(path, page.encode())
        assert len(read) == 1
        assert "painted white again this spring" in read[0].text
        assert "html" in reader.groups


def test_our_reader_reads_what_is_in_an_archive(tmp_path: Path) -> None:
    text = "The old lighthouse was painted white again this spring, and its keeper says that the lamp will surely stay."
    path = tmp_path / "saved.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("a/one.txt", f"A white lamp\n{text}\n")
        package.writestr("two.txt", f"A second lamp\n{text[::-1]}\n")
    read = make_reader("dragoman").read(path, path.read_bytes())
    assert [(article.title, article.text) for article in read] == [
        ("A white lamp", text),
        ("A second lamp", text[::-1]),
    ]


def test_an_unknown_reader_is_told() -> None:
    with pytest.raises(SettingsError, match="choose dragoman, whole-file, trafilatura"):
        make_reader("nobody")


def test_speed_leaves_out_what_cannot_be_read() -> None:
    small = ReadingSet(SHIPPED.folder, tuple(gold for gold in SHIPPED.files if gold.group == "text")[:3], "0" * 64)
    files = speed_files(small)["text"] + [(small.folder / "a.txt", b"\x00")]
    speed = reading_speed(make_reader("dragoman"), "text", files, least_seconds=0.01)
    assert speed is not None
    size = sum((small.folder / gold.file).stat().st_size for gold in small.files)
    rounds = speed.megabytes * 1e6 / size
    assert (speed.count, round(rounds)) == (3, pytest.approx(rounds))
    assert speed.mean_bytes == size / 3
    first = size - (small.folder / small.files[0].file).stat().st_size  # which builds what all need
    assert (speed.first_megabytes, speed.first_seconds > 0) == (pytest.approx(first / 1e6), True)
    alone = reading_speed(make_reader("dragoman"), "text", files[:1], least_seconds=0.01)
    assert alone is not None
    assert alone.first_megabytes == alone.mean_bytes / 1e6
    assert reading_speed(make_reader("dragoman"), "text", files[3:], least_seconds=0.01) is None


def test_the_made_files_are_of_their_size_and_read_as_articles() -> None:
    files = {kind: data for kind, [(_, data), *_] in speed_files(SHIPPED).items()}
    assert len(files["text of 100 kB"]) == pytest.approx(100_000, rel=0.05)
    assert len(files["text of 1,000 kB"]) == pytest.approx(1_000_000, rel=0.05)
    read = make_reader("dragoman").read
    articles = read(Path("made.txt"), files["text of 100 kB"])
    assert {article.lang for article in articles} == {"en", "az", "ru", "tr"}
    (page,) = read(Path("made.html"), files["html of a newspaper"])
    assert (page.date, 1500 < len(page.text) < 4000) == ("2024-05-17", True)


def test_made_files_share_no_paragraph() -> None:
    """What a reader remembers of the lines of one would be measured in the next."""
    made = {kind: files for kind, files in speed_files(SHIPPED).items() if kind.startswith("text of")}
    paragraphs = [line for files in made.values() for _, data in files for line in data.decode().split("\n")]
    long = [line for line in paragraphs if len(line) > 250]
    assert len(made) == 3
    assert len(set(long)) > 0.999 * len(long)


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main(arguments)
    return code, out.getvalue()


def test_the_command_prints_each_reader_and_the_worst_files_first() -> None:
    code, printed = run("eval", "reading", "--reader", "whole-file", "--split", "test")
    assert code == 0
    assert f"{len(reading_set('test').files)} files, test" in printed
    assert "files with wrong edges or furniture" in printed
    code, printed = run("eval", "reading", "--reader", "whole-file", "--split", "test", "--json")
    document = json.loads(printed)
    assert [report["reader"] for report in document] == ["whole-file"]
    values = [report["ratios"]["boundary F1"] for report in document[0]["files"]]
    shares = [part / whole for part, whole in values if whole]
    assert shares == sorted(shares)


def test_the_command_times_text_and_pages() -> None:
    code, printed = run("eval", "reading", "--reader", "whole-file", "--split", "test", "--speed", "--json")
    assert code == 0
    groups = Counter(gold.group for gold in reading_set("test").files)
    assert [(speed["files"], speed["count"]) for speed in json.loads(printed)] == [
        ("text", groups["text"]),
        ("html", groups["html"]),
        ("text of 100 kB", 3),
        ("text of 300 kB", 3),
        ("text of 1,000 kB", 3),
        ("html of a newspaper", 3),
    ]
