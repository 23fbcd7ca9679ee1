"""Files read in processes of their own: several at once, each with a time limit, and a crash costs one file.

A parser that hangs or dies on a damaged file takes its process with it and nothing else. Workers are plain child
processes and not `multiprocessing`'s, which would run the caller's main module again in each. They end when their end
of the socket closes, so that a caller that was killed leaves none behind; one that is busy just then has an alarm set,
which ends it whatever its parser is at.
"""

from __future__ import annotations

import atexit
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from index.clean import Cleaned, clean
from index.errors import ReaderDefect, ReaderDied, ReadError, ReadTimeout
from index.files import FoundFile, Stamp, read_bytes, size_of
from index.read import read_source
from index.repeats import LineKeys
from index.rules import NO_RULES, Rules
from index.said import said
from index.values import Source

SECONDS_A_FILE = 60.0
_SECONDS_A_MEGABYTE = 5.0  # more; the slowest, web archives of small pages, take half of that on one busy core
_WORKER_BYTES = 4 << 30  # of address space; what wants more is a bomb, or more than a laptop has
_SECONDS_TO_START = 60.0  # of a process, on a machine that is busy
_SECONDS_OF_GRACE = 5.0  # the parent is the first to end a process whose time is up
_AHEAD = 4  # files read before they are asked for, for each worker: memory is bounded by so many
_ENDED = (EOFError, ConnectionError)  # the process at the other end of a socket has
_BEGUN = "begun"
_OBJECTS_A_COLLECTION = 50_000


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read: what it holds, and the articles in it."""

    source: Source
    cleaned: Cleaned


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read, the name that it is stored under, and the user's own rules for it."""

    file: FoundFile
    path: str
    rules: Rules = NO_RULES
    stamp: Stamp = Stamp(0, 0)  # of the file, before it is read
    lines: LineKeys = frozenset()  # its short lines, which other files may repeat
    repeated: LineKeys = frozenset()  # those of them that are known to stand in several files


def read_file(job: Job) -> ReadFile:
    """Read and clean one file, here and now. Raises ReadError."""
    source = read_source(read_bytes(job.file.location), path=job.path)
    return ReadFile(source, clean(source, job.rules, job.repeated))


def read_files(
    jobs: Iterable[Job], *, processes: int, seconds_a_file: float = SECONDS_A_FILE
) -> Iterator[tuple[Job, ReadFile | ReadError]]:
    """Each job with what came of it, in order, read by at most `processes` at a time.

    A file that takes longer than `seconds_a_file` and five seconds for each million of its bytes, or on which its
    process dies, has a ReadError that says so.
    """
    remaining = iter(jobs)
    waiting: deque[_Task] = deque()
    more = True
    try:
        while True:
            while more and len(waiting) < processes * _AHEAD:
                job = next(remaining, None)
                more = job is not None
                if job is not None:
                    waiting.append(_Task(job, seconds_a_file))
            if not waiting:
                return
            if waiting[0].outcome is not None:
                done = waiting.popleft()
                assert done.outcome is not None
                yield done.job, done.outcome
                continue
            busy = [task for task in waiting if task.worker is not None]
            for task in waiting:
                if task.worker is None and task.outcome is None and len(busy) < processes:
                    task.begin()
                    busy.append(task)
            _await(busy)
    finally:
        for task in waiting:
            if task.worker is not None:
                task.worker.kill()


class _Task:
    def __init__(self, job: Job, seconds_a_file: float) -> None:
        self.job = job
        self.seconds = seconds_a_file + _SECONDS_A_MEGABYTE * (size_of(job.file.location) // 1_000_000)
        self.worker: _Worker | None = None
        self.begun = False
        self.deadline = 0.0
        self.outcome: ReadFile | ReadError | None = None

    def begin(self) -> None:
        while True:
            worker = _IDLE.pop() if _IDLE else _Worker()
            try:
                worker.connection.send((self.job, self.seconds))
            except OSError:  # it died while it was idle
                worker.kill()
                continue
            self.worker, self.begun, self.deadline = worker, False, time.monotonic() + _SECONDS_TO_START
            return

    def lose_worker(self) -> None:
        """What dies on a file is the file's fault; what died while it was idle is not, and another takes the file."""
        assert self.worker is not None
        if self.worker.is_fresh or self.begun:
            died = "{file}: the process that read it died; the file is damaged, fetch or save it again"
            self.end(ReaderDied(said("reader_died", died, file=self.job.path)), kill=True)
        else:
            self.worker.kill()
            self.worker = None

    def end(self, outcome: ReadFile | ReadError, *, kill: bool = False) -> None:
        assert self.worker is not None
        if kill:
            self.worker.kill()
        else:
            self.worker.is_fresh = False
            _IDLE.append(self.worker)
        self.worker, self.outcome = None, outcome


def _await(busy: list[_Task]) -> None:
    """Take what the workers have to say, or end those whose time is up. It runs from when a worker has begun."""
    connections = {task.worker.connection: task for task in busy if task.worker is not None}
    first = min(task.deadline for task in busy)
    for ready in wait(list(connections), timeout=max(0.0, first - time.monotonic())):
        task = connections[ready]  # type: ignore[index]
        try:
            outcome = ready.recv()  # type: ignore[union-attr]
        except _ENDED:
            task.lose_worker()
            continue
        if outcome == _BEGUN:
            task.begun, task.deadline = True, time.monotonic() + task.seconds
        else:
            task.end(outcome)
    now = time.monotonic()
    for task in busy:
        if task.worker is not None and task.deadline <= now:
            slow = "{file}: not read within {seconds} s; split it, or leave it out"
            told = said("read_slow", slow, file=task.job.path, seconds=f"{task.seconds:g}")
            task.end(ReadTimeout(told), kill=True)


class _Worker:
    """A child process that reads the files it is sent, one at a time, and ends with its parent."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        code = f"import sys; sys.path[:] = {sys.path!r}; from index.workers import serve; serve({theirs.fileno()})"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what a parser prints is no part of what the command says
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        self.is_fresh = True  # it has read no file yet

    def kill(self) -> None:
        self.connection.close()
        self._process.kill()
        self._process.wait()


# Kept from run to run of one process: starting one takes a third of a second.
_IDLE: list[_Worker] = []


@atexit.register
def _end_idle() -> None:
    while _IDLE:
        _IDLE.pop().kill()


def serve(descriptor: int) -> None:
    """What a worker does until its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # some parsers print what they think of a file
    _limit_memory()
    # Lines and spans by the thousand, few of them in cycles: looked through at each 700 more they take 4% of the time.
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_COLLECTION)
    connection: Connection[Any, Any] = Connection(descriptor)
    try:
        while True:
            job, seconds = connection.recv()
            # The kernel's, not a thread's: a parser that never returns may never let another thread run, either.
            signal.setitimer(signal.ITIMER_REAL, seconds + _SECONDS_OF_GRACE)
            connection.send(_BEGUN)
            try:
                connection.send(_outcome(job))
            except MemoryError:  # what it holds fitted, but not a second time
                connection.send(_too_large(job))
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _ENDED:
        return


def _limit_memory() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (soft, hard, _WORKER_BYTES) if limit != resource.RLIM_INFINITY]
    with suppress(ValueError, OSError):  # macOS has the limit and refuses to set it
        resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))


def _outcome(job: Job) -> ReadFile | ReadError:
    try:
        return read_file(job)
    except ReadError as error:
        return error
    except MemoryError:
        return _too_large(job)
    except Exception as error:
        # One file must not stop the others, whatever a parser makes of it.
        defect = "{file}: cannot be read ({why}); that is a defect of ours, please report it"
        return ReaderDefect(said("read_defect", defect, file=job.path, why=f"{type(error).__name__}: {error}"))


def _too_large(job: Job) -> ReadError:
    told = "{file}: does not fit into {size} GiB of memory; split it"
    return ReaderDied(said("no_memory", told, file=job.path, size=_WORKER_BYTES >> 30))


def worker_count(files: int, *, at_most: int = 0) -> int:
    """How many processes are worth their start for so many files; `at_most` 0 is by cores, 8 or fewer."""
    return max(1, min(at_most or min(os.cpu_count() or 1, 8), 1 + files // 8))
