"""`--watch`: what changes is ingested as it changes, whatever happens to the folder, until Ctrl-C."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.embed import Embedder
from index.folder import Index
from index.follow import follow
from index.ingest import ingest
from index.lock import writing

ROOT = Path(__file__).parents[1]
STORY = (
    "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home with his dog."
)
WAIT = 60  # seconds, for what comes at once on a machine that is not busy


class Watching:
    """The command as it watches, and the lines that it has said on stderr."""

    def __init__(self, *arguments: object) -> None:
        # A test run in the background would pass on that Ctrl-C is ignored.
        ours = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ui.cli", "ingest", "--watch", *map(str, arguments)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        finally:
            signal.signal(signal.SIGINT, ours)
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line.rstrip("\n"))

    def until(self, words: str) -> str:
        """The next line that holds these words."""
        while True:
            line = self._lines.get(timeout=WAIT)
            self.said.append(line)
            if words in line:
                return line

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=WAIT)


@pytest.fixture
def docs(tmp_path: Path, write: Callable[..., Path]) -> Path:
    return write(tmp_path / "docs", {f"{n}.txt": STORY.format(n) for n in ("one", "two", "three")})


@pytest.fixture
def watching(docs: Path, tmp_path: Path) -> Iterator[Watching]:
    started = Watching(docs, "--index", tmp_path / "i", "--prune", "--embedder", "hashing")
    yield started
    started.process.kill()
    started.process.communicate()


def sources(folder: Path) -> list[str]:
    with Index.open(folder) as index:
        return [source.path for source in index.catalog.sources()]


def test_what_changes_is_ingested_until_ctrl_c(watching: Watching, docs: Path, tmp_path: Path) -> None:
    watching.until("following")
    (docs / "four.txt").write_text(STORY.format("four"))
    assert watching.until("added").endswith(" 1 added, 1 passages embedded")
    (docs / "sub").mkdir()
    (docs / "one.txt").rename(docs / "sub" / "uno.txt")
    assert watching.until("renamed").endswith(" 1 renamed, 1 passages embedded")
    (docs / "two.txt").unlink()
    assert watching.until("removed").endswith(" 1 removed")
    (docs / "bad.pdf").write_bytes(b"%PDF-1.4 and no more")
    watching.until("not read: bad.pdf")
    (docs / "three.txt").write_text(STORY.format("drei"))
    assert watching.until("replaced").endswith(" 1 replaced, 1 passages embedded")
    assert watching.stop() == 130
    assert sum("bad.pdf" in line for line in watching.said) == 1  # not with every run
    assert sources(tmp_path / "i") == ["four.txt", "sub/uno.txt", "three.txt"]


def test_a_folder_that_vanishes_is_waited_for_and_nothing_of_it_forgotten(
    watching: Watching, docs: Path, tmp_path: Path
) -> None:
    watching.until("following")
    away = docs.rename(tmp_path / "away")
    assert f"{docs}: missing or empty" in watching.until("--even-if-empty")
    assert len(sources(tmp_path / "i")) == 3
    (away / "four.txt").write_text(STORY.format("four"))
    away.rename(docs)
    assert watching.until("added").endswith(" 1 added, 1 passages embedded")
    shutil.rmtree(docs)
    docs.mkdir()
    (docs / "five.txt").write_text(STORY.format("five"))
    assert watching.until("removed").endswith(" 4 removed, 1 passages embedded")
    assert watching.stop() == 130
    assert sources(tmp_path / "i") == ["five.txt"]


def test_another_writer_is_waited_for(watching: Watching, docs: Path, tmp_path: Path) -> None:
    watching.until("following")
    with writing(tmp_path / "i"):
        (docs / "four.txt").write_text(STORY.format("four"))
        watching.until("is writing this index")
    watching.until("1 added")
    assert watching.stop() == 130


def test_changes_that_do_not_count_wake_nobody(docs: Path, hashing: Embedder) -> None:
    index = docs / "news.index"
    ingest([docs], index, embedder=hashing)
    turns = follow([docs], ignored=index)
    next(turns)
    (docs / ".hidden").mkdir()
    (docs / ".hidden" / "x.txt").write_text("x")
    (index / "dense" / "new").write_text("x")

    def change() -> None:
        (docs / "seen.txt").write_text("x")

    later = threading.Timer(3.0, change)
    later.start()
    next(turns)
    assert (docs / "seen.txt").exists()
    later.join()


def test_watching_takes_no_json(dragoman: Callable, docs: Path, tmp_path: Path) -> None:
    for others in (["--json"], ["--dry-run"]):
        done = dragoman("ingest", "--watch", *others, docs, "--index", tmp_path / "i")
        assert (done.returncode, done.stdout) == (2, "")
