"""Folders followed: what happens in them is told as it happens, by the operating system."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from index.errors import FollowError

_QUIET_MILLISECONDS = 500  # a change is told when there was none for so long,
_LONGEST_MILLISECONDS = 5000  # or when changes have gone on for so long
_LOOKED_MILLISECONDS = 1000  # how often it is looked whether the folders are still the same

_Identity = tuple[int, int]  # of a file or folder, whatever it is called


def follow(paths: list[Path], *, ignored: Path) -> Iterator[None]:
    """Once at the beginning, and again whenever something at or under `paths` has changed and is quiet.

    What changes while the caller is at work on the last time is not missed. Hidden files do not count, nor does what is
    under `ignored`. A folder that vanishes is waited for. It never ends by itself. Raises FollowError.
    """
    roots = [path.resolve() for path in paths]
    while True:
        yield from _while_the_same(roots, _identities(roots), ignored.resolve())


def _while_the_same(roots: list[Path], watched: dict[Path, _Identity], ignored: Path) -> Iterator[None]:
    """Once when `watched` are being watched, and for each change, until other files or folders go by their names."""
    if not watched:
        yield
        while not _identities(roots):
            time.sleep(_LOOKED_MILLISECONDS / 1000)
        return

    from watchfiles import watch

    begun = False
    try:
        for changes in watch(
            *watched,
            watch_filter=lambda _, path: _counts(Path(path), roots, ignored),
            debounce=_LONGEST_MILLISECONDS,
            step=_QUIET_MILLISECONDS,
            rust_timeout=_LOOKED_MILLISECONDS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if changes or not begun:
                begun = True
                yield
            if _identities(roots) != watched:
                return
    except FileNotFoundError:  # gone since it was looked at
        return
    except Exception as error:  # the limit of watches, or a file system that tells of nothing
        raise FollowError(
            f"{', '.join(map(str, watched))}: cannot be followed ({error}); raise the limit that it names, or set "
            "WATCHFILES_FORCE_POLLING=1, which looks at every file again and again"
        ) from error


def _counts(path: Path, roots: list[Path], ignored: Path) -> bool:
    if path == ignored or ignored in path.parents:
        return False
    root = next((root for root in roots if root == path or root in path.parents), None)
    return root is not None and not any(part.startswith(".") for part in path.relative_to(root).parts)


def _identities(roots: list[Path]) -> dict[Path, _Identity]:
    found = {}
    for root in roots:
        try:
            looked_at = root.stat()
        except OSError:
            continue
        found[root] = looked_at.st_dev, looked_at.st_ino
    return found
