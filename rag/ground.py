"""A draft to statements that are proved: every quote is read again where it is said to stand.

What a language model wrote is proved harder: its quotes must stand in the passages that it was shown, which alone are
the truth; its numbers, dates and names must stand in its quotes; and it must be about what they are about. Nothing of
this says that it follows from them: how surely it does is estimated by `rag.support`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from index.catalog import text_hash
from index.errors import CitationError
from index.escapes import view
from index.fold import stem_word, words
from index.folder import Index
from index.language import detect_language
from index.passages import passage_sentences
from index.values import Passage, Source, Span
from rag.context import leans, naming_sentence
from rag.disagree import ConflictSide, FoundConflict
from rag.facts import Quoted, is_common, unsupported
from rag.orders import gives_orders
from rag.origins import origins
from rag.parse import WrittenQuote, WrittenStatement
from rag.read import DraftStatement, QuotedSpan
from rag.reply import Citation, Context, Disagreement, Side, Statement, Support, Unsupported
from rag.support import Closeness, Stated, SupportModel, WordWeights

# How near the tokens of a statement come to those of its quotes.
Compare = Callable[[str, Sequence[str]], Closeness]

# Of 240 sentences and their translations (ntrex, en, az and ru, by the default model) 98 in 100 are nearer, of as many
# with the next sentence of the translation 16, of those with what an injected text wants to be said none.
_NEAR = 0.40
# In one language what says the same mostly has a word in common; what has none must be nearer. Short sentences about
# something else are up to .43 near to short quotes.
_NEAR_WITHOUT_WORDS = 0.60
_SHORTEST_WORD = 4  # that counts as one in common
_LONGEST = 600  # characters of a statement
_FEWEST_LETTERS = 8  # of a quote: what is shorter stands everywhere
# Marks of citation that a model puts into its text, after examples or because a document told it to; ours are others.
_MARK = re.compile(
    r"\s*(?:\[[\w\s,;.:#^-]{1,40}\]|【[^】]{0,40}】|\(\s*(?:passage|source|quote)\b[^)]{0,40}\))", re.IGNORECASE
)
_EMPHASIS = re.compile(r"[*_`]{2,}|(?<!\w)[*_`]|[*_`](?!\w)")
_LIST_MARK = re.compile(r"^(?:[-•–—#>]+|\d{1,2}[.)])\s+")
# What no sentence has, and a page or terminal might obey.
_MARKUP = re.compile(r"https?:|www\.|\w@\w|<[^<>]*>|&\w+;|\]\(|!\[|javascript:|data:|\{|\}|\|", re.IGNORECASE)
_EDGES = " \t\r\n\"'“”„«»‘’…."


# Written statements


@dataclass(frozen=True, slots=True)
class Shown:
    """What a model was shown, by which its statements are proved."""

    question: str
    passages: Mapping[str, Passage]  # by the ids that it was told
    context: str  # the question and the passages
    weights: WordWeights  # of the words of the passages' sentences

    @classmethod
    def of(cls, question: str, passages: Mapping[str, Passage]) -> Shown:
        # The question is the user's own word; what it writes small or large is no proof, and no secret either.
        context = "\n".join([question, *(passage.readable for passage in passages.values())])
        sentences = (sentence.text for passage in passages.values() for sentence in passage_sentences(passage))
        return cls(question, passages, context, WordWeights(sentences))


def prove(
    written: WrittenStatement, shown: Shown, *, compare: Compare, support: SupportModel
) -> DraftStatement | Unsupported:
    """The statement with the sentences that hold its quotes, if they support it as far as can be told.

    A quote that stands in another of the passages than it says is taken for one of that: it is shown with its true
    place in any case.
    """
    text = _plain(written.text)
    if not re.search(r"\w", text) or len(text) > _LONGEST:
        return Unsupported(text[:_LONGEST], "it is no sentence")
    quotes = dict.fromkeys(
        sentence
        for quote in written.quotes
        if (found := _find(quote, shown.passages))
        for sentence in _sentences(*found)
    )
    if not quotes:
        return Unsupported(text, "no quote of it stands in the passages")
    said = [Quoted(_readable(quote), quote.passage.lang, quote.passage.date) for quote in quotes]
    if any(gives_orders(each.text) for each in said) or gives_orders(text):
        return Unsupported(text, "its quote gives orders to whoever reads it")
    if not all(any(mark in each.text for each in said) for mark in _MARKUP.findall(text)):
        return Unsupported(text, "it has markup or an address that its quotes have not")
    lang = detect_language(text)
    if wrong := unsupported(text, said, lang=lang, context=shown.context):
        return Unsupported(text, f"its quotes do not have {', '.join(wrong)}")
    closeness = compare(text, [each.text for each in said])
    near = closeness.nearness
    if near < _NEAR or (near < _NEAR_WITHOUT_WORDS and not _shares_words(text, said)):
        return Unsupported(text, "it is not about what its quotes are about")
    judged = support.judge(Stated(text, lang, tuple(said), shown.context, closeness, shown.weights))
    return DraftStatement(text, tuple(quotes), (), near, judged.support, judged.score)


def _shares_words(text: str, said: Sequence[Quoted]) -> bool:
    """Whether a statement has a word or number of its quotes, or is in none of their languages."""
    if detect_language(text) not in {quote.lang for quote in said}:
        return True

    def stems(of: str) -> set[str]:
        return {
            stem_word(word.text)
            for word in words(of)
            if not is_common(word) and (len(word.skeleton) >= _SHORTEST_WORD or word.text[0].isdigit())
        }

    return any(stems(text) & stems(quote.text) for quote in said)


def _plain(text: str) -> str:
    """A statement as it is shown: without marks, emphasis, and what a reader cannot see."""
    seen = "".join(c if c.isprintable() or c.isspace() else "" for c in unicodedata.normalize("NFC", text))
    seen = _EMPHASIS.sub("", _MARK.sub("", seen))
    return _LIST_MARK.sub("", " ".join(seen.split()))


def _find(quote: WrittenQuote, passages: Mapping[str, Passage]) -> tuple[Passage, Span] | None:
    named = passages.get(quote.passage)
    others = [passage for passage in passages.values() if passage is not named]
    for passage in [*([named] if named else []), *others]:
        if span := find_quote(quote.words, passage.readable):
            return passage, span
    return None


def find_quote(words: str, text: str) -> Span | None:
    """Where `text` has these words, in the order and with the letters that it has.

    White space, characters that nobody sees, and the kinds of quotation marks, apostrophes and dashes may differ.
    """
    wanted, _ = _compared(words.strip(_EDGES))
    if sum(map(str.isalnum, wanted)) < _FEWEST_LETTERS:
        return None
    letters, places = _compared(text)
    at = letters.find(wanted)
    while at >= 0:
        start, end = places[at], places[at + len(wanted) - 1] + 1
        if not _cuts_word(text, start) and not _cuts_word(text, end):
            return Span(start, end)
        at = letters.find(wanted, at + 1)
    return None


def _cuts_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and text[place - 1].isalnum() and text[place].isalnum()


_SAME = str.maketrans("“”„«»‘’ʼ`´‚–—−‑‒", "\"\"\"\"\"''''''-----")


def _compared(text: str) -> tuple[str, list[int]]:
    """The characters that a quote is compared by, and where each stands in the text."""
    kept = [
        (each, place)
        for place, character in enumerate(text.translate(_SAME))
        if not character.isspace() and unicodedata.category(character) != "Cf"
        for each in unicodedata.normalize("NFKC", character)
    ]
    return "".join(each for each, _ in kept), [place for _, place in kept]


def _sentences(passage: Passage, found: Span) -> Iterable[QuotedSpan]:
    """The whole sentences that hold a place: half a sentence can say the contrary of it."""
    for sentence in passage_sentences(passage):
        if Span(sentence.start, sentence.start + len(sentence.text)).overlap(found):
            yield QuotedSpan(passage, sentence.span)


def _readable(quote: QuotedSpan) -> str:
    start = quote.passage.span.start
    within = Span(quote.span.start - start, quote.span.end - start)
    return view(quote.passage.text, within, quote.passage.spelling).text


# Citations


def ground(drafts: tuple[DraftStatement, ...], index: Index) -> tuple[Statement, ...]:
    """The drafted statements with citations made from the stored source.

    Raises CitationError when a quote is not in its source as the draft has it: the index would be damaged, or
    the reader wrong, and in both cases nothing may be shown.
    """
    passages = [quote.passage for draft in drafts for quote in draft.quotes]
    sources = read_sources({passage.source_path for passage in passages}, index)
    origin_of = origins({passage.document_id for passage in passages}, index)
    return tuple(_in_context(cite(draft, sources, origin_of), draft.quotes[0], sources, index) for draft in drafts)


def ground_conflicts(conflicts: Iterable[FoundConflict], index: Index) -> tuple[Disagreement, ...]:
    """What was found to be said differently, each side with its statements grounded. Raises CitationError."""
    return tuple(
        Disagreement(found.about, tuple(_ground_side(side, index) for side in found.sides)) for found in conflicts
    )


def _ground_side(side: ConflictSide, index: Index) -> Side:
    newest = max((quote.passage for each in side.statements for quote in each.quotes), key=lambda each: each.date)
    outlet = index.document(newest.document_id).outlet or newest.source_path
    return Side(side.says, ground(side.statements, index), newest.date, outlet)


def read_sources(paths: Iterable[str], index: Index) -> dict[str, Source]:
    """The stored sources of these paths, read again and compared with what was committed. Raises CitationError."""
    return {path: _read_again(path, index) for path in sorted(set(paths))}


def cite(draft: DraftStatement, sources: Mapping[str, Source], origin_of: Mapping[str, str]) -> Statement:
    """A drafted statement with citations made from the sources. Raises CitationError as `ground` does.

    `origin_of` has for each document the one that it is a copy or translation of; see `rag.origins`.
    """
    citations = tuple(_cite(quote, sources[quote.passage.source_path], draft.text) for quote in draft.quotes)
    is_quote = any(" ".join(_readable(quote).split()) == draft.text for quote in draft.quotes)
    cited = {quote.passage.document_id for quote in draft.quotes}
    return Statement(
        draft.text,
        citations,
        Support.QUOTED if is_quote else draft.support,
        draft.answering,
        reports=len(cited),
        independent=len({origin_of[document] for document in cited}),
        score=draft.score,
        support_score=1.0 if is_quote else draft.support_score,
    )


def _in_context(statement: Statement, quote: QuotedSpan, sources: Mapping[str, Source], index: Index) -> Statement:
    """The statement with who is meant by it, if it does not say so itself."""
    passage = quote.passage
    if not leans(statement.text, lang=passage.lang, around=passage.readable):
        return statement
    source = sources[passage.source_path]
    found = naming_sentence(index.document(passage.document_id), source, quote.span.start)
    if found is None:
        return replace(statement, context=Context(passage.title))
    citation = _cite(QuotedSpan(found, found.span), source, statement.text)
    return replace(statement, context=Context(" ".join(found.readable.split()), (citation,)))


def _read_again(path: str, index: Index) -> Source:
    source = index.source(path)
    if text_hash(source.text) != index.catalog.text_hash_of(path):
        raise CitationError(
            f"{path}: its text in the index is not what was read from the file; delete the index and ingest again"
        )
    return source


def _cite(quote: QuotedSpan, source: Source, statement: str) -> Citation:
    words = quote.span.of(source.text)
    start = quote.span.start - quote.passage.span.start
    expected = quote.passage.text[start : start + len(words)] if start >= 0 else ""
    if not words or words != expected or quote.span.end > len(source.text):
        raise CitationError(
            f"{source.path}: characters {quote.span.start} to {quote.span.end} read {words[:60]!r}, the passage has "
            f"{expected[:60]!r}; the index is damaged: delete it and ingest again"
        )
    return Citation(
        supports=Span(0, len(statement)),
        source=source.path,
        sha256=source.sha256,
        start=quote.span.start,
        end=quote.span.end,
        quote=words,
        title=quote.passage.title,
        lang=quote.passage.lang,
        date=quote.passage.date,
        passage_id=quote.passage.id,
    )
