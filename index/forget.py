"""Sources taken out of an index, whatever is in their files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from index.catalog import Catalog
from index.connect import catalog_file
from index.errors import IndexFolderError
from index.folder import Index
from index.ingest import IngestReport
from index.lock import writing


def forget(
    sources: Iterable[str], folder: Path, *, report: Callable[[str], None] = lambda message: None
) -> IngestReport:
    """Take the sources of these paths out of the index in `folder`, all or none, and say what was done.

    Nothing of them is found or cited from then on. Their files are not touched: a run over a folder that they are in
    reads them again. What was embedded of them is kept until the index is compacted, so that it need not be made again.
    Raises IndexFolderError if there is none of a path, IndexLocked, IndexUnwritable.
    """
    catalog_file(folder)
    with writing(folder), Index(folder, Catalog(folder), report=report) as index:
        known = index.catalog.files()
        paths = sorted(set(sources))
        if unknown := [path for path in paths if path not in known]:
            raise IndexFolderError(f"{folder}: no source {unknown[0]!r}; list them: dragoman sources --index {folder}")
        index.bring_caches_forward(writable=True)
        index.commit([], remove=paths)
        index.save()
    return IngestReport(removed=paths)
