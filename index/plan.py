"""What a run over files has to do, known before the first is read: from stamps, hashes, and which files are gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from index.catalog import Catalog, StoredFile
from index.decode import decode
from index.errors import ReadError
from index.files import FoundFile, Stamp, exists, read_bytes, stamp_of
from index.gone import gone_from, lost_folders
from index.read import file_hash, media_of
from index.repeats import LineKeys, repeatable_lines, repeated
from index.rules import Rules
from index.said import said
from index.values import Media
from index.workers import Job


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the catalog holds as it is now, by the path of its source."""

    path: str
    stamp: Stamp


Step = Job | ReadError | Unchanged


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: for each file the job to read it, why it cannot be read, or that it is held as it is now."""

    steps: tuple[Step, ...]  # in the order of the files
    known: Mapping[str, StoredFile]  # what the catalog holds, by path
    renamed: Mapping[str, str]  # the path of a source that is gone, by that of the new file that it has become
    gone: tuple[str, ...]  # paths of the other sources that were read from there and have no file any more, in order
    lost: Mapping[Path, int]  # folders that look as if their disk were not mounted, and how many of `gone` are theirs


def make_plan(
    paths: list[Path],
    files: Sequence[FoundFile],
    catalog: Catalog | None,
    rules: Rules,
    *,
    anew: Collection[str] = (),
) -> Plan:
    """What a run over `files`, found at and under `paths`, has to do. There is no catalog before the first run.

    A job says which lines of its file several have, of this run or in the catalog. Files that were cleaned when other
    lines were known to be repeated are read again, as are the sources whose paths are in `anew`.
    """
    known = catalog.files() if catalog is not None else {}
    steps = list(_steps(files, known, rules, anew=anew))
    held = {step.path for step in steps if not isinstance(step, ReadError)}
    gone = [path for path in gone_from(paths, files, known) if path not in held]
    renamed = _renames([step for step in steps if isinstance(step, Job)], gone, known)
    steps = _with_lines(steps, files, catalog, known, rules, without=renamed.values())
    left = tuple(path for path in gone if path not in set(renamed.values()))
    return Plan(tuple(steps), known, renamed, left, lost_folders(paths, left, known))


def _renames(jobs: Iterable[Job], gone: list[str], known: Mapping[str, StoredFile]) -> dict[str, str]:
    """The path of the source that each new file has been before: one of the same bytes and type whose file is gone.

    Of several that of the same name is taken, or else the first.
    """
    waiting: dict[tuple[str, Media | None], list[str]] = {}
    for path in gone:
        waiting.setdefault((known[path].sha256, media_of(path)), []).append(path)
    renamed = {}
    for job in jobs if waiting else ():
        if job.path in known:
            continue
        try:
            before = waiting.get((file_hash(read_bytes(job.file.location)), media_of(job.path)), [])
        except ReadError:  # told when it is read
            continue
        if before:
            name = PurePosixPath(job.path).name
            old = next((path for path in before if PurePosixPath(path).name == name), before[0])
            before.remove(old)
            renamed[job.path] = old
    return renamed


def _with_lines(
    steps: list[Step],
    files: Sequence[FoundFile],
    catalog: Catalog | None,
    known: Mapping[str, StoredFile],
    rules: Rules,
    *,
    without: Collection[str],  # paths of sources whose lines no longer count
) -> list[Step]:
    steps = [_with_its_lines(step) for step in steps]
    if not (lines := {step.path: step.lines for step in steps if isinstance(step, Job)}):
        return steps
    counted = catalog.line_counts(without={*lines, *without}) if catalog is not None else Counter[int]()
    repeats = repeated(lines.values(), known=counted)
    otherwise = catalog.cleaned_otherwise(repeats) - lines.keys() if catalog is not None else set()
    locations = {known[path].location for path in otherwise}
    stale = [i for i, step in enumerate(steps) if isinstance(step, Unchanged) and str(files[i].location) in locations]
    for i, step in zip(stale, _steps([files[i] for i in stale], known, rules, anew=otherwise), strict=True):
        steps[i] = _with_its_lines(step)
    return [replace(step, repeated=step.lines & repeats) if isinstance(step, Job) else step for step in steps]


def _with_its_lines(step: Step) -> Step:
    return replace(step, lines=_lines_of(step)) if isinstance(step, Job) else step


def _steps(
    files: Iterable[FoundFile], known: Mapping[str, StoredFile], rules: Rules, *, anew: Collection[str] = ()
) -> Iterator[Step]:
    """The step of each file. Its stamp tells whether it changed, or else its hash; what is `anew` is read anyway."""
    names = _Names(known)
    for found in files:
        try:
            path, stamp = names.path_for(found), stamp_of(found.location)
            if path not in anew and _is_held(found, stamp, rules, known.get(path)):
                yield Unchanged(path, stamp)
                continue
        except ReadError as error:
            yield error
            continue
        yield Job(found, path, rules, stamp)


def _is_held(found: FoundFile, stamp: Stamp, rules: Rules, stored: StoredFile | None) -> bool:
    """Whether a source was read from this file as it is now, by these rules. Raises ReadError."""
    if stored is None or (stored.location, stored.rules) != (str(found.location), rules.sha256):
        return False
    if stamp.modified and stamp == stored.stamp:
        return True
    return file_hash(read_bytes(found.location)) == stored.sha256


def _lines_of(job: Job) -> LineKeys:
    """The short lines of a text file that others may repeat; other formats say themselves what is furniture."""
    if media_of(job.path) is not Media.TEXT:
        return frozenset()
    try:
        return repeatable_lines(decode(read_bytes(job.file.location), job.path).text)
    except ReadError:  # told when it is read
        return frozenset()


class _Names:
    """The path under which each file is stored: relative to its folder, and never that of another file."""

    def __init__(self, known: Mapping[str, StoredFile]) -> None:
        self._location_of = {path: file.location for path, file in known.items()}
        self._path_of = {location: path for path, location in self._location_of.items()}

    def path_for(self, found: FoundFile) -> str:
        location = str(found.location)
        if location in self._path_of:
            return self._path_of[location]
        for path in (found.name, f"{found.root.name}/{found.name}", location):
            holder = self._location_of.get(path)
            # A file that moved, its folder with it, keeps its name.
            if holder is None or not exists(Path(holder)):
                self._location_of[path] = location
                self._path_of[location] = path
                return path
        taken = "{file}: its names are taken by other files; ingest it into another index"
        raise ReadError(said("names_taken", taken, file=location))
