"""What the view "Lab" asks: how two settings rank the passages for a question, and questions kept for an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from eval.gold import normal
from eval.sets import GoldSpan
from eval.systems import make_system
from index.catalog import Catalog
from index.errors import CitationError, SettingsError
from index.escapes import view
from index.folder import Filters
from index.said import said, to_json
from index.values import ScoredPassage, Span
from rag.assistant import Assistant, Wishes
from ui.cases import Cases
from ui.payload import Payload
from ui.request import number, text, texts, told

MOST_PASSAGES = 50
_MOST_TERMS = 6
_MOST_OUTLETS = 1_000
_ANSWER = "answer"
# By name, those of `eval.systems` that search this index without building another one first.
SETTINGS = (
    _ANSWER,  # as answers are found: all steps, then dates and copies
    "full",
    "fused",
    "dense",
    "lexical",
    "without-words",
    "without-vectors",
    "without-names",
)
_PARTS = ("dense", "lexical", "late")  # of a score


class Lab:
    """Any thread may call; `borrow` gives an assistant that nobody else asks meanwhile.

    Each function takes what the page sends, which may be anything, and whose page it is.
    """

    def __init__(self, borrow: Callable[[], AbstractContextManager[Assistant]], cases: Cases) -> None:
        self._borrow = borrow
        self._cases = cases
        self.functions = (self.lab_settings, self.lab_rank, self.lab_keep)

    def lab_settings(self, _request: object = None, user: str = "") -> Payload:
        """What can be compared, and where questions are kept."""
        with self._borrow() as assistant:
            languages = list(assistant.index.dense.languages)
            outlets = assistant.index.catalog.outlets()[:_MOST_OUTLETS]
        return {
            "kind": "settings",
            "settings": list(SETTINGS),
            "languages": languages,
            "outlets": outlets,
            "most": MOST_PASSAGES,
            "cases": self._told_cases(),
        }

    def lab_rank(self, request: object, user: str = "") -> Payload:
        """The passages of {"question", "settings", "passages", "languages", "outlets", "after", "before"}, a list for
        each of the settings."""
        return told(lambda: self._rank(request))

    def lab_keep(self, request: object, user: str = "") -> Payload:
        """Keep {"question", "lang", "right", "wrong"}: passages as {"source", "start", "end"}, and those that are right
        with "from" and "to", the characters of their readable text that answer, or 0 and 0 for all of it."""
        return told(lambda: self._keep(request))

    def _rank(self, request: object) -> Payload:
        question, names = text(request, "question").strip(), texts(request, "settings")
        if not question:
            raise SettingsError(said("question_empty", "the question is empty; write one"))
        k = min(max(number(request, "passages"), 1), MOST_PASSAGES)
        languages, since, until = texts(request, "languages"), text(request, "after"), text(request, "before")
        outlets = frozenset(texts(request, "outlets"))
        filters = Filters(frozenset(languages), since.strip(), until.strip(), outlets=outlets)
        if unknown := [name for name in names if name not in SETTINGS]:
            told = "there is no setting {value!r}; load the page again"
            raise SettingsError(said("load_again", told, value=unknown[0]))
        with self._borrow() as assistant, assistant.index.catalog.snapshot():
            rankings = [_ranking(assistant, name, question, k, filters) for name in names]
        return {"kind": "rankings", "question": question, "rankings": rankings}

    def _keep(self, request: object) -> Payload:
        question = text(request, "question").strip()
        right, wrong = _places(request, "right"), _places(request, "wrong")
        with self._borrow() as assistant, Catalog(assistant.index.folder) as catalog:
            marked = [_marked(catalog, place) for place in right]
            others = [_marked(catalog, place)[0] for place in wrong]
        self._cases.add(question, lang=text(request, "lang"), right=marked, wrong=others)
        return {"kind": "kept", "cases": self._told_cases()}

    def _told_cases(self) -> Payload:
        return {"file": str(self._cases.file), "count": self._cases.count()}


def _ranking(assistant: Assistant, name: str, question: str, k: int, filters: Filters) -> Payload:
    if name != _ANSWER:
        hits = make_system(name, assistant.index).retrieve(question, k=k, filters=filters)
        return {"name": name, "hits": [_hit(hit) for hit in hits]}
    wishes = Wishes(languages=filters.languages, since=filters.since, until=filters.until, outlets=filters.outlets)
    found = assistant.explain(question, k=k, **wishes)
    hits = [
        _hit(each.hit)
        | {
            "terms": list(dict.fromkeys(part.found_as for part in each.terms))[:_MOST_TERMS],
            "moves": [to_json(move) for move in each.moves],
        }
        for each in found.hits
    ]
    return {"name": name, "meant": found.meant if found.meant != question else "", "hits": hits}


def _hit(hit: ScoredPassage) -> Payload:
    passage = hit.passage
    return {
        "id": passage.id,
        "source": passage.source_path,
        "document": passage.document_id,
        "start": passage.span.start,
        "end": passage.span.end,
        "text": passage.readable,
        "title": passage.title,
        "lang": passage.lang,
        "date": passage.date,
        "score": hit.score,
        "parts": {part: getattr(hit, part) for part in _PARTS},
        "terms": [],
        "moves": [],
    }


def _places(request: object, name: str) -> list[Any]:
    value = request.get(name) if isinstance(request, dict) else None
    if not isinstance(value, list):
        wrong = 'the page sent {value} as "{name}"; want a list of places: load the page again'
        raise SettingsError(said("load_again", wrong, value=repr(value), name=name))
    return value


def _marked(catalog: Catalog, place: object) -> tuple[GoldSpan, str]:
    """The words of a passage that were marked, or all of it, and where they stand in its source."""
    path, start, end = text(place, "source"), number(place, "start"), number(place, "end")
    first, last = number(place, "from"), number(place, "to")
    source = catalog.source(path)
    if source is None or not 0 <= start < end <= len(source.text):
        gone = "{file}: has no characters {start} to {end} any more; compare again"
        raise CitationError(said("passage_gone", gone, file=path, start=start, end=end))
    readable = view(source.text, Span(start, end), source.spelling)
    if not 0 <= first <= last <= len(readable.text):
        short = "{file}: the passage has {count} characters; compare again"
        raise CitationError(said("passage_gone", short, file=path, count=len(readable.text)))
    if not readable.text[first:last].strip():
        first, last = 0, len(readable.text)
    return GoldSpan(path, readable.span(first, last)), normal(readable.text[first:last])
