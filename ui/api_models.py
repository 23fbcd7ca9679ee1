"""What the HTTP API is sent, which is checked, and what it sends, for its documentation.

Replies are the documents of `rag.receipt`, as they are; a field may join those named here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ui.page import LONGEST_QUESTION, MOST_EARLIER

_Text = Annotated[str, Field(max_length=LONGEST_QUESTION)]


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Question(_Sent):
    """A question, and which documents to look in."""

    question: Annotated[str, Field(min_length=1, max_length=LONGEST_QUESTION)]
    languages: Annotated[list[str], Field(max_length=100)] = []  # BCP 47 tags, none for all
    since: str = ""  # ISO 8601 day; only documents that are dated then or later
    until: str = ""
    sources: Annotated[list[_Text], Field(max_length=100)] = []  # paths of files or folders, as /api/sources has them
    outlets: Annotated[list[_Text], Field(max_length=100)] = []  # where articles appeared, as /api/sources has them
    exact: bool = False  # words in quotes must stand in a passage, in this order and side by side
    recent: bool = False  # newer documents before older ones that match as well
    today: str = ""  # ISO 8601 day that "last week" is counted from; "" for today
    earlier: Annotated[list[_Text], Field(max_length=MOST_EARLIER)] = []  # questions before this one, oldest first


class Ask(Question):
    """A question to be answered."""

    translate: bool = False  # quotes in other languages than the question's, by the server's language model


class Search(Question):
    """A question, and how many passages are wanted."""

    k: Annotated[int, Field(ge=1, le=100)] = 10


class Quoted(_Sent):
    """A quote and where it is said to stand."""

    model_config = ConfigDict(extra="ignore", strict=True)
    source: str
    start: int
    end: int
    quote: str


class CitedContext(_Sent):
    """Who is meant by a statement, of which only the citations are looked at."""

    model_config = ConfigDict(extra="ignore", strict=True)
    citations: list[Quoted] = []


class CitedStatement(_Sent):
    """A statement of a reply, of which only the citations are looked at."""

    model_config = ConfigDict(extra="ignore", strict=True)
    citations: list[Quoted]
    context: CitedContext = CitedContext()


class SavedReply(_Sent):
    """A reply as /api/ask gave it."""

    model_config = ConfigDict(extra="ignore", strict=True)
    statements: Annotated[list[CitedStatement], Field(max_length=1000)]


class JobWish(_Sent):
    """What to ingest: the files that were uploaded if there are no paths, else folders that the server may read."""

    paths: Annotated[list[_Text], Field(max_length=100)] = []
    forget_gone: bool = False  # remove from the index what is gone from there


class _Given(BaseModel):
    model_config = ConfigDict(extra="allow")


class Citation(_Given):
    """Words of a source: `text[start:end] == quote`, in code points. `supports` is a span of the statement's text."""

    source: str
    start: int
    end: int
    quote: str
    title: str
    lang: str
    date: str
    sha256: str
    supports: list[int]


class Context(_Given):
    """Who is meant by a statement that does not say so: a sentence before it, or its article's title; else ""."""

    text: str
    citations: list[Citation]


class Statement(_Given):
    """A sentence of an answer. `answering` are the spans of its text that answer, if they can be told."""

    text: str
    support: str
    answering: list[list[int]]
    citations: list[Citation]
    context: Context


class Passage(_Given):
    """A passage that was found, `source` and characters `start` to `end`."""

    source: str
    start: int
    end: int
    score: float
    title: str
    lang: str
    date: str


class Reply(_Given):
    """An answer with its statements, or an abstention with its reason; and all that was searched and found."""

    kind: Literal["answer", "abstention"]
    question: str
    reason: str
    statements: list[Statement]
    evidence: list[Passage]
    confidence: float
    searched: dict[str, object]


class Found(_Given):
    """Passages, best first."""

    passages: list[Passage]


class ListedArticle(_Given):
    """An article; GET /api/articles/{id} has its text."""

    id: str
    title: str
    lang: str
    date: str
    author: str
    outlet: str
    passages: int


class ListedSource(_Given):
    """A file and the articles in it."""

    path: str
    media: str
    problems: list[str]
    articles: list[ListedArticle]


class Sources(_Given):
    """Some sources in order of path; `next` is the `after` of those that follow, or ""."""

    sources: list[ListedSource]
    next: str


class KeptSpan(_Given):
    """A piece of the source that belongs to the article, characters `start` to `end`."""

    start: int
    end: int
    text: str


class Article(_Given):
    """An article: those pieces of its source that were kept."""

    id: str
    source: str
    sha256: str
    title: str
    lang: str
    date: str
    author: str
    outlet: str
    spans: list[KeptSpan]


class Quote(_Given):
    """Whether a quote stands where it is said to."""

    source: str
    start: int
    end: int
    stands: bool


class Quotes(_Given):
    """Every quote of a reply, in order."""

    quotes: list[Quote]


class Upload(_Given):
    """A file that is kept, under this name."""

    name: str
    bytes: int


class UploadList(_Given):
    """The files that are kept."""

    uploads: list[Upload]


class Progress(_Given):
    """How far a job is."""

    files_done: int
    files_total: int
    articles: int
    passages_done: int
    passages_known: int
    bytes_done: int
    bytes_total: int


class Job(_Given):
    """A job that ingests. `report` is empty until it has ended; `seconds_left` is null while it cannot be told."""

    id: str
    state: Literal["running", "stopping", "done", "cancelled", "failed"]
    user: str
    paths: list[str]
    started: str
    seconds: float
    progress: Progress
    passages_a_second: float
    seconds_left: float | None
    notices: list[str]
    report: dict[str, object]
    error: str


class JobList(_Given):
    """The last jobs, newest first."""

    jobs: list[Job]


class Problem(_Given):
    """What is wrong, and what to do; `said` has the key and the values of the sentence, if it has a key."""

    error: str
    said: dict[str, object] = {}
