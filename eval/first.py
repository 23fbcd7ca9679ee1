"""How long after a run over many files was begun another process answers from what is committed of them.

What is asked stands in one of the files that are read first: the question is not whether all is there, but how long
nothing is. Whoever asks begins a process of its own each time, as a person at the command line does, beside the run and
on the same cores.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.crash import write_files
from index.errors import DragomanError

_ASKED_OF = 3  # the file, in the order in which they are read
_WORDS = 10
_MOST_SECONDS = 600.0


class NotAnswered(DragomanError):
    """The run ended or the time was up, and nothing had been answered."""


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """When the first answer came, in seconds."""

    documents: int
    seconds: float  # from the beginning of the run's process until the answer was printed
    asking: float  # of these, what the process took that gave it
    asked: int  # times, this one included
    load: float  # of the machine when the run began


def write_documents(folder: Path, count: int, *, seed: int) -> str:
    """Write so many small files in four languages, and return a question that one of the first of them answers."""
    write_files(folder, random.Random(seed), count)  # noqa: S311 - not for secrets
    first = sorted(folder.iterdir())[: _ASKED_OF + 1][-1]
    return " ".join(first.read_text(encoding="utf-8").split()[:_WORDS])


def first_answer(ingest: Sequence[str], ask: Sequence[str], *, documents: int) -> FirstAnswer:
    """Run the command `ingest`, and `ask`, which prints the JSON of a reply, until that has statements.

    The run is stopped then. Raises NotAnswered.
    """
    load, begun, asked = os.getloadavg()[0], time.monotonic(), 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        run = subprocess.Popen(ingest, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told)
        try:
            while (waited := time.monotonic() - begun) < _MOST_SECONDS:
                ended = run.poll() is not None  # looked at first: what it leaves is there before it is asked
                done = subprocess.run(ask, capture_output=True, text=True, check=False)
                asked += 1
                if done.returncode == 0 and json.loads(done.stdout).get("statements"):
                    seconds = time.monotonic() - begun
                    return FirstAnswer(documents, seconds, seconds - waited, asked, load)
                if ended:
                    told.seek(0)
                    raise NotAnswered(
                        f"the run ended with code {run.returncode} and said {told.read().strip()!r}; asked, it says "
                        f"{(done.stderr or done.stdout).strip()!r}"
                    )
            raise NotAnswered(f"nothing was answered within {_MOST_SECONDS:.0f} s")
        finally:
            run.terminate()
            run.wait()
