"""A user's own rules: read from a file, kept in the index, and in force until others are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.catalog import Catalog
from index.embed import Embedder
from index.errors import SettingsError
from index.ingest import ingest
from index.rules import NO_RULES, Fields, Rule, Rules, dump_rules, load_rules, parse_rules

RULES = """
[[drop]]
pattern = "Subscribe to .*"
reason = "our newsletter"

[[drop]]
pattern = "Listen.*"

[[keep]]
pattern = "Subscribe to peace"

[fields]
text = "story"
title = ["headline", "name"]
"""


def load(folder: Path, text: str) -> Rules:
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return load_rules(folder / "rules.toml")


def test_a_file_of_rules(tmp_path: Path) -> None:
    rules = load(tmp_path, RULES)
    assert rules == Rules(
        drop=(Rule("Subscribe to .*", "our newsletter"), Rule("Listen.*", "Listen.*")),
        keep=(Rule("Subscribe to peace", "Subscribe to peace"),),
        fields=Fields(text=("story",), title=("headline", "name")),
    )
    assert rules.origin == str(tmp_path / "rules.toml")
    assert rules.verdict("subscribe to OUR letter") == "rule: our newsletter"
    assert rules.verdict("Do subscribe to our letter") is None  # the whole line must match
    assert rules.verdict("Subscribe to peace") == ""
    assert load(tmp_path, "") == NO_RULES
    assert NO_RULES.sha256 == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[drop]]\npattern = '('", r"rule 1 of \[\[drop\]\]: '\(' is no regular expression"),
        ("[[keep]]\nreason = 'a'", r"rule 1 of \[\[keep\]\]: found .*want a \"pattern\""),
        ("[drop]\npattern = 'a'", "drop is .*; want"),
        ("drop = 3", "drop is 3; want"),
        ("drop = ['a']", r"rule 1 of \[\[drop\]\]: found 'a'"),
        ("[[fields]]\ntext = 'a'", r"\[fields\] is "),
        ("[fields]\nbody = 'a'", r"\[fields\] is .*; want keys among text title date author outlet"),
        ("[fields]\ntext = 3", r"\[fields\] text is 3; want a key"),
        ("[fields]\ntext = ['a', 1]", r"\[fields\] text is "),
        ("[lines]\na = 1", "there is no table 'lines'; want"),
        ("[[drop", "not TOML"),
    ],
)
def test_a_file_that_is_no_rules(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"{tmp_path / 'rules.toml'}: ") + told):
        load(tmp_path, text)
    with pytest.raises(SettingsError, match="No such file"):
        load_rules(tmp_path / "none.toml")


words = st.text(min_size=1, max_size=10, alphabet="aəЖ\"'\\.*\n")
rule_sets = st.builds(
    Rules,
    drop=st.lists(st.builds(Rule, words.map(re.escape), words), max_size=3).map(tuple),
    keep=st.lists(st.builds(Rule, words.map(re.escape), words), max_size=3).map(tuple),
    fields=st.builds(Fields, text=st.lists(words, max_size=2).map(tuple)),
)


@given(rule_sets)
def test_rules_come_back_as_they_were_kept(rules: Rules) -> None:
    again = parse_rules(dump_rules(rules))
    assert (again, again.sha256) == (rules, rules.sha256)


STORY = "The lighthouse of Sahilkend has been run by a machine since the spring. The keeper has gone home with his dog."


def dropped(folder: Path) -> list[tuple[str, str]]:
    with Catalog(folder) as catalog:
        return [(source.path, dropped.reason) for source in catalog.sources() for dropped in source.dropped]


def test_rules_hold_until_others_are_named(tmp_path: Path, write: Callable[..., Path], hashing: Embedder) -> None:
    # Long enough to be no furniture without the rule.
    letter = "Our readers who care for lighthouses are asked to send the harbour a letter before the week is over."
    docs = write(tmp_path / "docs", {"a.txt": f"The lamp\n\n{STORY}\n\n{letter}\n"})
    folder = tmp_path / "i"
    rules = Rules(drop=(Rule("Our readers .*", "letters"),), origin="rules.toml")
    assert ingest([docs], folder, embedder=hashing).added == ["a.txt"]
    assert dropped(folder) == []
    assert ingest([docs], folder, embedder=hashing, rules=rules).replaced == ["a.txt"]
    assert dropped(folder) == [("a.txt", "rule: letters")]
    assert ingest([docs], folder, embedder=hashing).unchanged == 1
    write(docs, {"b.txt": f"The dog\n\n{STORY}\n\n{letter}\n"})
    assert ingest([docs], folder, embedder=hashing).added == ["b.txt"]
    assert dropped(folder) == [("a.txt", "rule: letters"), ("b.txt", "rule: letters")]
    with Catalog(folder) as catalog:
        assert (catalog.rules, catalog.rules.origin) == (rules, "rules.toml")
        assert {file.rules for file in catalog.files().values()} == {rules.sha256}
    other = Rules(drop=(Rule("Our readers .*", "post"),))
    assert ingest([docs], folder, embedder=hashing, rules=other).replaced == ["a.txt", "b.txt"]
    assert ingest([docs], folder, embedder=hashing, rules=NO_RULES).replaced == ["a.txt", "b.txt"]
    assert dropped(folder) == []
    assert ingest([docs], folder, embedder=hashing).unchanged == 2
