"""Reading in child processes: order, limits, crashes, and that none of them outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from index.errors import ReaderDefect, ReaderDied, ReadError, ReadTimeout
from index.files import FoundFile
from index.rules import Rule, Rules
from index.workers import _IDLE, Job, ReadFile, read_file, read_files, worker_count

ROOT = Path(__file__).parents[1]
STORY = (
    "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home with his dog."
)
LONG = 120.0  # seconds, which nothing here takes
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")


def job(location: Path, *, rules: Rules | None = None) -> Job:
    found = FoundFile(location, location.name, location.parent)
    return Job(found, location.name) if rules is None else Job(found, location.name, rules)


@pytest.fixture
def stories(tmp_path: Path) -> list[Job]:
    """Twelve files, the first of them by far the largest."""
    jobs = []
    for i in range(12):
        (tmp_path / f"{i:02}.txt").write_text("\n\n".join(STORY.format(i) for _ in range(1 if i else 4000)))
        jobs.append(job(tmp_path / f"{i:02}.txt"))
    return jobs


class Pipe:
    """A file that is never read to its end: who reads it waits for ever."""

    def __init__(self, location: Path) -> None:
        os.mkfifo(location)
        self.job = job(location)

    def when_it_is_read(self, act: Callable[[], None]) -> threading.Thread:
        """Call `act` once a process reads the pipe, which is then held open for as long as this process lives."""

        def wait() -> None:
            self._held = os.open(self.job.file.location, os.O_WRONLY)  # waits for the reader
            act()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path / "never-ends.txt")


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    told = subprocess.run(["ps", "-o", "pid=,ppid=,stat=", "-A"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in told.splitlines()]
    return {int(pid) for pid, parent, state in rows if int(parent) == os.getpid() and not state.startswith("Z")}


def idle_workers() -> set[int]:
    """Those that earlier tests have left to be used again."""
    return {worker._process.pid for worker in _IDLE}


def is_running(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(told.strip()) and not told.startswith("Z")


def all_end(pids: set[int]) -> bool:
    until = time.monotonic() + LONG
    while any(map(is_running, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(is_running, pids))


def texts(outcomes: Iterator[tuple[Job, ReadFile | ReadError]]) -> list[tuple[str, str]]:
    return [(job.path, o.source.text if isinstance(o, ReadFile) else f"{type(o).__name__}: {o}") for job, o in outcomes]


def test_results_are_in_order_and_those_of_one_process(stories: list[Job]) -> None:
    read = list(read_files(iter(stories), processes=3))
    assert [each for each, _ in read] == stories
    assert [outcome for _, outcome in read] == [read_file(each) for each in stories]


def test_bad_files_are_told_in_their_places(stories: list[Job], tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    jobs = [stories[1], job(tmp_path / "empty.txt"), job(tmp_path / "none.txt"), stories[2]]
    first, empty, none, second = texts(read_files(jobs, processes=2))
    assert (first[1], second[1]) == (STORY.format(1), STORY.format(2))
    assert empty[1] == "ReadError: empty.txt: the file is empty; remove it or fetch it again"
    assert none[1].startswith(f"ReadError: {tmp_path / 'none.txt'}: No such file or directory; check")


def test_nothing_to_read() -> None:
    assert list(read_files([], processes=2)) == []


def test_a_worker_that_is_killed_costs_its_file_and_no_other(stories: list[Job], pipe: Pipe) -> None:
    before = children() - idle_workers()
    outcomes = read_files([pipe.job], processes=1, seconds_a_file=LONG)

    def kill() -> None:
        for pid in children() - before:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    pipe.when_it_is_read(kill)
    ((_, died),) = outcomes
    assert isinstance(died, ReaderDied)
    assert str(died) == "never-ends.txt: the process that read it died; the file is damaged, fetch or save it again"
    assert texts(read_files(stories[1:3], processes=2)) == [("01.txt", STORY.format(1)), ("02.txt", STORY.format(2))]


def test_a_file_over_the_time_limit(stories: list[Job], pipe: Pipe) -> None:
    (_, first), (_, late), (_, second) = read_files([stories[1], pipe.job, stories[2]], processes=2, seconds_a_file=0.5)
    assert isinstance(late, ReadTimeout)
    assert str(late) == "never-ends.txt: not read within 0.5 s; split it, or leave it out"
    assert isinstance(first, ReadFile) and isinstance(second, ReadFile)


def test_what_nobody_foresaw_is_told_with_the_name_of_the_file(stories: list[Job], tmp_path: Path) -> None:
    rules = Rules(drop=(Rule("(", "a pattern that no file of rules can hold"),))
    (_, defect), (_, good) = read_files([job(tmp_path / "01.txt", rules=rules), stories[2]], processes=1)
    assert isinstance(defect, ReaderDefect)
    assert str(defect).startswith("01.txt: cannot be read (error: missing )")
    assert str(defect).endswith("that is a defect of ours, please report it")
    assert isinstance(good, ReadFile)


def test_no_worker_is_left_when_nobody_wants_the_rest(stories: list[Job], pipe: Pipe) -> None:
    before = children()
    outcomes = read_files([stories[1], pipe.job], processes=2, seconds_a_file=LONG)
    next(outcomes)
    reading = threading.Event()
    pipe.when_it_is_read(reading.set)
    reading.wait()
    busy = children() - before
    outcomes.close()
    assert len(children() & busy) <= 1  # the idle one stays for the next run; the busy one is gone


# Processes of their own, as a run is one

SCRIPT = """
import resource, sys
from pathlib import Path
from index.files import FoundFile
from index.workers import _IDLE, Job, read_files
{before}
jobs = [Job(FoundFile(path, path.name, path.parent), path.name) for path in map(Path, sys.argv[1:])]
try:
    for job, outcome in read_files(jobs, processes=2, seconds_a_file=float({seconds})):
        print(job.path, type(outcome).__name__, flush=True)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def start(*locations: Path, before: str = "", seconds: float = LONG) -> subprocess.Popen[str]:
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background would pass on "ignore"
    try:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT.format(before=before, seconds=seconds), *map(str, locations)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, ours)


def workers_of(pid: int) -> set[int]:
    told = subprocess.run(["ps", "-o", "pid=,ppid=", "-A"], capture_output=True, text=True, check=True).stdout
    return {int(child) for child, parent in map(str.split, told.splitlines()) if int(parent) == pid}


def test_ctrl_c_ends_the_workers_too(stories: list[Job], pipe: Pipe) -> None:
    process = start(stories[1].file.location, pipe.job.file.location)
    workers: set[int] = set()

    def interrupt() -> None:
        workers.update(workers_of(process.pid))
        process.send_signal(signal.SIGINT)

    thread = pipe.when_it_is_read(interrupt)
    told, _ = process.communicate()
    thread.join()
    assert told.splitlines()[-1] == "stopped"  # the other file may have been told of, or not yet
    assert process.returncode == 0
    assert len(workers) == 2
    assert not any(map(is_running, workers))


@pytest.mark.parametrize("busy", [False, True])
def test_kill_9_leaves_no_worker_behind(stories: list[Job], pipe: Pipe, busy: bool) -> None:
    process = start(stories[1].file.location, pipe.job.file.location, seconds=0.5 if busy else LONG)
    workers: set[int] = set()

    def kill() -> None:
        workers.update(workers_of(process.pid))
        process.kill()

    thread = pipe.when_it_is_read(kill)
    process.communicate()
    thread.join()
    assert len(workers) == 2
    if not busy:
        # The one that waits for the pipe's end is given it; the other one has nothing to do and ends by itself.
        os.close(pipe._held)
    assert all_end(workers)  # the alarm ends the one that reads for ever


def test_a_file_that_does_not_fit_into_memory(tmp_path: Path, stories: list[Job]) -> None:
    (tmp_path / "large.txt").write_bytes(b"One line of many.\n" * 4_000_000)
    limit = "resource.setrlimit(resource.RLIMIT_AS, (500 << 20, resource.getrlimit(resource.RLIMIT_AS)[1]))"
    process = start(tmp_path / "large.txt", stories[1].file.location, before=limit)
    told, _ = process.communicate()
    assert told == "large.txt ReaderDied\n01.txt ReadFile\n"


def test_how_many_processes_are_worth_their_start() -> None:
    assert worker_count(0) == worker_count(7) == 1
    assert [worker_count(1000, at_most=n) for n in (1, 3, 50)] == [1, 3, 50]
    assert [1 <= worker_count(files) <= (os.cpu_count() or 1) for files in (8, 100, 10**6)] == [True] * 3


@pytest.fixture(autouse=True)
def _no_pipe_is_waited_for(tmp_path: Path) -> Iterator[None]:
    yield
    for location in tmp_path.glob("never-ends.txt"):
        with suppress(OSError):
            os.close(os.open(location, os.O_RDONLY | os.O_NONBLOCK))
