"""The way of a question: retrieve, read, decide, ground."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from index.errors import SettingsError
from index.folder import Filters, Index
from index.values import ScoredPassage
from rag.abstain import CALIBRATION, Calibration, signals
from rag.ground import ground
from rag.read import ExtractiveReader
from rag.reply import Abstention, Answer, Reply
from rag.retrieve import HybridRetriever, Retriever

# Passages that the reader is shown: the right one is among them for 33 of 36 dev questions, and for as many in 20.
EVIDENCE_PASSAGES = 8


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
    def open(cls, folder: str | Path, *, report: Callable[[str], None] = lambda message: None) -> Assistant:
        """The assistant of an index folder. `report` is told what takes long. Raises IndexFolderError."""
        return cls(Index.open(Path(folder), report=report))

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def search(
        self, question: str, *, k: int = 10, languages: Iterable[str] = (), after: str = "", before: str = ""
    ) -> list[ScoredPassage]:
        """The best `k` passages for a question, best first, nothing answered. Raises SettingsError."""
        if not question.strip():
            raise SettingsError("the question is empty; write one")
        return self._retriever.retrieve(question, k=k, filters=Filters(frozenset(languages), after, before))

    def ask(self, question: str, *, languages: Iterable[str] = (), after: str = "", before: str = "") -> Reply:
        """Answer from the documents, or abstain.

        `languages` are BCP 47 tags of the documents to look in, none for all; `after` and `before` are days,
        ISO 8601, both included, and keep to documents that are dated. Raises SettingsError, CitationError.
        """
        return self.decide(self.draft(question, languages=languages, after=after, before=before))

    def draft(self, question: str, *, languages: Iterable[str] = (), after: str = "", before: str = "") -> Reply:
        """What `ask` would answer if it had to: an Abstention only where there is no sentence to answer with."""
        evidence = self.search(question, k=EVIDENCE_PASSAGES, languages=languages, after=after, before=before)
        folder = str(self.index.folder.resolve())
        if not evidence:
            filtered = "under these filters" if (languages or after or before) else "in this index"
            return Abstention(question, f"There is no passage {filtered} to answer from.", (), 0.0, folder)
        draft = self._reader.read(question, evidence)
        if not draft.statements:
            reason = "The closest passages hold no whole sentence that could answer."
            return Abstention(question, reason, tuple(evidence), 0.0, folder)
        probability = self._calibration.probability(signals(question, evidence, draft))
        statements = ground(draft.statements, self.index)
        return Answer(question, statements, tuple(evidence), probability, folder)

    def decide(self, draft: Reply) -> Reply:
        """The draft, or an Abstention in its place if its confidence is below the calibration's threshold."""
        if isinstance(draft, Abstention) or draft.confidence >= self._calibration.threshold:
            return draft
        reason = (
            "The closest passages are about something near, but no sentence of them seems to answer "
            f"(probability of an answer {draft.confidence:.2f}, asked for {self._calibration.threshold:.2f})."
        )
        return Abstention(draft.question, reason, draft.evidence, draft.confidence, draft.index)
