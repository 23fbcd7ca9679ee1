"""What a question gets: an answer whose every statement is cited, or an abstention with its reason."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from index.passages import passage_dates
from index.values import ScoredPassage, Span


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


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an answer, with at least one citation."""

    text: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Statements, the most to the point first, and the passages that they were chosen from."""

    question: str
    statements: tuple[Statement, ...]
    evidence: tuple[ScoredPassage, ...]
    confidence: float  # estimated probability, 0 to 1, that the documents answer the question
    index: str  # absolute path of the index folder

    def to_json(self) -> str:
        """The JSON document of this reply, as `dragoman ask --json` prints it."""
        return _dump("answer", self.question, "", self.statements, self.evidence, self.confidence, self.index)


@dataclass(frozen=True, slots=True)
class Abstention:
    """The documents do not tell, as far as could be seen, and why it seems so."""

    question: str
    reason: str
    evidence: tuple[ScoredPassage, ...]  # the closest passages, which do not seem to answer
    confidence: float
    index: str

    def to_json(self) -> str:
        """The JSON document of this reply, as `dragoman ask --json` prints it."""
        return _dump("abstention", self.question, self.reason, (), self.evidence, self.confidence, self.index)


Reply = Answer | Abstention


def _dump(
    kind: str,
    question: str,
    reason: str,
    statements: tuple[Statement, ...],
    evidence: tuple[ScoredPassage, ...],
    confidence: float,
    index: str,
) -> str:
    document = {
        "kind": kind,
        "question": question,
        "reason": reason,
        "statements": [
            {"text": statement.text, "citations": [citation_to_json(c) for c in statement.citations]}
            for statement in statements
        ],
        "evidence": [hit_to_json(hit) for hit in evidence],
        "confidence": round(confidence, 4),
        "index": index,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def citation_to_json(citation: Citation) -> dict[str, Any]:
    """The fields of a citation that a reader of the JSON document may rely on."""
    return {
        "source": citation.source,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "title": citation.title,
        "lang": citation.lang,
        "date": citation.date,
        "sha256": citation.sha256,
        "supports": [citation.supports.start, citation.supports.end],
    }


def hit_to_json(hit: ScoredPassage) -> dict[str, Any]:
    """A passage that was found, as `evidence[]` and `dragoman search --json` give it.

    `date` is when its document was published, `dates` are those that the passage names, each where it stands, `also`
    are passages of copies of its document, which say the same.
    """
    passage = hit.passage
    return {
        "source": passage.source_path,
        "start": passage.span.start,
        "end": passage.span.end,
        "score": round(hit.score, 6),
        "title": passage.title,
        "lang": passage.lang,
        "date": passage.date,
        "dates": [
            {
                "start": found.span.start,
                "end": found.span.end,
                "value": found.value,
                "alternatives": list(found.alternatives),
            }
            for found in passage_dates(passage)
        ],
        "also": [
            {
                "source": copy.source_path,
                "start": copy.span.start,
                "end": copy.span.end,
                "title": copy.title,
                "lang": copy.lang,
                "date": copy.date,
            }
            for copy in hit.also
        ],
    }
