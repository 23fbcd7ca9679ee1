"""Writes that fail, one after the other: the disk is full from there on, or one write has an I/O error.

`faults.c` stands between everything that writes an index (Python, SQLite, tantivy, faiss) and the C library, counts the
writes below the folder of the index, and lets one fail. The operations are those that `eval.crash` kills; each is done
once to count its writes, then again and again from the same beginning with another write failing. What must hold: the
operation succeeds all the same, or raises an error that names the place and says what to do; nothing committed is lost,
nothing that is found is a lie; and once there is room again, the same operation ends as it would have undisturbed.
"""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import random
import re
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from eval.crash import FIRST, OPERATIONS, PRELOADED, Looked, Place, Seen, write_files
from eval.honesty import TurnedEmbedder, lies, sources_of
from index.errors import IndexFolderError, SettingsError
from index.ingest import ingest

_FILES = 90  # two batches of text
_FEW_FILES = 6  # where every write is to fail: of the same kinds of writes fewer
_KINDS = {"disk full": (errno.ENOSPC, True), "I/O error": (errno.EIO, False)}


@dataclass(slots=True)
class FaultReport:
    """What came of writes that failed."""

    writes: dict[str, int] = field(default_factory=dict)  # of each operation, undisturbed
    ends: dict[str, int] = field(default_factory=dict)  # "disk full: told", "I/O error: done all the same"
    messages: dict[str, int] = field(default_factory=dict)  # what was told, the numbers and folders left out
    found: list[str] = field(default_factory=list)  # must be empty
    seconds: float = 0.0


def fail_writes(
    folder: Path,
    *,
    most: int | None,
    seed: int,
    operations: Sequence[str] = tuple(OPERATIONS),
    report: Callable[[str], None] = lambda message: None,
) -> FaultReport:
    """Let writes of these operations fail, chosen at random of all that each does, `most` in all.

    None lets every write fail, once by each kind of fault, of operations on fewer files.

    Only once, and before any campaign, in a process. Raises SettingsError where there is no C compiler or no Linux, and
    for an unknown operation.
    """
    for name in operations:
        if name not in OPERATIONS:
            raise SettingsError(f"there is no operation {name!r}; choose one of {', '.join(OPERATIONS)}")
    result, begun = FaultReport(), time.monotonic()
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    _serve_with(_library(folder))
    for name in operations:
        files = _FILES if most is not None else _FEW_FILES
        trial = _Trial(Place(folder / name.replace(" ", "-")), name, rng, result, files=files)
        points = range(1, result.writes[name] + 1)
        each = max(1, most // (len(operations) * len(_KINDS))) if most is not None else len(points)
        for kind in _KINDS:
            for at in sorted(rng.sample(points, min(each, len(points)))):
                trial.fail(kind, at)
        trial.end()
        report(f"{name}: {len(points)} writes, {sum(result.ends.values())} failed so far, {len(result.found)} found")
    result.seconds = time.monotonic() - begun
    return result


class _Trial:
    """One operation, done again and again from the same beginning."""

    def __init__(self, place: Place, name: str, rng: random.Random, report: FaultReport, *, files: int) -> None:
        self._place, self._name, self._rng, self._report = place, name, rng, report
        write_files(place.documents, rng, files)
        if name != FIRST:
            ingest([place.documents], place.index, embedder=TurnedEmbedder(0))
        self._argument = OPERATIONS[name].prepare(place, rng)
        ingest([place.documents], place.reference, embedder=TurnedEmbedder(0), prune=True)
        self._before, self._target = Seen.of(place.index), OPERATIONS[name].becomes(place)
        self._saved = place.folder / "saved.index"
        if place.index.exists():
            place.index.rename(self._saved)
        self._found_before = len(report.found)
        self._begin()
        end, told, report.writes[name] = _run(place, name, self._argument, 0, "disk full")
        if end != _DONE:
            self._tell(f"failed undisturbed: {told}")

    def end(self) -> None:
        """Leave nothing behind where nothing was wrong."""
        if len(self._report.found) == self._found_before:
            shutil.rmtree(self._place.folder)

    def fail(self, kind: str, at: int) -> None:
        """Let the write of this number fail, look at what there is, and do it again with room."""
        place, doing = self._place, f"{kind} at write {at} of {self._report.writes[self._name]}"
        self._begin()
        end, told, _ = _run(place, self._name, self._argument, at, kind)
        _count(self._report.ends, f"{kind}: {end}")
        if end == _TOLD:
            _count(self._report.messages, re.sub(r"\d+", "N", told.replace(str(place.folder), "PLACE"))[:160])
        if end == _FAILED or (end == _TOLD and not (str(place.folder) in told and ";" in told)):
            self._tell(f"{doing}: {told}")
        now = Seen.of(place.index)
        for wrong in OPERATIONS[self._name].wrong(place, Looked(self._before, self._before, now, self._target)):
            self._tell(f"{doing}: {wrong}")
        if self._rng.random() < 0.5 and now.sources:  # or else the next run finds what the failed one left
            for lie in lies(place.index, rng=self._rng):
                self._tell(f"{doing}: {lie}")
        end, told, _ = _run(place, self._name, self._argument, 0, kind)
        if end != _DONE:
            self._tell(f"{doing}, and then room again: {told}")
        elif sources_of(place.index) != self._target:
            self._tell(f"{doing}, and then room again: the sources are not what it was to make")
        for lie in lies(place.index, rng=self._rng):
            self._tell(f"{doing}, and then room again: {lie}")

    def _begin(self) -> None:
        for left in (self._place.index, *self._place.folder.glob(f"{self._place.index.name}.before-*")):
            while left.exists():  # a thread of tantivy's may just have merged something that was looked at
                shutil.rmtree(left, ignore_errors=True)
        if self._saved.exists():
            shutil.copytree(self._saved, self._place.index)

    def _tell(self, told: str) -> None:
        self._report.found.append(f"{self._name}: {told}")


def _count(counts: dict[str, int], what: str) -> None:
    counts[what] = counts.get(what, 0) + 1


_DONE, _TOLD, _FAILED = "done all the same", "told", "failed otherwise"


def _run(place: Place, name: str, argument: int, at: int, kind: str) -> tuple[str, str, int]:
    """How an operation ended when a write failed, none if that is 0; what it told, and how many writes there were."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(place, name, argument, at, kind, theirs), daemon=True)
    process.start()
    theirs.close()
    with ours:
        try:
            found = ours.recv()
        except EOFError:
            found = (_FAILED, "the process died", 0)
    process.join()
    return found


def _child(place: Place, name: str, argument: int, at: int, kind: str, connection: Connection[Any, Any]) -> None:
    library = ctypes.CDLL(None)
    library.writes_seen.restype = ctypes.c_long
    number, all_after = _KINDS[kind]
    library.fail_writes(str(OPERATIONS[name].writes(place)).encode(), ctypes.c_long(at), number, int(all_after))
    end, told = _DONE, ""
    try:
        OPERATIONS[name].run(place, argument)
    except IndexFolderError as error:
        end, told = _TOLD, str(error)
    except Exception:
        end, told = _FAILED, traceback.format_exc()
    connection.send((end, told, library.writes_seen()))


def _library(folder: Path) -> Path:
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        told = getattr(error, "stderr", None) or error
        raise SettingsError(
            f"{source}: cannot be compiled ({told}); writes are let fail by it on Linux, with cc"
        ) from error
    return library


def _serve_with(library: Path) -> None:
    """Start the process that all others are forked from, with the library before all others."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    before = os.environ.get("LD_PRELOAD")
    os.environ["LD_PRELOAD"] = str(library)
    try:
        forkserver.ensure_running()
    finally:
        del os.environ["LD_PRELOAD"]
        if before is not None:
            os.environ["LD_PRELOAD"] = before
