"""The page: one Gradio component, served to this machine alone unless asked otherwise."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import SettingsError
from rag.assistant import Assistant
from ui.conversations import open_conversations
from ui.history import History
from ui.page import Desk
from ui.payload import Payload
from ui.pieces import ASSETS, page_css, page_html, page_js

if TYPE_CHECKING:
    import gradio as gr
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Report = Callable[[str], None]

# Gradio reads it when it is imported, which happens below and nowhere else.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "Noto Sans Mono", "monospace")

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


@dataclass(frozen=True, slots=True)
class RunningPage:
    """A page that is being served at `url`, until `close` is called."""

    url: str
    page: gr.Blocks
    close_assistant: Callable[[], None]

    def close(self) -> None:
        """Stop serving and close the assistant."""
        self.page.close(verbose=False)
        self.close_assistant()


def serve(
    index_folder: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    reranker: str = "",
    chat: str = "",
    opens_browser: bool = False,
    report: Report = lambda message: None,
    prevent_thread_lock: bool = False,
) -> RunningPage:
    """Serve the page of an index until Ctrl-C, or return at once with `prevent_thread_lock`; then close it yourself.

    `reranker` and `chat` name models, as `Assistant.open` takes them. `port` 0 takes any that is free. GET /health
    answers once questions can be asked. `report` is told the address, and what takes long.
    Raises IndexFolderError, ModelError, and SettingsError when `host` and `port` cannot be had.
    """
    port = _free_port(host, port)
    assistant = Assistant.open(index_folder, reranker=reranker, chat=chat, report=report)
    try:
        _ = assistant.index.embedder  # loaded now: a model that is missing is told here, not to the first question
        page = build_page(assistant)
        url = launch(page, host=host, port=port)
    except BaseException:
        assistant.close()
        raise
    running = RunningPage(url, page, assistant.close)
    try:
        if not _is_loopback(host):
            report(
                f"{host}: whoever can reach this machine can now read this archive; 127.0.0.1 keeps it to this machine"
            )
        report(f"ask at {url} (Ctrl-C ends it)")
        if opens_browser and _has_screen():
            webbrowser.open(url)
        if prevent_thread_lock:
            return running
        threading.Event().wait()  # not Gradio's own way to block: it prints
    except BaseException as error:
        running.close()
        # Whoever was told of Ctrl-C may press it at once, while we are still telling.
        if prevent_thread_lock or not isinstance(error, KeyboardInterrupt):
            raise
    return running


def build_page(assistant: Assistant) -> gr.Blocks:
    """The page of an assistant, not yet served; `launch` serves it."""
    import gradio as gr

    conversations, unkept = open_conversations(assistant.index.folder)
    # What the views call, a class each.
    desks = (Desk(assistant, conversations), History(conversations, unkept=unkept))
    with gr.Blocks(title="Dragoman", analytics_enabled=False, fill_width=True) as page:
        # The template is ours and fixed. No value goes through it: what is put in a template becomes HTML.
        gr.HTML(
            html_template=page_html(),
            css_template=page_css(),
            js_on_load=page_js(),
            server_functions=[_named(function) for desk in desks for function in desk.functions],
            apply_default_css=False,
        )
    return page


def launch(page: gr.Blocks, *, host: str = "127.0.0.1", port: int = 7860) -> str:
    """Serve a built page from a thread and return its address. Raises SettingsError when `port` cannot be had."""
    from gradio.themes import Default
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    port = _free_port(host, port)
    middleware = [Middleware(_WithHeaders)]
    if _is_loopback(host):
        # A page elsewhere can point a name of its own at 127.0.0.1 and read us as if it were this page.
        middleware.append(Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", host]))
    _reach_without_proxy(host)
    try:
        _, url, _ = page.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=port,
            theme=Default(font=list(_FONTS), font_mono=list(_MONO_FONTS)),  # the stock fonts are fetched
            favicon_path=str(ASSETS / "icon.svg"),
            footer_links=[],
            app_kwargs={"middleware": middleware},
            quiet=True,
            share=False,
            inbrowser=False,
            ssr_mode=False,
            mcp_server=False,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise _taken(host, port) from error
    return url


class _WithHeaders:
    """An ASGI application that adds `_HEADERS` to every response of another, and answers GET /health.

    It buffers nothing. Gradio takes every path for one of its pages, so health is answered before it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        if scope["type"] == "http" and scope["path"] == "/health" and scope["method"] == "GET":
            from starlette.responses import JSONResponse

            await JSONResponse({"status": "ok"})(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)


def _named(method: Callable[[object], Payload]) -> Callable[[object], Payload]:
    """A method as a function, which Gradio calls by its name from the page; it marks it, which methods refuse."""

    def function(request: object) -> Payload:
        return method(request)

    function.__name__ = method.__name__
    return function


def _free_port(host: str, port: int) -> int:
    """`port`, or one that is free for 0. Gradio would look at localhost only, and say nothing that helps."""
    if not 0 <= port <= 65_535:
        raise SettingsError(f"--port {port}: no such port; use one from 1024 to 65535")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(address[:2], family=family) as server:
            return int(server.getsockname()[1])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(host, port) from error
        if isinstance(error, PermissionError):
            raise SettingsError(f"--port {port}: not allowed to this user; use one from 1024 to 65535") from error
        raise SettingsError(f"--host {host}: not an address of this machine; use 127.0.0.1") from error


def _taken(host: str, port: int) -> SettingsError:
    other = port + 1 if port < 65_535 else 7860
    return SettingsError(f"--port {port}: another program has it on {host}; end that program, or use --port {other}")


def _has_screen() -> bool:
    # Without one, Python would start a browser for terminals in the one that this runs in.
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reach_without_proxy(host: str) -> None:
    """Let Gradio, which asks its own server whether it is up, do so where a proxy is set."""
    excepted = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    if excepted != "*":
        os.environ["no_proxy"] = ",".join(filter(None, [excepted, "127.0.0.1", "localhost", host]))
