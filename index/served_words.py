"""Lexical search by a server: Milvus has the terms of the passages as sparse vectors, the catalog's texts score them.

A second collection, NAME_words, has a row a passage: a number for each of its terms (by CRC-32 of the term), what a
phrase or a filter asks for, and no vector of the text, so that a text is found before it is embedded. It is a cache of
the catalog as the collection of the vectors is, and is brought forward in the same way.

What a term weighs in a passage by BM25 hangs on the mean length of all passages, which each batch changes; how rare it
is comes with the question, by today's numbers (`index.term_counts`). So the weights on the server are of some day, and
they only choose candidates, which are scored by their texts as the index folder scores them. The server is asked for so
many of them that none of the others can be among the best: it gives inner products, and these are never smaller than
the score, but for how much the mean has grown, of which `index.bm25.most_growth` knows the most that it can do. For a
name in several languages a passage gets the best of its wordings; the server gets, of each term, the largest of its
weights in them, and the sum of largest ones is never smaller than the largest sum. Two terms of one number add up, too.

Weights that are stored would not do by themselves. Of 200 questions over 2,000 passages of parallel texts the ten best
by inner products alone are the same for 1.00 with the mean as it is, for .94 where it is 1% off, for .67 at 5% and for
.45 at 10%; and where names in several languages are added up, for .87 at most. Milvus's own BM25 is given texts, of
whose words it makes its own tokens: Milvus Lite 3.2 knows no tokenizer that splits at spaces alone.

Milvus Lite takes 50 ms a question for the best ten of 20,000 passages and 71 ms for the best hundred (load 2), as it is
written in Python and looks at every row, and 9 s before these are flushed, which the end of an ingest does; the folder
takes 2 ms. Rows take 44 MB there, the counts 6 MB here. No current server was tried: no package carries one.
"""

from __future__ import annotations

import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.bm25 import K1, idf, most_growth, parts_of_most
from index.catalog import Catalog, StoredPassage
from index.errors import IndexFolderError, IndexMismatch, ServerError
from index.fold import WORD, folded_words, terms, word_terms
from index.lexical import (
    TERMS_VERSION,
    TITLE_END,
    LexicalHit,
    MatchedPart,
    Phrase,
    QuestionPart,
    most_of,
    parse_query,
    question_parts,
)
from index.milvus import (
    MOST_FOUND,
    NO_TERM,
    Collection,
    Reached,
    TermsCollection,
    TermsRow,
    condition_of,
    condition_of_sources,
    condition_of_words,
)
from index.names import NAME_LANGUAGES
from index.neighbours import Keys
from index.passages import searched_text
from index.place import Server
from index.term_counts import CountedPassage, TermCounts

if TYPE_CHECKING:
    from index.folder import Filters

_ROWS_A_BLOCK = 500
# How many candidates are asked for at first, and how many times more if these are not known to be enough. Of 200
# questions over 20,000 passages of parallel texts 90 in a hundred need 129 for the best hundred, and 20 for the best
# ten; where the mean length is 1.5 times what weights were made with, 300 and 62, and half of that, 395 and 100.
_SPARE = 2
_FEWEST_CANDIDATES = 50
_MORE_CANDIDATES = 4
# Weights on the server are made again if the mean length is so many times what it was when they were made, or less
# than that part: the farther it is, the more candidates are to be looked at.
_FARTHEST_MEAN = 2
# Milvus adds up in float32, some hundred numbers.
_ROUNDING = 1e-5


class ServedWords:
    """The terms of one catalog's passages in a collection of a server.

    Names are looked for in `name_languages`, too.
    """

    def __init__(
        self,
        folder: Path,
        server: Server,
        *,
        name_languages: Iterable[str] = NAME_LANGUAGES,
        report: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._folder = folder
        self._server = server
        self._names_in = name_languages
        self._report = report
        self._connected: TermsCollection | None = None
        self._counts = TermCounts(folder)
        self._reached: Reached | None = None  # or None if there is nothing of this catalog
        self._seen = 0  # the last batch that is known to have changed nothing after what is reached
        self._settled = False  # whether nothing is there behind what is reached
        self._unsaved = self._late = False

    @property
    def _collection(self) -> TermsCollection:
        if self._connected is None:
            self._connected = TermsCollection(self._server)
        return self._connected

    def close(self) -> None:
        self._counts.close()
        if self._connected is not None:
            self._connected.close()
            self._connected = None

    # Bringing it after the catalog

    @property
    def sequence(self) -> int:
        """Of the last batch of which all is there."""
        return max(self._seen, self._reached.sequence) if self._reached else 0

    def open(self, catalog: Catalog, *, writable: bool) -> None:
        """Connect, and bring the collection to the catalog's last batch if this process may write.

        Raises ServerError, IndexMismatch for a collection of another catalog, IndexUnwritable, and SettingsError if the
        server has no sparse vectors.
        """
        self._catalog = catalog
        self._look(catalog.id)
        self._counts.open(writable=writable)
        if writable:
            self._bring_forward(catalog)
            if (found := self._collection.count()) != catalog.passage_count():
                self._report(f"{self._server}: holds the words of {found} of {catalog.passage_count()} passages")
                self._report(f"{self._server}: is made again from the catalog; nothing is embedded again")
                self._reached = None
                self._bring_forward(catalog)
        elif self._reached is None:
            self._report(f"{self._server}: holds no words of this index yet; passages are found by their vectors alone")
        self._see(catalog)

    def _look(self, catalog_id: str) -> None:
        """See how far the collection has come with this catalog."""
        reached = self._collection.open() if self._collection.exists() else None
        if reached is not None and reached.vectors.partition(":")[0] != catalog_id:
            raise IndexMismatch(
                f"{self._server}: its collection of words is that of another index, not of the one in "
                f"{self._folder.parent}; name another collection: dragoman ingest FOLDER-OF-DOCUMENTS --index "
                f"'milvus:…/COLLECTION?catalog={self._folder.parent}&words=server'"
            )
        fits = reached is not None and reached.vectors == _identity(catalog_id)
        self._reached, self._settled = reached if fits else None, False

    def _see(self, catalog: Catalog) -> None:
        """Batches that only embedded passages change nothing here, and the server is not told of them one by one."""
        if self._reached is not None and not catalog.changed_since(self._reached.sequence):
            self._seen = catalog.sequence

    def follow(self, catalog: Catalog) -> None:
        """See what was committed since; nothing is written."""
        self._see(catalog)
        if self.sequence != catalog.sequence:
            self._look(catalog.id)
            self._counts.open(writable=False)
            self._see(catalog)

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`. What the server cannot do now is told, and tried again with the next."""
        self._see(catalog)
        if self.sequence == catalog.sequence and not self._late:
            self._unsaved = True
            return
        try:
            self._bring_forward(catalog)
            self._late = False
        except ServerError as error:
            if not self._late:
                self._report(f"{error}; the run goes on, and brings to the server later what is missing there")
            self._late = True

    def _bring_forward(self, catalog: Catalog) -> None:
        collection = self._collection
        if self._late:  # what it has of what was not confirmed, it alone can tell
            self._look(catalog.id)
        self._count(catalog)  # first: what is removed, and what its terms were, the server alone knows
        mean, reached = self._counts.now.mean, self._reached
        if (
            reached is None
            or not catalog.removed_from <= reached.sequence <= catalog.sequence
            or not 1 / _FARTHEST_MEAN <= mean / reached.mean <= _FARTHEST_MEAN
        ):
            if collection.exists():
                collection.drop()
            reached = Reached(_identity(catalog.id), 0, 0, mean)
            collection.create(reached)
            self._reached, self._settled = reached, True
        if reached.sequence == catalog.sequence:
            return
        if not self._settled:
            collection.remove_after(reached.highest)
        self._settled = False  # until all of this is confirmed
        collection.remove([removed.key for removed in catalog.removed_since(reached.sequence)])
        # In order of key, so that what is interrupted goes on behind the last block.
        highest = reached.highest
        added = (stored for stored in catalog.added_since(reached.sequence) if stored.key > highest)
        while new := list(islice(added, _ROWS_A_BLOCK)):
            collection.insert(_rows(catalog, new, reached.mean))
            reached = Reached(reached.vectors, reached.sequence, new[-1].key, reached.mean)
            collection.reach(reached)
            self._reached = reached
        reached = Reached(reached.vectors, catalog.sequence, reached.highest, reached.mean)
        collection.reach(reached)
        self._reached, self._settled, self._unsaved = reached, True, True

    def _count(self, catalog: Catalog) -> None:
        """Count what batches since the last time have added and removed, or all."""
        of, now = _identity(catalog.id), self._counts.now
        fits = now.of == of and catalog.removed_from <= now.sequence <= catalog.sequence
        if fits and now.sequence < catalog.sequence:
            removed = [removed.key for removed in catalog.removed_since(now.sequence)] if self._reached else []
            gone = (CountedPassage(lang, found, length) for lang, found, length in self._collection.terms(removed))
            new = map(_counted, catalog.added_since(now.sequence))
            self._counts.move(of, catalog.sequence, gone=gone, new=new, anew=False)
        # Also where the server did not have all that was removed, as when it was killed before it got them.
        if not fits or self._counts.now.passages != catalog.passage_count():
            self._counts.move(of, catalog.sequence, gone=(), new=map(_counted, catalog.added_since(0)), anew=True)

    @property
    def unsaved(self) -> bool:
        return self._unsaved or self._late

    def save(self) -> None:
        """Let the server put all that was written into its storage. Raises ServerError, also for what is late."""
        if self._late or (self._reached is not None and self._reached.sequence < self._catalog.sequence):
            self._bring_forward(self._catalog)
            self._late = False
        self._collection.flush()
        self.remove_former()
        self._unsaved = False

    def remove_former(self) -> None:
        """Remove what the index folder's own search has left."""
        for path in self._folder.iterdir() if self._folder.exists() else ():
            if path.name not in self._counts.files:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def delete(self, catalog_id: str) -> None:
        """Take the collection away, and the counts. Raises IndexMismatch for the collection of another index."""
        self._look(catalog_id)
        if self._collection.exists():
            self._collection.drop()
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # What is there

    def load(self, catalog_id: str) -> None:
        """See what the collection has reached. Raises ServerError, and IndexFolderError if nothing of this catalog is
        there, or not counted."""
        self._look(catalog_id)
        if self._reached is None:
            raise IndexFolderError(f"{self._server}: holds no words of this index")
        self._counts.open(writable=False)
        if self._counts.now.of != _identity(catalog_id):
            raise IndexFolderError(f"{self._folder}: the counts of terms are missing, damaged, or of another catalog")

    # Searching

    def find(self, question: str, *, k: int, filters: Filters, among: Callable[[], Keys | None]) -> list[LexicalHit]:
        """The best `k` passages for a question that filters leave, ranked as by `index.lexical.LexicalIndex.search`."""
        outlets = self._catalog.outlets_named(filters.outlets)
        if self._reached is None or (filters.outlets and not outlets) or (asked := self._asked(question)) is None:
            return []
        phrases = [phrase.skeletons for phrase in filters.phrases]
        conditions = condition_of(filters, outlets), condition_of_words(filters.languages, phrases)
        condition = " and ".join(filter(None, conditions))
        growth = most_growth(self._reached.mean, asked.mean, asked.longest) * (1 + _ROUNDING)
        limit, shares = max(_SPARE * k, _FEWEST_CANDIDATES), dict[int, float]()
        while True:
            found = self._collection.best(asked.dimensions, limit, condition)
            shares |= self._shares(asked, [key for key, _ in found if key not in shares])
            best = sorted((LexicalHit(key, share) for key, share in shares.items() if share), key=_order)[:k]
            if len(found) < limit or limit == MOST_FOUND:
                return best
            # What was not given has no larger inner product than the last that was.
            if len(best) == k and best[-1].share > round(growth * found[-1][1] / asked.total, 6):
                return best
            limit = min(_MORE_CANDIDATES * limit, MOST_FOUND)

    def keys(self, *, phrases: Iterable[Phrase] = (), sources: Iterable[str] = ()) -> Keys:
        """The keys of all passages that have all of `phrases` and are from one of `sources`, in order."""
        if self._reached is None:
            return np.empty(0, np.int64)
        words = condition_of_words((), [phrase.skeletons for phrase in phrases])
        condition = " and ".join(filter(None, (condition_of_sources(sources), words)))
        if not condition:
            return self._collection.keys(self._reached.highest)
        return self._collection.keys_where(condition, self._reached.highest)

    def explain(self, question: str, key: int) -> list[MatchedPart]:
        """Which words and names of a question a passage has, and by how much; the most first."""
        stored = self._catalog.passages([key])
        if not stored or (asked := self._asked(question)) is None:
            return []
        matched = []
        for part, each in zip(asked.parts, asked.by_wording([searched_text(stored[key].passage)]), strict=True):
            best = int(np.argmax(each[:, 0]))
            if each[best, 0]:
                share = round(float(each[best, 0]) / asked.total, 6)
                matched.append(MatchedPart(part.wordings[0].text, part.wordings[best].text, share))
        return sorted(matched, key=lambda match: -match.share)

    def _asked(self, question: str) -> _Asked | None:
        """What a question asks for by today's counts, or None if nothing in it can be found."""
        with self._counts.at_once():
            counts = self._counts.now
            parts = question_parts(parse_query(question), self._counts.languages & set(self._names_in))
            of_all = {term for part in parts for wording in part.wordings for term in wording.weights}
            having = self._counts.having({_dimension(term) for term in of_all})
        rarity = {term: idf(counts.passages, having.get(_dimension(term), 0)) for term in sorted(of_all)}
        total = most_of(parts, rarity.__getitem__)
        return _Asked(parts, rarity, total, counts.mean, counts.longest) if total and counts.passages else None

    def _shares(self, asked: _Asked, keys: Sequence[int]) -> dict[int, float]:
        """The share of the question's weight that each of the passages has; those that are gone are left out."""
        stored = self._catalog.passages(keys)
        if not stored:
            return {}
        parts = asked.by_wording([searched_text(each.passage) for each in stored.values()])
        scores = np.sum([wordings.max(axis=0) for wordings in parts], axis=0)
        return {key: round(float(score) / asked.total, 6) for key, score in zip(stored, scores, strict=True)}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question, with how much each of its terms says."""

    parts: list[QuestionPart]
    rarity: Mapping[str, float]  # of each term, its idf
    total: float  # the score that no passage reaches
    mean: float  # length of all passages
    longest: int

    @property
    def dimensions(self) -> dict[int, float]:
        """What the server is asked for: inner products with it are not smaller than scores."""
        weights: dict[int, float] = {}
        for part in self.parts:
            largest: dict[str, float] = {}
            for wording in part.wordings:
                for term, weight in wording.weights.items():
                    largest[term] = max(weight, largest.get(term, 0.0))
            for term, weight in largest.items():
                at = _dimension(term)
                weights[at] = weights.get(at, 0.0) + weight * self.rarity[term] * (K1 + 1)
        return weights

    def by_wording(self, texts: Sequence[str]) -> list[NDArray[np.float64]]:
        """For each part of the question (wordings, texts): what the texts get by each of its wordings."""
        places = {term: place for place, term in enumerate(self.rarity)}
        has = parts_of_most(*_frequencies(texts, places), self.mean)
        found = []
        for part in self.parts:
            weights = np.zeros((len(part.wordings), len(places)))
            for row, wording in zip(weights, part.wordings, strict=True):
                for term, weight in wording.weights.items():
                    row[places[term]] = weight * self.rarity[term] * (K1 + 1)
            found.append(weights @ has.T)
        return found


def _frequencies(texts: Sequence[str], places: Mapping[str, int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(texts, places): how often each text has each of these terms; and (texts,) how many terms it has at all."""
    table, lengths = np.zeros((len(texts), len(places))), np.zeros(len(texts), np.int64)
    known: dict[str, tuple[int, list[int]]] = {}
    for row, text in enumerate(texts):
        times_of, length = [0.0] * len(places), 0
        for word, times in Counter(WORD.findall(text)).items():
            if (its := known.get(word)) is None:
                all_of_it = word_terms(word).split()
                its = known[word] = len(all_of_it), [places[term] for term in all_of_it if term in places]
            length += its[0] * times
            for place in its[1]:
                times_of[place] += times
        table[row], lengths[row] = times_of, length
    return table, lengths


def _identity(catalog_id: str) -> str:
    return f"{catalog_id}:terms {TERMS_VERSION}"


def _order(hit: LexicalHit) -> tuple[float, int]:
    return -hit.share, hit.key


def _dimension(term: str) -> int:
    # No two of four letters have the same, as most terms are.
    return zlib.crc32(term.encode()) % NO_TERM


def _counted(stored: StoredPassage) -> CountedPassage:
    its = terms(searched_text(stored.passage)).split()
    return CountedPassage(stored.passage.lang, {_dimension(term) for term in its}, len(its))


def _rows(catalog: Catalog, block: Sequence[StoredPassage], mean: float) -> Iterator[TermsRow]:
    origins = catalog.origins(stored.key for stored in block)
    for stored in block:
        passage, origin = stored.passage, origins[stored.key]
        counts = Counter(terms(searched_text(passage)).split())
        length = counts.total()
        its = parts_of_most(np.array([list(counts.values())], np.float64), np.array([length]), mean)[0].tolist()
        weights: dict[int, float] = {}
        for term, weight in zip(counts, its, strict=True):
            at = _dimension(term)
            weights[at] = weights.get(at, 0.0) + weight
        title, text = (" ".join(folded_words(each)) for each in (passage.title, passage.readable))
        words = f" {title} {TITLE_END} {text} "
        yield TermsRow(stored.key, passage.lang, origin.path, origin.date, origin.outlet, weights, length, words)


def drop_words(vectors: Collection, catalog_id: str) -> None:
    """Take away the words that this server has of a catalog beside its vectors, if any. Raises ServerError."""
    collection = TermsCollection(vectors.server, beside=vectors)
    reached = collection.open() if collection.is_ours() else None
    if reached is not None and reached.vectors.partition(":")[0] == catalog_id:
        collection.drop()
