"""What is made from the catalog, in the index folder or on a server, and is brought after it batch by batch."""

from __future__ import annotations

from typing import Protocol

from index.catalog import Catalog


class CatalogCache(Protocol):
    """Knows how far it has come. All but `open`, `follow` and `close` only under the writer's lock."""

    @property
    def sequence(self) -> int:
        """Of the last batch that is reached."""
        ...

    def open(self, catalog: Catalog, *, writable: bool) -> None:
        """Get ready to be searched, brought to the catalog's last batch if this process may write, or can without."""
        ...

    def follow(self, catalog: Catalog) -> None:
        """See what was committed since, as far as that can be without writing."""
        ...

    def catch_up(self, catalog: Catalog) -> None:
        """Apply the batches after `sequence`. Applying one twice does no harm. Raises IndexUnwritable."""
        ...

    @property
    def unsaved(self) -> bool: ...
    def save(self) -> None: ...
    def remove_former(self) -> None:
        """Remove what was left in the index folder when this was searched elsewhere."""
        ...

    def close(self) -> None: ...
