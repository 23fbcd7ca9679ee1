"""Many people asking one server at once, over HTTP: how long answers take, what fails, and whether memory stays.

Each of them asks a question of the set, reads what comes for a while, and asks the next; answers are streamed, as the
page has them. The server is a process of its own, told by its address, and by its number for what it holds.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from eval.alone import resident_memory
from index.errors import DragomanError, SettingsError

_SECONDS_TO_ANSWER = 60.0  # what takes longer has failed
_SECONDS_BETWEEN_LOOKS = 1.0
_LOOKS_A_REPORT = 20
_EVENT = "event: "


class ServerLost(DragomanError):
    """A server that was to be measured did not begin, or ended."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What people saw who asked at once. Times are in milliseconds, from the question's sending on."""

    users: int
    seconds: float
    questions: int
    errors: tuple[str, ...]  # must be empty
    first_p50: float  # until the first event: a statement, or that there is none
    first_p95: float
    whole_p50: float  # until all of the reply is there
    whole_p95: float
    slowest: float
    megabytes_before: float  # of the server after a first question; NaN where that is not known
    megabytes_half: float  # the most in the first half of the time
    megabytes: float  # the most in the second half: what leaks is more than in the first


@dataclass(frozen=True, slots=True)
class _Asked:
    first: float  # seconds
    whole: float
    error: str = ""


def ask_at_once(
    url: str,
    questions: Sequence[str],
    *,
    users: int,
    seconds: float,
    pause: float,
    process: int,
    seed: int = 1,
    report: Callable[[str], None] = lambda message: None,
) -> LoadReport:
    """Let `users` ask the server at `url` for so long, each `pause` seconds after its last answer, on average.

    `process` is the server's. Raises ServerLost if a first question, asked alone, gets no answer.
    """
    if users < 1 or seconds <= 0 or pause < 0:
        raise SettingsError("there must be a user and some time, and no pause below 0")
    if (alone := _ask(url, questions[0])).error:
        raise ServerLost(f"{url}: {alone.error}")
    before, held = resident_memory(process), list[float]()
    asked: list[_Asked] = []
    until = time.monotonic() + seconds

    def user(number: int) -> None:
        rng = random.Random(f"{seed} {number}")  # noqa: S311 - not for secrets
        wait = rng.uniform(0, pause)  # they do not begin as one
        while time.monotonic() + wait < until:
            time.sleep(wait)
            asked.append(_ask(url, rng.choice(questions)))
            wait = rng.uniform(0, 2 * pause)

    threads = [threading.Thread(target=user, args=(number,), daemon=True) for number in range(users)]
    for thread in threads:
        thread.start()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _SECONDS_BETWEEN_LOOKS))
        held.append(resident_memory(process))
        if len(held) % _LOOKS_A_REPORT == 0:
            report(f"{len(asked)} questions, {sum(bool(each.error) for each in asked)} errors, {left:.0f} s left")
    for thread in threads:
        thread.join(_SECONDS_TO_ANSWER)
    return _summary(asked, users, seconds, before, held)


def _ask(url: str, question: str) -> _Asked:
    server = urlsplit(url)
    connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=_SECONDS_TO_ANSWER)
    begun, first, last = time.perf_counter(), 0.0, ""
    try:
        body = json.dumps({"question": question}).encode()
        connection.request("POST", "/api/ask/stream", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            return _Asked(0.0, 0.0, f"{response.status}: {response.read(200)!r}")
        for line in response:
            if line.startswith(_EVENT.encode()):
                last = line.decode().removeprefix(_EVENT).strip()
                first = first or time.perf_counter() - begun
    except (OSError, http.client.HTTPException) as error:
        return _Asked(0.0, 0.0, f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    whole = time.perf_counter() - begun
    return _Asked(first, whole, "" if last == "reply" else f"the last event was {last!r}")


def _summary(asked: Sequence[_Asked], users: int, seconds: float, before: float, held: Sequence[float]) -> LoadReport:
    well = [each for each in asked if not each.error] or [_Asked(float("nan"), float("nan"))]
    first_p50, first_p95 = np.percentile([each.first * 1e3 for each in well], [50, 95]).tolist()
    whole_p50, whole_p95, slowest = np.percentile([each.whole * 1e3 for each in well], [50, 95, 100]).tolist()
    half = max(1, len(held) // 2)
    return LoadReport(
        users=users,
        seconds=seconds,
        questions=len(asked),
        errors=tuple(each.error for each in asked if each.error),
        first_p50=first_p50,
        first_p95=first_p95,
        whole_p50=whole_p50,
        whole_p95=whole_p95,
        slowest=slowest,
        megabytes_before=before / 1e6,
        megabytes_half=max(held[:half]) / 1e6,
        megabytes=max(held[half:] or held) / 1e6,
    )
