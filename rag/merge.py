"""Passages that stand side by side in one article to one, for whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from index.escapes import view
from index.values import ScoredPassage, Source, Span


def merge_neighbours(hits: list[ScoredPassage], source_of: Callable[[str], Source]) -> list[ScoredPassage]:
    """The passages with those that overlap or adjoin as one, which stands where the best of them stood.

    Two adjoin if there is nothing but white space between them, so nothing that was dropped gets into a passage, and
    `source.text[start:end] == text` as before. A passage that was merged has the best scores of its parts.
    """
    runs = [run for document in _by_document(hits) for run in _runs(document, source_of)]
    place = {hit.passage.id: i for i, hit in enumerate(hits)}
    runs.sort(key=lambda run: min(place[hit.passage.id] for hit in run))
    return [_merged(run, source_of) if len(run) > 1 else run[0] for run in runs]


def _by_document(hits: list[ScoredPassage]) -> Iterable[list[ScoredPassage]]:
    documents: dict[str, list[ScoredPassage]] = {}
    for hit in hits:
        documents.setdefault(hit.passage.document_id, []).append(hit)
    return documents.values()


def _runs(hits: list[ScoredPassage], source_of: Callable[[str], Source]) -> list[list[ScoredPassage]]:
    """The passages of one document in order of place, parted where they do not adjoin."""
    runs: list[list[ScoredPassage]] = []
    end = 0  # of all before: a passage may lie within another
    for hit in sorted(hits, key=lambda hit: (hit.passage.span, hit.passage.id)):
        passage = hit.passage
        if runs and (passage.span.start <= end or _is_blank(source_of(passage.source_path), end, passage.span.start)):
            runs[-1].append(hit)
        else:
            runs.append([hit])
        end = max(end, passage.span.end)
    return runs


def _is_blank(source: Source, start: int, end: int) -> bool:
    # As a person reads it: in JSON a line break is two characters that are no white space.
    return not view(source.text, Span(start, end), source.spelling).text.strip()


def _merged(run: list[ScoredPassage], source_of: Callable[[str], Source]) -> ScoredPassage:
    first = run[0].passage
    source = source_of(first.source_path)
    span = Span(first.span.start, max(hit.passage.span.end for hit in run))
    best = max(run, key=lambda hit: hit.score)
    passage = replace(
        best.passage,
        id=f"{first.document_id}:{span.start}-{span.end}",
        span=span,
        text=span.of(source.text),
        readable=view(source.text, span, source.spelling).text,
    )
    return ScoredPassage(
        passage,
        score=best.score,
        dense=max(hit.dense for hit in run),
        lexical=max(hit.lexical for hit in run),
        late=max(hit.late for hit in run),
        also=tuple(dict.fromkeys(other for hit in run for other in hit.also)),
    )
