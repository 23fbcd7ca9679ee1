"""Which of several documents are one report told again, so that sources can be counted honestly."""

from __future__ import annotations

from collections.abc import Iterable

from index.folder import Index
from index.values import LinkKind


def origins(document_ids: Iterable[str], index: Index) -> dict[str, str]:
    """For each document the id of one that it comes from, as its copies and translations among these do.

    That a document is a translation is a guess. It is believed here: if it is wrong there are more independent
    sources than are counted, and never fewer.
    """
    copies = index.representatives(document_ids)
    originals = dict.fromkeys(copies.values())
    origin_of = {each: each for each in originals}

    def first(document: str) -> str:
        return document if origin_of[document] == document else first(origin_of[document])

    for each in originals:
        for link in index.links(each):
            if link.kind is LinkKind.TRANSLATION and link.document in origin_of:
                one, other = sorted((first(each), first(link.document)))
                origin_of[other] = one
    return {document: first(original) for document, original in copies.items()}
