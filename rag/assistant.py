"""The way of a question: retrieve, read, decide, ground."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TypedDict, Unpack

from index.errors import SettingsError
from index.folder import Filters, Index
from index.lexical import Phrase, parse_query
from index.values import ScoredPassage
from rag.abstain import CALIBRATION, Calibration, signals
from rag.explain import Explanation, explain_hits
from rag.ground import ground
from rag.letters import restore_letters
from rag.merge import merge_neighbours
from rag.read import ExtractiveReader
from rag.reply import Abstention, Answer, Reply
from rag.rerank import load_reranker
from rag.retrieve import HybridRetriever, Retriever
from rag.select import Selected, collapse, spread
from rag.when import Period, periods, prefer_periods, prefer_recent

# Passages that the reader is shown: the right one is among them for 33 of 36 dev questions, and for as many in 20.
EVIDENCE_PASSAGES = 8
# Passages that are ranked before copies of one another and crowds of one article are parted.
_POOL = 100


class Wishes(TypedDict, total=False):
    """What may be said beside a question: which passages may be found, and which of them come first."""

    languages: Iterable[str]  # BCP 47 tags of the documents to look in, none for all
    since: str  # an ISO 8601 day, itself included; keeps to documents that are dated
    until: str
    sources: Iterable[str]  # paths of files to look in, or of folders for all that is in them
    # Words in quotes in the question must stand in a passage, folded, in this order and side by side. Not the default:
    # quotes stand around names, too, and on xquad ru-en nDCG@10 of questions that have some falls from .947 to .045.
    exact: bool
    today: str  # the day that words such as "last week" are counted from; without it they are words like others
    recent: bool  # newer documents before older ones that match as well


@dataclass(frozen=True, slots=True)
class _Found:
    """Passages for a question, and what was made of it on the way."""

    meant: str  # the question with its letters restored
    filters: Filters
    named: tuple[Period, ...]
    selected: tuple[Selected, ...]
    pool: int  # how many passages were asked for to find these


class Assistant:
    """Answers questions from one index, with citations that were read again, or declines.

    >>> assistant = Assistant.open("news.index")                    # doctest: +SKIP
    >>> reply = assistant.ask("why did Armenia skip the Moscow meeting?")  # doctest: +SKIP
    """

    def __init__(self, index: Index, *, retriever: Retriever | None = None, calibration: Calibration = CALIBRATION):
        self.index = index
        self._retriever = retriever or HybridRetriever(index)
        self._reader = ExtractiveReader(index)
        self._calibration = calibration

    @classmethod
    def open(
        cls, folder: str | Path, *, reranker: str = "", report: Callable[[str], None] = lambda message: None
    ) -> Assistant:
        """The assistant of an index folder. `report` is told what takes long.

        `reranker` names a sentence-transformers cross-encoder, on the hub or a folder, which orders the best passages
        anew; see `rag.rerank`. Raises IndexFolderError, ModelError.
        """
        index = Index.open(Path(folder), report=report)
        try:
            return cls(index, retriever=HybridRetriever(index, cross=load_reranker(reranker)))
        except BaseException:
            index.close()
            raise

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def search(self, question: str, *, k: int = 10, **wishes: Unpack[Wishes]) -> list[ScoredPassage]:
        """The best `k` passages for a question, best first, nothing answered. Raises SettingsError."""
        return [each.listed for each in self._find(question, k, spreads=True, **wishes).selected]

    def ask(self, question: str, **wishes: Unpack[Wishes]) -> Reply:
        """Answer from the documents, or abstain.

        A period that the question names filters nothing: what is of it comes before what matches as well.
        Raises SettingsError, CitationError.
        """
        return self.decide(self.draft(question, **wishes))

    def draft(self, question: str, **wishes: Unpack[Wishes]) -> Reply:
        """What `ask` would answer if it had to: an Abstention only where there is no sentence to answer with."""
        found = self._find(question, EVIDENCE_PASSAGES, spreads=False, **wishes)
        folder = str(self.index.folder.resolve())
        if not found.selected:
            filtered = "in this index" if found.filters == Filters() else "under these filters"
            return Abstention(question, f"There is no passage {filtered} to answer from.", (), 0.0, folder)
        hits = [each.hit for each in found.selected]
        draft = self._reader.read(found.meant, hits)
        evidence = tuple(merge_neighbours(hits, cache(self.index.source)))
        if not draft.statements:
            reason = "The closest passages hold no whole sentence that could answer."
            return Abstention(question, reason, evidence, 0.0, folder)
        probability = self._calibration.probability(signals(found.meant, hits, draft))
        statements = ground(draft.statements, self.index)
        return Answer(question, statements, evidence, probability, folder)

    def explain(self, question: str, *, k: int | None = None, **wishes: Unpack[Wishes]) -> Explanation:
        """Why the passages are found that `search` lists, or without `k` those that `ask` reads.

        Raises SettingsError, also if the retriever is no HybridRetriever.
        """
        if not isinstance(self._retriever, HybridRetriever):
            raise SettingsError(f"{type(self._retriever).__name__} cannot be explained; want a HybridRetriever")
        found = self._find(question, k or EVIDENCE_PASSAGES, spreads=k is not None, **wishes)
        ranking = self._retriever.rank(found.meant, k=found.pool, filters=found.filters)
        hits = explain_hits(found.meant, found.selected, ranking, self.index)
        recent = wishes.get("recent", False)
        return Explanation(
            question,
            found.meant,
            found.filters,
            found.named,
            recent,
            self._retriever.cross.name if self._retriever.cross else "",
            len(ranking.scores),
            hits,
        )

    def _find(
        self,
        question: str,
        k: int,
        *,
        spreads: bool,
        languages: Iterable[str] = (),
        since: str = "",
        until: str = "",
        sources: Iterable[str] = (),
        exact: bool = False,
        today: str = "",
        recent: bool = False,
    ) -> _Found:
        if not question.strip():
            raise SettingsError("the question is empty; write one")
        phrases = _phrases(question) if exact else ()
        filters = Filters(frozenset(languages), since, until, phrases, frozenset(sources))
        self._check_sources(filters.sources)
        meant = restore_letters(question, self.index)
        named = periods(meant, today=today)
        pool = max(_POOL, 2 * k)
        while True:
            # What was restored is no more ASCII, which is how the retriever knows that there is nothing to restore.
            hits = self._retriever.retrieve(meant, k=pool, filters=filters)
            found = prefer_periods([Selected(hit) for hit in hits], named)
            if recent:
                found = prefer_recent(found)
            articles = self.index.representatives({hit.passage.document_id for hit in hits})
            selected = collapse(found, articles)
            if spreads:
                selected = spread(selected, articles)
            if len(selected) >= k or len(hits) < pool:
                return _Found(meant, filters, named, tuple(selected[:k]), pool)
            pool *= 4  # copies took the places

    def _check_sources(self, sources: Iterable[str]) -> None:
        for path in sorted(sources):
            if not self.index.catalog.has_source(path):
                raise SettingsError(
                    f"--source {path}: no file or folder of that name in this index; "
                    f"list them: dragoman sources --index {self.index.folder}"
                )

    def decide(self, draft: Reply) -> Reply:
        """The draft, or an Abstention in its place if its confidence is below the calibration's threshold."""
        if isinstance(draft, Abstention) or draft.confidence >= self._calibration.threshold:
            return draft
        reason = (
            "The closest passages are about something near, but no sentence of them seems to answer "
            f"(probability of an answer {draft.confidence:.2f}, asked for {self._calibration.threshold:.2f})."
        )
        return Abstention(draft.question, reason, draft.evidence, draft.confidence, draft.index)


def _phrases(question: str) -> tuple[Phrase, ...]:
    if phrases := parse_query(question).phrases:
        return phrases
    raise SettingsError(
        "--exact: the question has no words in quotes; put quotes around those that must stand in a passage, as in "
        """'who said "we are ready"?', or leave --exact away"""
    )
