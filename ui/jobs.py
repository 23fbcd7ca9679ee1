"""Ingest beside asking: jobs that a server runs, each in a process of its own, one at a time for an index."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from index.catalog import Catalog
from index.errors import IndexFolderError, IndexLocked, SettingsError
from index.ingest import IngestReport, Progress
from index.said import from_json, said
from ui.uploads import Uploads
from ui.worker import Worker

_MOST_KEPT = 50  # jobs that are remembered


class State(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    STOPPING = "stopping"  # it was cancelled, and finishes the batch that it is at
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """A job at one moment."""

    id: str
    state: State
    user: str  # who started it, "" where nobody needs a name
    paths: tuple[str, ...]  # what it reads; empty for the files that were uploaded
    forget_gone: bool  # whether it removes from the index what is gone from there
    started: str  # ISO 8601, UTC
    seconds: float  # since then, or until it ended
    progress: Progress
    passages_a_second: float  # embedded; 0 before that has begun
    seconds_left: float | None  # None while it cannot be told, as long as files are read
    notices: tuple[str, ...]  # of what took long or could not be done
    report: IngestReport  # what was done: all of it once the job has ended, nothing before
    error: str  # why it failed, or ""

    def to_document(self) -> dict[str, Any]:
        """The job for JSON."""
        return asdict(self)


class Jobs:
    """The jobs of one index. Any thread may call.

    A job reads the files that were uploaded, or folders that are in `allowed`. What it has committed stays whatever
    becomes of it, and can be asked from then on.
    """

    def __init__(self, index: Path, uploads: Uploads, *, allowed: Sequence[Path] = ()) -> None:
        self.index = index
        self.uploads = uploads
        self.allowed = tuple(path.resolve() for path in allowed)
        self._running: dict[str, _Running] = {}  # those that have ended among them, oldest first
        self._lock = threading.Lock()
        self._number = 0

    def start(self, paths: Sequence[str] = (), *, forget_gone: bool = False, user: str = "") -> Job:
        """Begin to ingest the files that were uploaded, or those at `paths`.

        Raises IndexLocked while another job is running, and SettingsError for a path that is not allowed.
        """
        locations = [self.checked(path) for path in paths] or [self.uploads.folder]
        if not paths:
            self.uploads.folder.mkdir(parents=True, exist_ok=True)
        # The folder of uploads is ours: who empties it means it.
        return self._begin(
            {
                "paths": [str(location) for location in locations],
                "prune": forget_gone,
                "even_if_empty": forget_gone and not paths,
            },
            shown=tuple(paths),
            forget_gone=forget_gone,
            user=user,
        )

    def read_again(self, source: str, *, user: str = "") -> Job:
        """Begin to read the file of a source again, whether it has changed or not.

        If it cannot be read the index keeps what it has. Raises IndexLocked, and IndexFolderError for no such source.
        """
        location = self._location_of(source)
        # What is in an archive is read with all of it, of which nothing else is done anew.
        file = next((each for each in (location, *location.parents) if each.is_file()), location)
        return self._begin({"paths": [str(file)], "anew": [source]}, shown=(source,), user=user)

    def forget(self, source: str, *, user: str = "") -> Job:
        """Begin to take a source out of the index; the file goes with it if it was uploaded, and else stays.

        Raises IndexLocked, and IndexFolderError for no such source.
        """
        location = self._location_of(source)
        is_upload = location.parent == self.uploads.folder.resolve()
        return self._begin(
            {"forget": [source]},
            shown=(source,),
            user=user,
            after=(lambda: self.uploads.remove(location.name)) if is_upload else (lambda: None),
        )

    def _location_of(self, source: str) -> Path:
        with Catalog(self.index) as catalog:
            location = catalog.location_of(source)
        if location is None:
            gone = "no file '{file}' in this index any more; load the list again"
            raise IndexFolderError(said("file_gone", gone, file=source))
        return location

    def _begin(
        self,
        request: Mapping[str, Any],
        *,
        shown: tuple[str, ...],
        user: str,
        forget_gone: bool = False,
        after: Callable[[], object] = lambda: None,
    ) -> Job:
        with self._lock:
            for running in self._running.values():
                if not running.has_ended:
                    busy = "job {id} is writing this index; wait for its end, or cancel it"
                    raise IndexLocked(said("job_running", busy, id=running.id))
            self._number += 1
            started = _Running(
                str(self._number),
                {"index": str(self.index.absolute()), **request},
                shown=shown,
                forget_gone=forget_gone,
                user=user,
                after=after,
            )
            self._running[started.id] = started
            for old in list(self._running)[:-_MOST_KEPT]:
                del self._running[old]
        return started.job()

    def latest(self) -> list[Job]:
        """The last jobs, newest first."""
        with self._lock:
            running = list(self._running.values())
        return [each.job() for each in reversed(running)]

    def get(self, id_: str) -> Job | None:
        """The job of this id, if there is one."""
        with self._lock:
            running = self._running.get(id_)
        return running and running.job()

    def cancel(self, id_: str) -> Job | None:
        """Tell a job to stop after the batch that it is at; nothing that was committed is lost."""
        with self._lock:
            running = self._running.get(id_)
        if running is None:
            return None
        running.cancel()
        return running.job()

    def wait(self, id_: str, *, seconds: float) -> Job | None:
        """The job once it has ended, or as it is after so long."""
        with self._lock:
            running = self._running.get(id_)
        if running is None:
            return None
        running.wait(seconds)
        return running.job()

    def processes(self) -> dict[str, int]:
        """The numbers of the processes of jobs that run, by job."""
        with self._lock:
            return {id_: running.pid for id_, running in self._running.items() if not running.has_ended}

    def close(self) -> None:
        """Cancel what is running, and wait for it."""
        with self._lock:
            running = list(self._running.values())
        for each in running:
            each.end()

    def checked(self, path: str) -> Path:
        """A path that this server may read, without links. Raises SettingsError."""
        location = Path(path)
        try:
            resolved = location.resolve()
            is_allowed = location.is_absolute() and any(resolved.is_relative_to(root) for root in self.allowed)
        except (OSError, RuntimeError, ValueError):  # it leads to itself, or has a zero character
            is_allowed, resolved = False, location
        if not is_allowed:
            told = ", ".join(map(str, self.allowed)) or "none"
            raise SettingsError(
                said(
                    "folder_forbidden",
                    "'{path}': this server may not read there; it may read in: {folders} "
                    "(dragoman serve --ingest-from DIR), and what is uploaded",
                    path=path,
                    folders=told,
                )
            )
        return resolved


@dataclass(slots=True)
class _Told:
    """What the process has said so far."""

    progress: Progress = Progress(0, 0, 0, 0)
    report: IngestReport = field(default_factory=IngestReport)
    notices: tuple[str, ...] = ()
    error: str = ""
    is_reported: bool = False
    embedding: tuple[float, int] | None = None  # when the first passage was embedded, and how many were by then


class _Running:
    """A job and its process. A thread takes in what the process says."""

    def __init__(
        self,
        id_: str,
        request: Mapping[str, Any],  # what `ui.job_process` is told
        *,
        shown: tuple[str, ...],
        forget_gone: bool,
        user: str,
        after: Callable[[], object],  # what is to be done once all of it is done
    ) -> None:
        self.id = id_
        self._shown, self._forget_gone, self._user, self._after = shown, forget_gone, user, after
        self._told = _Told()
        self._is_cancelled = False
        self._began, self._ended = time.monotonic(), 0.0
        self._started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self._worker = Worker("ui.job_process.work", request, on_said=self._take, on_end=self._end)

    @property
    def pid(self) -> int:
        return self._worker.pid

    @property
    def has_ended(self) -> bool:
        return self._ended > 0

    def job(self) -> Job:
        told, ended = self._told, self._ended
        if ended and not told.is_reported:
            state = State.CANCELLED if self._is_cancelled else State.FAILED
        elif ended:
            state = State.CANCELLED if told.report.interrupted else State.DONE
        else:
            state = State.STOPPING if self._is_cancelled else State.RUNNING
        speed = self._speed(ended or time.monotonic())
        left = told.progress.passages_known - told.progress.passages_done
        is_known = speed and told.progress.files_done == told.progress.files_total
        return Job(
            id=self.id,
            state=state,
            user=self._user,
            paths=self._shown,
            forget_gone=self._forget_gone,
            started=self._started,
            seconds=round((ended or time.monotonic()) - self._began, 1),
            progress=told.progress,
            passages_a_second=round(speed, 1),
            seconds_left=0.0 if ended else round(left / speed, 1) if is_known else None,
            notices=told.notices,
            report=told.report,
            error=told.error if state is State.FAILED else "",
        )

    def cancel(self) -> None:
        self._is_cancelled = self._is_cancelled or not self._ended
        self._worker.cancel()

    def wait(self, seconds: float) -> None:
        self._worker.wait(seconds)

    def end(self) -> None:
        """Cancel, and kill what does not stop: that loses no more than the batch that it is at."""
        if not self._ended:
            self.cancel()
            self._worker.end()

    def _end(self, code: int) -> None:
        if not (self._told.is_reported or self._told.error):
            died = "the process of this job died (exit code {code}); what was committed is kept, start it again"
            self._told.error = said("job_died", died, code=code)
        if self._told.is_reported:
            self._after()
        self._ended = time.monotonic()

    def _take(self, heard: dict[str, Any]) -> None:
        told = self._told
        match heard:
            case {"progress": found}:
                told.progress = Progress(**found)
                if told.embedding is None and told.progress.passages_done:
                    told.embedding = (time.monotonic(), told.progress.passages_done)
            case {"notice": found}:
                told.notices = (*told.notices, from_json(found))
            case {"report": found}:
                texts = {name: [from_json(each) for each in found[name]] for name in ("failures", "left_out")}
                told.report = replace(IngestReport(), **found | texts)
                told.is_reported = True
            case {"error": found}:
                told.error = from_json(found)

    def _speed(self, until: float) -> float:
        """Passages embedded a second."""
        if self._told.embedding is None:
            return 0.0
        since, first = self._told.embedding
        return (self._told.progress.passages_done - first) / max(until - since, 1e-9)
