"""The seam between an index and where its vectors are searched: the index folder, or a server.

Both are caches of the catalog's vectors, which know how far they have come. The catalog says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from index.cache import CatalogCache
from index.catalog import Catalog, StoredVectors
from index.centring import DenseHit
from index.neighbours import Floats, Keys
from index.place import Server

if TYPE_CHECKING:
    from index.folder import Filters

DENSE = "dense"  # the folder beside the catalog
# The keys that filters leave, languages aside, or None if they leave all; of many at most so many, or all for -1.
Among = Callable[[int], Keys | None]


class DenseWriter(CatalogCache, Protocol):
    """Brings vectors after the catalog."""

    def delete(self, vectors_id: str) -> None:
        """Take away what there is of these vectors, so that the next opening makes it again."""
        ...


class DenseSearcher(Protocol):
    """Finds passages by their vectors. Scores are centred cosines; see `index.centring`."""

    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def count(self) -> int: ...
    @property
    def kind(self) -> str:
        """How a search goes about, in words."""
        ...

    def find(self, query: Floats, *, k: int, filters: Filters, among: Among) -> list[DenseHit]:
        """The best `k` passages of each language that filters leave, all together best first."""
        ...

    def scores(self, query: Floats, keys: Iterable[int]) -> dict[int, float]: ...
    def scores_of(self, query: Floats, vectors: Floats, langs: Iterable[str]) -> list[float]: ...
    def langs_of(self, keys: Iterable[int]) -> dict[int, str]: ...
    def recall(self, catalog: Catalog) -> float: ...


class DenseHeld(Protocol):
    """What is there, to be compared with the catalog and not brought forward."""

    dimension: int

    @property
    def sequence(self) -> int: ...
    @property
    def count(self) -> int: ...
    def load(self, vectors_id: str) -> None:
        """Look at what there is. Raises IndexFolderError if it is not all there, damaged, or of other vectors."""
        ...

    def keys(self) -> Keys: ...
    def differing(self, block: StoredVectors) -> NDArray[np.bool_]:
        """(passages,): whether a passage of the block is not here as it is there, in its language and its vector."""
        ...


class Dense(DenseWriter, DenseSearcher, DenseHeld, Protocol):
    """A maker of all of these."""


def make_dense(
    folder: Path, vectors_at: str, dimension: int, *, report: Callable[[str], None] = lambda message: None
) -> Dense:
    """What searches the vectors of the catalog in `folder`; `vectors_at` is what the catalog says of them.

    Nothing is opened yet.
    """
    if vectors_at:
        from index.served import ServedVectors

        return ServedVectors(folder / DENSE, Server.parse(vectors_at), dimension, report=report)
    from index.vectors import DenseIndex

    return DenseIndex(folder / DENSE, dimension)


def told_of_server(url: str) -> str:
    """Which server this is and what it cannot do.

    Raises ServerError if it cannot be reached, SettingsError if it is to search words and cannot.
    """
    from index.milvus import Collection, check_sparse

    collection = Collection(server := Server.parse(url))
    collection.close()
    if server.words:
        check_sparse(collection)
    return f"{url}: Milvus {collection.told_of}; {words_told(server)}"


def words_told(server: Server) -> str:
    """Where words are searched."""
    return "words are searched there, too" if server.words else "words are searched in the index folder"
