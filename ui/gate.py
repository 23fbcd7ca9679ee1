"""What stands before every request to a server: who asks, from where, how much, and the headers of each response."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response

from ui.observe import Observer
from ui.users import CURRENT_USER, Users

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4 << 20  # of a request that is no upload
UPLOADS = "/api/uploads/"

# The page puts every text in as text. Should that ever fail, the browser still lets nothing out to another host.
# Gradio makes functions of strings, hence 'unsafe-eval', and writes its settings into the page, hence 'unsafe-inline'.
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        b"img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Gate:
    """An ASGI application before another. It buffers nothing, and answers GET /health itself, to anyone.

    With `users`, whoever asks must be one of them; the name is in `scope["user"]` and `ui.users.CURRENT_USER`. `hosts`
    are the names by which the server may be asked for, none for any: a page elsewhere can point a name of its own at
    127.0.0.1 and read us as if it were ours. What a page elsewhere sends is refused in any case. `is_open` tells of a
    path whether it leads anywhere; those that are `public` are open to anyone.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        observer: Observer,
        users: Users | None = None,
        hosts: Sequence[str] = (),
        is_open: Callable[[str], bool] = lambda path: True,
        public: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._observer = observer
        self._users = users
        self._hosts = frozenset(hosts)
        self._is_open = is_open
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        user = await self._user(headers) if self._users else ""
        began, status = time.perf_counter(), 0
        counted = _Counted(receive)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if counted.is_too_large and not status:
                return  # what is made of half a request
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        refused = self._refused(scope, headers, user)
        token = CURRENT_USER.set(user)
        try:
            if refused is not None:
                await refused(scope, receive, send_with_headers)
            else:
                is_upload = scope["path"].startswith(UPLOADS)  # which has limits of its own
                with suppress(_TooLarge):
                    await self._app({**scope, "user": user}, receive if is_upload else counted, send_with_headers)
                if counted.is_too_large and not status:
                    counted.is_too_large = False
                    await _too_large()(scope, receive, send_with_headers)
        finally:
            CURRENT_USER.reset(token)
            self._observer.responded(
                method=scope.get("method", "WEBSOCKET"),
                path=scope["path"],
                status=status,
                seconds=round(time.perf_counter() - began, 4),
                user=user,
            )

    async def _user(self, headers: Headers) -> str:
        assert self._users is not None
        if not (authorization := headers.get("authorization", "")):
            return ""
        return await run_in_threadpool(self._users.name_of, authorization)  # scrypt takes a while

    def _refused(self, scope: Scope, headers: Headers, user: str) -> Response | None:
        """Why a request goes no further, if it does not."""
        path = scope["path"]
        if self._hosts and _host(headers.get("host", "")) not in self._hosts:
            return _error(400, f"this server is not {headers.get('host', '')!r}; ask for it by {min(self._hosts)}")
        if path == "/health" and scope["type"] == "http":
            return JSONResponse({"status": "ok"})
        if self._users and not user and path not in self._public:
            return _error(
                401,
                "this archive is open to its users; send a name and a password (HTTP Basic)",
                {"WWW-Authenticate": 'Basic realm="Dragoman", charset="UTF-8"'},
            )
        if _is_from_elsewhere(scope, headers):
            return _error(403, "sent by a page of another site; open this archive's own page")
        if ".." in path.split("/") or "\\" in path or "\0" in path or not self._is_open(path):
            return _error(404, "there is nothing here; see /api")
        if not path.startswith(UPLOADS) and int(headers.get("content-length", "0") or 0) > MOST_BYTES:
            return _too_large()
        return None


class _TooLarge(Exception):
    """More was sent than is taken."""


class _Counted:
    """What is received, up to a limit; then _TooLarge is raised."""

    def __init__(self, receive: Receive) -> None:
        self.is_too_large = False
        self._receive = receive
        self._received = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > MOST_BYTES:
            self.is_too_large = True
            raise _TooLarge
        return message


def _is_from_elsewhere(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that another site's page sends this, other than by a link to our page."""
    is_link = scope.get("method") in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none") and not is_link
    # Where a browser does not say, over plain HTTP: the origin of what is sent, as far as it tells one.
    origin = headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc != headers.get("host", "")


def _host(value: str) -> str:
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


def _too_large() -> Response:
    return _error(413, f"a request has {MOST_BYTES >> 20} MB or less; files go to {UPLOADS}")


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hosts_of(host: str) -> tuple[str, ...]:
    """The names by which a server that listens on `host` may be asked for; none for any."""
    return ("127.0.0.1", "::1", "localhost", host) if is_loopback(host) else ()


def warning(host: str, *, has_users: bool) -> str:
    """What whoever listens on `host` must know, or "" on this machine alone."""
    if is_loopback(host):
        return ""
    if has_users:
        return (
            f"{host}: passwords and documents cross the network readable; put a server that speaks TLS in front of "
            "this one (caddy, nginx), and let it alone be reached"
        )
    return (
        f"{host}: whoever can reach this machine can now read this archive; 127.0.0.1 keeps it to this machine, "
        "--auth FILE asks for a name and a password"
    )
