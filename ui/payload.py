"""Replies as plain values for the page, and every text in them as text.

Nothing here is HTML. Titles, quotes and articles go to the browser as JSON strings, and the page puts them in as text
nodes, so whatever a document says, it can only be read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from index.escapes import view
from index.folder import Index
from index.said import Said
from index.values import Document, ScoredPassage, Source, Span
from rag.receipt import disagreement_to_json
from rag.reply import Abstention, Answer, Citation, Reply, Searched, Statement

Payload = dict[str, Any]  # goes through JSON


def in_other_languages(text: str) -> Payload:
    """By what the page can tell a sentence in its language: {"key", "values"}, or nothing of one that has no key."""
    return {"key": text.key, "values": text.values} if isinstance(text, Said) else {}


_LONGEST_SHOWN = 400  # characters of a quote that are shown beside its number
_NEIGHBOURHOOD = 15_000  # characters of a file that are shown on either side of a quote, and then at a time
_MOST_TO_A_SPACE = 1_000  # characters from where an article is cut to the white space that it is cut at
_ESCAPE = 12  # characters of the longest JSON escape


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a chip stands for: a number in the reply, and words at a place in a source."""

    number: int  # from 1; the same place has the same number in one reply
    source: str
    document: str
    start: int
    end: int
    quote: str  # as it stands in the source, JSON escapes and all
    shown: str  # the quote as a person reads it; of a long one the beginning
    title: str
    outlet: str
    lang: str
    date: str
    page: int  # of a PDF, from 1; 0 in a file without pages
    translation: str  # of the quote by a language model: no quote, and proves nothing; or ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of an article's text as a person reads it."""

    text: str
    marked: bool
    after_gap: bool  # words of the source that belong to no article stand before it, and are not shown


class ReplyPayload:
    """Makes the payload of one reply, statement by statement; its citations are numbered as they are read."""

    def __init__(self, index: Index) -> None:
        self._numbers: dict[tuple[str, int, int], int] = {}
        self._source = cache(index.catalog.source)
        self._document = cache(index.catalog.document)

    def statement(self, statement: Statement) -> Payload:
        """A statement with a chip for each citation."""
        return {
            "text": statement.text,
            "answering": [[span.start, span.end] for span in statement.answering],
            "support": statement.support.value,
            "reports": statement.reports,
            "independent": statement.independent,
            "lang": statement.citations[0].lang if statement.citations else "und",
            "chips": [asdict(self._cited(citation)) for citation in statement.citations],
            "context": {
                "text": statement.context.text,
                "chips": [asdict(self._cited(citation)) for citation in statement.context.citations],
            },
        }

    def reply(self, reply: Reply) -> Payload:
        """The whole reply, with what was found and is not cited."""
        match reply:
            case Answer():
                statements = [self.statement(statement) for statement in reply.statements]
                return {
                    "kind": "answer",
                    "searched": _searched(reply.question, reply.searched),
                    "statements": statements,
                    "disagreements": [disagreement_to_json(found, self.statement) for found in reply.disagreements],
                    "age": reply.age,
                    "age_said": in_other_languages(reply.age),
                    "unused": [asdict(self._found(hit)) for hit in reply.evidence if not self._is_cited(hit)],
                    "written_by": reply.written_by,
                    "translated_by": reply.translated_by,
                    "untranslated": reply.untranslated,
                    "untranslated_said": in_other_languages(reply.untranslated),
                    "dropped": reply.dropped,
                    "problem": reply.problem,
                    "problem_said": in_other_languages(reply.problem),
                }
            case Abstention():
                return {
                    "kind": "abstention",
                    "searched": _searched(reply.question, reply.searched),
                    "reason": reply.reason,
                    "reason_said": in_other_languages(reply.reason),
                    "closest": [asdict(self._found(hit)) for hit in reply.evidence],
                }

    def _cited(self, citation: Citation) -> Pointer:
        return self._pointer(
            source=citation.source,
            document=citation.passage_id.rpartition(":")[0],  # "<document>:<start>-<end>"
            span=Span(citation.start, citation.end),
            quote=citation.quote,
            title=citation.title,
            lang=citation.lang,
            date=citation.date,
            translation=citation.translation,
        )

    def _found(self, hit: ScoredPassage) -> Pointer:
        passage = hit.passage
        return self._pointer(
            source=passage.source_path,
            document=passage.document_id,
            span=passage.span,
            quote=passage.text,
            title=passage.title,
            lang=passage.lang,
            date=passage.date,
            translation="",
        )

    def _is_cited(self, hit: ScoredPassage) -> bool:
        passage = hit.passage
        return any(
            source == passage.source_path and passage.span.overlap(Span(start, end))
            for source, start, end in self._numbers
        )

    def _pointer(
        self,
        *,
        source: str,
        document: str,
        span: Span,
        quote: str,
        title: str,
        lang: str,
        date: str,
        translation: str,
    ) -> Pointer:
        place = (source, span.start, span.end)
        # Either may be gone meanwhile; whoever opens the citation is told.
        stored, article = self._source(source), self._document(document)
        shown = view(quote, Span(0, len(quote)), stored.spelling).text if stored else quote
        return Pointer(
            number=self._numbers.setdefault(place, len(self._numbers) + 1),
            source=source,
            document=document,
            start=span.start,
            end=span.end,
            quote=quote,
            shown=shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN].rstrip()}…",
            title=title,
            outlet=article.outlet if article else "",
            lang=lang,
            date=date,
            page=stored.page_of(span.start) if stored else 0,
            translation=translation,
        )


def article_payload(document: Document, source: Source, marked: Span) -> Payload:
    """An article with a span of it marked; of a long one what is near that."""
    text = source.text
    window = Span(_cut(text, marked.start - _NEIGHBOURHOOD), _cut(text, marked.end + _NEIGHBOURHOOD))
    return {
        "kind": "article",
        "title": document.title,
        "outlet": document.outlet,
        "author": document.author,
        "lang": document.lang,
        "date": document.date,
        "source": source.path,
        "page": source.page_of(marked.start),
        "start": marked.start,
        "end": marked.end,
        **_part(document, source, window, marked),
    }


def more_of_article(document: Document, source: Source, place: int, *, above: bool) -> Payload:
    """What of an article stands before or after a place of its source, as much as is shown at a time."""
    if above:
        end = max((min(span.end, place) for span in document.spans if span.start < place), default=place)
        window = Span(min(_cut(source.text, end - 2 * _NEIGHBOURHOOD), end), end)
    else:
        start = min((max(span.start, place) for span in document.spans if span.end > place), default=place)
        window = Span(start, max(_cut(source.text, start + 2 * _NEIGHBOURHOOD), start))
    return {"kind": "part", **_part(document, source, window, Span(0, 0))}


def _part(document: Document, source: Source, window: Span, marked: Span) -> Payload:
    """What of an article stands in a window of its source, and where the window ends if the article goes on there."""
    kept = [span for span in document.spans if span.overlap(window)]
    return {
        "pieces": [asdict(piece) for piece in article_pieces(document, source, marked, window)],
        "above": window.start if kept and document.spans[0].start < window.start else 0,
        "below": window.end if kept and window.end < document.spans[-1].end else 0,
    }


def _cut(text: str, place: int) -> int:
    """A place at or before this one where a text can be cut: white space, or else one that is in no JSON escape."""
    if not 0 < place < len(text):
        return min(max(place, 0), len(text))
    first = max(0, place - _MOST_TO_A_SPACE)
    if found := max(text.rfind("\n", first, place), text.rfind(" ", first, place)) + 1:
        return found
    return next((at for at in range(place, first, -1) if "\\" not in text[max(0, at - _ESCAPE) : at]), place)


def article_pieces(document: Document, source: Source, marked: Span, window: Span) -> list[Piece]:
    """The kept text of `document` in a window, cut so that the pieces with `marked` set are the words of that span.

    JSON escapes are undone, each piece by itself: a citation never begins or ends within one.
    """
    pieces: list[Piece] = []
    previous = document.spans[0].start if document.spans else 0
    for whole in document.spans:
        after_gap = whole.start >= window.start and bool(source.text[previous : whole.start].strip())
        previous = whole.end
        if not whole.overlap(window):
            continue
        span = Span(max(whole.start, window.start), min(whole.end, window.end))
        first, last = (min(max(place, span.start), span.end) for place in (marked.start, marked.end))
        for part, is_marked in (
            (Span(span.start, first), False),
            (Span(first, last), True),
            (Span(last, span.end), False),
        ):
            if part.start < part.end:
                pieces.append(Piece(view(source.text, part, source.spelling).text, is_marked, after_gap))
                after_gap = False
    return pieces


def _searched(question: str, searched: Searched) -> Payload:
    """What was searched for, "" if it is the question as asked, and among how much."""
    return {"meant": searched.meant if searched.meant != question else "", **asdict(searched.extent)}
