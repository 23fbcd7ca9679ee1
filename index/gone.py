"""Sources whose files are no longer there, and whether to believe it: a disk that is not mounted looks so, too."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from index.catalog import StoredFile
from index.errors import FolderLost
from index.files import FoundFile, exists

_FOLDERS_TOLD = 3


def gone_from(paths: list[Path], files: Iterable[FoundFile], known: Mapping[str, StoredFile]) -> list[str]:
    """The paths of known sources that were read from under `paths` and are no longer there, in order."""
    roots = [path.resolve() for path in paths]
    present = {str(file.location) for file in files}
    return [
        path
        for path, file in sorted(known.items())
        if file.location not in present and not exists(Path(file.location)) and _root_of(Path(file.location), roots)
    ]


def lost_folders(paths: list[Path], gone: Collection[str], known: Mapping[str, StoredFile]) -> dict[Path, int]:
    """The folders that look as if their disk were not mounted, with how many of the sources `gone` are from each.

    That is: of `paths` those that are missing, and any folder at or under them that is there and empty.
    """
    roots = [path.resolve() for path in paths]
    lost: dict[Path, int] = {}
    for path in gone:
        location = Path(known[path].location)
        root = _root_of(location, roots)
        if root is not None and (folder := _lost_folder(location, root)) is not None:
            lost[folder] = lost.get(folder, 0) + 1
    return lost


def check_not_lost(lost: Mapping[Path, int]) -> None:
    """Raise FolderLost if there is any folder that looks as if its disk were not mounted."""
    if not lost:
        return
    told = ", ".join(str(folder) for folder in list(lost)[:_FOLDERS_TOLD])
    more = f" and {len(lost) - _FOLDERS_TOLD} folders more" if len(lost) > _FOLDERS_TOLD else ""
    raise FolderLost(
        f"{told}{more}: missing or empty, and --prune would make the index forget all {sum(lost.values())} files that "
        "were read there; nothing was done. If a disk is not mounted, mount it; if these files are to be forgotten, "
        "add --even-if-empty"
    )


def _lost_folder(location: Path, root: Path) -> Path | None:
    for folder in location.parents:
        if folder.is_dir():
            return None if any(not entry.name.startswith(".") for entry in folder.iterdir()) else folder
        if folder == root:
            return root
    return None


def _root_of(location: Path, roots: list[Path]) -> Path | None:
    """That of the given paths which a file was read from under, or None."""
    return next((root for root in roots if location == root or root in location.parents), None)
