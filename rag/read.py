"""Evidence to a draft: which sentences answer. The extractive reader writes no word of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.embed import Embedder
from index.fold import FoldedWord, words
from index.folder import Index
from index.language import detect_language
from index.passages import Sentence, passage_sentences, searched_text
from index.tokens import SignVectors, TokenVectors
from index.values import Passage, ScoredPassage, Span
from rag import choose
from rag.choose import SentenceEvidence, added_by_earlier, sentence_evidence, shares, weighed
from rag.expect import NUMBER_WORD, TIME_WORD
from rag.facts import is_common
from rag.late import KeptMatches, TokenMatches, match_packed, match_tokens
from rag.orders import gives_orders
from rag.reply import Rejected, Support
from rag.spans import Asked, answering, understand
from rag.yes_no import is_negation

# Weight of a passage's retrieval score beside its sentence's own, to choose those that are encoded. With 0.3 a right
# sentence is among them for .79 of 195 written dev questions, with 1 for .84, with 2 for .85, of .89 where all are
# encoded; on ntrex-qa .85, .86, .86 in one language and .81, .82, .82 across, on squad2 .99 each time.
_PASSAGE_WEIGHT = 1.0
_MOST_STATEMENTS = 3
_TOO_MANY = "three others are likelier to answer"
# Sentences that are encoded for a question, chosen by the token vectors that are kept: 8 to 40 differ by one on the dev
# questions.
_ENCODED_SENTENCES = 12
# A statement that is less likely than this share of the first is left away. Of the dev questions that the weights were
# fitted on, asked in all their languages, .81 then have a right one among what is shown, of which .41 is right; a share
# of .1 gives .82 and .37, of .3 gives .79 and .44. With the weights before, a logistic over twenty signals of later
# statements was tried in its place, left out by question: on 1138 dev questions, of which the first statement alone is
# right for .73, .61 of what it shows is right and .80 have a right one; by this rule .60 and .83.
_LEAST_SHARE_OF_FIRST = 0.2
_UNLIKELY = "it is less than a fifth as likely to answer as the first"
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
    answering: tuple[Span, ...]  # the words of `text` that answer, if they can be told
    # How likely it is the one that answers, if one of the sentences that were weighed does; of what a model wrote, how
    # near it is to its quotes.
    score: float
    support: Support = Support.QUOTED
    support_score: float = 1.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader makes of the evidence: statements, best first, and what the choice was made on."""

    statements: tuple[DraftStatement, ...]
    matches: TokenMatches  # of the question with every candidate sentence
    candidates: tuple[Candidate, ...]  # those sentences, a row each
    shares: tuple[float, ...]  # how likely each is the one that answers, if one of them does: their sum is 1
    tokens: TokenVectors  # of the question
    rejected: tuple[Rejected, ...] = ()  # those that are in no statement, best first, and what is no candidate


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of the evidence that may answer."""

    passage: Passage
    sentence: Sentence
    passage_score: float

    @property
    def text(self) -> str:
        return self.sentence.text


@dataclass(frozen=True, slots=True)
class Weighing:
    """The sentences that are worth a closer look, and what there is to tell of each."""

    candidates: tuple[Candidate, ...]
    evidence: tuple[SentenceEvidence, ...]
    matches: TokenMatches
    tokens: TokenVectors  # of the question
    refused: tuple[Rejected, ...]  # what is no sentence that could answer


@dataclass(frozen=True, slots=True)
class ExtractiveReader:
    """Chooses and orders sentences of the evidence by what there is to tell that they answer: `rag.choose`."""

    index: Index

    def read(self, question: str, evidence: list[ScoredPassage]) -> Draft:
        """At most three statements from `evidence`, each a whole sentence of it, repetitions gathered."""
        weighing = self.weigh(question, evidence)
        scores = [weighed(each) for each in weighing.evidence]
        order = sorted(range(len(scores)), key=lambda i: (-round(scores[i], 6), i))
        likely = shares(scores)
        copies = {hit.passage.id: hit.also for hit in evidence}
        statements, rejected = _gather(understand(question), weighing.candidates, likely, order, copies)
        rejected = (*rejected, *weighing.refused)
        return Draft(statements, weighing.matches, weighing.candidates, tuple(likely), weighing.tokens, rejected)

    def weigh(self, question: str, evidence: list[ScoredPassage]) -> Weighing:
        """The evidence for those sentences of the passages that are the likeliest to answer."""
        embedder: Embedder = self.index.embedder
        tokens = embedder.query_tokens(question)
        possible, refused = _candidates(evidence)
        kept = self._kept(tokens, possible)
        likeliest = _likeliest(kept, possible)
        candidates = [possible[i] for i in likeliest]
        texts = embedder.passage_tokens([candidate.text for candidate in candidates])
        matches = match_tokens(tokens, texts, [candidate.passage.lang for candidate in candidates])
        places = [(candidate.passage.source_path, candidate.sentence.span) for candidate in possible]
        added, lang = added_by_earlier(question, tokens, kept, places, likeliest), detect_language(question)
        scores = kept.scores.tolist()
        sentences = [
            choose.Sentence(
                text=possible[i].text,
                source_path=possible[i].passage.source_path,
                span=possible[i].sentence.span,
                passage_score=possible[i].passage_score,
                kept=scores[i],
                same_language=possible[i].passage.lang == lang,
                earlier=earlier,
            )
            for i, earlier in zip(likeliest, added, strict=True)
        ]
        seen = sentence_evidence(question, understand(question), tokens, matches, sentences)
        return Weighing(tuple(candidates), tuple(seen), matches, tokens, tuple(refused))

    def _kept(self, asked: TokenVectors, candidates: list[Candidate]) -> KeptMatches:
        """The match of each candidate by the token vectors that are kept."""
        keys = self.index.catalog.passage_keys({candidate.passage.id for candidate in candidates})
        kept = self.index.token_vectors(keys.values())
        texts = [_tokens_of(candidate, kept[keys[candidate.passage.id]]) for candidate in candidates]
        return match_packed(asked, texts, [each.passage.lang for each in candidates], self.index.token_codec)


def _likeliest(kept: KeptMatches, candidates: list[Candidate]) -> list[int]:
    """The candidates that are worth encoding, in their order.

    Kept tokens know the whole passage, and lend a sentence what its neighbours say: encoded by itself the right
    sentence is first more often. But to encode all of them takes half a second.
    """
    scores = kept.scores + _PASSAGE_WEIGHT * np.array([candidate.passage_score for candidate in candidates])
    return sorted(np.argsort(-scores, kind="stable")[:_ENCODED_SENTENCES].tolist())


def _candidates(evidence: Sequence[ScoredPassage]) -> tuple[list[Candidate], list[Rejected]]:
    """The sentences of the evidence that may answer, and those that cannot, each once."""
    found: dict[tuple[str, Span], Candidate] = {}
    refused: dict[tuple[str, Span], Rejected] = {}
    for hit in evidence:
        for sentence in passage_sentences(hit.passage):
            place = hit.passage.source_path, sentence.span
            if place in found:
                continue  # passages overlap; a sentence keeps the better of its places
            if why := _refusal(sentence.text):
                refused[place] = _rejected(hit.passage, sentence, why, 0.0)
            else:
                found[place] = Candidate(hit.passage, sentence, hit.score)
    return list(found.values()), list(refused.values())


def _tokens_of(candidate: Candidate, kept: SignVectors) -> SignVectors:
    """Those tokens of a passage that stand in one of its sentences."""
    passage, sentence = candidate.passage, candidate.sentence
    start = len(searched_text(passage)) - len(passage.readable) + sentence.start
    return kept.rows((start <= kept.starts) & (kept.starts < start + len(sentence.text)))


def _refusal(text: str) -> str:
    """Why a text can be no statement, or ""."""
    if _QUESTION.search(text):
        return "it is a question, which answers none"
    if len(text.split()) < (_FEWEST_WORDS if _STOP.search(text) else _FEWEST_WORDS_WITHOUT_STOP):
        return "it is no whole sentence"
    return "it gives orders to whoever reads it" if gives_orders(text) else ""


def _rejected(passage: Passage, sentence: Sentence, why: str, score: float) -> Rejected:
    place = sentence.span
    return Rejected(" ".join(sentence.text.split()), why, score, passage.source_path, place.start, place.end)


def _gather(
    asked: Asked,
    candidates: Sequence[Candidate],
    scores: Sequence[float],
    order: list[int],
    copies: Mapping[str, Sequence[Passage]],
) -> tuple[tuple[DraftStatement, ...], tuple[Rejected, ...]]:
    statements: list[DraftStatement] = []
    rejected: list[Rejected] = []
    for i in order:
        candidate = candidates[i]
        text = " ".join(candidate.text.split())
        twin = next((n for n, said in enumerate(statements) if says_the_same(said.text, text)), None)
        if twin is not None:
            said = statements[twin]
            quotes = dict.fromkeys((*said.quotes, *_quotes(text, candidate, copies)))
            statements[twin] = replace(said, quotes=tuple(quotes))
        elif scores[i] < _LEAST_SHARE_OF_FIRST * scores[order[0]]:
            rejected.append(_rejected(candidate.passage, candidate.sentence, _UNLIKELY, scores[i]))
        elif len(statements) == _MOST_STATEMENTS:
            rejected.append(_rejected(candidate.passage, candidate.sentence, _TOO_MANY, scores[i]))
        else:
            quotes = tuple(_quotes(text, candidate, copies))
            statements.append(DraftStatement(text, quotes, answering(asked, text), scores[i]))
    return tuple(statements), tuple(rejected)


def _quotes(text: str, candidate: Candidate, copies: Mapping[str, Sequence[Passage]]) -> Iterator[QuotedSpan]:
    """Where a sentence stands, and where the copies of its passage have it, too: an editor may have changed it."""
    yield QuotedSpan(candidate.passage, candidate.sentence.span)
    for copy in copies[candidate.passage.id]:
        for sentence in passage_sentences(copy):
            if says_the_same(text, sentence.text):
                yield QuotedSpan(copy, sentence.span)
                break


def says_the_same(one: str, other: str) -> bool:
    """Whether two sentences are one, lightly edited: what differs is little, and no number, day, name or negation."""
    a, b = ({word.skeleton: word for word in words(text)} for text in (one, other))
    if len(a.keys() & b.keys()) < _SAME_SENTENCE * len(a.keys() | b.keys()):
        return False
    return not any(_matters((a | b)[skeleton]) for skeleton in a.keys() ^ b.keys())


def _matters(word: FoldedWord) -> bool:
    folded = word.skeleton
    is_number = folded[0].isdigit() or NUMBER_WORD.fullmatch(folded) or TIME_WORD.fullmatch(folded)
    is_name = word.text[0].isupper() and not is_common(word)
    return bool(is_number or is_name or is_negation(word))
