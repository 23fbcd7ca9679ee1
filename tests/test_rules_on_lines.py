"""A user's own rules: what they keep and drop, and how a faulty file is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from index.clean import clean
from index.errors import SettingsError
from index.rules import NO_RULES, Fields, Rule, Rules, load_rules
from index.values import Media, Source, Span, Spelling

TEXT = (
    "The tram depot of Oakmere has planted beans along its fence, and the drivers water them between two shifts. "
    "The first harvest went to the ticket office."
)
RULES = """
[[drop]]
pattern = "Visit the bean shop.*"
reason = "our shop"

[[drop]]
pattern = "Beans!+"

[[keep]]
pattern = "Reply"

[fields]
text = "story"
title = ["name", "headline"]
"""


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    location = tmp_path / "rules.toml"
    location.write_text(RULES, encoding="utf-8")
    return load_rules(location)


def test_rules_are_read(rules: Rules) -> None:
    assert rules.drop == (Rule("Visit the bean shop.*", "our shop"), Rule("Beans!+", "Beans!+"))
    assert rules.keep == (Rule("Reply", "Reply"),)
    assert (rules.fields.text, rules.fields.title) == (("story",), ("name", "headline"))
    assert rules.fields.date == Fields().date


def test_rules_keep_and_drop_lines(rules: Rules) -> None:
    text = f"Beans along the fence\n{TEXT}\nVISIT THE BEAN SHOP today\nbeans!!\nReply\nDelete\n{TEXT}"
    source = Source("a.txt", Media.TEXT, "0", text)
    cleaned = clean(source, rules)
    assert [(d.span.of(text), d.reason) for d in cleaned.dropped] == [
        ("VISIT THE BEAN SHOP today", "rule: our shop"),
        ("beans!!", "rule: Beans!+"),
        ("Delete", "share bar"),
    ]
    assert "Reply" in [span.of(text).strip() for d in cleaned.documents for span in d.body]


def test_a_rule_to_keep_wins() -> None:
    both = Rules(drop=(Rule("a.*", "x"),), keep=(Rule(".*b", "y"),))
    assert [both.verdict(line) for line in ("ab", "ac", "cc")] == ["", "rule: x", None]


def test_fields_say_where_the_text_is(rules: Rules) -> None:
    line = '{"story": "Beans grow.", "text": "no", "headline": "Second", "name": "First"}'
    source = Source("a.jsonl", Media.JSONL, "0", line, spelling=Spelling.JSON)
    (document,) = clean(source, rules).documents
    assert (document.title, [span.of(line) for span in document.body]) == ("First", ["Beans grow."])


def test_rules_are_told_apart(rules: Rules) -> None:
    assert NO_RULES.sha256 == Rules().sha256 == ""
    assert len({rules.sha256, Rules(drop=rules.drop).sha256, ""}) == 3


def test_a_pattern_that_would_take_for_ever_ends() -> None:
    assert Rules(drop=(Rule("(a|aa)+$", "x"),)).verdict("a" * 60 + "b") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[drop]\n", "not TOML"),
        ("[[dorp]]\npattern = 'x'", "there is no table 'dorp'"),
        ("[[drop]]\nreason = 'x'", "rule 1 of [[drop]]: found {'reason': 'x'}"),
        ("[[keep]]\npattern = 'x'\n[[keep]]\npattern = '('", "rule 2 of [[keep]]: '(' is no regular expression"),
        ("[fields]\nbody = 'x'", "[fields] is {'body': 'x'}; want keys among text title date author outlet"),
    ],
)
def test_faults_are_told(tmp_path: Path, text: str, message: str) -> None:
    location = tmp_path / "rules.toml"
    location.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=re.escape(f"{location}: {message}")):
        load_rules(location)


def test_a_kept_line_is_kept_where_parts_end_alike() -> None:
    from index.values import Part

    text = f"{TEXT}\nFrom the depot\n\n{TEXT}x\nFrom the depot"
    cut = text.index("\n\n")
    parts = (Part(Span(0, cut)), Part(Span(cut + 2, len(text))))
    source = Source("a.xml", Media.FEED, "0", text, parts=parts)
    assert len(clean(source).dropped) == 2
    assert clean(source, Rules(keep=(Rule("from the depot", ""),))).dropped == ()
