"""What the page asks: questions, the article around a citation, what there is to ask about."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice

from index.errors import CitationError, ConversationsError, DragomanError, SettingsError
from index.folder import Filters, Index
from index.said import said, to_json
from index.values import Document, Span
from rag.assistant import Wishes
from rag.reply import Abstention, Answer, Reply, Statement
from ui.conversations import Conversations
from ui.payload import Payload, ReplyPayload, article_payload, more_of_article
from ui.pool import Assistants
from ui.request import number, text, texts, told, told_of, truth
from ui.running import Runs
from ui.suggest import MOST, better_questions, examples, follow_ups

LONGEST_QUESTION = 4_000  # characters
MOST_EARLIER = 8  # questions before one, by which it is understood
_MOST_SOURCES = 50  # offered at a time, of files and folders
_MOST_OUTLETS = 1_000
_MOST_EXAMPLES_TRIED = 10
# How long the page waits for the first statement before it says what is searched, and for the next before it asks anew.
_FIRST_SECONDS, _NEXT_SECONDS = 0.4, 20.0


class Desk:
    """What the view "Ask" asks of assistants. Any thread may call.

    Each function takes what the page sends, which may be anything, and whose page it is.
    """

    def __init__(self, assistants: Assistants, conversations: Conversations) -> None:
        self._assistants = assistants
        self._conversations = conversations
        self._runs = Runs()
        self._examples: tuple[int, list[str]] = (-1, [])  # of the index as it was at this batch
        self.functions = (
            self.overview, self.examples, self.sources, self.ask, self.more, self.stop, self.show, self.show_more
        )  # fmt: skip

    def overview(self, _request: object = None, user: str = "") -> Payload:
        """What the index holds."""

        def overview() -> Payload:
            with self._assistants.borrow() as assistant:
                return {**self._overview(assistant.index), "writer": assistant.writer}

        return told(overview)

    def examples(self, _request: object = None, user: str = "") -> Payload:
        """Questions that are answered: {"questions"}."""

        return told(self._tried)

    def _tried(self) -> Payload:
        with self._assistants.borrow() as assistant:
            sequence = assistant.index.catalog.sequence
            is_known = self._examples[0] == sequence
            questions = [] if is_known else list(islice(examples(assistant.index), _MOST_EXAMPLES_TRIED))
        if not is_known:
            self._examples = (sequence, list(islice(filter(self._is_answered, questions), MOST)))
        return {"kind": "examples", "questions": self._examples[1]}

    def _is_answered(self, question: str) -> bool:
        # For each anew: who asks meanwhile waits for one of these and not for all.
        with self._assistants.borrow() as assistant:
            return isinstance(assistant.decide(assistant.draft(question)), Answer)

    def sources(self, request: object, user: str = "") -> Payload:
        """The paths of files and folders that hold the words of {"text"}, and all outlets: {"paths", "outlets"}."""
        return self._serve(lambda index: self._sources(index, text(request, "text").strip().lower()))

    def ask(self, request: object, user: str = "") -> Payload:
        """Begin to answer {"question", "earlier", "languages", "after", "before", "sources", "outlets",
        "translate", "conversation", "replaces"}; gives what `more` does.

        The last event of a reply is the whole of it, "answer" or "abstention", or an "error"; before it comes
        "searching" and then each "statement" as soon as it is grounded. The reply is kept in the conversation with this
        id, or in a new one for "", in place of the turn `replaces` and those after it, if that is not 0.
        """

        def begin() -> Payload:
            question = _question(request)
            wishes, filters = _wishes(request)
            translates = truth(request, "translate")
            place = {"conversation": text(request, "conversation"), "replaces": number(request, "replaces")}

            def make() -> Iterator[Payload]:
                return self._reply(
                    question, wishes, filters, translates, lambda reply, shown: self._keep(reply, shown, place, user)
                )

            id_ = self._runs.begin(make, user=user)
            return self._runs.read(id_, seen=0, wait_for=2, seconds=_FIRST_SECONDS, user=user)

        return told(begin)

    def more(self, request: object, user: str = "") -> Payload:
        """What of the reply {"id"} comes after its first {"seen"} events: {"events", "done"}."""
        return told(
            lambda: self._runs.read(
                text(request, "id"), seen=number(request, "seen"), wait_for=1, seconds=_NEXT_SECONDS, user=user
            )
        )

    def stop(self, request: object, user: str = "") -> Payload:
        """Make no more of the reply {"id"}."""

        def stop() -> Payload:
            self._runs.stop(text(request, "id"), user=user)
            return {"kind": "stopped"}

        return told(stop)

    def show(self, request: object, user: str = "") -> Payload:
        """The article around {"source", "document", "start", "end", "quote"}: kind "article" or "error".

        The quote is read from the stored source again; if it is not there, that is said and nothing is shown.
        """
        return self._serve(lambda index: self._show(index, request))

    def show_more(self, request: object, user: str = "") -> Payload:
        """What comes "above" or "below" {"place"} in an article: {"source", "document", "place", "side"}."""
        return self._serve(lambda index: self._show_more(index, request))

    def _serve(self, work: Callable[[Index], Payload]) -> Payload:
        def served() -> Payload:
            with self._assistants.borrow() as assistant:
                return work(assistant.index)

        return told(served)

    def _overview(self, index: Index) -> Payload:
        files, articles, passages = index.catalog.counts()
        return {
            "kind": "overview",
            "files": files,
            "articles": articles,
            "passages": passages,
            "pending": index.catalog.pending_count(),  # of the passages: not embedded yet
            "languages": list(index.dense.languages),
        }

    def _sources(self, index: Index, words: str) -> Payload:
        paths = sorted(index.catalog.files())
        folders = {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/" and at}
        found = [path for path in (*sorted(folders), *paths) if words in path.lower()]
        return {"kind": "sources", "paths": found[:_MOST_SOURCES], "outlets": index.catalog.outlets()[:_MOST_OUTLETS]}

    def _reply(
        self,
        question: str,
        wishes: Wishes,
        filters: Filters,
        translates: bool,
        keep: Callable[[Reply, Payload], Payload],
    ) -> Iterator[Payload]:
        try:
            with self._assistants.borrow() as assistant:
                index = assistant.index
                overview = self._overview(index)
                yield {"kind": "searching", **asdict(index.extent(filters))}
                payload = ReplyPayload(index)
                for each in assistant.stream(question, translate=translates, **wishes):
                    if isinstance(each, Statement):
                        yield {"kind": "statement", **payload.statement(each)}
                    else:
                        shown = {**payload.reply(each), **_suggestions(each)}
                        yield {**shown, **keep(each, shown), "index": overview}
        except DragomanError as error:
            yield told_of(error)

    def _keep(self, reply: Reply, shown: Payload, place: Payload, user: str) -> Payload:
        """Where the reply is kept, or why it is not."""
        try:
            conversation, turn = self._conversations.add(reply, shown, **place, user=user)
        except ConversationsError as error:
            return {"conversation": place["conversation"], "turn": 0, "unkept": to_json(error.told)}
        return {"conversation": conversation, "turn": turn}

    def _show(self, index: Index, request: object) -> Payload:
        path, start, end = text(request, "source"), number(request, "start"), number(request, "end")
        catalog = index.catalog
        source, document = catalog.source(path), catalog.document(text(request, "document"))
        quote = text(request, "quote")
        stands = 0 <= start < end and source is not None and source.text[start:end] == quote
        if not stands or source is None or document is None or not _holds(document, path, Span(start, end)):
            raise CitationError(
                said(
                    "quote_changed",
                    "{file}: characters {start} to {end} no longer hold the quoted words, because the file was "
                    "ingested again or taken out since they were quoted; ask again",
                    file=path,
                    start=start,
                    end=end,
                )
            )
        return article_payload(document, source, Span(start, end))

    def _show_more(self, index: Index, request: object) -> Payload:
        path, place = text(request, "source"), number(request, "place")
        source, document = index.catalog.source(path), index.catalog.document(text(request, "document"))
        if source is None or document is None or document.source_path != path:
            gone = "{file}: the article was ingested again or taken out meanwhile; ask again"
            raise CitationError(said("article_gone", gone, file=path))
        return more_of_article(document, source, place, above=text(request, "side") == "above")


def _suggestions(reply: Reply) -> Payload:
    match reply:
        case Answer():
            return {"suggestions": follow_ups(reply)}
        case Abstention():
            return {"suggestions": better_questions(reply.evidence, reply.question)}


def _holds(document: Document, path: str, span: Span) -> bool:
    """Whether the whole of `span` is kept text of `document`."""
    return document.source_path == path and sum(kept.overlap(span) for kept in document.spans) == span.end - span.start


def _question(request: object) -> str:
    question = text(request, "question").strip()
    if len(question) > LONGEST_QUESTION:
        too_long = "the question has {count} characters; ask in {most} or fewer, one thing at a time"
        raise SettingsError(said("question_long", too_long, count=len(question), most=LONGEST_QUESTION))
    if not question:
        raise SettingsError(said("question_empty", "the question is empty; write one"))
    return question


def _wishes(request: object) -> tuple[Wishes, Filters]:
    """What is wished beside the question, and the filters in it."""
    languages, sources, outlets = (texts(request, name) for name in ("languages", "sources", "outlets"))
    after, before = text(request, "after").strip(), text(request, "before").strip()
    wishes = Wishes(
        languages=languages,
        since=after,
        until=before,
        sources=sources,
        outlets=outlets,
        today=dt.date.today().isoformat(),
        earlier=texts(request, "earlier")[-MOST_EARLIER:],
    )
    return wishes, Filters(frozenset(languages), after, before, (), frozenset(sources), frozenset(outlets))
