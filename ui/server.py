"""The HTTP API served alone: one process that also ingests, or several that only read."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import TypeAdapter
from uvicorn.supervisors import Multiprocess

from index.embed import BUNDLED, load_embedder
from index.errors import IndexFolderError, SettingsError
from index.ingest import ingest_given
from index.schema import FILE_NAME
from rag.assistant import Assistant
from ui.api import make_api
from ui.gate import Gate, hosts_of, warning
from ui.jobs import Jobs
from ui.observe import METRICS_FOLDER_VARIABLE, Observer, log_to_stderr, observer_from_environment
from ui.pool import DEFAULT_SIZE, Assistants
from ui.uploads import Uploads
from ui.users import Users

Report = Callable[[str], None]

_MOST_NAMED = 3  # other indexes, where the one that was named is not there
_SETTINGS_VARIABLE = "DRAGOMAN_SERVE"  # how the processes of several are told what to serve


@dataclass(frozen=True, slots=True)
class Settings:
    """What is served, and to whom."""

    index: Path
    host: str = "127.0.0.1"
    port: int = 7860  # 0 for any that is free
    auth: Path | None = None  # a file of users; None for anybody
    uploads: Path | None = None  # where files are kept that are handed in; None for beside the index
    ingest_from: tuple[Path, ...] = ()  # folders that jobs may read
    reranker: str = ""
    chat: str = ""
    nli: str = ""
    log: str = "text"


@dataclass(frozen=True, slots=True)
class Serving:
    """What the page and the API of an index stand on."""

    assistants: Assistants
    jobs: Jobs | None
    observer: Observer
    users: Users | None

    def close(self) -> None:
        """End the job that is running, and close the index."""
        if self.jobs is not None:
            self.jobs.close()
        self.assistants.close()
        self.observer.flush()


def open_serving(settings: Settings, *, size: int = DEFAULT_SIZE, writes: bool = True, report: Report) -> Serving:
    """Open an index to be asked by `size` at once; one that `writes` begins where there is none.

    Raises IndexFolderError, ModelError, SettingsError.
    """
    users = Users(settings.auth) if settings.auth is not None else None
    observer = observer_from_environment()
    log_to_stderr(settings.log)

    if writes and not settings.index.exists():
        _make_first(settings.index, report)
    first = _opened(settings, report)
    try:
        # The embedder is loaded now: a model that is missing is told here, not to the first question.
        assistants = Assistants(first, lambda: _opened(settings), size=size)
    except BaseException:
        first.close()
        raise
    jobs = None
    if writes:
        uploads = settings.uploads or settings.index.with_name(f"{settings.index.name}.uploads")
        jobs = Jobs(settings.index, Uploads(uploads), allowed=settings.ingest_from)
    return Serving(assistants, jobs, observer, users)


def _make_first(folder: Path, report: Report) -> None:
    """Make an empty index, to which files are added while it is served.

    Where there are others beside it, or no folder to make it in, its name is taken for a mistyped one.
    Raises IndexFolderError, ModelError.
    """
    make = f"dragoman ingest FOLDER-OF-DOCUMENTS --index {folder}"
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise IndexFolderError(f"{folder}: no such index, and no folder {parent} to make it in; make one: {make}")
    if others := sorted(found.parent.name for found in parent.glob(f"*/{FILE_NAME}")):
        raise IndexFolderError(
            f"{folder}: no such index; beside it there is {', '.join(others[:_MOST_NAMED])}: name that, "
            f"or make another: {make}"
        )
    ingest_given([], folder, embedder=load_embedder(BUNDLED, report=report))
    report(f"there was no index, so an empty one was made in {folder.absolute()}; add files in the Library, or: {make}")


def _opened(settings: Settings, report: Report = lambda message: None) -> Assistant:
    return Assistant.open(
        settings.index, reranker=settings.reranker, chat=settings.chat, nli=settings.nli, report=report
    )


@dataclass(frozen=True, slots=True)
class RunningApi:
    """An API that is being served at `url` from a thread, until `close` is called."""

    url: str
    server: uvicorn.Server
    thread: threading.Thread
    serving: Serving

    def close(self) -> None:
        """Stop serving and close the index."""
        self.server.should_exit = True
        self.thread.join()
        self.serving.close()


def start_api(settings: Settings, *, report: Report = lambda message: None) -> RunningApi:
    """Serve the API from a thread; close what is returned. Raises as `open_serving` does."""
    listening = listen(settings.host, settings.port)
    serving = open_serving(settings, report=report)
    server = uvicorn.Server(_config(_app(serving, settings)))
    thread = threading.Thread(target=server.run, args=([listening],), name="api", daemon=True)
    thread.start()
    return RunningApi(_url(listening), server, thread, serving)


def serve_api(settings: Settings, *, workers: int = 1, report: Report) -> None:
    """Serve the API until Ctrl-C or SIGTERM. With several workers, a process each, nothing is ingested.

    Raises as `open_serving` does, and SettingsError when the port cannot be had.
    """
    if workers < 1:
        raise SettingsError(f"--workers is {workers}; want 1 or more")
    listening = listen(settings.host, settings.port)
    if told := warning(settings.host, has_users=settings.auth is not None):
        report(told)
    address = f"API at {_url(listening)}/api (Ctrl-C ends it)"
    if workers == 1:
        serving = open_serving(settings, report=report)
        try:
            report(address)
            uvicorn.Server(_config(_app(serving, settings))).run([listening])
        finally:
            serving.close()
        return
    open_serving(settings, size=1, writes=False, report=report).close()  # what is wrong is told once, and here
    with tempfile.TemporaryDirectory(prefix="dragoman-metrics-") as metrics:
        os.environ[METRICS_FOLDER_VARIABLE] = metrics
        os.environ[_SETTINGS_VARIABLE] = TypeAdapter(Settings).dump_json(settings).decode()
        config = _config("ui.server:worker_app", factory=True, workers=workers)
        report(f"{address}; {workers} processes, which only read")
        Multiprocess(config, sockets=[listening]).run()


def worker_app() -> Gate:
    """What each of several processes serves, by what the environment says."""
    settings = TypeAdapter(Settings).validate_json(os.environ[_SETTINGS_VARIABLE])
    serving = open_serving(settings, size=1, writes=False, report=lambda message: None)
    return _app(serving, settings)


def _app(serving: Serving, settings: Settings) -> Gate:
    api = make_api(serving.assistants, serving.jobs, serving.observer)
    return Gate(api, observer=serving.observer, users=serving.users, hosts=hosts_of(settings.host))


def _config(app: Any, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, **options)


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `port`, or on one that is free for 0. Raises SettingsError."""
    if not 0 <= port <= 65_535:
        raise SettingsError(f"--port {port}: no such port; use one from 1024 to 65535")
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise taken(host, port) from error
        if isinstance(error, PermissionError):
            raise SettingsError(f"--port {port}: not allowed to this user; use one from 1024 to 65535") from error
        raise SettingsError(f"--host {host}: not an address of this machine; use 127.0.0.1") from error


def taken(host: str, port: int) -> SettingsError:
    """What is said when another program has the port."""
    other = port + 1 if port < 65_535 else 7860
    return SettingsError(f"--port {port}: another program has it on {host}; end that program, or use --port {other}")
