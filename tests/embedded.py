"""Sources in a catalog with vectors that a test gives, in place of an embedder's."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from index.catalog import Catalog, ReadySource
from index.embed import EmbeddedPassage, Floats


def put(
    catalog: Catalog,
    sources: Iterable[ReadySource],
    vector_of: Callable[[str], Floats],
    *,
    remove: Iterable[str] = (),
) -> None:
    """Commit sources and embed their passages by their texts."""
    catalog.commit(sources, remove=remove)
    embed(catalog, vector_of)


def embed(catalog: Catalog, vector_of: Callable[[str], Floats], *, limit: int = 1_000_000) -> None:
    """Embed the first `limit` pending passages by their texts."""
    pending = catalog.pending(limit)
    new = {each.hash: each.text for each in pending}.keys() - catalog.embedded_hashes(each.hash for each in pending)
    made = {each.hash: EmbeddedPassage(vector_of(each.text), b"packed") for each in pending if each.hash in new}
    catalog.embed(pending, made)
