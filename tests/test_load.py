"""Many who ask one server at once: what they wait for is told, and what fails."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eval.load import ServerLost, ask_at_once
from index.errors import SettingsError
from ui.load_command import show_load


@contextmanager
def server(*, events: tuple[str, ...], fails_from: int = 10**9) -> Iterator[str]:
    """Answers every question with these events, a tenth of a second before each; from one of them on with an error."""
    asked = 0
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal asked
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                asked += 1
                fails = asked >= fails_from
            self.send_response(500 if fails else 200)
            self.end_headers()
            for event in () if fails else events:
                time.sleep(0.1)
                self.wfile.write(f"event: {event}\ndata: {{}}\n\n".encode())
                self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}"
        finally:
            serving.shutdown()


def test_the_first_statement_and_the_whole_answer_are_timed() -> None:
    with server(events=("statement", "statement", "reply")) as url:
        found = ask_at_once(url, ["why?"], users=3, seconds=1.5, pause=0.1, process=os.getpid())
    assert not found.errors
    assert found.questions >= 3
    assert 100 <= found.first_p50 <= found.first_p95
    assert found.first_p50 + 150 <= found.whole_p50 <= found.whole_p95 <= found.slowest
    assert min(found.megabytes_before, found.megabytes_half, found.megabytes) > 10
    assert "3 users" in show_load(found, 4.0)


def test_an_answer_that_breaks_off_or_fails_is_an_error() -> None:
    with server(events=("statement", "reply"), fails_from=3) as url:
        found = ask_at_once(url, ["why?"], users=2, seconds=1.0, pause=0.05, process=os.getpid())
    assert found.questions - len(found.errors) == 1  # the second; the first was asked alone
    assert set(found.errors) == {"500: b''"}
    assert "500" in show_load(found, 4.0)
    with server(events=("statement", "error")) as url, pytest.raises(ServerLost, match="the last event was 'error'"):
        ask_at_once(url, ["why?"], users=1, seconds=0.2, pause=0, process=os.getpid())


def test_nobody_there_is_told() -> None:
    with server(events=()) as url:
        pass
    with pytest.raises(ServerLost, match="ConnectionRefusedError"):
        ask_at_once(url, ["why?"], users=1, seconds=0.2, pause=0, process=os.getpid())
    with pytest.raises(SettingsError, match="a user"):
        ask_at_once(url, ["why?"], users=0, seconds=0.2, pause=0, process=os.getpid())
