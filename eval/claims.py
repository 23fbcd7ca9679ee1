"""Claims with the pages that they cite, in the layout of WiCE, read as a retrieval set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.sets import CorpusDocument, Query, RetrievalSet, json_object, lang_of_all_queries, lines, text_of
from index.errors import DataSetError

_GRADES = {"supported": 2, "partially_supported": 1, "not_supported": 0}
_TITLE = "(meta data) TITLE: "


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim, the sentences of the page that it cites, and what was judged of them."""

    id: str
    text: str
    sentences: tuple[str, ...]
    supporting: frozenset[int]  # those that are among any of the groups of sentences that support it
    grade: int  # 2 if the page supports it, 1 if in part, 0 if not


def claims_file(folder: Path) -> Path | None:
    """The file of claims in a folder: test.jsonl, or else dev.jsonl; None if it has neither, or files of BEIR's."""
    if (folder / "corpus.jsonl").exists() or (folder / "queries.jsonl").exists():
        return None
    return next((file for name in ("test.jsonl", "dev.jsonl") if (file := folder / name).is_file()), None)


def load_claims(file: Path) -> RetrievalSet:
    """Read a file of claims, a JSON object a line with `_id claim evidence label`. Raises DataSetError.

    The `evidence` is the sentences of the cited page. Pages are the documents, each once, named by the first claim
    that cites it; claims are the queries. The page is relevant to its claim with grade 2 if it supports it, 1 if it
    does so in part. A claim that its page does not support has no relevant document. Which sentences support a
    claim is not looked at.

    Source of the layout: Kamoi, Goyal, Rodriguez and Durrett, WiCE, EMNLP 2023.
    """
    documents: dict[str, CorpusDocument] = {}  # by what they say
    queries: dict[str, Query] = {}
    qrels: dict[str, dict[str, int]] = {}
    lang = lang_of_all_queries(file.parent)
    for place, line in lines(file):
        row = json_object(place, line)
        claim = Query(text_of(place, row, "_id"), text_of(place, row, "claim"), lang)
        if claim.id in queries:
            raise DataSetError(f'{place}: "_id" {claim.id!r} stands twice; give each its own')
        queries[claim.id] = claim
        title, text = _page(place, row)
        page = documents.setdefault(f"{title}\n{text}", CorpusDocument(claim.id, title, text))
        if grade := _grade(place, row):
            qrels[claim.id] = {page.id: grade}
    if not queries:
        raise DataSetError(f"{file}: no claim in it")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return RetrievalSet(file.resolve().parent.name, tuple(documents.values()), tuple(queries.values()), qrels, sha256)


def load_judged_claims(file: Path) -> list[JudgedClaim]:
    """The claims of a file that `load_claims` reads, with the sentences that support each. Raises DataSetError."""
    claims: list[JudgedClaim] = []
    for place, line in lines(file):
        row = json_object(place, line)
        _page(place, row)
        sentences, groups = tuple(row["evidence"]), row.get("supporting_sentences")
        numbers: list[Any] = [number for group in groups for number in group] if isinstance(groups, list) else [None]
        if not all(isinstance(number, int) and 0 <= number < len(sentences) for number in numbers):
            raise DataSetError(
                f'{place}: "supporting_sentences" is {groups!r}; want lists of numbers of sentences, counted from 0'
            )
        id_, text = text_of(place, row, "_id"), text_of(place, row, "claim")
        claims.append(JudgedClaim(id_, text, sentences, frozenset(numbers), _grade(place, row)))
    return claims


def _page(place: str, row: Mapping[str, Any]) -> tuple[str, str]:
    """Title and text of the cited page, a sentence or heading a line."""
    sentences = row.get("evidence")
    if not isinstance(sentences, list) or not all(isinstance(sentence, str) for sentence in sentences):
        raise DataSetError(f'{place}: "evidence" is {sentences!r}; want a list of sentences')
    if not any(sentence.strip() for sentence in sentences):
        raise DataSetError(f'{place}: "evidence" has no sentence; want those of the page that is cited')
    title = ""
    if sentences[0].startswith(_TITLE):
        title, sentences = sentences[0].removeprefix(_TITLE).strip(), sentences[1:]
    return title, "\n".join(sentences)


def _grade(place: str, row: Mapping[str, Any]) -> int:
    label = row.get("label")
    if not isinstance(label, str) or label not in _GRADES:
        raise DataSetError(f'{place}: "label" is {label!r}; want one of {" ".join(_GRADES)}')
    return _GRADES[label]
