"""Files read in processes of their own: several at once, each with a time limit, and a crash costs one file.

A parser that hangs or dies on a damaged file takes its process with it and nothing else. Workers are plain child
processes and not `multiprocessing`'s, which would run the caller's main module again in each.
"""

from __future__ import annotations

import atexit
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from index.clean import Cleaned, clean
from index.errors import ReadError
from index.files import FoundFile, read_bytes
from index.read import read_source
from index.repeats import LineKeys
from index.rules import NO_RULES, Rules
from index.values import Source

SECONDS_A_FILE = 60.0
_WORKER_BYTES = 4 << 30  # of address space; what wants more is a bomb, or more than a laptop has
_AHEAD = 4  # files read before they are asked for, for each worker: memory is bounded by so many
_PARENT_ENDED = (EOFError, ConnectionError, BrokenPipeError)


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
    repeated: LineKeys = frozenset()  # which of its lines are known to stand in several files


def read_file(job: Job) -> ReadFile:
    """Read and clean one file, here and now. Raises ReadError."""
    source = read_source(read_bytes(job.file.location), path=job.path)
    return ReadFile(source, clean(source, job.rules, job.repeated))


def read_files(
    jobs: Iterable[Job], *, processes: int, seconds_a_file: float = SECONDS_A_FILE
) -> Iterator[tuple[Job, ReadFile | ReadError]]:
    """Each job with what came of it, in order, read by at most `processes` at a time.

    A file that takes longer than `seconds_a_file`, or on which its process dies, has a ReadError that says so.
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
                    waiting.append(_Task(job))
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
                    task.begin(seconds_a_file)
                    busy.append(task)
            _await(busy, seconds_a_file)
    finally:
        for task in waiting:
            if task.worker is not None:
                task.worker.kill()


class _Task:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.worker: _Worker | None = None
        self.deadline = 0.0
        self.outcome: ReadFile | ReadError | None = None

    def begin(self, seconds: float) -> None:
        while True:
            worker = _IDLE.pop() if _IDLE else _Worker()
            try:
                worker.connection.send(self.job)
            except OSError:  # it died while it was idle
                worker.kill()
                continue
            self.worker, self.deadline = worker, time.monotonic() + seconds
            return

    def end(self, outcome: ReadFile | ReadError, *, kill: bool = False) -> None:
        assert self.worker is not None
        if kill:
            self.worker.kill()
        else:
            _IDLE.append(self.worker)
        self.worker, self.outcome = None, outcome


def _await(busy: list[_Task], seconds: float) -> None:
    """Take what the workers have to say, or end those whose time is up."""
    connections = {task.worker.connection: task for task in busy if task.worker is not None}
    first = min(task.deadline for task in busy)
    for ready in wait(list(connections), timeout=max(0.0, first - time.monotonic())):
        task = connections[ready]  # type: ignore[index]
        name = task.job.file.name
        try:
            task.end(ready.recv())  # type: ignore[union-attr]
        except _PARENT_ENDED:
            told = ReadError(f"{name}: the process that read it died; the file is damaged, fetch or save it again")
            task.end(told, kill=True)
    now = time.monotonic()
    for task in busy:
        if task.worker is not None and task.deadline <= now:
            told = ReadError(f"{task.job.file.name}: not read within {seconds:.0f} s; split it, or leave it out")
            task.end(told, kill=True)


class _Worker:
    """A child process that reads the files it is sent, one at a time, and ends with its parent."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        code = f"import sys; sys.path[:] = {sys.path!r}; from index.workers import serve; serve({theirs.fileno()})"
        with theirs:
            self._process = subprocess.Popen([sys.executable, "-c", code], pass_fds=(theirs.fileno(),))
        self.connection: Connection[Any, Any] = Connection(ours.detach())

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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (_WORKER_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    connection: Connection[Any, Any] = Connection(descriptor)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            job = connection.recv()
        except _PARENT_ENDED:
            return
        try:
            outcome: ReadFile | ReadError = read_file(job)
        except ReadError as error:
            outcome = error
        except MemoryError:
            outcome = ReadError(f"{job.path}: does not fit into {_WORKER_BYTES >> 30} GiB of memory; split it")
        except Exception as error:
            # One file must not stop the others, whatever a parser makes of it.
            told = f"{type(error).__name__}: {error}"
            outcome = ReadError(f"{job.path}: cannot be read ({told}); that is a defect of ours, please report it")
        connection.send(outcome)


def worker_count(files: int) -> int:
    """How many processes are worth their start for so many files."""
    return max(1, min(os.cpu_count() or 1, 8, 1 + files // 8))
