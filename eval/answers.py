"""Answers over an answer set: are the right words cited, and does it know when it does not know?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eval.figures import Figure, figure, signature
from eval.sets import AnswerSet, GoldQuestion
from index.language import detect_language
from rag import Answer, Assistant, Citation, Reply
from rag.verify import SavedCitation, verify

FIRST = 3  # citations and statements that a reader is taken to look at


@dataclass(frozen=True, slots=True)
class Judgment:
    """What became of one question."""

    question: GoldQuestion
    pair: str  # "en→az": language of the question and of the text that answers it
    answered: bool
    first: bool  # the first citation holds a gold quote
    first_three: bool  # one of the first three statements' citations does
    citations: int
    standing: int  # citations whose quote stands in the file


def judge(question: GoldQuestion, reply: Reply, locate: Callable[[str], Path | None]) -> Judgment:
    """Compare a reply with the gold quotes, and its quotes with the files."""
    statements = reply.statements if isinstance(reply, Answer) else ()
    citations = [citation for statement in statements for citation in statement.citations]
    shown = [citation for statement in statements[:FIRST] for citation in statement.citations]
    saved = [SavedCitation(c.source, c.start, c.end, c.quote, c.sha256) for c in citations]
    doc_lang = question.doc_lang or (detect_language(question.gold[0]) if question.gold else "none")
    return Judgment(
        question=question,
        pair=f"{question.lang}→{doc_lang}",
        answered=isinstance(reply, Answer),
        first=any(holds_gold(citation, question) for citation in statements[0].citations) if statements else False,
        first_three=any(holds_gold(citation, question) for citation in shown),
        citations=len(citations),
        standing=sum(not verdict.problem for verdict in verify(saved, locate)),
    )


def holds_gold(citation: Citation, question: GoldQuestion) -> bool:
    """Whether a citation's quote holds one of the gold quotes, white space and JSON escapes aside."""
    quote = _normal(citation.quote.replace('\\"', '"').replace("\\n", "\n"))
    return any(_normal(gold) in quote for gold in question.gold)


def _normal(text: str) -> str:
    return " ".join(text.split())


def run_answers(
    answer_set: AnswerSet, assistant: Assistant, *, on_question: Callable[[int], None] = lambda done: None
) -> list[Judgment]:
    """Ask every question of a set, whose corpus is in the assistant's index. `on_question` hears how many are done."""
    judgments = []
    for question in answer_set.questions:
        reply = assistant.ask(question.question)
        judgments.append(judge(question, reply, assistant.index.catalog.location_of))
        on_question(len(judgments))
    return judgments


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """Figures of all questions, and of each pair of languages."""

    overall: tuple[Figure, ...]
    by_pair: dict[str, tuple[Figure, ...]]


def report_answers(judgments: list[Judgment], answer_set: AnswerSet, assistant: Assistant) -> AnswerReport:
    """The figures of judged questions, with intervals."""
    signed = signature(answer_set.sha256, assistant.index.catalog.built_with)
    pairs = sorted({judgment.pair for judgment in judgments})
    return AnswerReport(
        tuple(_figures(judgments, signed)),
        {pair: tuple(_figures([j for j in judgments if j.pair == pair], signed)) for pair in pairs},
    )


def _figures(judgments: list[Judgment], signed: str) -> list[Figure]:
    """`first citation` and `first three` count a wrongly declined question as a miss."""
    answerable = [j for j in judgments if j.question.answerable]
    unanswerable = [j for j in judgments if not j.question.answerable]
    citations = [float(i < j.standing) for j in judgments for i in range(j.citations)]
    return [
        figure("first citation", [float(j.first) for j in answerable], signed),
        figure("first three", [float(j.first_three) for j in answerable], signed),
        figure("wrongly declined", [float(not j.answered) for j in answerable], signed),
        figure("rightly declined", [float(not j.answered) for j in unanswerable], signed),
        figure("quotes that stand", citations, signed),
    ]
