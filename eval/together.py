"""One writer and several readers of one index, each a process of its own, at the same time.

The writer changes, adds and deletes files and ingests them, again and again. The readers ask all the time, as the page
does: each question sees what was committed before it. No question may fail, and at the end the index must be the one
that a run from nothing makes. How long questions take is told beside how long the same readers take with no writer.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np

from eval.crash import PRELOADED, Place, change_files, unlike_anew, write_files
from eval.honesty import TurnedEmbedder
from index.catalog import Catalog
from index.errors import CitationError
from index.ingest import ingest
from rag import Answer, Assistant

_FILES = 400
_IDLE_SHARE = 0.1  # of the time, before the writer begins
_CHANGED = 0.1  # of the files, each time


@dataclass(slots=True)
class TogetherReport:
    """What readers and a writer did, and what went wrong."""

    readers: int
    seconds: float  # that the writer wrote
    runs: int = 0  # of the writer
    batches: int = 0  # that it committed
    questions: int = 0  # asked meanwhile
    answers: int = 0  # of these, those that were none but an answer
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    slowest_ms: float = 0.0
    idle_questions: int = 0  # asked before
    idle_p50_ms: float = 0.0
    idle_p95_ms: float = 0.0
    found: list[str] = field(default_factory=list)  # errors, losses and lies; must be empty


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one reader saw."""

    seconds: tuple[float, ...]
    answers: int
    wrong: tuple[str, ...]


def read_while_written(
    folder: Path, *, readers: int, minutes: float, seed: int, report: Callable[[str], None] = lambda message: None
) -> TogetherReport:
    """Let one process write for so long while others ask."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    place = Place(folder / "together")
    write_files(place.documents, rng, _FILES)
    ingest([place.documents], place.index, embedder=TurnedEmbedder(0))
    result = TogetherReport(readers, minutes * 60)
    report("asking, with nobody writing")
    idle = _ask_at_once(place, readers, _IDLE_SHARE * result.seconds, seed)
    report("asking while it is written")
    with Catalog(place.index) as catalog:
        first = catalog.sequence
    writer, told = _start(_write, place, result.seconds, seed)
    asked = _ask_at_once(place, readers, result.seconds, seed + readers)
    result.runs, failed = told.recv()
    writer.join()
    with Catalog(place.index) as catalog:
        result.batches = catalog.sequence - first
    result.found += [f"the writer: {failed}"] if failed else []
    result.found += [f"a reader: {wrong}" for each in (*idle, *asked) for wrong in each.wrong]
    result.found += unlike_anew(place, rng)
    times = np.array([seconds for each in asked for seconds in each.seconds]) * 1e3
    before = np.array([seconds for each in idle for seconds in each.seconds]) * 1e3
    result.questions, result.idle_questions = len(times), len(before)
    result.answers = sum(each.answers for each in asked)
    if len(times) and len(before):
        result.p50_ms, result.p95_ms, result.slowest_ms = np.percentile(times, [50, 95, 100]).round(1).tolist()
        result.idle_p50_ms, result.idle_p95_ms = np.percentile(before, [50, 95]).round(1).tolist()
    if not result.found:
        shutil.rmtree(place.folder)
    return result


def _ask_at_once(place: Place, readers: int, seconds: float, seed: int) -> list[_Asked]:
    started = [_start(_read, place, seconds, seed + number) for number in range(readers)]
    found = []
    for process, connection in started:
        try:
            found.append(connection.recv())
        except EOFError:
            found.append(_Asked((), 0, ("it died",)))
        process.join()
    return found


def _start(run: Callable[..., None], *arguments: object) -> tuple[Any, Connection[Any, Any]]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, "eval.together"])
    ours, theirs = context.Pipe()
    process = context.Process(target=run, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    wait([ours, process.sentinel], timeout=0)
    return process, ours


def _write(place: Place, seconds: float, seed: int, connection: Connection[Any, Any]) -> None:
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    until, runs, failed = time.monotonic() + seconds, 0, ""
    try:
        while time.monotonic() < until:
            change_files(place.documents, rng, _CHANGED)
            ingest([place.documents], place.index, embedder=TurnedEmbedder(0), prune=True)
            runs += 1
    except Exception:
        failed = traceback.format_exc()
    connection.send((runs, failed))


def _read(place: Place, seconds: float, seed: int, connection: Connection[Any, Any]) -> None:
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    until, took, wrong, answers = time.monotonic() + seconds, [], [], 0
    with Assistant.open(place.index) as assistant:
        while time.monotonic() < until:
            question = _question(place, rng)
            begun = time.monotonic()
            try:
                assistant.index.refresh()
                reply = assistant.ask(question)
                took.append(time.monotonic() - begun)
                if isinstance(reply, Answer):
                    answers += 1
            except CitationError as error:
                wrong.append(f"{question!r}: {error}")
            except Exception:
                wrong.append(f"{question!r}: {traceback.format_exc()}")
    connection.send(_Asked(tuple(took), answers, tuple(wrong[:10])))


def _question(place: Place, rng: random.Random) -> str:
    """Some words of a file, which the writer may just have removed."""
    while True:
        try:
            words = rng.choice(sorted(place.documents.iterdir())).read_text(encoding="utf-8").split()
        except FileNotFoundError:
            continue
        if words:
            start = rng.randrange(len(words))
            return " ".join(words[start : start + 8])
