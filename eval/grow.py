"""A question file that grows by what people ask: a question, and which quotes are right, or that there is none.

    draft = assistant.draft(text)
    quotes = offered(draft, assistant.index.catalog)          # shown to a person, who chooses
    append_question(answered_by(text, quotes[:1]), file)      # or not_in_documents(text, draft.evidence)

What is written is read by `eval.sets.load_answer_set`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock

from eval.check import folded
from eval.gold import QuoteFinder, normal
from eval.sets import GoldQuestion, GoldSpan, gold_question, json_object, lines
from index.catalog import Catalog, StoredSource
from index.e5 import cache_directory
from index.errors import DataSetError, IndexFolderError
from index.escapes import view
from index.language import LANGUAGES, detect_language
from index.passages import passage_sentences
from index.values import Document, ScoredPassage, Source, Span
from index.whole import write_whole
from rag import Answer, Reply

PASSAGES = 5  # of the evidence, whose sentences are offered
# A quote that stands in more places than this is a common phrase, and says nothing of which of them answers.
_MOST_PLACES = 20


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that may answer, with the places where they are known to stand."""

    text: str  # as a person reads it, white space normalised
    places: tuple[GoldSpan, ...]  # at least one
    lang: str  # this and the rest of the document at the first place
    title: str
    date: str


def offered(draft: Reply, catalog: Catalog) -> tuple[Quote, ...]:
    """What may be right: the quotes of the draft's statements, then the sentences of its nearest passages.

    Words that stand in several of these places are offered once. The same draft has the same quotes in the same order.
    """
    source = cache(catalog.source)
    found: dict[str, Quote] = {}

    def add(path: str, span: Span, lang: str, title: str, date: str) -> None:
        text, place = normal(_readable(source(path), span)), GoldSpan(path, span)
        known = found.setdefault(text, Quote(text, (), lang, title, date))
        if place not in known.places:
            found[text] = replace(known, places=(*known.places, place))

    for statement in draft.statements if isinstance(draft, Answer) else ():
        for c in statement.citations:
            add(c.source, Span(c.start, c.end), c.lang, c.title, c.date)
    for hit in draft.evidence[:PASSAGES]:
        passage = hit.passage
        if source(passage.source_path) is None:
            raise IndexFolderError(
                f"{draft.searched.index}: {passage.source_path} is gone from it meanwhile; ask again"
            )
        for sentence in passage_sentences(passage):
            if any(c.isalnum() for c in sentence.text):
                add(passage.source_path, sentence.span, passage.lang, passage.title, passage.date)
    return tuple(found.values())


def _readable(source: Source | None, span: Span) -> str:
    return view(source.text, span, source.spelling).text if source is not None else ""


def find_quote(words: str, catalog: Catalog) -> Quote:
    """The places of words that a person copied, white space aside. Raises DataSetError if they stand nowhere.

    Places that cleaning left out do not count: they can neither be found nor cited.
    """
    wanted = normal(words)
    if not wanted:
        raise DataSetError("a quote is empty; give the words of the document that answer")
    places: list[tuple[GoldSpan, Document]] = []
    dropped = ""
    for stored in catalog.sources():
        for span in _places(wanted, catalog.source(stored.path)):
            document = _holder(stored, span)
            if document is None:
                dropped = stored.path
            else:
                places.append((GoldSpan(stored.path, span), document))
    shown = repr(wanted if len(wanted) <= 60 else f"{wanted[:60]}…")
    if not places:
        where = f"only in what cleaning left out of {dropped}" if dropped else "in no document of the index"
        raise DataSetError(
            f"the quote {shown} stands {where}; copy it letter by letter from one article, as `dragoman show` has it"
        )
    if len(places) > _MOST_PLACES:
        raise DataSetError(f"the quote {shown} stands in {len(places)} places; quote more of the sentence that answers")
    first = places[0][1]
    return Quote(wanted, tuple(place for place, _ in places), first.lang, first.title, first.date)


def _places(wanted: str, source: Source | None) -> tuple[Span, ...]:
    if source is None:
        return ()
    text = _readable(source, Span(0, len(source.text)))
    # Most sources lack one of the words, which is known a hundred times sooner than the places.
    return QuoteFinder(source).find(wanted) if all(word in text for word in wanted.split()) else ()


def _holder(stored: StoredSource, span: Span) -> Document | None:
    return next(
        (
            document
            for document in stored.documents
            if any(kept.start <= span.start and span.end <= kept.end for kept in document.spans)
        ),
        None,
    )


def answered_by(
    text: str, quotes: Sequence[Quote], *, lang: str = "", id_: str = "", reference: str = ""
) -> GoldQuestion:
    """A question with the quotes that answer it, any one of them right. Raises DataSetError.

    `lang` is told from the question if it is not given. Without `id_`, `append_question` gives one.
    """
    if not quotes:
        raise DataSetError("no quote is chosen; name those that answer, or say that the documents do not tell")
    # The file that all quotes stand in; if there is none, their places name theirs.
    shared = [
        place.source
        for place in quotes[0].places
        if all(place.source in {other.source for other in quote.places} for quote in quotes)
    ]
    return GoldQuestion(
        id=id_,
        lang=lang or language_of(text),
        doc_lang=_known(quotes[0].lang),
        source=shared[0] if shared else "",
        question=normal(text),
        gold=tuple(dict.fromkeys(quote.text for quote in quotes)),
        answerable=True,
        spans=tuple(dict.fromkeys(place for quote in quotes for place in quote.places)),
        reference=reference,
    )


def not_in_documents(
    text: str, evidence: Sequence[ScoredPassage], *, lang: str = "", id_: str = "", reference: str = ""
) -> GoldQuestion:
    """A question that the documents do not answer, with the file of the first of `evidence`, which comes near.

    `lang` and `id_` are as for `answered_by`. Raises DataSetError.
    """
    nearest = evidence[0].passage if evidence else None
    return GoldQuestion(
        id=id_,
        lang=lang or language_of(text),
        doc_lang=_known(nearest.lang) if nearest else "",
        source=nearest.source_path if nearest else "",
        question=normal(text),
        gold=(),
        answerable=False,
        reference=reference,
    )


def language_of(text: str) -> str:
    """The language of a question, of those that a set may hold. Raises DataSetError if it cannot be told."""
    lang = detect_language(text)
    if lang not in LANGUAGES:
        raise DataSetError(f"the language of {text!r} cannot be told; name it, one of {' '.join(LANGUAGES)}")
    return lang


def _known(lang: str) -> str:
    return lang if lang in LANGUAGES else ""


def place_to_json(place: GoldSpan) -> dict[str, Any]:
    """A place as `spans[]` of a row has it."""
    return {"source": place.source, "start": place.span.start, "end": place.span.end}


def question_to_json(question: GoldQuestion) -> dict[str, Any]:
    """The row of a question, which `eval.sets.gold_question` reads back as it was."""
    row: dict[str, Any] = {
        "id": question.id,
        "lang": question.lang,
        "doc_lang": question.doc_lang,
        "file": question.source,
        "question": question.question,
        "gold": list(question.gold),
        "answerable": question.answerable,
        "spans": [place_to_json(place) for place in question.spans],
        "reference": question.reference,
    }
    return {key: value for key, value in row.items() if key not in ("spans", "reference") or value}


def check_new(text: str, file: Path, *, id_: str = "") -> None:
    """Raise DataSetError if a file holds the question already, or its id, or cannot be added to."""
    _free_id(text, file, id_)


def append_question(
    question: GoldQuestion, file: Path, *, beside: Mapping[str, Any] = MappingProxyType({})
) -> GoldQuestion:
    """Add a question to a file, which is made if it is not there; returns it with the id that it got.

    What is `beside` it in the file is for people, and no set that is read has it.

    Whoever reads the file meanwhile, and whenever we are killed, finds it with the whole line or without; of several
    that add at once, each waits for the other. Raises DataSetError.
    """
    with _alone(file):
        added = replace(question, id=_free_id(question.question, file, question.id))
        row = {**beside, **question_to_json(added)}
        gold_question(str(file), row)
        try:
            line = json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise DataSetError(
                f"{file}: {question.question!r} is not all text (half a character); correct it"
            ) from error
        try:
            held = file.read_bytes() if file.exists() else b""
            write_whole(file, held + (b"\n" if held and not held.endswith(b"\n") else b"") + line + b"\n")
        except OSError as error:
            raise DataSetError(f"{file}: {error.strerror}; name a file that can be written") from error
    return added


def _free_id(text: str, file: Path, id_: str) -> str:
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise DataSetError(f"{file}: {'a folder' if file.is_dir() else 'its folder is not there'}; name a file")
    known: dict[str, str] = {}
    for place, line in lines(file) if file.exists() else ():
        question = gold_question(place, json_object(place, line))
        if folded(question.question) == folded(text):
            raise DataSetError(
                f"{place}: the same question stands there, as {question.id!r}; correct that line instead"
            )
        known[question.id] = place
    if id_ in known:
        raise DataSetError(f"{known[id_]}: the id {id_!r} is taken there; choose another")
    number = len(known) + 1
    while f"q{number}" in known:
        number += 1
    return id_ or f"q{number}"


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    name = hashlib.sha256(str(file.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    locks = cache_directory() / "eval"  # not beside the file, where nobody wants to see it
    locks.mkdir(parents=True, exist_ok=True)
    with FileLock(locks / f"{name}.lock"):
        yield
