"""Dense search: FAISS over the catalog's vectors, one index a language, scores centred by language.

FAISS holds the vectors as they are, and of what it finds the best are chosen by exact scores; see `index.centring`.

Up to EXACT_UP_TO passages a search looks at every vector, in the float16 that the catalog keeps, and nothing is lost.
Beyond, the larger languages are kept in cells, and a search looks in as many as it takes to find TARGET_RECALL of those
of the ten nearest to its own vectors that all cells find. Making cells takes a minute and more: a run that embeds has
that done beside, and takes them when they are there.
"""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterable
from concurrent.futures import Future
from enum import Enum, auto
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.catalog import Catalog, StoredVectors
from index.centring import FEW, DenseHit, by_language, candidates_for, centred, cosines, language_means, scores_of
from index.errors import IndexFolderError, IndexUnwritable
from index.neighbours import Cells, Exact, Floats, Keys, Part, read_part
from index.recall import SAMPLE, chance, sample_of, share_found, truly_nearest
from index.whole import folder_made_whole, written_whole

if TYPE_CHECKING:
    from index.dense import Among
    from index.folder import Filters

EXACT_UP_TO = 200_000
TARGET_RECALL = 0.98

_STATE_FILE = "state.json"
# In a language of fewer passages than this, cells save nothing that could be noticed.
_FEWEST_IN_CELLS = 10_000
_TRAINED_WITH = 50  # vectors for each cell
_OUTGROWN = 4  # cells are made again when there are this many times the vectors that they were made for
_NOBODY = -1
_BYTES_AT_A_TIME = 1 << 20


class MakesCells(Enum):
    """When whoever brings vectors after the catalog makes the cells that are wanting."""

    NOW = auto()
    BESIDE = auto()  # in the background; until they are there each search looks at every vector
    NEVER = auto()


class DenseIndex:
    """The vectors of one catalog, ready to search. A cache: whatever is wrong with it, it is made again."""

    def __init__(self, folder: Path, dimension: int, *, exact_up_to: int = EXACT_UP_TO) -> None:
        self._folder = folder
        self.dimension = dimension
        self._exact_up_to = exact_up_to
        self._saved_sequence = 0
        self._beside: _MadeBeside | None = None
        self._clear("")

    def open(self, catalog: Catalog, *, writable: bool = True) -> None:
        """Bring this cache to the catalog's last batch, from its files or, where those do not fit, from nothing.

        That is done in memory, so whoever may not write can do it, too, but for making cells; see `catch_up`.
        """
        cells = MakesCells.NOW if writable else MakesCells.NEVER
        self._begin(catalog)
        self.catch_up(catalog, cells=cells)
        if self.count != catalog.passage_count() - catalog.pending_count():
            self._clear(catalog.vectors_id)
            self.catch_up(catalog, cells=cells)

    def follow(self, catalog: Catalog) -> None:
        """See what was committed since, in memory."""
        self.catch_up(catalog, cells=MakesCells.NEVER)

    def close(self) -> None:
        """There is nothing to let go of."""

    def delete(self, vectors_id: str) -> None:
        """Take the files away, whatever is in them."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def catch_up(self, catalog: Catalog, *, cells: MakesCells = MakesCells.BESIDE) -> None:
        """Apply the batches after `sequence`; all of them if the catalog serves the vectors of another embedder now.

        To make cells takes a minute or more: whoever answers questions meanwhile looks at every vector, and takes the
        cells of the process that writes once they are in the files.
        """
        if catalog.vectors_id != self._vectors_id:
            self._clear(catalog.vectors_id)
        elif 0 < self.sequence < catalog.removed_from or (cells is MakesCells.NEVER and self._files_have_cells()):
            self._begin(catalog)  # the files may have come further, or else nothing tells what is to be forgotten
        if self._beside is not None and self._beside.is_done:
            self._take_made(self._beside)
        reached = catalog.sequence
        if reached == self.sequence:
            return
        try:
            self._apply_batches(catalog, cells)
        except BaseException:
            self._clear(self._vectors_id)  # half of a batch is worth nothing; Ctrl-C may fall here, too
            raise
        self.sequence = reached
        if cells is MakesCells.BESIDE and self._beside is None and self._wanting_cells({}):
            self._beside = _MadeBeside(self, catalog)

    def _begin(self, catalog: Catalog) -> None:
        """Take what the files hold if it can be brought forward, or else nothing."""
        try:
            self.load(catalog.vectors_id)
            fits = catalog.removed_from <= self.sequence <= catalog.sequence
        except IndexFolderError:
            fits = False
        if not fits:
            self._clear(catalog.vectors_id)

    def _apply_batches(self, catalog: Catalog, cells: MakesCells) -> None:
        self._means_of_now = None
        for lang, removed in _grouped((r.lang, r) for r in catalog.removed_since(self.sequence)):
            known = [r for r in removed if self._has(r.key)]
            if known:
                keys = np.array([r.key for r in known], np.int64)
                self._parts[lang].remove(keys)
                self._sums[lang] -= np.sum([r.vector.astype(np.float64) for r in known], axis=0)
                self._number_at[keys] = _NOBODY
        added = catalog.passage_languages(since=self.sequence)
        in_cells = self._wanting_cells(added) if cells is MakesCells.NOW else {}
        for lang in in_cells:
            self._forget(lang)
        for block in catalog.vectors_since(self.sequence):
            for lang, keys, vectors in by_language(block):
                if lang not in in_cells:
                    self._add(lang, keys, vectors)
        if in_cells:
            self._make_cells(catalog, in_cells)

    def _add(self, lang: str, keys: Keys, vectors: Floats) -> None:
        if lang not in self._parts:
            self._parts[lang] = Exact.empty(self.dimension)
        self._parts[lang].add(keys, vectors)
        self._sums[lang] = self._sums.get(lang, np.zeros(self.dimension)) + vectors.sum(axis=0, dtype=np.float64)
        self._number(lang, keys)

    def _number(self, lang: str, keys: Keys) -> None:
        if lang not in self._langs:
            self._langs.append(lang)
        if len(keys) and int(keys.max()) >= len(self._number_at):
            grown = np.full(int(keys.max()) * 5 // 4 + 1, _NOBODY, np.int16)
            grown[: len(self._number_at)] = self._number_at
            self._number_at = grown
        self._number_at[keys] = self._langs.index(lang)

    def _forget(self, lang: str) -> None:
        self._sums.pop(lang, None)
        if (part := self._parts.pop(lang, None)) is not None:
            self._number_at[part.keys()] = _NOBODY

    # Cells

    def _wanting_cells(self, added: dict[str, int]) -> dict[str, int]:
        """The languages that are to be put in cells once `added` are here, and how many passages of each there are."""
        counts = {lang: len(self._parts.get(lang, ())) + added.get(lang, 0) for lang in {*self._parts, *added}}
        if sum(counts.values()) <= self._exact_up_to:
            # Languages that are in cells already stay there: coming and going over the limit would cost more.
            return {}
        return {
            lang: count
            for lang, count in counts.items()
            if count >= min(_FEWEST_IN_CELLS, self._exact_up_to)
            and (not isinstance(part := self._parts.get(lang), Cells) or count > _OUTGROWN * part.made_for)
        }

    def anew(self, catalog: Catalog) -> DenseIndex:
        """Another one of the same settings, made of the catalog from nothing, with the cells that are wanting."""
        made = DenseIndex(self._folder, self.dimension, exact_up_to=self._exact_up_to)
        made.catch_up(catalog, cells=MakesCells.NOW)
        return made

    def _take_made(self, beside: _MadeBeside) -> None:
        """Let what was made beside take the place of what is here, once it is there; the next batches follow it."""
        self._beside = None
        made = beside.result()
        catalog = beside.catalog
        if made._vectors_id == self._vectors_id and catalog.removed_from <= made.sequence <= catalog.sequence:
            self._parts, self._sums, self._langs = made._parts, made._sums, made._langs
            self._number_at, self.sequence, self._means_of_now = made._number_at, made.sequence, None

    def _files_have_cells(self) -> bool:
        """Whether there are cells to be had in files that were written since these here were read."""
        if not self._wanting_cells({}):
            return False
        try:
            written = int(json.loads((self._folder / _STATE_FILE).read_bytes())["sequence"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return written > max(self._saved_sequence, 0)

    def _make_cells(self, catalog: Catalog, counts: dict[str, int]) -> None:
        """Take the vectors of these languages from the catalog, first some to make cells of, then all."""
        cells = {lang: max(1, 2 * round(count**0.5)) for lang, count in counts.items()}
        steps = {lang: max(1, count // (_TRAINED_WITH * cells[lang])) for lang, count in counts.items()}
        chosen: dict[str, list[Floats]] = {lang: [] for lang in counts}
        for block in catalog.vectors_since(0):
            for lang, keys, vectors in by_language(block):
                if lang in counts:
                    # Not every nth: documents come in order, and what recurs in them could go with n.
                    chosen[lang].append(vectors[chance(keys) % steps[lang] == 0])
        for lang in counts:
            training = np.concatenate(chosen.pop(lang))
            self._parts[lang] = Cells.trained(training, min(cells[lang], len(training)))
        for block in catalog.vectors_since(0):
            for lang, keys, vectors in by_language(block):
                if lang in counts:
                    self._add(lang, keys, vectors)
        made = [part for part in self._parts.values() if isinstance(part, Cells)]
        sample = sample_of(self.keys(), SAMPLE)
        queries = self._vectors(sample)
        nearest = truly_nearest(catalog, sample, queries, self._means())
        # What 8 bits cannot tell apart, no cell more will: among near copies all cells find .92 of the ten nearest, and
        # so do eight.
        few = [part.look_in_all() for part in made]
        wanted = TARGET_RECALL * share_found(self, sample, queries, nearest)
        for part, before in zip(made, few, strict=True):
            part.index.nprobe = before
        while share_found(self, sample, queries, nearest) < wanted:
            if not sum(part.look_in_more() for part in made):
                break

    def recall(self, catalog: Catalog, *, sample: int = SAMPLE) -> float:
        """The share of the ten passages truly nearest to one of its own that a search has among its first ten.

        Measured with `sample` of its own vectors as queries, itself left out; the truth is every vector of the catalog.
        """
        keys = sample_of(self.keys(), sample)
        return share_found(
            self, keys, queries := self._vectors(keys), truly_nearest(catalog, keys, queries, self._means())
        )

    def _vectors(self, keys: Keys) -> Floats:
        """(keys, dimension): the vectors of passages that are here."""
        rows = [self._parts[self.lang_of(key)].vectors(np.array([key], np.int64)) for key in keys.tolist()]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *rows])

    @property
    def kind(self) -> str:
        """How a search goes about: "exact", or by language in how many of how many cells it looks."""
        kinds = {lang: self._parts[lang].kind for lang in self.languages}
        if set(kinds.values()) <= {"exact"}:
            return "exact"
        return "; ".join(f"{lang}: {kind}" for lang, kind in kinds.items())

    @property
    def count(self) -> int:
        return sum(map(len, self._parts.values()))

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(lang for lang, part in sorted(self._parts.items()) if len(part))

    # Files

    @property
    def unsaved(self) -> bool:
        """Whether there is more here than in the files."""
        return self.sequence != self._saved_sequence

    def save(self) -> None:
        """Write the cache whole, which is too much after every batch; a reader finds the old one or the new.

        What is being made beside is waited for. Raises IndexUnwritable.
        """
        if (beside := self._beside) is not None:
            self._take_made(beside)
            self.catch_up(beside.catalog, cells=MakesCells.NEVER)
        try:
            self._save()
        except (OSError, RuntimeError) as error:  # faiss raises the latter
            raise IndexUnwritable(
                f"{self._folder}: cannot be written ({error}); if the disk is full, free some of it; the vectors are "
                "committed, and the next run makes what is missing here"
            ) from error

    def remove_former(self) -> None:
        """Remove the files of what was saved before, which a writer that was killed leaves; where no other writes."""
        saved = json.loads((self._folder / _STATE_FILE).read_bytes())["files"].values()
        for file in self._folder.glob("*.faiss"):
            if file.name not in saved:
                file.unlink(missing_ok=True)

    def _save(self) -> None:
        if not self._folder.exists():  # if we are killed now, nobody takes what is there for damaged
            with folder_made_whole(self._folder) as beside:
                nothing = {"vectors": self._vectors_id, "sequence": 0, "files": {}, "crc32": {}, "sums": {}}
                (beside / _STATE_FILE).write_text(json.dumps(nothing), encoding="utf-8")
        names, checksums = {}, {}
        for lang, part in self._parts.items():
            names[lang] = f"{lang}-{self.sequence}.faiss"
            with written_whole(self._folder / names[lang]) as beside:
                part.write(beside)
                checksums[lang] = _crc32(beside)
        state = {
            "vectors": self._vectors_id,
            "sequence": self.sequence,
            "files": names,
            "crc32": checksums,
            "sums": {lang: sums.tolist() for lang, sums in self._sums.items()},
        }
        with written_whole(self._folder / _STATE_FILE) as beside:
            beside.write_text(json.dumps(state), encoding="utf-8")
        self._saved_sequence = self.sequence
        self.remove_former()

    def load(self, vectors_id: str) -> None:
        """Take what the files hold. Raises IndexFolderError if it is not all there, damaged, or of other vectors."""
        self._clear(vectors_id)
        where = self._folder / _STATE_FILE
        try:
            state = json.loads(where.read_bytes())
            if state["vectors"] != vectors_id:
                raise ValueError(f"holds vectors of {state['vectors']!r}, wanted are those of {vectors_id!r}")
            files, sums, sequence = state["files"], state["sums"], int(state["sequence"])
            for lang, name in files.items():
                where = self._folder / name
                if _crc32(where) != state["crc32"][lang]:
                    raise ValueError("damaged: it is not what was written (by CRC-32)")
                self._parts[lang] = read_part(where, self.dimension)
                self._sums[lang] = np.array(sums[lang])
                self._number(lang, self._parts[lang].keys())
            self.sequence = self._saved_sequence = sequence
        # faiss raises RuntimeError; an index of ours as it was before lacks attributes
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            self._clear(vectors_id)
            said = getattr(error, "strerror", None) or str(error)
            raise IndexFolderError(f"{where}: {said}") from error

    def differing(self, block: StoredVectors) -> NDArray[np.bool_]:
        """(passages,): whether a passage of the block is not here as it is there, in its language and its vector.

        Of what is kept in 8 bits a vector may be off by what those lose.
        """
        here = np.array([self._has(key) for key in block.keys.tolist()], bool)
        differ = ~here
        langs = np.array(block.langs)
        for lang in sorted(set(block.langs)):
            at = np.flatnonzero(here & (langs == lang))
            of_lang = np.array([self.lang_of(key) == lang for key in block.keys[at].tolist()], bool)
            differ[at[~of_lang]] = True
            at = at[of_lang]
            if len(at):
                part, given = self._parts[lang], block.vectors[at].astype(np.float32)
                # Not <=: what is no number is different, too.
                off = np.abs(part.vectors(block.keys[at]) - part.as_kept(block.keys[at], given))
                differ[at] = ~(off <= part.rounding).all(axis=1)
        return differ

    def keys(self) -> Keys:
        """The keys of the passages that are here, in order."""
        return np.flatnonzero(self._number_at != _NOBODY)

    def _clear(self, vectors_id: str) -> None:
        self._vectors_id, self.sequence, self._saved_sequence = vectors_id, 0, -1
        self._parts: dict[str, Part] = {}
        # Vectors are sums of float16 values, which float64 adds without rounding: adding and taking away leaves
        # exactly what building from nothing gives.
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._langs: list[str] = []
        self._number_at = np.zeros(0, np.int16)  # by key, where its language stands in _langs, or _NOBODY
        self._means_of_now: dict[str, Floats] | None = None

    # Searching

    def search(
        self, query: Floats, *, k: int, languages: Iterable[str] = (), among: Keys | None = None
    ) -> list[DenseHit]:
        """The best `k` passages of each language for a (dimension,) query vector, all together best first.

        `languages` keeps to those; `among` to those keys.
        """
        means = self._means()
        if not means:
            return []
        centred_query = centred(query, means)
        wanted = set(languages) or means.keys()
        allowed = None
        if among is not None:
            allowed = np.zeros(len(self._number_at), bool)
            allowed[among[(among >= 0) & (among < len(allowed))]] = True
        hits = []
        for lang in self.languages:
            if lang not in wanted:
                continue
            keys = self._candidates(lang, centred_query, candidates_for(k), allowed)
            scores = self._cosines(lang, keys, centred_query)
            best = np.lexsort((keys, -scores))[:k]
            hits += map(DenseHit, keys[best].tolist(), scores[best].tolist())
        return sorted(hits, key=lambda hit: (-hit.score, hit.key))

    def find(self, query: Floats, *, k: int, filters: Filters, among: Among) -> list[DenseHit]:
        """What `search` finds of the passages that filters leave."""
        return self.search(query, k=k, languages=filters.languages, among=among(-1))

    def _candidates(self, lang: str, centred_query: Floats, k: int, allowed: NDArray[np.bool_] | None) -> Keys:
        """At least the best `k` of a language; where few are allowed, all of those."""
        if allowed is None:
            return self._parts[lang].nearest(centred_query, k, None)
        here = np.flatnonzero(allowed & (self._number_at == self._langs.index(lang)))
        if len(here) <= max(k, FEW):
            return here
        return self._parts[lang].nearest(centred_query, k, allowed)

    def _cosines(self, lang: str, keys: Keys, centred_query: Floats) -> NDArray[np.float64]:
        """The centred cosines of the query and passages of one language."""
        return cosines(self._parts[lang].vectors(keys), self._means()[lang], centred_query)

    def scores(self, query: Floats, keys: Iterable[int]) -> dict[int, float]:
        """The centred cosine of the query and each passage; keys that are not here are left out."""
        means = self._means()
        if not means:
            return {}
        centred_query = centred(query, means)
        asked, numbers = self._here(keys)
        scores: dict[int, float] = {}
        for number in np.unique(numbers).tolist():
            group = asked[numbers == number]
            found = self._cosines(self._langs[number], group, centred_query)
            scores.update(zip(group.tolist(), found.tolist(), strict=True))
        return scores

    def scores_of(self, query: Floats, vectors: Floats, langs: Iterable[str]) -> list[float]:
        """What `scores` would tell of passages that are not here, by their (n, dimension) vectors and languages."""
        return scores_of(query, vectors, langs, self._means())

    def langs_of(self, keys: Iterable[int]) -> dict[int, str]:
        """The language of each passage; keys that are not here are left out."""
        here, numbers = self._here(keys)
        return {key: self._langs[number] for key, number in zip(here.tolist(), numbers.tolist(), strict=True)}

    def _here(self, keys: Iterable[int]) -> tuple[Keys, NDArray[np.int16]]:
        """Those of the keys that are here, and the number of the language of each."""
        asked = np.fromiter(keys, np.int64)
        asked = asked[(asked >= 0) & (asked < len(self._number_at))]
        numbers = self._number_at[asked]
        return asked[numbers != _NOBODY], numbers[numbers != _NOBODY]

    def lang_of(self, key: int) -> str:
        """The language of a passage that is here. Raises KeyError."""
        if not self._has(key):
            raise KeyError(key)
        return self._langs[self._number_at[key]]

    def _has(self, key: int) -> bool:
        return 0 <= key < len(self._number_at) and self._number_at[key] != _NOBODY

    def _means(self) -> dict[str, Floats]:
        if self._means_of_now is None:
            sums = {lang: (self._sums[lang], len(self._parts[lang])) for lang in self.languages}
            self._means_of_now = language_means(sums)
        return self._means_of_now


class _MadeBeside:
    """A dense index made anew in a thread, of what the catalog holds when that begins, while a run goes on.

    FAISS and numpy let others work meanwhile. What the run has is there twice until then.
    """

    def __init__(self, like: DenseIndex, catalog: Catalog) -> None:
        self.catalog = catalog  # of the run
        self._made: Future[DenseIndex] = Future()

        def make() -> None:
            try:
                # A connection of its own, and one moment: the vectors are read more than once.
                with Catalog(catalog.location.parent) as own, own.snapshot():
                    self._made.set_result(like.anew(own))
            except BaseException as error:
                self._made.set_exception(error)

        # One that the program need not wait for when it ends.
        Thread(target=make, name="cells", daemon=True).start()

    @property
    def is_done(self) -> bool:
        return self._made.done()

    def result(self) -> DenseIndex:
        """Wait for it. Raises what making it did."""
        return self._made.result()


def _crc32(file: Path) -> int:
    """Not a cryptographic sum, which would take most of the time of opening: it is to tell damage, not malice."""
    found = 0
    with file.open("rb") as opened:
        while block := opened.read(_BYTES_AT_A_TIME):
            found = zlib.crc32(block, found)
    return found


def _grouped(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for lang, value in pairs:
        groups.setdefault(lang, []).append(value)
    return sorted(groups.items())
