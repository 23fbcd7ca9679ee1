"""What the view "Lab" asks: how two settings rank the passages for a question, and questions kept for an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
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
from rag.assistant import POOL, Assistant, Wishes
from rag.letters import restore_letters
from rag.retrieve import CANDIDATES, RERANKED, HybridRetriever, usual_weights
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


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of retrieval that may be another one for a question, without anything being built anew."""

    name: str  # a field of `HybridRetriever`, or of its `Weights`
    low: float
    high: float
    step: float


_CANDIDATES, _RERANKED = Knob("candidates", MOST_PASSAGES, 500, 10), Knob("reranked", 0, 200, 5)
_WORDS = Knob("words", 0, 3, 0.05)
_BESIDE_TOKENS = (Knob("words_reranked", 0, 1, 0.01), Knob("cosine_reranked", 0, 1, 0.01))
_USUAL_MATCH = Knob("usual_match", 0, 1, 0.05)
_ALL = (_CANDIDATES, _RERANKED, _WORDS, *_BESIDE_TOKENS, _USUAL_MATCH)
# Of each setting those that change what it does: where there are no words, for one, their weight is none of them.
KNOBS: Mapping[str, tuple[Knob, ...]] = {
    _ANSWER: (replace(_CANDIDATES, low=POOL), *_ALL[1:]),  # so many are ranked in any case
    "full": _ALL,
    "fused": (_CANDIDATES, _WORDS),
    "dense": (),
    "lexical": (),
    "without-words": (_CANDIDATES, _RERANKED, _BESIDE_TOKENS[1], _USUAL_MATCH),
    "without-vectors": (_CANDIDATES, _RERANKED, _BESIDE_TOKENS[0], _USUAL_MATCH),
    "without-names": _ALL,
}
_Tuned = dict[str, float]  # by the names of knobs, those that are not as usual


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
            _, _, passages = assistant.index.catalog.counts()
        return {
            "kind": "settings",
            "settings": list(SETTINGS),
            "languages": languages,
            "outlets": outlets,
            "passages": passages,
            "most": MOST_PASSAGES,
            "knobs": {name: _told_knobs(name, "?") for name in SETTINGS},
            "cases": self._told_cases(),
        }

    def lab_rank(self, request: object, user: str = "") -> Payload:
        """The passages of {"question", "settings", "tuned", "passages", "languages", "outlets", "after", "before"}, a
        list for each of the settings; "tuned" has for each the numbers of its knobs that are not to be as usual."""
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
            raise SettingsError(
                said("load_again", "there is no setting {value!r}; load the page again", value=unknown[0])
            )
        tuned = _tuned(request, names)
        with self._borrow() as assistant, assistant.index.catalog.snapshot():
            rankings = [
                _ranking(assistant, name, question, k, filters, numbers)
                for name, numbers in zip(names, tuned, strict=True)
            ]
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


def _tuned(request: object, names: Sequence[str]) -> list[_Tuned]:
    """What the page sent to be other than usual, for each of the settings. Raises SettingsError."""
    sent = request.get("tuned", []) if isinstance(request, dict) else None
    if not isinstance(sent, list) or len(sent) not in (0, len(names)):
        raise _wrong_numbers(sent)
    tuned: list[_Tuned] = []
    for name, numbers in zip(names, sent or [{}] * len(names), strict=True):
        knobs = {knob.name: knob for knob in KNOBS[name]}
        if not isinstance(numbers, dict) or not numbers.keys() <= knobs.keys():
            raise _wrong_numbers(numbers)
        for what, value in numbers.items():
            # Not isinstance: True is an int. What is no number is in no range either.
            if type(value) not in (int, float) or not knobs[what].low <= value <= knobs[what].high:
                raise _wrong_numbers(numbers)
        tuned.append(numbers)
    return tuned


def _wrong_numbers(sent: object) -> SettingsError:
    wrong = 'the page sent {value} as "tuned"; want numbers within their ranges: load the page again'
    return SettingsError(said("load_again", wrong, value=repr(sent)))


def tune(retriever: HybridRetriever, question: str, numbers: _Tuned) -> HybridRetriever:
    """The retriever with these numbers, by the names of knobs, in the place of those that are usual for a question.

    >>> retriever = HybridRetriever(index)                                              # doctest: +SKIP
    >>> tune(retriever, "Who lit the lamp?", {"reranked": 20, "words": 0.5})            # doctest: +SKIP
    """
    counts = {name: int(value) for name, value in numbers.items() if name in ("candidates", "reranked")}
    weighed = {name: float(value) for name, value in numbers.items() if name not in counts}
    # A dict of one type for fields of several is more than the type checker follows.
    weights: Any = {"weights": replace(usual_weights(question), **weighed)} if weighed else {}
    return replace(retriever, **counts, **weights)


def _told_knobs(name: str, question: str) -> list[Payload]:
    """The knobs of a setting with what is usual for a question."""
    usual = {"candidates": CANDIDATES, "reranked": RERANKED, **asdict(usual_weights(question))}
    return [asdict(knob) | {"usual": usual[knob.name]} for knob in KNOBS[name]]


def _ranking(assistant: Assistant, name: str, question: str, k: int, filters: Filters, numbers: _Tuned) -> Payload:
    if name != _ANSWER:
        retriever = make_system(name, assistant.index)
        if isinstance(retriever, HybridRetriever):
            retriever = tune(retriever, question, numbers)
        hits = retriever.retrieve(question, k=k, filters=filters)
        return {"name": name, "knobs": _told_knobs(name, question), "tuned": numbers, "hits": list(map(_hit, hits))}
    wishes = Wishes(languages=filters.languages, since=filters.since, until=filters.until, outlets=filters.outlets)
    meant = restore_letters(question, assistant.index)  # by which it tells whether something is asked
    found = assistant.using(lambda usual: tune(usual, meant, numbers)).explain(question, k=k, **wishes)
    hits = [
        _hit(each.hit)
        | {
            "terms": list(dict.fromkeys(part.found_as for part in each.terms))[:_MOST_TERMS],
            "moves": [to_json(move) for move in each.moves],
        }
        for each in found.hits
    ]
    return {
        "name": name,
        "knobs": _told_knobs(name, meant),
        "tuned": numbers,
        "meant": found.meant if found.meant != question else "",
        "hits": hits,
    }


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
