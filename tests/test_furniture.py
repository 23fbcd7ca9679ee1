"""What the table of furniture promises, and that asking all of it at once gives what asking in turn would."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import furniture
from index.furniture import furniture_reason

TABLE = Path(furniture.__file__).with_name("furniture.toml")
ROWS = tomllib.loads(TABLE.read_text(encoding="utf-8"))["furniture"]
# One pattern a reason, each asked by itself: slow, and plainly right.
IN_TURN = [(reason, re.compile(pattern, re.IGNORECASE)) for reason, pattern in furniture._table().items()]
WORDS = st.sampled_from(
    ["Share", "paylaş", "5", "views", "на", "почту", "|", "x", "Photo:", "(", "12.", "...", "ago", "read more", "about",
     "comments", "Реклама", "ətraflı", "oxu", "Facebook", "—", "#", "©", "a@b.az", "All rights reserved", "son", "#5",
     "cookie", "use", "visitors", "hits", "sponsor", "our sponsors", "izinsiz", "kopyalanamaz", "материал", "ссылка",
     "İLAN", "haklari", "TÜM HAKLARI SAKLIDIR", "tüm hakları saklıdır", "İZLEYİCİ", "20°", "(1)"]
)  # fmt: skip
LINES = st.lists(WORDS, max_size=6).flatmap(lambda words: st.sampled_from([" ".join(words), "".join(words)]))


def in_turn(line: str) -> str:
    return next((reason for reason, words in IN_TURN if words.fullmatch(line)), "")


def test_every_row_is_whole() -> None:
    for row in ROWS:
        assert row.keys() == {"reason", "language", "patterns"}
        assert row["language"] in ("any", "az", "en", "ru", "tr")
        assert row["patterns"]
    assert max(map(len, TABLE.read_text(encoding="utf-8").split("\n"))) <= 120


@given(line=LINES)
def test_one_pattern_says_what_all_say_in_turn(line: str) -> None:
    assert furniture_reason(line) == in_turn(line)


def test_the_lines_of_the_sample_are_told_as_in_turn(corpus: Path) -> None:
    files = [file for file in corpus.rglob("*") if file.suffix in (".txt", ".md", ".jsonl")]
    lines = {line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()}
    told = {line: furniture_reason(line) for line in lines if 0 < len(line) <= 240}
    assert told == {line: in_turn(line) for line in told}
    assert len({reason for reason in told.values() if reason}) >= 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Read the whole story", "end of story"),
        ("Listen to this article 7 min", "widget"),
        ("5 min read", "widget"),
        ("Google News'te abone ol", "widget"),
        ("Время чтения: 3 минуты", "widget"),
        ("Kanalımıza abunə olun", "widget"),
        ("You may also like", "read more"),
        ("Forwarded from Harn Pulse", "forwarded"),
        ("👁 211 😁 94   2,7K просмотров", "counter"),
        ("6.0K views edited 18:44", "counter"),
        ("Məqalə 3", "between articles"),
        ("10 dəqiqə əvvəl", "age"),
        ("Facebook Twitter X Telegram", "share bar"),
        ("FacebookTwitterWhatsApp", "share bar"),
        ("15 комментариев", "counter"),
        ("REKLAM", "advertisement"),
        ("x" * 100, ""),
        ("xxl", ""),
        ("Advertisement " * 30, ""),
    ],
)
def test_what_is_furniture(line: str, reason: str) -> None:
    assert furniture_reason(line) == reason


def test_a_pattern_that_needs_a_word_is_one_alternative() -> None:
    """Else what follows a bar at its top would be asked only of lines with the word."""
    needing = [pattern for row in ROWS for pattern in row["patterns"] if furniture._NEEDED.match(pattern)]
    assert len(needing) > 20
    for pattern in needing:
        depth, inside = 0, re.sub(r"\\.|\[[^\]]*\]", "", pattern)
        for character in inside:
            depth += (character == "(") - (character == ")")
            assert character != "|" or depth, pattern
