"""Vectors of one language in FAISS, and the nearest of them to a query: all looked at, or in cells.

Few enough are kept in the float16 that the catalog has, and a search looks at each. Beyond some thousands it looks at
integers of 8 bits, which takes half of the time, and whoever wants candidates asks for some more than it needs. Many
are kept in cells, in 8 bits a coordinate, and a search looks in the cells nearest to the query. Cells that come from a
file stay there, mapped into memory a page at a time as they are looked at, until some change.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Keys = NDArray[np.int64]

_BLOCK = 1024  # rows of a product at a time
# From so many vectors of a language on a search looks at integers: 1.6 ms for 100,000 passages in three languages where
# float16 takes 4. It is bound by memory, and integers are multiplied as they are. On 150 real questions, of the hundred
# nearest all are among the first 200.
_IN_INTEGERS_FROM = 20_000
_GREATEST_INTEGER = 127
_CELLS_LOOKED_IN = 16
_ROUNDS_OF_CELLS = 5  # of k-means; more cost much and find little
_FEWEST_LOOKED_IN = 8
# Of a float32: the bits that a float16 has, too, and what its smaller exponents are short of.
_SIGN_AND_VALUE = np.uint32(0x8FFFE000).view(np.int32)
_BIAS = np.float32(2.0**112)


class Part(Protocol):
    """The vectors of one language."""

    index: Any  # a faiss index, whose Python methods its types do not know

    def __len__(self) -> int: ...
    def keys(self) -> Keys: ...
    def write(self, file: Path) -> None: ...
    def add(self, keys: Keys, vectors: Floats) -> None: ...
    def remove(self, keys: Keys) -> None: ...
    def vectors(self, keys: Keys) -> Floats: ...

    def as_kept(self, keys: Keys, vectors: Floats) -> Floats:
        """The vectors of these keys, which are here, as far as they can be kept, but for `rounding`."""
        ...

    @property
    def rounding(self) -> Floats:
        """(dimension,): how far a coordinate that is kept may be from what was given."""
        ...

    def nearest(self, query: Floats, k: int, allowed: NDArray[np.bool_] | None) -> Keys:
        """The `k` keys of largest inner product; `allowed` says by key which may be found."""
        ...

    @property
    def kind(self) -> str: ...


class Exact:
    """All vectors in float16, in order of key; a search looks at each."""

    def __init__(self, index: Any) -> None:
        self.index = index
        self._integers: Any = None  # a faiss index of the same rows, made when a search first wants it
        self._look_again()

    @classmethod
    def empty(cls, dimension: int) -> Exact:
        import faiss

        half = faiss.ScalarQuantizer.QT_fp16
        return cls(faiss.IndexIDMap(faiss.IndexScalarQuantizer(dimension, half, faiss.METRIC_INNER_PRODUCT)))

    def _look_again(self) -> None:
        # Views of what faiss keeps; when it adds or removes, that may move.
        import faiss

        self._held: Any = faiss.downcast_index(self.index.index)
        count, dimension = self.index.ntotal, self.index.d
        if count:
            self._keys = faiss.rev_swig_ptr(self.index.id_map.data(), count)
            codes = faiss.rev_swig_ptr(self._held.codes.data(), count * dimension * 2)
            self._rows = codes.view(np.float16).reshape(count, dimension)
        else:
            self._keys, self._rows = np.zeros(0, np.int64), np.zeros((0, dimension), np.float16)

    def __len__(self) -> int:
        return self.index.ntotal

    @property
    def kind(self) -> str:
        return "exact"

    def keys(self) -> Keys:
        return self._keys

    def write(self, file: Path) -> None:
        import faiss

        faiss.write_index(self.index, str(file))

    def add(self, keys: Keys, vectors: Floats) -> None:
        self.index.add_with_ids(vectors, keys)
        self._look_again()
        if self._integers is not None:
            self._integers.add(self._in_integers(vectors))

    def remove(self, keys: Keys) -> None:
        self.index.remove_ids(keys)
        self._look_again()
        self._integers = None

    def _make_integers(self) -> None:
        import faiss

        signed = faiss.ScalarQuantizer.QT_8bit_direct_signed
        self._integers = faiss.IndexScalarQuantizer(self.index.d, signed, faiss.METRIC_INNER_PRODUCT)
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(self), _BLOCK)]
        greatest = max(float(np.abs(_floats(self._rows[block])).max()) for block in blocks)
        self._unit = (greatest or 1.0) / _GREATEST_INTEGER  # all may be zeros
        for block in blocks:
            self._integers.add(self._in_integers(_floats(self._rows[block])))

    def _in_integers(self, vectors: Floats) -> Floats:
        """The vectors in units of a 127th of the greatest coordinate that there was, rounded."""
        return np.clip(np.rint(vectors / self._unit), -_GREATEST_INTEGER, _GREATEST_INTEGER).astype(np.float32)

    def vectors(self, keys: Keys) -> Floats:
        return _floats(self._rows[np.searchsorted(self._keys, keys)])

    def as_kept(self, keys: Keys, vectors: Floats) -> Floats:
        return vectors

    @property
    def rounding(self) -> Floats:
        return np.zeros(self.index.d, np.float32)

    def nearest(self, query: Floats, k: int, allowed: NDArray[np.bool_] | None) -> Keys:
        parameters = None if allowed is None else _parameters(allowed[self._keys])
        # By place, not through the map of ids: that would ask the selector by key, in half the speed.
        held: Any = self._held
        if len(self) >= _IN_INTEGERS_FROM:
            if self._integers is None:
                self._make_integers()
            # Where faiss multiplies integers, it takes the query for such, too.
            greatest = float(np.abs(query).max()) or 1.0
            held, query = self._integers, np.rint(query * (_GREATEST_INTEGER / greatest))
        with _one_thread():
            _, places = held.search(query[None], min(k, len(self)), params=parameters)
        return self._keys[places[0][places[0] >= 0]]


@dataclass(frozen=True, slots=True)
class _Places:
    """Where vectors are kept."""

    keys: Keys  # in order
    cells: NDArray[np.int32]  # of each
    addresses: NDArray[np.int64]  # of the 8 bits of each


def _places(index: Any, file: Path | None = None) -> _Places:
    """Where the vectors of an index in cells are; `file` is what it is mapped from."""
    import faiss

    lists = index.invlists
    sizes = [lists.list_size(cell) for cell in range(lists.nlist)]
    filled = [cell for cell, size in enumerate(sizes) if size]
    if not filled:
        return _Places(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))

    def mapped(cell: int) -> Keys:
        return faiss.rev_swig_ptr(lists.get_ids(cell), sizes[cell]).copy()

    keys = _read_keys(file, {cell: (int(lists.get_ids(cell)), sizes[cell]) for cell in filled}) if file else {}
    # The last one tells whether the file is laid out as we think.
    if not keys or not np.array_equal(keys[filled[-1]], mapped(filled[-1])):
        keys = {cell: mapped(cell) for cell in filled}
    of_all = np.concatenate([keys[cell] for cell in filled])
    addresses = [int(lists.get_codes(cell)) + np.arange(sizes[cell]) * index.d for cell in filled]
    cells = np.repeat(np.array(filled, np.int32), [sizes[cell] for cell in filled])
    order = np.argsort(of_all)
    return _Places(of_all[order], cells[order], np.concatenate(addresses)[order])


def _read_keys(file: Path, mapped: dict[int, tuple[int, int]]) -> dict[int, Keys]:
    """The keys in each cell, from the address where they are mapped and their number.

    By reading: looking at them where they are mapped maps the vectors around them, too, which is most of the file. The
    cells are the last thing that faiss writes, so that their addresses tell how far it is to the end.
    """
    end = max(address + 8 * size for address, size in mapped.values())
    found = {}
    with file.open("rb", buffering=0) as opened:
        length = opened.seek(0, os.SEEK_END)
        for cell, (address, size) in mapped.items():
            opened.seek(max(0, length - (end - address)))
            found[cell] = np.frombuffer(opened.read(8 * size), np.int64)
    return found


class Cells:
    """Vectors by the cell that they fall in, 8 bits a coordinate; a search looks in the cells nearest to the query.

    What is kept of a vector is how far it is from the middle of its cell.
    """

    def __init__(self, index: Any, *, file: Path | None = None) -> None:
        self.index = index
        self._places_of_now = _places(index, file) if file else None
        # What is in the cells is in the file: faiss would end a process that told it to change.
        self._mapped = file is not None
        self._follow(not self._mapped)

    @classmethod
    def trained(cls, vectors: Floats, cells: int) -> Cells:
        import faiss

        dimension = vectors.shape[1]
        centres, eight = faiss.IndexFlatIP(dimension), faiss.ScalarQuantizer.QT_8bit
        index: Any = faiss.IndexIVFScalarQuantizer(centres, dimension, cells, eight, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 2 * _ROUNDS_OF_CELLS
        index.cp.min_points_per_centroid = 1  # else it complains on stdout
        index.sq.rangestat_arg = 0.1  # room beyond the least and greatest seen: what falls outside is cut off
        index.train(vectors)
        index.nprobe = min(cells, _FEWEST_LOOKED_IN)
        return cls(index)

    def _follow(self, by_key: bool) -> None:
        """Whether faiss is to know where each vector is, which takes it memory and its time to read."""
        import faiss

        library: Any = faiss  # its types do not know DirectMap
        self.index.set_direct_map_type(library.DirectMap.Hashtable if by_key else library.DirectMap.NoMap)

    def __len__(self) -> int:
        return self.index.ntotal

    @property
    def kind(self) -> str:
        return f"{self.index.nprobe} of {self.index.nlist} cells, 8 bits"

    def keys(self) -> Keys:
        return self._places().keys

    def _places(self) -> _Places:
        if self._places_of_now is None:
            self._places_of_now = _places(self.index)
        return self._places_of_now

    def add(self, keys: Keys, vectors: Floats) -> None:
        self._take_into_memory()
        self._places_of_now = None
        self.index.add_with_ids(vectors, keys)

    def remove(self, keys: Keys) -> None:
        import faiss

        self._take_into_memory()
        self._places_of_now = None
        self.index.remove_ids(faiss.IDSelectorArray(keys))  # the one selector that a direct map can follow

    def _take_into_memory(self) -> None:
        if not self._mapped:
            return
        import faiss

        lists = self.index.invlists
        own: Any = faiss.ArrayInvertedLists(lists.nlist, lists.code_size)
        for cell in range(lists.nlist):
            if size := lists.list_size(cell):
                own.add_entries(cell, size, lists.get_ids(cell), lists.get_codes(cell))
        self.index.replace_invlists(own, True)
        own.this.disown()  # it is the index's now
        self._mapped, self._places_of_now = False, None
        self._follow(True)

    def write(self, file: Path) -> None:
        """Write the index, but for where each vector is. Raises RuntimeError."""
        import faiss

        self._follow(False)
        try:
            faiss.write_index(self.index, str(file))
        finally:
            self._follow(not self._mapped)

    def vectors(self, keys: Keys) -> Floats:
        if not self._mapped:
            return self.index.reconstruct_batch(keys)
        places = self._places()
        at = np.searchsorted(places.keys, keys)
        # A row from every byte on, of which those are taken where a vector begins.
        first, last = int(places.addresses.min()), int(places.addresses.max())
        mapped = np.ctypeslib.as_array((ctypes.c_uint8 * (last - first + self.index.d)).from_address(first))
        rows = np.lib.stride_tricks.as_strided(mapped, (last - first + 1, self.index.d), (1, 1))
        codes = rows[places.addresses[at] - first]
        with _one_thread():
            return self.index.sq.decode(codes) + self._middles(places.cells[at])

    def as_kept(self, keys: Keys, vectors: Floats) -> Floats:
        places = self._places()
        middles = self._middles(places.cells[np.searchsorted(places.keys, keys)])
        least, room = self._ranges()
        return (middles + np.clip(vectors - middles, least, least + room)).astype(np.float32)

    @property
    def rounding(self) -> Floats:
        return (self._ranges()[1] / 255).astype(np.float32)

    def _middles(self, cells: NDArray[np.int32]) -> Floats:
        """(cells, dimension): the middle of each."""
        return self.index.quantizer.reconstruct_batch(cells.astype(np.int64))

    def _ranges(self) -> tuple[Floats, Floats]:
        """(dimension,) each: the least value of a coordinate that can be kept, and how far it is to the greatest."""
        import faiss

        least, room = faiss.vector_to_array(self.index.sq.trained).reshape(2, -1)
        return least, room

    def nearest(self, query: Floats, k: int, allowed: NDArray[np.bool_] | None) -> Keys:
        parameters = None if allowed is None else _parameters(allowed, nprobe=self.index.nprobe)
        with _one_thread():
            _, keys = self.index.search(query[None], min(k, len(self)), params=parameters)
        return keys[0][keys[0] >= 0]

    @property
    def made_for(self) -> int:
        """About how many vectors these cells are right for."""
        return (self.index.nlist // 2) ** 2

    def look_in_all(self) -> int:
        """Look in all cells, and tell in how many before."""
        before, self.index.nprobe = self.index.nprobe, self.index.nlist
        return before

    def look_in_more(self) -> bool:
        """Look in half as many cells more than before; False if these were all of them."""
        more = min(self.index.nlist, self.index.nprobe * 3 // 2 + 1)
        grown, self.index.nprobe = more > self.index.nprobe, more
        return grown


def read_part(file: Path, dimension: int) -> Part:
    """The part that was written to a file, cells mapped into memory.

    Raises ValueError for vectors of another dimension, and for what is no part of ours what faiss does: OSError,
    RuntimeError, AttributeError.
    """
    import faiss

    index: Any = faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC)
    if index.d != dimension:
        raise ValueError(f"holds vectors of {index.d} dimensions, wanted are {dimension}")
    if isinstance(index, faiss.IndexIVF):
        return Cells(index, file=file)
    return Exact(faiss.read_index(str(file)))


def nearest(queries: Floats, rows: Floats, *, exact_up_to: int = 10_000) -> tuple[Floats, NDArray[np.int64]]:
    """For each query the highest inner product with a row, and the number of that row; there must be a row.

    Exact where there are no more rows than that; of more, FAISS looks in the cells nearest to the query, so that the
    work grows with n^1.5 and not with n^2. The same rows in the same order give the same result.
    """
    if len(rows) <= exact_up_to:
        scores, places = np.empty(len(queries), np.float32), np.empty(len(queries), np.int64)
        for start in range(0, len(queries), _BLOCK):
            products = queries[start : start + _BLOCK] @ rows.T
            places[start : start + _BLOCK] = products.argmax(axis=1)
            scores[start : start + _BLOCK] = products.max(axis=1)
        return scores, places
    import faiss

    cells = int(np.sqrt(len(rows)))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
    index.nprobe = min(cells, _CELLS_LOOKED_IN)
    index.cp.niter = _ROUNDS_OF_CELLS
    index.train(rows)
    index.add(rows)
    scores, places = index.search(queries, 1)
    return scores[:, 0], places[:, 0]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search for one query without a team of threads, whose waiting for each other costs more than the search."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _parameters(allowed: NDArray[np.bool_], **of_cells: int) -> Any:
    """What tells a search where it may look, by the ids that it knows."""
    import faiss

    library: Any = faiss  # its types do not know what its Python adds to these
    selector = library.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    make = library.SearchParametersIVF if of_cells else library.SearchParameters
    return make(sel=selector, **of_cells)


def _floats(halves: NDArray[np.float16]) -> Floats:
    """The same numbers in float32. What `astype` does, finite numbers only, in a fifth of its time."""
    bits = halves.view(np.int16).astype(np.int32) << 13
    bits &= _SIGN_AND_VALUE  # the sign was carried on
    return bits.view(np.float32) * _BIAS
