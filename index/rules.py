"""A user's own rules for cleaning: which lines to keep and which to drop, by patterns in a file.

    # rules.toml
    [[drop]]
    pattern = "Subscribe to .*"         # a regular expression that the whole line matches, in any case
    reason = "our newsletter"           # optional

    [[keep]]
    pattern = "Reply"                   # a line that would have been dropped

    [fields]                            # where JSON lines have their articles
    text = "story"                      # or a list of keys, the first that is there counts
    title = ["headline", "name"]

Of two rules that match a line the one to keep wins.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import regex

from index.errors import SettingsError

_SECONDS_A_LINE = 0.5
_WANTED = 'want [[drop]] and [[keep]] tables with a "pattern" and perhaps a "reason", and perhaps [fields]'


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern that a whole line may match, and what the record says then."""

    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of JSON lines under which an article's parts are looked for, the first that is there counts."""

    text: tuple[str, ...] = ("text", "body", "content", "article", "full_text", "mətn", "текст", "metin")
    title: tuple[str, ...] = ("title", "headline", "heading", "başlıq", "заголовок", "başlık")
    date: tuple[str, ...] = (
        "date",
        "published",
        "published_at",
        "pubdate",
        "time",
        "created_at",
        "tarix",
        "дата",
        "tarih",
    )
    author: tuple[str, ...] = ("author", "byline", "writer", "müəllif", "автор", "yazar")
    outlet: tuple[str, ...] = ("outlet", "site", "site_name", "publisher", "source", "mənbə", "источник", "kaynak")


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules to drop and to keep lines, each in the order of the file, and the fields of JSON lines."""

    drop: tuple[Rule, ...] = ()
    keep: tuple[Rule, ...] = ()
    fields: Fields = Fields()
    origin: str = field(default="", compare=False, repr=False)  # the file that they were read from, for people

    @property
    def sha256(self) -> str:
        """What identifies the rules; "" for none."""
        return hashlib.sha256(repr(self).encode()).hexdigest() if self != NO_RULES else ""

    def verdict(self, line: str) -> str | None:
        """The reason to drop a line, "" to keep it whatever else says, None if no rule knows it."""
        if any(_matches(rule.pattern, line) for rule in self.keep):
            return ""
        return next((f"rule: {rule.reason}" for rule in self.drop if _matches(rule.pattern, line)), None)


NO_RULES = Rules()


def _matches(pattern: str, line: str) -> bool:
    # `regex` and not `re`: it compiles once, too, and a pattern that would take for ever ends in time.
    try:
        return regex.fullmatch(pattern, line, regex.IGNORECASE, timeout=_SECONDS_A_LINE) is not None
    except TimeoutError:
        return False


def load_rules(location: Path) -> Rules:
    """The rules of a file. Raises SettingsError, naming the rule."""
    try:
        content = tomllib.loads(location.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{location}: {error.strerror}; {_WANTED}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{location}: not TOML ({error}); {_WANTED}") from error
    return _rules(content, origin=str(location))


def dump_rules(rules: Rules) -> str:
    """Rules as JSON of the same layout as their file, for `parse_rules`; "" for none."""
    return json.dumps(asdict(rules), ensure_ascii=False) if rules != NO_RULES else ""


def parse_rules(text: str) -> Rules:
    """The rules that `dump_rules` wrote."""
    if not text:
        return NO_RULES
    content = json.loads(text)
    return _rules(content, origin=content.pop("origin"))


def _rules(content: Mapping[str, Any], *, origin: str) -> Rules:
    if unknown := sorted(content.keys() - {"drop", "keep", "fields"}):
        raise SettingsError(f"{origin}: there is no table {unknown[0]!r}; {_WANTED}")
    drop, keep = (_rules_of_kind(origin, kind, content.get(kind, [])) for kind in ("drop", "keep"))
    return Rules(drop, keep, _fields(origin, content.get("fields", {})), origin)


def _fields(origin: str, table: Any) -> Fields:
    known = [field.name for field in fields(Fields)]
    if not isinstance(table, dict) or table.keys() - set(known):
        raise SettingsError(f"{origin}: [fields] is {table!r}; want keys among {' '.join(known)}")
    named = {name: [keys] if isinstance(keys, str) else keys for name, keys in table.items()}
    for name, keys in named.items():
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise SettingsError(f"{origin}: [fields] {name} is {keys!r}; want a key of the objects, or a list of keys")
    return replace(Fields(), **{name: tuple(keys) for name, keys in named.items()})


def _rules_of_kind(origin: str, kind: str, rows: Any) -> tuple[Rule, ...]:
    if not isinstance(rows, list):
        raise SettingsError(f"{origin}: {kind} is {rows!r}; {_WANTED}")
    return tuple(_rule(f"{origin}: rule {number} of [[{kind}]]", row) for number, row in enumerate(rows, 1))


def _rule(place: str, row: Any) -> Rule:
    if not isinstance(row, dict) or not isinstance(row.get("pattern"), str) or row.keys() - {"pattern", "reason"}:
        raise SettingsError(f'{place}: found {row!r}; want a "pattern" and perhaps a "reason"')
    try:
        regex.compile(row["pattern"])
    except regex.error as error:
        raise SettingsError(f"{place}: {row['pattern']!r} is no regular expression: {error}") from error
    return Rule(row["pattern"], str(row.get("reason", row["pattern"])))
