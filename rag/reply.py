"""What a question gets: an answer whose every statement is cited, or an abstention with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from index.said import Said, said
from index.values import ScoredPassage, Span

if TYPE_CHECKING:
    from index.catalog import Extent
    from index.embed import EmbedderIdentity
    from index.folder import Filters
    from rag.receipt import Receipt


_NOT_ANSWERING = said("not_answering", "No sentence of the closest passages seems to answer")


@dataclass(frozen=True, slots=True)
class Citation:
    """Two ends of a proof: which part of a statement is supported, and by which words of which source.

    `source_text[start:end] == quote`, in code points; it was read again and compared before the citation was made.
    """

    supports: Span  # into the statement's text
    source: str  # path relative to the ingested folder
    sha256: str  # of the source file's bytes
    start: int
    end: int
    quote: str
    title: str
    lang: str
    date: str  # ISO 8601, or ""
    passage_id: str
    translation: str = ""  # of the quote by a language model, see `rag.translate`: no quote, and proves nothing


@dataclass(frozen=True, slots=True)
class Context:
    """Who is meant by a statement that says "he": a sentence before it, or where none near tells, its article's title.

    The sentence is proved as every quote is, and stands before the statement's first one in the same source.
    """

    text: str = ""  # as a person reads it; "" where the statement needs none
    citations: tuple[Citation, ...] = ()  # the sentence; none of a title


class Support(StrEnum):
    """How far it was checked that a statement follows from its quotes."""

    QUOTED = "quoted"  # it is one of them
    # A model wrote it. Its numbers, dates and names stand in its quotes and it is about the same; and beyond that
    SUPPORTED = "supported"  # its support score is one that nearly all statements have follow from their quotes
    PARTLY = "partly"  # the score is one that nearly all have of which a part follows
    NOT_CHECKED = "not checked"  # the score says nothing


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, with at least one citation."""

    text: str
    citations: tuple[Citation, ...]
    support: Support = Support.QUOTED
    answering: tuple[Span, ...] = ()  # the words of `text` that answer, if they can be told
    reports: int = 1  # documents that are cited
    independent: int = 1  # of those: copies and translations of one another count as one
    score: float = 0.0  # what it was chosen by, see `rag.read`; of what a model wrote how near it is to its quotes
    support_score: float = 1.0  # how surely its quotes support it, 0 to 1, see `rag.support`
    context: Context = Context()

    @property
    def counted(self) -> str:
        """How many sources say it, for people: "3 reports, 2 independent"; "" for one report."""
        return f"{self.reports} reports, {self.independent} independent" if self.reports > 1 else ""


class Conflict(StrEnum):
    """What kind of thing sources say differently."""

    NUMBER = "number"
    TIME = "time"
    YES_NO = "yes or no"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things that are said, and who says it when."""

    says: str  # the words of the first statement that say it, or "yes" or "no"
    statements: tuple[Statement, ...]  # at least one
    date: str  # of the newest source of them, ISO 8601, or ""
    outlet: str  # of the newest source: its newspaper or site if it says, else its path

    @property
    def heading(self) -> str:
        """What is said, when and by whom, for people."""
        return " · ".join(filter(None, (self.says, self.date, self.outlet)))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What sources say differently of what is asked, as far as form tells: at least two sides, the newest first."""

    about: Conflict
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A sentence of the evidence that was considered for an answer and is not in it."""

    text: str
    why: str
    score: float  # what it would have been chosen by, as of a statement; 0 if it was not weighed
    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A statement that a model wrote and that is not shown, and why."""

    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Hashes:
    """What else decided beside the embedder, by hashes of its numbers; "" where there is none of it."""

    reader: str = ""  # the weights that sentences are chosen by
    calibration: str = ""  # those of the decision to answer, without its threshold
    support: str = ""  # those of the support score, or of the model that gives it
    reranker: str = ""


@dataclass(frozen=True, slots=True)
class Searched:
    """Where and how a reply was looked for: with the index as it was then, enough to ask the same again."""

    index: str  # absolute path of the index folder
    sequence: int  # of the last batch in it
    extent: Extent  # what the filters left of it
    embedder: EmbedderIdentity
    reranker: str  # the cross-encoder that ordered the best, or ""
    rewriter: str  # the language model that was asked for other wordings, or ""
    meant: str  # the question so that it stands by itself, with its letters restored
    others: tuple[str, ...]  # further wordings that were searched
    filters: Filters
    recent: bool
    today: str  # ISO 8601 day, or ""
    as_of: str  # the day after which nothing was published that was read, or ""
    undated: int  # documents that were left out because nobody knows whether they were published by then
    about_now: bool  # whether the question asks how things stand now, and it is known when that is
    earlier: tuple[str, ...]  # the questions before it
    threshold: float  # the confidence below which it is declined
    support: str = ""  # what scored how a model's statements are supported: "signals", or a cross-encoder
    hashes: Hashes = Hashes()


@dataclass(frozen=True, slots=True)
class Answer:
    """Statements, the most to the point first, and the passages that they were chosen from."""

    question: str
    statements: tuple[Statement, ...]
    evidence: tuple[ScoredPassage, ...]
    confidence: float  # estimated probability, 0 to 1, that the documents answer the question
    searched: Searched
    doubt: Said = _NOT_ANSWERING  # what speaks against it, should it be withheld
    written_by: str = ""  # the language model that wrote the statements, or "" if they are sentences of the documents
    unsupported: tuple[Unsupported, ...] = ()  # what it wrote and no quote supports, which is not shown
    problem: str = ""  # why a language model that was asked for did not write them, or not all
    translated_by: str = ""  # the language model that wrote the translations beside quotes
    untranslated: str = ""  # why quotes that should have a translation have none
    disagreements: tuple[Disagreement, ...] = ()  # between sentences of the documents, whoever wrote the statements
    rejected: tuple[Rejected, ...] = ()  # best first

    @property
    def dropped(self) -> int:
        """How many statements a language model wrote that are not shown."""
        return len(self.unsupported)

    @property
    def newest(self) -> str:
        """The day of the newest source that is cited, ISO 8601 as exact as is known, or "" if none is dated."""
        sides = [statement for each in self.disagreements for side in each.sides for statement in side.statements]
        return max((c.date for statement in (*self.statements, *sides) for c in statement.citations), default="")

    @property
    def age(self) -> str:
        """How old the newest source is, for people, where the question is about now; else ""."""
        from rag.when import how_old

        searched = self.searched
        return how_old(self.newest, searched.as_of or searched.today) if searched.about_now else ""

    def receipt(self) -> Receipt:
        """All that this answer stands on, for keeping."""
        return _receipt(self)

    def to_json(self) -> str:
        """The receipt as `dragoman ask --json` prints it."""
        return self.receipt().to_json()


@dataclass(frozen=True, slots=True)
class Abstention:
    """The documents do not tell, as far as could be seen, and why it seems so."""

    question: str
    reason: Said
    evidence: tuple[ScoredPassage, ...]  # the closest passages, which do not seem to answer
    confidence: float
    searched: Searched
    rejected: tuple[Rejected, ...] = ()  # best first, what would have been the answer among them
    unsupported: tuple[Unsupported, ...] = ()

    def receipt(self) -> Receipt:
        """All that this abstention stands on, for keeping."""
        return _receipt(self)

    def to_json(self) -> str:
        """The receipt as `dragoman ask --json` prints it."""
        return self.receipt().to_json()


Reply = Answer | Abstention


def _receipt(reply: Reply) -> Receipt:
    from rag.receipt import Receipt  # which knows replies

    return Receipt(reply)
