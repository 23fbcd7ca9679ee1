"""An OpenAI-compatible server of our own on this machine that says what it is given to say, over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Request = dict[str, Any]
# What is streamed, piece by piece: text of the model, or bytes that are sent as they are.
Pieces = Iterator[str | bytes]


@dataclass
class Script:
    """What the server is to say to a request, and what it was asked."""

    url: str = ""
    say: Callable[[Request], Pieces] = lambda request: iter(())
    status: Callable[[Request], int] = lambda request: 200
    breaks_off: bool = False  # the end of the stream never comes
    seen: list[Request] = field(default_factory=list)

    def says(self, value: object) -> None:
        """Whatever it is asked, it says this: text as it is, other values as JSON."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self.say = lambda request: (text[i : i + 7] for i in range(0, len(text), 7))


def passages(request: Request) -> dict[str, dict[str, str]]:
    """The passages that the model was shown, by their ids."""
    lines = request["messages"][-1]["content"].splitlines()
    return {row["id"]: row for row in (json.loads(line) for line in lines if line.startswith("{"))}


def answer(*statements: tuple[str, str, str]) -> str:
    """What a model writes that says these texts with these quotes of these passages."""
    rows = [{"quotes": [{"passage": name, "quote": quote}], "text": text} for text, name, quote in statements]
    return json.dumps({"statements": rows}, ensure_ascii=False)


@contextmanager
def serving() -> Iterator[Script]:
    """The server while it runs."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            script.seen.append(request)
            if (status := script.status(request)) != 200:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"no")
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            try:
                for piece in script.say(request):
                    self.wfile.write(piece if isinstance(piece, bytes) else _event(piece))
                    self.wfile.flush()
                if not script.breaks_off:
                    self.wfile.write(b"data: [DONE]\n\n")
            except OSError:
                pass  # who asked has heard enough

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def _event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
