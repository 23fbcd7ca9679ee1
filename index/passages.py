"""Documents to passages: whole sentences, as many as fit a number of tokens, with an overlap of sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from index.dates import FoundDate, find_dates
from index.errors import SettingsError
from index.escapes import View, view
from index.language import detect_language
from index.sentences import split_sentences
from index.values import UNDETERMINED, Document, Passage, Source, Span

CountTokens = Callable[[list[str]], list[int]]

# What a passage of a document in no known language is in, it may tell itself; a short one is no witness.
_FEWEST_CHARACTERS_FOR_LANGUAGE = 80
_FARTHEST_BACK = 3000


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut. Written into an index, which cannot be added to with another."""

    max_tokens: int = 160  # of the embedder's own tokenizer, the title not counted
    overlap_sentences: int = 1

    def __post_init__(self) -> None:
        if self.max_tokens < 16:
            raise SettingsError(f"max_tokens is {self.max_tokens}; want 16 or more")
        if self.overlap_sentences < 0:
            raise SettingsError(f"overlap_sentences is {self.overlap_sentences}; want 0 or more")


def split_passages(
    document: Document, source: Source, *, chunking: Chunking, count_tokens: CountTokens
) -> list[Passage]:
    """The passages of `document`, in order of place.

    Each is whole sentences within one kept span, at most `chunking.max_tokens` tokens long; a longer sentence is
    cut at white space. No passage crosses a dropped span. Between them they hold every word of the body.
    """
    passages = []
    for span in document.body:
        readable = view(source.text, span, source.spelling)
        sentences = split_sentences(readable.text, document.lang)
        pieces = list(_cut_long(readable.text, sentences, chunking.max_tokens, count_tokens))
        for start, end in _pack(pieces, chunking):
            passages.append(_passage(document, source, readable, start, end))
    return passages


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage."""

    span: Span  # in the source
    start: int  # in `Passage.readable`
    text: str  # as a person reads it


def passage_sentences(passage: Passage) -> list[Sentence]:
    """The sentences of a passage, in order."""
    readable = view(passage.text, Span(0, len(passage.text)), passage.spelling)
    return [
        Sentence(readable.span(start, end).shift(passage.span.start), start, readable.text[start:end])
        for start, end in split_sentences(readable.text, passage.lang)
    ]


def last_sentences(document: Document, source: Source, *, before: int, most: int) -> Iterator[Passage]:
    """The sentences of a document that end at or before a place of its source, the last first, each as a passage.

    At most `most`, and none that begins more than `_FARTHEST_BACK` characters before the place.
    """
    farthest = max(0, before - _FARTHEST_BACK)
    for body in reversed(document.body):
        if body.start >= before or body.end <= farthest:
            continue
        span = Span(max(body.start, farthest), min(body.end, before))
        readable = view(source.text, span, source.spelling)
        sentences = split_sentences(readable.text, document.lang)
        # The first one may be half a sentence, where the span does not begin with the body's.
        for start, end in reversed(sentences[1:] if span.start > body.start else sentences):
            if most > 0:
                most -= 1
                yield _passage(document, source, readable, start, end)


def searched_text(passage: Passage) -> str:
    """What is embedded and searched of a passage: its document's title with it, which often names who it is about."""
    return searched_words(passage.title, passage.readable)


def searched_words(title: str, readable: str) -> str:
    """`searched_text` of a passage with this text, of a document with this title."""
    return f"{title} {readable}".strip()


def passage_dates(passage: Passage) -> list[FoundDate]:
    """The dates that a passage names, with their spans in the source, in order; see `index.dates.find_dates`."""
    readable = view(passage.text, Span(0, len(passage.text)), passage.spelling)
    return [
        replace(found, span=readable.span(found.span.start, found.span.end).shift(passage.span.start))
        for found in find_dates(passage.readable, lang=passage.lang, published=passage.date)
    ]


def _passage(document: Document, source: Source, readable: View, start: int, end: int) -> Passage:
    span = readable.span(start, end)
    words = readable.text[start:end]
    return Passage(
        id=f"{document.id}:{span.start}-{span.end}",
        document_id=document.id,
        source_path=source.path,
        span=span,
        text=span.of(source.text),
        readable=words,
        spelling=source.spelling,
        lang=_language(document, span, words),
        title=document.title,
        date=document.date,
    )


def _language(document: Document, span: Span, words: str) -> str:
    """The language of the run that holds most of a passage, or else its document's.

    Its own words are asked only if the document's language is not known: a short or odd passage is easily taken for
    one in a language that nothing else in the document is in, and would then be found by that.
    """
    if document.languages:
        return max(document.languages, key=lambda run: run[0].overlap(span))[1]
    if document.lang != UNDETERMINED or len(words) < _FEWEST_CHARACTERS_FOR_LANGUAGE:
        return document.lang
    return detect_language(words)


def _cut_long(
    text: str, sentences: list[tuple[int, int]], max_tokens: int, count_tokens: CountTokens
) -> Iterator[tuple[int, int, int]]:
    """Start, end and tokens of each sentence; the long ones cut at white space, or where there is none."""
    counts = count_tokens([text[start:end] for start, end in sentences])
    for (start, end), tokens in zip(sentences, counts, strict=True):
        if tokens <= max_tokens:
            yield start, end, tokens
            continue
        middle = (start + end) // 2
        cut = text.rfind(" ", start + 1, middle)
        cut = cut if cut > start else middle
        halves = [_trim(text, start, cut), _trim(text, cut, end)]
        yield from _cut_long(text, [half for half in halves if half[0] < half[1]], max_tokens, count_tokens)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _pack(pieces: list[tuple[int, int, int]], chunking: Chunking) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(pieces):
        last, tokens = first, pieces[first][2]
        while last + 1 < len(pieces) and tokens + _tokens_after(pieces, last + 1) <= chunking.max_tokens:
            last += 1
            tokens += _tokens_after(pieces, last)
        yield pieces[first][0], pieces[last][1]
        if last + 1 == len(pieces):
            return
        # Sentences are repeated only while they leave room for a new one, and never the whole passage.
        previous, first = first, last + 1
        tokens = _tokens_after(pieces, first)
        while (
            last + 1 - first < chunking.overlap_sentences
            and first - 1 > previous
            and tokens + pieces[first - 1][2] <= chunking.max_tokens
        ):
            first -= 1
            tokens += pieces[first][2]


def _tokens_after(pieces: list[tuple[int, int, int]], i: int) -> int:
    """Tokens that a piece adds to the one before it: one more where no space parts them."""
    stuck = pieces[i - 1][1] == pieces[i][0]
    return pieces[i][2] + int(stuck)
