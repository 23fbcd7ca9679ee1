"""Figures of each pair of languages: that of the query and that of the documents that are relevant to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from eval.figures import Figure, figure, macro, worst
from eval.measures import measured
from eval.runs import Run
from eval.sets import CorpusDocument, Query, RetrievalSet
from index.language import detect_language


@dataclass(frozen=True, slots=True)
class PairFigures:
    """Figures of each pair, "en→az", and of all pairs, with the measures in one order everywhere."""

    by_pair: dict[str, tuple[Figure, ...]]
    macro: tuple[Figure, ...]  # mean over the pairs, each of the same weight
    worst: tuple[tuple[str, Figure], ...]  # for each measure the pair where it is worst, and its figure there

    def to_json(self) -> dict[str, Any]:
        """The part of a JSON document that shows them, as `pairs`, `macro` and `worst`."""
        return {
            "pairs": {pair: [each.to_json() for each in row] for pair, row in self.by_pair.items()},
            "macro": [each.to_json() for each in self.macro],
            "worst": [{"pair": pair, **each.to_json()} for pair, each in self.worst],
        }


def pair_figures(retrieval_set: RetrievalSet, run: Run, signed: str) -> PairFigures:
    """The mean of each of `measures.MEASURES` over the judged queries of each pair of languages.

    The language of a query is what the set says, or else what is detected; that of a document is detected. A query
    with relevant documents in several languages is a case of each of these pairs. In each it is measured as if the
    relevant documents of that language were all there are: those of other languages are taken out of its ranking,
    too, so that a right document of another language does not push one of this language down.
    """
    documents = {document.id: document for document in retrieval_set.corpus}

    @cache
    def document_lang(id_: str) -> str:
        return _lang_of_document(documents[id_])

    qrels: dict[str, dict[str, dict[str, int]]] = {}  # pair to query to relevant document to grade
    for query in retrieval_set.judged:
        query_lang = _lang_of_query(query)
        for document, grade in retrieval_set.qrels[query.id].items():
            if grade > 0:
                pair = f"{query_lang}→{document_lang(document)}"
                qrels.setdefault(pair, {}).setdefault(query.id, {})[document] = grade
    values = {
        pair: measured(relevant, _without_other_languages(run, relevant, retrieval_set.qrels))
        for pair, relevant in sorted(qrels.items())
    }
    names = list(next(iter(values.values()), {}))
    cases = {name: {pair: list(by_name[name].values()) for pair, by_name in values.items()} for name in names}
    by_pair = {pair: tuple(figure(name, cases[name][pair], signed) for name in names) for pair in values}
    return PairFigures(
        by_pair=by_pair,
        macro=tuple(macro(name, cases[name], signed) for name in names),
        worst=tuple(worst({pair: row[i] for pair, row in by_pair.items()}) for i in range(len(names))),
    )


def _lang_of_query(query: Query) -> str:
    return query.lang or detect_language(query.text)


def _lang_of_document(document: CorpusDocument) -> str:
    return detect_language(document.text if document.text.strip() else document.title)


def _without_other_languages(
    run: Run, relevant: Mapping[str, Mapping[str, int]], qrels: Mapping[str, Mapping[str, int]]
) -> Run:
    return {
        query: {
            document: score
            for document, score in run.get(query, {}).items()
            if document in of_this_language or qrels[query].get(document, 0) <= 0
        }
        for query, of_this_language in relevant.items()
    }
