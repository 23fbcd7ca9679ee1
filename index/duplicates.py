"""Which documents say the same: exact copies, near copies and, as a guess, translations. Nothing is ever deleted.

Two bodies are exact copies if they are equal but for white space. Near copies, which an editor shortened, extended or
touched up, share runs of words: MinHash signatures of each body's three-word shingles find the pairs worth a look
(Broder, On the resemblance and containment of documents, 1997; banding as in Leskovec, Rajaraman and Ullman, Mining
of Massive Datasets, chapter 3), and the shingles themselves decide. Translations are documents of two languages whose
mean vectors, centred by language, are each other's nearest.

Where more than ten thousand documents of a language are undated, their translations are looked for in a part of the
others only; see `index.neighbours.nearest`.

What is kept of this in the catalog is a function of its documents alone. Signatures and comparisons that were made
are used again; that does not show in the result, so adding, replacing and removing give what making all anew gives.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from index.catalog import Catalog, LinkRow, Print, PrintedDocument, StoredBody
from index.centring import language_means
from index.embed import unit
from index.fold import folded_words
from index.neighbours import Floats, nearest
from index.values import UNDETERMINED, LinkKind

# Raise this when prints or thresholds change: what another version made is made again.
_VERSION = 1

_SHINGLE_WORDS = 3
# With bands of 3, of two texts that share 0.3, 0.4 or 0.5 of their shingles 83, 98 and 99.98 in 100 are looked at, and
# of unrelated ones, which share 0.002, one in two millions.
_BANDS = 64
_ROWS = 3
_SEED = 1
# Of texts that share a band, each is compared with this many: that links all of them, and in n steps, not n^2.
_PIVOTS = 8

# Chosen on news in az, en and ru that was edited by a program, and on reports of one form. With one word in 20 changed
# 95 in 100 articles keep 0.82 of their shingles, with one in eight 0.64; independent articles shared 0.32 at most.
_CONTAINMENT = 0.6
# A short text says too little to be told from another of the same form, unless it is almost the same.
_CONTAINMENT_SHORT = 0.8
_SHORT_SHINGLES = 60
_FEWEST_SHINGLES = 20
# A copy keeps this much of the longer text. Less is a quotation, or an article in a round-up of many.
_JACCARD = 0.3
# Reports of one form, such as of weather or prices, have other numbers in the same places, and editors leave numbers
# alone. This is of the shingles that hold a number: with one word in 20 changed, articles keep 0.5 of them or more.
_NUMBERS_SHARED = 0.4
_FEWEST_NUMBERS = 6
_LOWEST_ESTIMATE = 0.15  # four standard errors of 192 hashes below _JACCARD

# Chosen on news in az, en and ru of which every language lacked half: 0.55 makes 1 guess in 200 wrong and misses
# 8 translations in 100; 0.5 makes 1 in 100 wrong and misses 5.
_TRANSLATION_COSINE = 0.55
_LENGTH_RATIO = 1.6  # of letters after folding, which is Latin for all scripts; the news have 1.53 at most
_DAYS_APART = 10
_FEWEST_LETTERS = 150

_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)  # odd, otherwise arbitrary

Pair = tuple[str, str]  # hashes of two texts, in order


def bring_forward(catalog: Catalog) -> None:
    """Make links and clusters fit the catalog's documents, in one transaction. Only under the writer's lock."""
    made_by = _made_by()
    if catalog.duplicates_made == f"{made_by} {catalog.sequence}":
        return
    with catalog.transaction():
        if not catalog.duplicates_made.startswith(f"{made_by} "):
            catalog.forget_duplicates()
        for body in catalog.bodies_without_print():
            catalog.add_print(make_print(body))
        documents = catalog.printed_documents()
        compared = _compare(catalog, documents)
        copies = _copy_links(documents, compared)
        representatives = _representatives(documents, copies)
        alone = [d for d in documents if representatives.get(d.key, d.key) == d.key]
        links = [*copies, *translation_links(alone)]
        catalog.replace_duplicates(compared, links, representatives, made=f"{made_by} {catalog.sequence}")


def _made_by() -> str:
    return f"{_VERSION} rensa {_minhash().ALGORITHM_VERSION}"


def _minhash() -> Any:
    from rensa import RMinHash  # type: ignore[attr-defined]  # it has no types

    return RMinHash


def make_print(body: StoredBody) -> Print:
    """What is compared of a body."""
    words = folded_words(body.text)
    shingles = _shingles(words)
    plain = " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", body.text)).split())
    mean = unit(body.vectors.astype(np.float64).sum(axis=0)) if len(body.vectors) else np.empty(0)
    return Print(
        document=body.key,
        text=hashlib.sha256(plain.encode("utf-8")).hexdigest()[:32],
        length=sum(map(len, words)),
        shingles=_stored(shingles),
        numbers=_stored(_shingles(words, only_numbers=True)),
        signature=_signature(shingles) if len(shingles) >= _FEWEST_SHINGLES else np.empty(0, np.uint32),
        vector=mean.astype(np.float16),
    )


def _shingles(words: list[str], *, only_numbers: bool = False) -> NDArray[np.uint64]:
    """A hash for each three words in a row, each once; or for those only that hold a digit."""
    if len(words) < _SHINGLE_WORDS:
        return np.empty(0, np.uint64)
    rows = sliding_window_view(np.array([_word_hash(word) for word in words], np.uint64), _SHINGLE_WORDS)
    if only_numbers:
        rows = rows[sliding_window_view([not word.isalpha() for word in words], _SHINGLE_WORDS).any(axis=1)]
    return np.unique((rows * _MIX).sum(axis=1, dtype=np.uint64))


def _stored(shingles: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Half of each hash, which is enough to tell the shingles of two texts apart; each once, in order."""
    return np.unique((shingles >> np.uint64(32)).astype(np.uint32))


@lru_cache(maxsize=200_000)
def _word_hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest(), "little")


def _signature(shingles: NDArray[np.uint64]) -> NDArray[np.uint32]:
    offsets = np.array([0, len(shingles)], np.uint64)
    matrix = _minhash().digest_matrix_from_flat_token_hashes(shingles, offsets, _BANDS * _ROWS, _SEED)
    return np.array(matrix.to_rows()[0], np.uint32)


# Copies


def copy_score(one: Print, other: Print) -> float:
    """Which share of the shorter text's shingles stands in the longer, or 0.0 if neither is a copy of the other."""
    fewer, more = sorted((len(one.shingles), len(other.shingles)))
    shared = _shared(one.shingles, other.shingles)
    wanted = _CONTAINMENT if fewer >= _SHORT_SHINGLES else _CONTAINMENT_SHORT
    if fewer < _FEWEST_SHINGLES or shared < wanted * fewer or shared < _JACCARD * (fewer + more - shared):
        return 0.0
    numbers = min(len(one.numbers), len(other.numbers))
    if numbers >= _FEWEST_NUMBERS and _shared(one.numbers, other.numbers) < _NUMBERS_SHARED * numbers:
        return 0.0
    return round(shared / fewer, 4)


def _shared(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> int:
    return len(np.intersect1d(one, other, assume_unique=True))


def candidate_pairs(signatures: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Rows (i, j), i < j, of signatures that have a band in common: (pairs, 2), in order, each once.

    Of the rows that share a band only pairs with one of the first are given, so their order should say nothing.
    """
    found = [np.empty(0, np.int64)]
    count = len(signatures)
    for band in range(_BANDS):
        columns = signatures[:, _ROWS * band : _ROWS * (band + 1)].astype(np.uint64)
        keys = (columns * _MIX[:_ROWS]).sum(axis=1, dtype=np.uint64)
        order = np.argsort(keys, kind="stable")
        starts_group = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])
        group_start = np.maximum.accumulate(np.where(starts_group, np.arange(count), 0))
        place_in_group = np.arange(count) - group_start
        later = np.flatnonzero(place_in_group)
        for pivot in range(_PIVOTS):
            later = later[place_in_group[later] > pivot]
            if not len(later):
                break
            found.append(order[group_start[later] + pivot] * count + order[later])
    pairs = np.unique(np.concatenate(found))
    return np.stack([pairs // max(count, 1), pairs % max(count, 1)], axis=1)


def _compare(catalog: Catalog, documents: list[PrintedDocument]) -> dict[Pair, float]:
    """The score of every pair of texts that is worth a look; those that were looked at before are not read again."""
    signature_of = {document.text: document.signature for document in documents if len(document.signature)}
    if not signature_of:
        return {}
    texts = sorted(signature_of)
    signatures = np.array([signature_of[text] for text in texts])
    known = catalog.compared()
    print_of = lru_cache(maxsize=4096)(catalog.print_of)
    compared: dict[Pair, float] = {}
    pairs = candidate_pairs(signatures)
    for start in range(0, len(pairs), 100_000):
        some = pairs[start : start + 100_000]
        likely = (signatures[some[:, 0]] == signatures[some[:, 1]]).mean(axis=1) >= _LOWEST_ESTIMATE
        for i, j in some[likely].tolist():
            pair = texts[i], texts[j]
            compared[pair] = known[pair] if pair in known else copy_score(print_of(pair[0]), print_of(pair[1]))
    return compared


def _copy_links(documents: list[PrintedDocument], compared: dict[Pair, float]) -> list[LinkRow]:
    """Near copies link the first documents of two texts; the others of the same text link to their first."""
    first: dict[str, int] = {}
    links = []
    for document in sorted(documents, key=_rank):
        if document.text not in first:
            first[document.text] = document.key
        elif document.length:  # no words are no text
            links.append(_link(first[document.text], document.key, LinkKind.EXACT, 1.0))
    for (one, other), score in compared.items():
        if score:
            links.append(_link(first[one], first[other], LinkKind.NEAR, score))
    return links


def _link(one: int, other: int, kind: LinkKind, score: float) -> LinkRow:
    return LinkRow(min(one, other), max(one, other), kind, score)


def _rank(document: PrintedDocument) -> tuple[bool, str, int, str]:
    """The earliest first, then the longest; a month or a year may be all of its days, so it comes after them."""
    return not document.date, f"{document.date}-99-99"[:10], -document.length, document.id


def _representatives(documents: list[PrintedDocument], links: Iterable[LinkRow]) -> dict[int, int]:
    """For each document with copies the first of all that links connect it with."""
    neighbours: dict[int, list[int]] = {}
    for link in links:
        neighbours.setdefault(link.document, []).append(link.other)
        neighbours.setdefault(link.other, []).append(link.document)
    representatives: dict[int, int] = {}
    for document in sorted(documents, key=_rank):
        waiting = [document.key] if document.key in neighbours and document.key not in representatives else []
        while waiting:
            key = waiting.pop()
            if key not in representatives:
                representatives[key] = document.key
                waiting.extend(neighbours[key])
    return representatives


# Translations


def translation_links(documents: list[PrintedDocument]) -> list[LinkRow]:
    """Documents of two languages that are each other's nearest, close enough, of like length, and of like date."""
    by_lang: dict[str, list[PrintedDocument]] = {}
    for document in documents:
        if document.lang != UNDETERMINED and len(document.vector) and document.length >= _FEWEST_LETTERS:
            by_lang.setdefault(document.lang, []).append(document)
    vectors = {lang: np.array([d.vector for d in group], np.float32) for lang, group in by_lang.items()}
    means = language_means({lang: (v.astype(np.float64).sum(axis=0), len(v)) for lang, v in vectors.items()})
    centred = {lang: unit(v - means[lang]) for lang, v in vectors.items()}
    links = []
    for one, other in combinations(sorted(by_lang), 2):
        scores, there = _nearest_of_like_date(by_lang[one], centred[one], by_lang[other], centred[other])
        close = np.flatnonzero(scores >= _TRANSLATION_COSINE)
        wanted = sorted(set(there[close].tolist()))  # only these are asked for their nearest in turn
        _, back = _nearest_of_like_date(
            [by_lang[other][j] for j in wanted], centred[other][wanted], by_lang[one], centred[one]
        )
        nearest_of = dict(zip(wanted, back.tolist(), strict=True))
        for i, j, score in zip(close.tolist(), there[close].tolist(), scores[close].tolist(), strict=True):
            if nearest_of[j] != i:
                continue
            a, b = by_lang[one][i], by_lang[other][j]
            if max(a.length, b.length) <= _LENGTH_RATIO * min(a.length, b.length):
                links.append(_link(a.key, b.key, LinkKind.TRANSLATION, round(min(score, 1.0), 4)))
    return links


def _nearest_of_like_date(
    documents: list[PrintedDocument], vectors: Floats, others: list[PrintedDocument], other_vectors: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """For each document the score and the place of the nearest other that may be of the same days; -1.0 and -1 if none.

    Dated documents are compared with those of the days around only, and undated ones with all.
    """
    days, other_days = _days(documents), _days(others)
    scores = np.full(len(documents), -1.0, np.float32)
    places = np.full(len(documents), -1, np.int64)

    def improve(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None:
        if len(rows) and len(columns):
            found, at = nearest(vectors[rows], other_vectors[columns])
            better = found > scores[rows]
            scores[rows[better]], places[rows[better]] = found[better], columns[at[better]]

    improve(np.flatnonzero(days == 0), np.arange(len(others)))
    improve(np.flatnonzero(days > 0), np.flatnonzero(other_days == 0))
    dated = np.flatnonzero(days > 0)
    dated = dated[np.argsort(days[dated], kind="stable")]
    columns = np.flatnonzero(other_days > 0)
    columns = columns[np.argsort(other_days[columns], kind="stable")]
    for day in np.unique(days[dated]):
        first, last = np.searchsorted(other_days[columns], [day - _DAYS_APART, day + _DAYS_APART + 1])
        improve(dated[days[dated] == day], columns[first:last])
    return scores, places


def _days(documents: list[PrintedDocument]) -> NDArray[np.int64]:
    """The day of each document as a number, 0 where it is not known to the day."""
    return np.array(
        [dt.date.fromisoformat(d.date).toordinal() if len(d.date) == 10 else 0 for d in documents], np.int64
    )
