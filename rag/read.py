"""Evidence to a draft: which sentences answer. The extractive reader writes no word of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from index.embed import Embedder
from index.fold import folded_words
from index.folder import Index
from index.passages import Sentence, passage_sentences, searched_text
from index.tokens import SignVectors, TokenVectors
from index.values import Passage, ScoredPassage, Span
from rag.late import TokenMatches, match_tokens, score_packed
from rag.orders import gives_orders

# Weight of a passage's retrieval score beside its sentence's own; 0 to 0.3 differ by one on the dev questions.
_PASSAGE_WEIGHT = 0.3
_MOST_STATEMENTS = 3
# Sentences that are encoded for a question, chosen by the token vectors that are kept: 8 to 40 differ by one on the dev
# questions.
_ENCODED_SENTENCES = 12
# A statement this far below the first is left away: on the dev questions it never was the right one, and nearly half
# of those that were not are.
_FARTHEST_BELOW_FIRST = 0.2
# Sentences that share this much of their words say the same, as an article and its teaser do.
_SAME_SENTENCE = 0.8
# Headings, captions and bylines are not sentences: they have few words and no stop.
_FEWEST_WORDS = 4
_FEWEST_WORDS_WITHOUT_STOP = 7
_STOP = re.compile(r"[.!…:;][\"”»’')\]]*\Z")
_QUESTION = re.compile(r"\?[\"”»’')\]]*\Z")


@dataclass(frozen=True, slots=True)
class QuotedSpan:
    """Words of a passage: where they stand in the source, not yet read again."""

    passage: Passage
    span: Span


@dataclass(frozen=True, slots=True)
class DraftStatement:
    """A sentence that may answer, with the places that say it; to be grounded before it is shown."""

    text: str
    quotes: tuple[QuotedSpan, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader makes of the evidence: statements, best first, and what the choice was made on."""

    statements: tuple[DraftStatement, ...]
    matches: TokenMatches  # of the question with every candidate sentence
    best: int  # row of `matches` that became the first statement, or -1


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: Passage
    sentence: Sentence
    passage_score: float

    @property
    def text(self) -> str:
        return self.sentence.text


@dataclass(frozen=True, slots=True)
class ExtractiveReader:
    """Chooses and orders sentences of the evidence by late interaction with the question."""

    index: Index

    def read(self, question: str, evidence: list[ScoredPassage]) -> Draft:
        """At most three statements from `evidence`, each a whole sentence of it, repetitions gathered."""
        embedder: Embedder = self.index.embedder
        asked = embedder.query_tokens(question)
        candidates = self._likeliest(asked, self._candidates(evidence))
        tokens = embedder.passage_tokens([candidate.text for candidate in candidates])
        matches = match_tokens(asked, tokens, [candidate.passage.lang for candidate in candidates])
        scores = [
            float(score) + _PASSAGE_WEIGHT * candidate.passage_score
            for score, candidate in zip(matches.scores, candidates, strict=True)
        ]
        order = sorted(range(len(candidates)), key=lambda i: (-round(scores[i], 6), i))
        return Draft(_gather(candidates, scores, order), matches, order[0] if order else -1)

    def _likeliest(self, asked: TokenVectors, candidates: list[_Candidate]) -> list[_Candidate]:
        """The candidates that are worth encoding, in their order: the best by the token vectors that are kept.

        Kept tokens know the whole passage, and lend a sentence what its neighbours say: encoded by itself the right
        sentence is first more often. But to encode all of them takes half a second.
        """
        if len(candidates) <= _ENCODED_SENTENCES:
            return candidates
        keys = self.index.catalog.passage_keys({candidate.passage.id for candidate in candidates})
        kept = self.index.token_vectors(keys.values())
        texts = [_tokens_of(candidate, kept[keys[candidate.passage.id]]) for candidate in candidates]
        langs = [candidate.passage.lang for candidate in candidates]
        scores = score_packed(asked, texts, langs, self.index.token_codec)
        scores += _PASSAGE_WEIGHT * np.array([candidate.passage_score for candidate in candidates])
        best = np.argsort(-scores, kind="stable")[:_ENCODED_SENTENCES]
        return [candidates[i] for i in sorted(best)]

    def _candidates(self, evidence: list[ScoredPassage]) -> list[_Candidate]:
        found: dict[tuple[str, Span], _Candidate] = {}
        for hit in evidence:
            for sentence in passage_sentences(hit.passage):
                place = hit.passage.source_path, sentence.span
                # Passages overlap; a sentence keeps the better of its places.
                if place not in found and _is_sentence(sentence.text) and not gives_orders(sentence.text):
                    found[place] = _Candidate(hit.passage, sentence, hit.score)
        return list(found.values())


def _tokens_of(candidate: _Candidate, kept: SignVectors) -> SignVectors:
    """Those tokens of a passage that stand in one of its sentences."""
    passage, sentence = candidate.passage, candidate.sentence
    start = len(searched_text(passage)) - len(passage.readable) + sentence.start
    return kept.rows((start <= kept.starts) & (kept.starts < start + len(sentence.text)))


def _is_sentence(text: str) -> bool:
    words = len(text.split())
    if _QUESTION.search(text):
        return False  # a question answers none
    return words >= (_FEWEST_WORDS if _STOP.search(text) else _FEWEST_WORDS_WITHOUT_STOP)


def _gather(candidates: list[_Candidate], scores: list[float], order: list[int]) -> tuple[DraftStatement, ...]:
    statements: list[DraftStatement] = []
    for i in order:
        candidate = candidates[i]
        quote = QuotedSpan(candidate.passage, candidate.sentence.span)
        text = " ".join(candidate.text.split())
        twin = next((n for n, said in enumerate(statements) if _same(said.text, text)), None)
        if twin is not None:
            said = statements[twin]
            statements[twin] = DraftStatement(said.text, (*said.quotes, quote), said.score)
        elif len(statements) < _MOST_STATEMENTS and scores[i] >= scores[order[0]] - _FARTHEST_BELOW_FIRST:
            statements.append(DraftStatement(text, (quote,), scores[i]))
    return tuple(statements)


def _same(one: str, other: str) -> bool:
    a, b = set(folded_words(one)), set(folded_words(other))
    return len(a & b) >= _SAME_SENTENCE * len(a | b)
