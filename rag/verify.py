"""A saved reply against the files that it cites, read anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.errors import DataSetError, ReadError
from index.files import read_bytes
from index.read import read_source
from index.values import Source

Locate = Callable[[str], Path | None]

_WANTED = "want what `dragoman ask --json` prints"


@dataclass(frozen=True, slots=True)
class SavedCitation:
    """A citation as a JSON document of a reply holds it."""

    source: str
    start: int
    end: int
    quote: str
    sha256: str  # "" in documents that do not say


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a quote still stands; `problem` is "" when it does, a whole message when not."""

    citation: SavedCitation
    problem: str


def load_reply(location: Path) -> dict[str, Any]:
    """The JSON document of a saved reply; only its kind is checked. Raises DataSetError."""
    try:
        reply = json.loads(location.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataSetError(f"{location}: {error.strerror}; {_WANTED}") from error
    except (ValueError, RecursionError) as error:
        raise DataSetError(f"{location}: not JSON ({error}); {_WANTED}") from error
    if not isinstance(reply, dict) or "kind" not in reply:
        raise DataSetError(f'{location}: no object with "kind"; {_WANTED}')
    if reply["kind"] not in ("answer", "abstention"):
        raise DataSetError(f'{location}: "kind" is {reply["kind"]!r}; {_WANTED}')
    return reply


def load_citations(location: Path) -> tuple[list[SavedCitation], str]:
    """The citations of a saved reply, in order, and the index folder that it names, or "".

    Raises DataSetError when the file is no JSON document of a reply.
    """
    reply = load_reply(location)
    try:
        # Disagreements are in no document that was saved before they were looked for.
        sides = [side for each in reply.get("disagreements", ()) for side in each["sides"]]
        statements = [*reply["statements"], *(each for side in sides for each in side["statements"])]
        found = [
            _citation(raw)
            for statement in statements
            # Context is in no document that was saved before statements had some.
            for raw in (*statement["citations"], *statement.get("context", {}).get("citations", ()))
        ]
        if reply["kind"] == "answer" and not all(statement["citations"] for statement in statements):
            raise DataSetError(f"{location}: a statement has no citation, so nothing proves it; {_WANTED}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataSetError(f"{location}: {type(error).__name__} at {error}; {_WANTED}") from error
    return found, str(reply.get("index", ""))


def _citation(raw: dict[str, Any]) -> SavedCitation:
    return SavedCitation(
        source=str(raw["source"]),
        start=int(raw["start"]),
        end=int(raw["end"]),
        quote=str(raw["quote"]),
        sha256=str(raw.get("sha256", "")),
    )


def verify(citations: list[SavedCitation], locate: Locate) -> list[Verdict]:
    """Read every cited file again and compare; a verdict for each citation, in order.

    `locate` gives the file of a source path, or None where it is not known.
    """
    files: dict[str, tuple[Source | None, str]] = {}
    verdicts = []
    for citation in citations:
        if citation.source not in files:
            files[citation.source] = _read_again(citation.source, locate)
        source, problem = files[citation.source]
        if source is not None:
            problem = _compare(citation, source)
        verdicts.append(Verdict(citation, problem))
    return verdicts


def _read_again(path: str, locate: Locate) -> tuple[Source | None, str]:
    try:
        location = locate(path)
    except ValueError:  # a zero character, or half of a surrogate pair
        return None, f"{path!r}: no file can have this name"
    if location is None:
        return None, f"{path}: not among the sources of the index; name the folder of the files with --root"
    try:
        return read_source(read_bytes(location), path=path), ""
    except ReadError as error:
        return None, str(error)


def _compare(citation: SavedCitation, source: Source) -> str:
    place = f"{citation.source}: characters {citation.start} to {citation.end}"
    if not citation.quote or not 0 <= citation.start < citation.end:
        return f"{place}: an empty quote proves nothing"
    found = source.text[citation.start : citation.end]
    if found == citation.quote:
        return ""
    changed = citation.sha256 and citation.sha256 != source.sha256
    elsewhere = source.text.find(citation.quote)
    why = "the file has changed since" if changed else "the file is as it was, the citation is wrong"
    where = f"; the words now stand at {elsewhere}" if elsewhere >= 0 else "; the words are nowhere in it"
    return f"{place}: read {found[:60]!r}, the citation has {citation.quote[:60]!r}: {why}{where}"
