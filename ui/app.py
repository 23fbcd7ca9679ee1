"""The page: one Gradio component, served with the API, to this machine alone unless asked otherwise."""

from __future__ import annotations

import inspect
import os
import sys
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ui.api import PATHS as API_PATHS
from ui.api import make_api
from ui.cases import Cases
from ui.conversations import open_conversations
from ui.evaluation import Evaluation
from ui.gate import Gate, hosts_of, warning
from ui.history import History
from ui.jobs import Jobs
from ui.lab import Lab
from ui.library import Shelf
from ui.observe import Observer
from ui.page import Desk
from ui.payload import Payload
from ui.pieces import ASSETS, page_css, page_html, page_js
from ui.pool import Assistants
from ui.server import Settings, listen, open_serving, taken
from ui.users import CURRENT_USER, Users

if TYPE_CHECKING:
    import gradio as gr
    from starlette.types import ASGIApp, Receive, Scope, Send

Report = Callable[[str], None]

# Gradio reads it when it is imported, which happens below and nowhere else.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO_FONTS = ("ui-monospace", "Menlo", "Consolas", "Noto Sans Mono", "monospace")

# What of Gradio's the page asks for. The rest, its own uploads, files, proxies and the calling of functions by name
# among it, is not there: what is not open need not be guarded.
_OPEN = (
    "/assets/",
    "/static/",
    "/svelte/",
    "/gradio_api/component_server",
    "/gradio_api/heartbeat/",
    "/gradio_api/startup-events",
)
_OPEN_EXACTLY = frozenset({"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"})
_STARTUP = "/gradio_api/startup-events"  # Gradio asks itself for it, without a name; it tells nothing


@dataclass(frozen=True, slots=True)
class RunningPage:
    """A page that is being served at `url`, until `close` is called."""

    url: str
    page: gr.Blocks
    close_rest: Callable[[], None]

    def close(self) -> None:
        """Stop serving, and close what it stands on."""
        self.page.close(verbose=False)
        self.close_rest()


def import_gradio() -> None:
    """Import Gradio in half the time that it takes by itself: three seconds in place of five.

    For each of its components it compares a type stub in its own package with what it would write there, and writes it
    where it may. That needs the component's file: who has none, as one typed at a prompt, gets no stub.
    """
    file_of = inspect.getfile

    def file_of_others(found: Any) -> str:
        if isinstance(found, type) and found.__module__.startswith("gradio."):
            raise OSError("no stub is wanted")
        return file_of(found)

    inspect.getfile = file_of_others
    try:
        import gradio  # noqa: F401
    finally:
        inspect.getfile = file_of


def serve(
    settings: Settings,
    *,
    opens_browser: bool = False,
    report: Report = lambda message: None,
    prevent_thread_lock: bool = False,
) -> RunningPage:
    """Serve the page of an index and the API until Ctrl-C, or return at once with `prevent_thread_lock`; then close it.

    `report` is told the address, and what takes long. GET /health answers once questions can be asked.
    Raises IndexFolderError, ModelError, and SettingsError when host and port cannot be had.
    """
    host = settings.host
    with listen(host, settings.port) as listening:  # what Gradio would say of a port that it cannot have helps nobody
        port = int(listening.getsockname()[1])
    importing = threading.Thread(target=import_gradio, name="import", daemon=True)
    importing.start()  # beside the opening of the index, of which a part is not Python
    serving = open_serving(settings, report=report)
    importing.join()
    try:
        page = build_page(serving.assistants, settings.index, jobs=serving.jobs)
        api = make_api(serving.assistants, serving.jobs, serving.observer)
        url = launch(page, host=host, port=port, api=api, users=serving.users, observer=serving.observer)
    except BaseException:
        serving.close()
        raise
    running = RunningPage(url, page, serving.close)
    try:
        if told := warning(host, has_users=serving.users is not None):
            report(told)
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


def build_page(assistants: Assistants, folder: Path, *, jobs: Jobs | None = None) -> gr.Blocks:
    """The page of the index in `folder`, not yet served; `launch` serves it. Without `jobs` it changes nothing."""
    import gradio as gr

    conversations, unkept = open_conversations(folder)
    # What the views call, a class each.
    cases = Cases(folder)
    desks = (
        Desk(assistants, conversations),
        History(conversations, unkept=unkept),
        Shelf(folder, jobs),
        Lab(assistants.borrow, cases),
        Evaluation(folder, jobs, cases),
    )
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


def launch(
    page: gr.Blocks,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    api: ASGIApp | None = None,
    users: Users | None = None,
    observer: Observer | None = None,
) -> str:
    """Serve a built page from a thread, with `api` beside it, and return its address.

    Raises SettingsError when `port` cannot be had.
    """
    from gradio.themes import Default
    from starlette.middleware import Middleware

    with listen(host, port) as listening:
        port = int(listening.getsockname()[1])
    middleware = [
        Middleware(
            Gate,
            observer=observer or Observer(),
            users=users,
            hosts=hosts_of(host),
            is_open=_is_open,
            public=[_STARTUP],
        )
    ]
    if api is not None:
        middleware.append(Middleware(_Split, api=api))
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
        raise taken(host, port) from error
    return url


class _Split:
    """An ASGI application that hands what is the API's to the API, and the rest to another."""

    def __init__(self, app: ASGIApp, *, api: ASGIApp) -> None:
        self._app, self._api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and _is_api(scope["path"])
        await (self._api if is_api else self._app)(scope, receive, send)


def _is_api(path: str) -> bool:
    return path in API_PATHS or path.startswith("/api/")


def _is_open(path: str) -> bool:
    return _is_api(path) or path in _OPEN_EXACTLY or path.startswith(_OPEN)


def _named(method: Callable[..., Payload]) -> Callable[[object], Payload]:
    """A method as a function, which Gradio calls by its name from the page; it marks it, which methods refuse."""

    def function(request: object) -> Payload:
        return method(request, CURRENT_USER.get())

    function.__name__ = method.__name__
    return function


def _has_screen() -> bool:
    # Without one, Python would start a browser for terminals in the one that this runs in.
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _reach_without_proxy(host: str) -> None:
    """Let Gradio, which asks its own server whether it is up, do so where a proxy is set."""
    excepted = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    if excepted != "*":
        os.environ["no_proxy"] = ",".join(filter(None, [excepted, "127.0.0.1", "localhost", host]))
