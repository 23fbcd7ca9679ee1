"""A reply for keeping: all that it stands on, for machines and for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from index.passages import passage_dates
from index.said import Said
from index.values import Passage, ScoredPassage
from rag.reply import Abstention, Answer, Citation, Disagreement, Reply, Searched, Statement, Support

# Characters that mean something in Markdown, wherever they stand.
_MARKUP = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>()#+-.!|~&$"})

_Note = tuple[str, str]  # a footnote, and the hash of its source


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was asked and searched, what was found, what is said, and the words that each statement stands on.

    `dragoman verify` reads the JSON document: it compares every quote with the files, and with `--replay` asks again.
    """

    reply: Reply

    def to_document(self) -> dict[str, Any]:
        """What `to_json` writes."""
        reply = self.reply
        match reply:
            case Answer():
                kind, reason, statements = "answer", "", reply.statements
                written = {
                    "written_by": reply.written_by,
                    "dropped": reply.dropped,
                    "problem": reply.problem,
                    "translated_by": reply.translated_by,
                    "untranslated": reply.untranslated,
                    "disagreements": [disagreement_to_json(each) for each in reply.disagreements],
                    "newest": reply.newest,
                    "age": reply.age,
                }
            case Abstention():
                kind, reason, statements = "abstention", reply.reason, ()
                written = {}
        return {
            "kind": kind,
            "question": reply.question,
            "reason": reason,
            "statements": [statement_to_json(statement) for statement in statements],
            "evidence": [hit_to_json(hit) for hit in reply.evidence],
            "rejected": [
                {
                    "text": each.text,
                    "why": each.why,
                    "score": round(each.score, 4),
                    "source": each.source,
                    "start": each.start,
                    "end": each.end,
                }
                for each in reply.rejected
            ],
            "unsupported": [asdict(each) for each in reply.unsupported],
            "confidence": round(reply.confidence, 4),
            "index": reply.searched.index,
            **written,
            "searched": _searched_to_json(reply.searched),
        }

    def to_json(self) -> str:
        """One JSON document."""
        return json.dumps(self.to_document(), ensure_ascii=False, indent=2)

    def to_markdown(self, *, is_plain: bool = False) -> str:
        """A text whose statements have footnotes, and below it what was searched. What stands in it is escaped.

        A plain one leaves out what only a later check needs: hashes, probabilities, models, what was not used.
        """
        reply = self.reply
        lines = [f"## {_escaped(reply.question)}", ""]
        notes: list[_Note] = []
        match reply:
            case Answer():
                for statement in reply.statements:
                    lines += [_footnoted(statement, notes), ""]
                for each in reply.disagreements:
                    lines += [f"The sources disagree on a {_escaped(each.about.value)}:", ""]
                    for side in each.sides:
                        said = " ".join(_footnoted(statement, notes) for statement in side.statements)
                        lines += [f"- {_escaped(side.heading)}: {said}"]
                    lines += [""]
            case Abstention():
                reason = reply.reason.plain if is_plain and isinstance(reply.reason, Said) else reply.reason
                lines += ["The documents do not tell.", "", _escaped(reason), ""]
                closest = [hit.passage for hit in reply.evidence]
                lines += [f"- {_place(p.source_path, p.span.start, p.span.end)}{_details(p)}" for p in closest]
                lines += [""] if closest else []
        for mark, (note, sha256) in enumerate(notes, start=1):
            lines += [f"[^{mark}]: {note}" + ("" if is_plain else f" · SHA\\-256 {sha256}")]
        lines += [""] if notes else []
        details = [] if is_plain else [*_details_of(reply), *_considered(reply)]
        return "\n".join([*lines, *_colophon(reply), *details]) + "\n"


def _footnoted(statement: Statement, notes: list[_Note]) -> str:
    """A statement with the marks of its footnotes, which are added to `notes`."""
    marks = range(len(notes) + 1, len(notes) + 1 + len(statement.citations))
    notes += [_note(citation) for citation in statement.citations]
    counted = f" ({statement.counted})" if statement.counted else ""
    footnotes = "".join(f"[^{mark}]" for mark in marks)
    return f"{_escaped(statement.text)}{footnotes}{_escaped(counted)}{_support(statement)}{_context(statement, notes)}"


def _context(statement: Statement, notes: list[_Note]) -> str:
    """Who is meant by a statement, behind it, if it does not say so itself."""
    if not statement.context.text:
        return ""
    first = len(notes) + 1
    notes += [_note(citation) for citation in statement.context.citations]
    footnotes = "".join(f"[^{mark}]" for mark in range(first, len(notes) + 1))
    return f" _Context: {_escaped(statement.context.text)}_{footnotes}"


def statement_to_json(statement: Statement) -> dict[str, Any]:
    """A statement as `statements[]` of the JSON document gives it."""
    return {
        "text": statement.text,
        "support": statement.support.value,
        "support_score": round(statement.support_score, 4),
        "score": round(statement.score, 4),
        "answering": [[span.start, span.end] for span in statement.answering],
        "reports": statement.reports,
        "independent": statement.independent,
        "citations": [citation_to_json(c) for c in statement.citations],
        "context": {
            "text": statement.context.text,
            "citations": [citation_to_json(c) for c in statement.context.citations],
        },
    }


def disagreement_to_json(
    found: Disagreement, statement: Callable[[Statement], dict[str, Any]] = statement_to_json
) -> dict[str, Any]:
    """A disagreement as `disagreements[]` of the JSON document gives it, each of its statements as `statement` does."""
    return {
        "about": found.about.value,
        "sides": [
            {
                "says": side.says,
                "date": side.date,
                "outlet": side.outlet,
                "statements": [statement(each) for each in side.statements],
            }
            for side in found.sides
        ],
    }


def _escaped(text: str) -> str:
    return " ".join(text.split()).translate(_MARKUP)


def _place(source: str, start: int, end: int) -> str:
    return f"{_escaped(source)}:{start}\\-{end}"


def _details(told: Citation | Passage) -> str:
    return "".join(f" · {_escaped(detail)}" for detail in (told.title, told.lang, told.date) if detail)


def _note(citation: Citation) -> _Note:
    place = _place(citation.source, citation.start, citation.end)
    translation = f" · translation, not a quote: {_escaped(citation.translation)}" if citation.translation else ""
    return f"“{_escaped(citation.quote)}” {place}{_details(citation)}{translation}", citation.sha256


def _considered(reply: Reply) -> list[str]:
    """What is not in the reply and why, folded away."""
    rows = [f"“{_escaped(each.text)}”: {_escaped(each.why)}" for each in reply.unsupported]
    rows += [
        f"{_place(each.source, each.start, each.end)} “{_escaped(each.text)}”: {_escaped(each.why)}"
        + (f" \\({each.score:.3f}\\)" if each.score else "")
        for each in reply.rejected
    ]
    if not rows:
        return []
    return [
        "",
        "<details><summary>Considered and not used</summary>",
        "",
        *(f"- {row}" for row in rows),
        "",
        "</details>",
    ]


def _colophon(reply: Reply) -> list[str]:
    """What was searched, and what of the reply is not the documents' own, as a list."""
    searched, extent = reply.searched, reply.searched.extent
    filters = searched.filters
    written = (reply.written_by, reply.dropped, reply.problem) if isinstance(reply, Answer) else ("", 0, "")
    written_by, dropped, problem = written
    dates = f", {extent.first} to {extent.last}" if extent.first else ""
    rows = [
        ("Searched", f"{extent.articles} articles{dates}, {' '.join(extent.languages)}".rstrip(", ")),
        ("Understood as", searched.meant if searched.meant != reply.question else ""),
        ("Also searched for", "; ".join(searched.others)),
        ("Only", "; ".join([*sorted(filters.languages), *sorted(filters.sources), *sorted(filters.outlets)])),
        ("Only dated", f"{filters.since or '…'} to {filters.until or '…'}" if filters.since or filters.until else ""),
        ("As of", f"{searched.as_of}, {searched.undated} articles without a date left out" if searched.as_of else ""),
        ("Only with the words", "; ".join(phrase.text for phrase in filters.phrases)),
        (
            "Written by",
            f"{written_by}; how far a statement follows from its quotes is estimated" if written_by else "",
        ),
        ("Translated by", reply.translated_by if isinstance(reply, Answer) else ""),
        ("Not translated", reply.untranslated if isinstance(reply, Answer) else ""),
        ("Age", reply.age if isinstance(reply, Answer) else ""),
        ("Left out", f"{dropped} statements that no quote supports" if dropped else ""),
        ("Not done", problem),
    ]
    return _rows(rows)


def _details_of(reply: Reply) -> list[str]:
    """By what it was found and decided, as a list."""
    searched = reply.searched
    rows = [
        ("Probability that the documents answer", f"{reply.confidence:.2f}, asked for {searched.threshold:.2f}"),
        ("Index", f"{searched.index}, batch {searched.sequence}"),
        ("Models", ", ".join(filter(None, [_model(searched), searched.reranker, searched.rewriter]))),
        ("Weights", ", ".join(f"{name} {value}" for name, value in asdict(searched.hashes).items() if value)),
        ("Dragoman", version("dragoman")),
    ]
    return _rows(rows)


def _rows(rows: list[tuple[str, str]]) -> list[str]:
    return [f"- {name}: {_escaped(value)}" for name, value in rows if value]


def _model(searched: Searched) -> str:
    return f"{searched.embedder.name} {searched.embedder.weights_hash}"


def _support(statement: Statement) -> str:
    """What is said of a sentence that a model wrote: " (partly, 0.71)"."""
    if statement.support is Support.QUOTED:
        return ""
    return " " + _escaped(f"({statement.support.value}, {statement.support_score:.2f})")


def _searched_to_json(searched: Searched) -> dict[str, Any]:
    filters = searched.filters
    return {
        "meant": searched.meant,
        "others": list(searched.others),
        "languages": sorted(filters.languages),
        "since": filters.since,
        "until": filters.until,
        "sources": sorted(filters.sources),
        "outlets": sorted(filters.outlets),
        "exact": bool(filters.phrases),
        "recent": searched.recent,
        "today": searched.today,
        "as_of": searched.as_of,
        "undated": searched.undated,
        "about_now": searched.about_now,
        "earlier": list(searched.earlier),
        "extent": asdict(searched.extent),
        "sequence": searched.sequence,
        "embedder": asdict(searched.embedder),
        "reranker": searched.reranker,
        "rewriter": searched.rewriter,
        "support": searched.support,
        "hashes": asdict(searched.hashes),
        "threshold": searched.threshold,
        "dragoman": version("dragoman"),
    }


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
        "translation": citation.translation,
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
        "scores": {"dense": round(hit.dense, 6), "lexical": round(hit.lexical, 6), "late": round(hit.late, 6)},
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
