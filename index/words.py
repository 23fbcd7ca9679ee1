"""The seam between an index and where its words are searched: the index folder, or a server.

Both are caches of the catalog's passages, which know how far they have come, count the same terms and give the same
scores. The URL that the catalog keeps says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from index.cache import CatalogCache
from index.lexical import LexicalHit, LexicalIndex, MatchedPart, Phrase
from index.names import NAME_LANGUAGES
from index.neighbours import Keys
from index.place import Server

if TYPE_CHECKING:
    from index.folder import Filters

LEXICAL = "lexical"  # the folder beside the catalog


class Words(CatalogCache, Protocol):
    """Finds passages by their words."""

    def delete(self, catalog_id: str) -> None:
        """Take away what there is of this catalog, so that the next opening makes it again."""
        ...

    def find(self, question: str, *, k: int, filters: Filters, among: Callable[[], Keys | None]) -> list[LexicalHit]:
        """The best `k` of the passages that filters leave, best first; of equals those of the lowest keys.

        `among` tells the keys that filters leave, languages and phrases aside, or None if they leave all.
        """
        ...

    def keys(self, *, phrases: Iterable[Phrase] = (), sources: Iterable[str] = ()) -> Keys:
        """The keys of all passages that have all of `phrases` and are from one of `sources`, in order."""
        ...

    def explain(self, question: str, key: int) -> list[MatchedPart]:
        """Which words and names of a question a passage has, and by how much; the most first."""
        ...

    def load(self, catalog_id: str) -> None:
        """Look at what there is, to be compared with the catalog and not brought forward.

        Raises IndexFolderError if it is not all there, damaged, or of another catalog.
        """
        ...


def make_words(
    folder: Path,
    vectors_at: str,
    *,
    name_languages: Collection[str] = NAME_LANGUAGES,
    report: Callable[[str], None] = lambda message: None,
) -> Words:
    """What searches the words of the catalog in `folder`; `vectors_at` is what the catalog says of its server.

    Nothing is opened yet.
    """
    server = Server.parse(vectors_at) if vectors_at else None
    if server is not None and server.words:
        from index.served_words import ServedWords

        return ServedWords(folder / LEXICAL, server, name_languages=name_languages, report=report)
    return LexicalIndex(folder / LEXICAL, name_languages=name_languages)
