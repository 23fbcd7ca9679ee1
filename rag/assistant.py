"""The way of a question: retrieve, read, decide, write if a language model is to, ground."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypedDict, Unpack

from index.errors import ChatError, SettingsError
from index.escapes import view
from index.folder import Filters, Index
from index.lexical import Phrase, parse_query
from index.said import Said, said
from index.values import UNDETERMINED, ScoredPassage, Source, Span
from rag.abstain import CALIBRATION, Calibration, doubt, signals
from rag.choose import WEIGHTS
from rag.disagree import find_conflicts
from rag.explain import Explanation, explain_hits
from rag.follow_up import stand_alone
from rag.ground import cite, ground, ground_conflicts, read_sources
from rag.letters import restore_letters
from rag.merge import merge_neighbours
from rag.nli import load_nli
from rag.origins import origins
from rag.read import ExtractiveReader
from rag.reply import Abstention, Answer, Hashes, Rejected, Reply, Searched, Statement, Unsupported
from rag.rerank import load_reranker
from rag.retrieve import HybridRetriever, Retriever
from rag.rewrite import Rewriter, Rewritten
from rag.select import Selected, collapse, spread
from rag.steps import step
from rag.support import SUPPORT, SupportModel, numbers_hash
from rag.when import NEWEST, Period, asks_about_now, check_day, periods, prefer_periods, prefer_recent, published_by

if TYPE_CHECKING:
    from rag.chat import ChatModel

# Passages that the reader is shown: the right one is among them for 33 of 36 dev questions, and for as many in 20.
EVIDENCE_PASSAGES = 8
# Passages that are ranked before copies of one another and crowds of one article are parted.
POOL = 100


class Wishes(TypedDict, total=False):
    """What may be said beside a question: which passages may be found, and which of them come first."""

    languages: Iterable[str]  # BCP 47 tags of the documents to look in, none for all
    since: str  # an ISO 8601 day, itself included; keeps to documents that are dated
    until: str
    sources: Iterable[str]  # paths of files to look in, or of folders for all that is in them
    outlets: Iterable[str]  # where the articles to look in appeared, in upper or lower case
    # Words in quotes in the question must stand in a passage, folded, in this order and side by side. Not the default:
    # quotes stand around names, too, and on xquad ru-en nDCG@10 of questions that have some falls from .947 to .045.
    exact: bool
    today: str  # the day that words such as "last week" are counted from; without it they are words like others
    # The day that the question is asked as if on: nothing that was published later is read, and it is `today`. Unlike
    # `until` it leaves out what is dated by a month that was not over, and the reply tells how much has no date at all.
    as_of: str
    recent: bool  # newer documents before older ones that match as well
    earlier: Sequence[str]  # the questions before this one, oldest first: it may lean on them


@dataclass(frozen=True, slots=True)
class _Found:
    """Passages for a question, and what was made of it on the way."""

    rewritten: Rewritten
    meant: str  # its question with its letters restored
    filters: Filters
    named: tuple[Period, ...]
    selected: tuple[Selected, ...]
    pool: int  # how many passages were asked for to find these
    about_now: bool  # whether the question is about how things stand on a day that is known
    raised: float  # what the newest score more for being so


class Assistant:
    """Answers questions from one index, with citations that were read again, or declines.

    >>> assistant = Assistant.open("news.index")                    # doctest: +SKIP
    >>> reply = assistant.ask("why did Armenia skip the Moscow meeting?")  # doctest: +SKIP
    """

    def __init__(
        self,
        index: Index,
        *,
        retriever: Retriever | None = None,
        rewriter: Rewriter | None = None,
        chat: ChatModel | None = None,
        support: SupportModel = SUPPORT,
        calibration: Calibration = CALIBRATION,
        report: Callable[[str], None] = lambda message: None,
    ):
        self.index = index
        self._retriever = retriever or HybridRetriever(index)
        self._rewriter = rewriter
        self._last_rewritten: tuple[tuple[object, ...], Rewritten] | None = None
        self._report = report
        self._reader = ExtractiveReader(index)
        self._chat = chat
        self._support = support
        self._calibration = calibration

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        reranker: str = "",
        rewriter: Rewriter | None = None,
        chat: ChatModel | str = "",
        nli: str = "",
        report: Callable[[str], None] = lambda message: None,
    ) -> Assistant:
        """The assistant of an index, by its folder or its URL. `report` is told what takes long or could not be done.

        `reranker` names a sentence-transformers cross-encoder, on the hub or a folder, which orders the best passages
        anew; see `rag.rerank`. `rewriter` asks a language model for each question in the languages of the archive; see
        `rag.rewrite`. `chat` names a language model that writes the answers; see `rag.chat.load_chat`.
        `nli` names a sentence-transformers cross-encoder that scores how its statements are supported; see `rag.nli`.
        Raises IndexFolderError, ModelError, SettingsError.
        """
        chat_model = _load_chat(chat) if isinstance(chat, str) else chat
        support = load_nli(nli) if nli else SUPPORT
        index = Index.open(folder, report=report)
        try:
            retriever = HybridRetriever(index, cross=load_reranker(reranker))
            return cls(index, retriever=retriever, rewriter=rewriter, chat=chat_model, support=support, report=report)
        except BaseException:
            index.close()
            raise

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def using(self, change: Callable[[HybridRetriever], Retriever]) -> Assistant:
        """The same, with its retriever changed. Raises SettingsError if that is no HybridRetriever."""
        made = copy(self)
        made._retriever = change(self._hybrid("changed"))
        return made

    def _hybrid(self, how: str) -> HybridRetriever:
        if not isinstance(self._retriever, HybridRetriever):
            raise SettingsError(f"{type(self._retriever).__name__} cannot be {how}; want a HybridRetriever")
        return self._retriever

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def search(self, question: str, *, k: int = 10, **wishes: Unpack[Wishes]) -> list[ScoredPassage]:
        """The best `k` passages for a question, best first, nothing answered. Raises SettingsError."""
        with self.index.catalog.snapshot():
            return [each.listed for each in self._find(question, k, spreads=True, **wishes).selected]

    def ask(self, question: str, *, translate: bool = False, **wishes: Unpack[Wishes]) -> Reply:
        """Answer from the documents, or abstain.

        A period that the question names filters nothing: what is of it comes before what matches as well.
        With a chat model its statements are the answer, those that their quotes support; without, or if it fails,
        sentences of the documents are. With `translate` the chat model writes a translation beside each quote in
        another language than the question's. Raises SettingsError, CitationError.
        """
        *_, reply = self.stream(question, translate=translate, **wishes)
        if isinstance(reply, Statement):
            raise AssertionError("the last that a stream gives is the reply")
        return reply

    def stream(
        self, question: str, *, translate: bool = False, **wishes: Unpack[Wishes]
    ) -> Iterator[Statement | Reply]:
        """What `ask` answers, each statement as soon as it is grounded, and last the reply that holds them all.

        Raises SettingsError, CitationError.
        """
        if translate and self._chat is None:
            no_model = "--translate: no language model is there to translate; name one: --llm NAME"
            raise SettingsError(said("no_model", no_model))
        # What was found may be replaced by the process that is writing before it is read.
        with self.index.catalog.snapshot():
            reply = self.decide(self._draft(question, **wishes))
            cited = {hit.passage.source_path for hit in reply.evidence} if self._chat else set[str]()
            sources = read_sources(cited, self.index)
            origin_of = origins({hit.passage.document_id for hit in reply.evidence}, self.index) if self._chat else {}
        if self._chat is not None and isinstance(reply, Answer):
            reply = yield from self._written(reply, self._chat, sources, origin_of)
        elif isinstance(reply, Answer):
            yield from reply.statements
        if translate and self._chat is not None and isinstance(reply, Answer):
            reply = self._translated(reply, self._chat, sources)
        yield reply

    def _written(
        self, extracted: Answer, chat: ChatModel, sources: Mapping[str, Source], origin_of: Mapping[str, str]
    ) -> Generator[Statement, None, Reply]:
        """What the model writes in place of an extractive answer; returns the reply."""
        from rag.generate import GenerativeReader

        statements: list[Statement] = []
        dropped: list[Unsupported] = []
        problem = ""
        reader = GenerativeReader(self.index, chat, support=self._support)
        try:
            for made in reader.stream(extracted.searched.meant, extracted.evidence):
                if isinstance(made, Unsupported):
                    dropped.append(made)
                    continue
                statements.append(cite(made, sources, origin_of))
                yield statements[-1]
        except ChatError as error:
            problem = error.told
        unsupported = tuple(dropped)
        if statements:
            return replace(
                extracted,
                statements=tuple(statements),
                written_by=chat.name,
                unsupported=unsupported,
                problem=problem,
                rejected=(),  # what sentences there are was for the model to choose
            )
        if not dropped and not problem:
            told = "{model} was shown the closest passages and found no answer in them."
            reason = said("model_found_none", told, model=chat.name)
            return _withheld(extracted, reason)
        nothing = "nothing that {model} wrote is supported by the passages"
        problem = problem or said("nothing_supported", nothing, model=chat.name)
        yield from extracted.statements
        return replace(extracted, unsupported=unsupported, problem=problem)

    def _translated(self, answer: Answer, chat: ChatModel, sources: Mapping[str, Source]) -> Answer:
        from rag.translate import translate

        if answer.problem:  # it has just failed
            return replace(answer, untranslated=answer.problem)
        citations = [citation for said in answer.statements for citation in said.citations]
        read = {c: view(c.quote, Span(0, len(c.quote)), sources[c.source].spelling).text for c in citations}
        return translate(answer, chat, read=read)

    def draft(self, question: str, **wishes: Unpack[Wishes]) -> Reply:
        """What `ask` would answer if it had to: an Abstention only where there is no sentence to answer with."""
        with self.index.catalog.snapshot():
            return self._draft(question, **wishes)

    def _draft(self, question: str, **wishes: Unpack[Wishes]) -> Reply:
        found = self._find(question, EVIDENCE_PASSAGES, spreads=False, **wishes)
        searched = self._searched(found, **wishes)
        if not found.selected:
            if found.filters == Filters():
                reason = said("no_passage", "There is no passage in this index to answer from.")
            else:
                reason = said("no_passage_filtered", "There is no passage under these filters to answer from.")
            return Abstention(question, reason, (), 0.0, searched)
        hits = [each.hit for each in found.selected]
        with step("read"):
            draft = self._reader.read(found.meant, hits)
        evidence = tuple(merge_neighbours(hits, cache(self.index.source)))
        if not draft.statements:
            reason = said("no_sentence", "The closest passages hold no whole sentence that could answer.")
            return Abstention(question, reason, evidence, 0.0, searched, draft.rejected)
        probability = self._calibration.probability(signals(found.meant, hits, draft, raised=found.raised))
        conflicts = find_conflicts(found.meant, draft, found.named)
        with step("ground"):
            statements = ground(draft.statements, self.index)
            disagreements = ground_conflicts(conflicts, self.index)
        return Answer(
            question,
            statements,
            evidence,
            probability,
            searched,
            doubt(found.meant, draft),
            disagreements=disagreements,
            rejected=draft.rejected,
        )

    def _searched(self, found: _Found, **wishes: Unpack[Wishes]) -> Searched:
        retriever = self._retriever_of(found.rewritten)
        cross = retriever.cross if isinstance(retriever, HybridRetriever) else None
        return Searched(
            index=str(self.index.folder.resolve()),
            sequence=self.index.catalog.sequence,
            extent=self.index.extent(found.filters),
            embedder=self.index.catalog.built_with.embedder,
            reranker=cross.name if cross else "",
            rewriter=self._rewriter.model if self._rewriter else "",
            meant=found.meant,
            others=found.rewritten.others,
            filters=found.filters,
            recent=wishes.get("recent", False),
            today=wishes.get("today", ""),
            as_of=wishes.get("as_of", ""),
            undated=self.index.catalog.undated_count(
                found.filters.sources, found.filters.languages, found.filters.outlets
            )
            if wishes.get("as_of")
            else 0,
            about_now=found.about_now,
            earlier=tuple(wishes.get("earlier", ())),
            threshold=self._calibration.threshold,
            support=self._support.name if self._chat else "",
            hashes=self.hashes,
        )

    @property
    def writer(self) -> str:
        """The language model that writes answers and translations, or ""."""
        return self._chat.name if self._chat else ""

    @property
    def hashes(self) -> Hashes:
        """What decides here, beside the embedder, by hashes."""
        cross = self._retriever.cross if isinstance(self._retriever, HybridRetriever) else None
        return Hashes(
            reader=numbers_hash(WEIGHTS),
            calibration=numbers_hash(replace(self._calibration, threshold=0.0)),
            support=self._support.weights_hash if self._chat else "",
            reranker=cross.weights_hash if cross else "",
        )

    def explain(self, question: str, *, k: int | None = None, **wishes: Unpack[Wishes]) -> Explanation:
        """Why the passages are found that `search` lists, or without `k` those that `ask` reads.

        Raises SettingsError, also if the retriever is no HybridRetriever.
        """
        with self.index.catalog.snapshot():
            return self._explain(question, k, **wishes)

    def _explain(self, question: str, k: int | None, **wishes: Unpack[Wishes]) -> Explanation:
        found = self._find(question, k or EVIDENCE_PASSAGES, spreads=k is not None, again=True, **wishes)
        retriever = replace(self._hybrid("explained"), others=found.rewritten.others)
        ranking = retriever.rank(found.meant, k=found.pool, filters=found.filters)
        return Explanation(
            question=question,
            meant=found.meant,
            others=ranking.others,
            left_out=tuple(other for other in found.rewritten.others if other not in ranking.others),
            problem=found.rewritten.problem,
            filters=found.filters,
            periods=found.named,
            recent=bool(found.raised),
            reranker=retriever.cross.name if retriever.cross else "",
            candidates=len(ranking.scores),
            hits=explain_hits((found.meant, *ranking.others), found.selected, ranking, self.index),
        )

    def _find(
        self,
        question: str,
        k: int,
        *,
        spreads: bool,
        again: bool = False,  # what was asked just now: it need not be rewritten another time
        languages: Iterable[str] = (),
        since: str = "",
        until: str = "",
        sources: Iterable[str] = (),
        outlets: Iterable[str] = (),
        exact: bool = False,
        today: str = "",
        as_of: str = "",
        recent: bool = False,
        earlier: Sequence[str] = (),
    ) -> _Found:
        if not question.strip():
            raise SettingsError(said("question_empty", "the question is empty; write one"))
        phrases = _phrases(question) if exact else ()
        check_day("--as-of", as_of)
        last = min(filter(None, (until, as_of)), default="")
        filters = Filters(frozenset(languages), since, last, phrases, frozenset(sources), frozenset(outlets))
        self._check_sources(filters.sources)
        self._check_outlets(filters.outlets)
        rewritten = self._rewrite(question, tuple(earlier), filters.languages, again=again)
        retriever = self._retriever_of(rewritten)
        meant = restore_letters(rewritten.question, self.index)
        named = periods(meant, today=as_of or today)
        about_now = bool(as_of or today) and asks_about_now(meant)
        pool = max(POOL, 2 * k)
        while True:
            # What was restored is no more ASCII, which is how the retriever knows that there is nothing to restore.
            with step("retrieve"):
                hits = retriever.retrieve(meant, k=pool, filters=filters)
            known = [Selected(hit) for hit in hits if not as_of or published_by(hit.passage.date, as_of)]
            found = prefer_periods(known, named)
            if recent or about_now:
                found = prefer_recent(found)
            articles = self.index.representatives({each.hit.passage.document_id for each in known})
            selected = collapse(found, articles)
            if spreads:
                selected = spread(selected, articles)
            if len(selected) >= k or len(hits) < pool:
                raised = NEWEST if recent or about_now else 0.0
                return _Found(rewritten, meant, filters, named, tuple(selected[:k]), pool, about_now, raised)
            pool *= 4  # copies took the places

    def _rewrite(self, question: str, earlier: tuple[str, ...], only: frozenset[str], *, again: bool) -> Rewritten:
        if self._rewriter is None:
            understood = stand_alone(question, earlier)
            if understood != question and not again:
                self._report(f"understood as: {understood}")
            return Rewritten(understood)
        languages = tuple(sorted((only or set(self.index.dense.languages)) - {UNDETERMINED}))
        asked = (question, earlier, languages)
        if not again or self._last_rewritten is None or self._last_rewritten[0] != asked:
            rewritten = self._rewriter.rewrite(question, earlier=earlier, languages=languages)
            if rewritten.problem:
                self._report(rewritten.problem)
                rewritten = replace(rewritten, question=stand_alone(question, earlier))
            if rewritten.question != question:
                self._report(f"understood as: {rewritten.question}")
            self._last_rewritten = asked, rewritten
        return self._last_rewritten[1]

    def _retriever_of(self, rewritten: Rewritten) -> Retriever:
        if not rewritten.others:
            return self._retriever
        if not isinstance(self._retriever, HybridRetriever):
            name = type(self._retriever).__name__
            raise SettingsError(f"{name} cannot search several wordings; want a HybridRetriever, or no rewriter")
        return replace(self._retriever, others=rewritten.others)

    def _check_sources(self, sources: Iterable[str]) -> None:
        for path in sorted(sources):
            if not self.index.catalog.has_source(path):
                raise SettingsError(
                    said(
                        "no_such_source",
                        "--source {name}: no file or folder of that name in this index; "
                        "list them: dragoman sources --index {index}",
                        name=path,
                        index=str(self.index.folder),
                    )
                )

    def _check_outlets(self, outlets: Iterable[str]) -> None:
        known = {name.casefold() for name in self.index.catalog.outlets()} if outlets else set[str]()
        for name in sorted(outlets):
            if name.casefold() not in known:
                raise SettingsError(
                    said(
                        "no_such_outlet",
                        "--outlet {name}: no article in this index says that it appeared there; "
                        "list them: dragoman sources --index {index}",
                        name=name,
                        index=str(self.index.folder),
                    )
                )

    def decide(self, draft: Reply) -> Reply:
        """The draft, or an Abstention in its place if its confidence is below the calibration's threshold."""
        if isinstance(draft, Abstention) or draft.confidence >= self._calibration.threshold:
            return draft
        wanted = self._calibration.threshold
        told = f"{draft.doubt} (probability of an answer {draft.confidence:.2f}, asked for {wanted:.2f})."
        return _withheld(draft, draft.doubt.with_figures(told))


def _withheld(answer: Answer, reason: Said) -> Abstention:
    """An abstention in place of an answer, whose sentences are among those that were considered."""
    first = [
        Rejected(said.text, "the passages do not seem to answer", said.score, cited.source, cited.start, cited.end)
        for said in answer.statements
        for cited in said.citations
    ]
    rejected = (*first, *answer.rejected)
    return Abstention(answer.question, reason, answer.evidence, answer.confidence, answer.searched, rejected)


def _load_chat(name: str) -> ChatModel | None:
    if not name:
        return None
    from rag.chat import load_chat

    return load_chat(name)


def _phrases(question: str) -> tuple[Phrase, ...]:
    if phrases := parse_query(question).phrases:
        return phrases
    raise SettingsError(
        "--exact: the question has no words in quotes; put quotes around those that must stand in a passage, as in "
        """'who said "we are ready"?', or leave --exact away"""
    )
