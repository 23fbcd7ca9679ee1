"""What the page is told: replies and cited articles as plain values, and every text in them as text.

Nothing here is HTML. Titles, quotes and articles go to the browser as JSON strings, and `assets/page.js` puts them
on the page as text nodes, so whatever a document says, it can only be read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from index.errors import CitationError, DragomanError, SettingsError
from index.escapes import view
from index.values import Document, ScoredPassage, Source, Span
from rag.assistant import Assistant
from rag.reply import Abstention, Answer, Citation, Reply, Statement

Payload = dict[str, Any]  # goes through JSON

LONGEST_QUESTION = 4_000  # characters
MOST_EARLIER = 8  # questions before one, by which it is understood


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a chip stands for: a number in the reply, and words at a place in a source."""

    number: int  # from 1; the same place has the same number in one reply
    source: str
    document: str
    start: int
    end: int
    quote: str  # as it stands in the source, JSON escapes and all
    title: str
    lang: str
    date: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of an article's text as a person reads it."""

    text: str
    marked: bool
    after_gap: bool  # words of the source that belong to no article stand before it, and are not shown


class Desk:
    """The three things the page asks of an assistant. Any thread may call; one at a time is served."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._lock = Lock()  # the catalog is for one thread at a time, and the page is served by many
        self.functions = (self.overview, self.ask, self.show)  # what the page may call

    def overview(self, _request: object = None) -> Payload:
        """What the index holds."""
        return self._serve(self._overview)

    def ask(self, request: object) -> Payload:
        """A reply to {"question", "earlier", "languages", "after", "before"}: "answer", "abstention" or "error"."""
        return self._serve(lambda: self._ask(request))

    def show(self, request: object) -> Payload:
        """The article around {"source", "document", "start", "end", "quote"}: kind "article" or "error".

        The quote is read from the stored source again; if it is not there, that is said and nothing is shown.
        """
        return self._serve(lambda: self._show(request))

    def _serve(self, work: Callable[[], Payload]) -> Payload:
        try:
            with self._lock:
                return work()
        except DragomanError as error:
            # Messages name options as the command line does; here they are fields.
            return {"kind": "error", "message": str(error).removeprefix("--")}

    def _overview(self) -> Payload:
        index = self._assistant.index
        index.refresh()
        files, articles, passages = index.catalog.counts()
        return {
            "kind": "overview",
            "files": files,
            "articles": articles,
            "passages": passages,
            "pending": index.catalog.pending_count(),  # of the passages: not embedded yet
            "languages": list(index.dense.languages),
        }

    def _ask(self, request: object) -> Payload:
        question = _text(request, "question").strip()
        if len(question) > LONGEST_QUESTION:
            raise SettingsError(
                f"the question has {len(question)} characters; ask in {LONGEST_QUESTION} or fewer, one thing at a time"
            )
        overview = self._overview()  # refreshes: what was ingested since is asked, too
        reply = self._assistant.ask(
            question,
            languages=_texts(request, "languages"),
            since=_text(request, "after").strip(),
            until=_text(request, "before").strip(),
            today=dt.date.today().isoformat(),
            earlier=_texts(request, "earlier")[-MOST_EARLIER:],
        )
        return {**reply_payload(reply), "index": overview}

    def _show(self, request: object) -> Payload:
        path, start, end = _text(request, "source"), _number(request, "start"), _number(request, "end")
        catalog = self._assistant.index.catalog
        source, document = catalog.source(path), catalog.document(_text(request, "document"))
        quote = _text(request, "quote")
        stands = 0 <= start < end and source is not None and source.text[start:end] == quote
        if not stands or source is None or document is None or not _holds(document, path, Span(start, end)):
            raise CitationError(
                f"{path}: characters {start} to {end} no longer hold the quoted words, because the file was ingested "
                "again or taken out since they were quoted; ask again"
            )
        return {
            "kind": "article",
            "title": document.title,
            "lang": document.lang,
            "date": document.date,
            "source": path,
            "start": start,
            "end": end,
            "pieces": [asdict(piece) for piece in article_pieces(document, source, Span(start, end))],
        }


def reply_payload(reply: Reply) -> Payload:
    """A reply with its citations numbered in the order in which they are read."""
    match reply:
        case Answer():
            numbers: dict[tuple[str, int, int], int] = {}
            return {
                "kind": "answer",
                "searched": _searched(reply),
                "statements": [_statement(statement, numbers) for statement in reply.statements],
                "disagreements": [
                    {
                        "about": each.about.value,
                        "sides": [
                            {
                                "says": side.says,
                                "date": side.date,
                                "outlet": side.outlet,
                                "statements": [_statement(statement, numbers) for statement in side.statements],
                            }
                            for side in each.sides
                        ],
                    }
                    for each in reply.disagreements
                ],
                "age": reply.age,
            }
        case Abstention():
            closest = [asdict(_found(hit, number)) for number, hit in enumerate(reply.evidence, start=1)]
            return {
                "kind": "abstention",
                "searched": _searched(reply),
                "reason": reply.reason,
                "closest": closest,
            }


def _statement(statement: Statement, numbers: dict[tuple[str, int, int], int]) -> Payload:
    return {
        "text": statement.text,
        "support": statement.support.value,
        "answering": [[span.start, span.end] for span in statement.answering],
        "lang": statement.citations[0].lang if statement.citations else "und",
        "reports": statement.reports,
        "independent": statement.independent,
        "counted": statement.counted,
        "chips": [asdict(_cited(citation, numbers)) for citation in statement.citations],
    }


def _searched(reply: Reply) -> Payload:
    """What was searched for, "" if it is the question as asked, and among how much."""
    meant = reply.searched.meant
    return {
        "meant": meant if meant != reply.question else "",
        "as_of": reply.searched.as_of,
        "undated": reply.searched.undated,
        **asdict(reply.searched.extent),
    }


def article_pieces(document: Document, source: Source, marked: Span) -> list[Piece]:
    """The kept text of `document`, cut so that the pieces with `marked` set are the words of that span.

    JSON escapes are undone, each piece by itself: a citation never begins or ends within one.
    """
    pieces: list[Piece] = []
    previous = document.spans[0].start if document.spans else 0
    for span in document.spans:
        after_gap = bool(source.text[previous : span.start].strip())
        previous = span.end
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


def _holds(document: Document, path: str, span: Span) -> bool:
    """Whether the whole of `span` is kept text of `document`."""
    return document.source_path == path and sum(kept.overlap(span) for kept in document.spans) == span.end - span.start


def _cited(citation: Citation, numbers: dict[tuple[str, int, int], int]) -> Pointer:
    place = (citation.source, citation.start, citation.end)
    return Pointer(
        number=numbers.setdefault(place, len(numbers) + 1),
        source=citation.source,
        document=citation.passage_id.rpartition(":")[0],  # "<document>:<start>-<end>"
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        title=citation.title,
        lang=citation.lang,
        date=citation.date,
    )


def _found(hit: ScoredPassage, number: int) -> Pointer:
    passage = hit.passage
    return Pointer(
        number=number,
        source=passage.source_path,
        document=passage.document_id,
        start=passage.span.start,
        end=passage.span.end,
        quote=passage.text,
        title=passage.title,
        lang=passage.lang,
        date=passage.date,
    )


def _field(request: object, name: str) -> object:
    return request.get(name) if isinstance(request, dict) else None


def _text(request: object, name: str) -> str:
    value = _field(request, name)
    if not isinstance(value, str):
        raise SettingsError(f'the page sent {value!r} as "{name}"; want text: load the page again')
    return _whole(value)


def _whole(text: str) -> str:
    # Half a surrogate pair, which JSON can carry, is no character: neither SQLite nor a model would take it.
    return text.encode("utf-8", "replace").decode("utf-8")


def _texts(request: object, name: str) -> list[str]:
    values = _field(request, name)
    if not isinstance(values, Iterable) or not all(isinstance(value, str) for value in values):
        raise SettingsError(f'the page sent {values!r} as "{name}"; want a list of texts: load the page again')
    return [_whole(value) for value in values]


def _number(request: object, name: str) -> int:
    value = _field(request, name)
    if not isinstance(value, int):
        raise SettingsError(f'the page sent {value!r} as "{name}"; want a number: load the page again')
    return value
