"""The HTTP API: what the page can do, for machines. /openapi.json describes it, and /api for people."""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
import html
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from index.errors import DragomanError, IndexFolderError, IndexLocked, SettingsError
from index.values import Document, Source
from rag.assistant import Assistant, Wishes
from rag.receipt import hit_to_json, statement_to_json
from rag.reply import Abstention, Reply, Statement
from ui import api_models as models
from ui.jobs import Jobs
from ui.observe import LOG, Observer
from ui.payload import in_other_languages
from ui.pool import Assistants
from ui.uploads import TooLarge, UploadRefused
from ui.users import CURRENT_USER

PATHS = ("/api", "/openapi.json", "/metrics")  # and all below /api

_T = TypeVar("_T")
_DESCRIPTION = """\
Ask an archive, and read answers that point at the exact characters of the source they stand on.

All offsets are code points, `end` not included. What goes wrong is told as `{"error": …}`, with `said`, the key and
values of the sentence, where who tells it in another language can know it by them: 400 for what makes no sense, 401
without a name and a password where they are asked for, 404, 409 while another job writes the index, 413 for too much,
422 for JSON of another form, 503 for an index that cannot be read."""
_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": models.Problem} for code in (400, 401, 422, 503)}
_STATUS: tuple[tuple[type[DragomanError], int], ...] = (  # the first that fits
    (TooLarge, 413),
    (UploadRefused, 400),
    (SettingsError, 400),
    (IndexLocked, 409),
    (IndexFolderError, 503),
)


def make_api(assistants: Assistants, jobs: Jobs | None, observer: Observer) -> FastAPI:
    """The API of an index. Without `jobs` the server only reads, and says so where more is wanted."""

    @asynccontextmanager
    async def until_the_end(_: FastAPI) -> AsyncIterator[None]:
        yield
        observer.flush()

    # Its pages of documentation load scripts from elsewhere; ours is /api.
    api = FastAPI(
        title="Dragoman",
        version=version("dragoman"),
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses=_PROBLEMS,
        lifespan=until_the_end,
    )
    _add_problems(api)
    _add_asking(api, assistants, observer)
    _add_reading(api, assistants)
    _add_jobs(api, jobs)

    @api.get("/metrics", response_class=PlainTextResponse, tags=["server"])
    def metrics() -> PlainTextResponse:
        """Counts and times in Prometheus' text format."""
        return PlainTextResponse(observer.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @api.get("/api", response_class=HTMLResponse, include_in_schema=False)
    def documentation() -> HTMLResponse:
        return HTMLResponse(_page(api.openapi()))

    return api


def _add_problems(api: FastAPI) -> None:
    """Say what goes wrong in our words, and never how it came about."""

    @api.exception_handler(DragomanError)
    def dragoman(request: Request, error: Exception) -> JSONResponse:
        return _problem(error)

    @api.exception_handler(RequestValidationError)
    def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        told = "; ".join(_told(each) for each in error.errors()[:5])
        return JSONResponse({"error": f"{told} (/openapi.json says what is wanted)"}, 422)

    @api.exception_handler(StarletteHTTPException)
    def other(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, StarletteHTTPException)
        told = "there is nothing here; see /api" if error.detail == "Not Found" else error.detail
        return JSONResponse({"error": told}, error.status_code, error.headers)

    @api.exception_handler(Exception)
    def defect(request: Request, error: Exception) -> JSONResponse:
        return _problem(error)


def _problem(error: Exception) -> JSONResponse:
    if not isinstance(error, DragomanError):
        LOG.error("a request failed", exc_info=error)
        return JSONResponse({"error": "a defect of ours; what it is stands in the server's log"}, 500)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    # Messages name options as the command line does; here they are fields.
    told: dict[str, Any] = {"error": str(error).removeprefix("--")}
    # For who tells it in another language, as the page does of an upload that is refused.
    if said := in_other_languages(error.told):
        told["said"] = said
    return JSONResponse(told, status)


def _told(error: Mapping[str, Any]) -> str:
    """What is wrong with one field: "question: Field required"."""
    where = ".".join(str(part) for part in error["loc"][1:]) or "the request"
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _add_asking(api: FastAPI, assistants: Assistants, observer: Observer) -> None:
    @api.post("/api/ask", tags=["ask"], responses={200: {"model": models.Reply}})
    def ask(question: models.Ask) -> JSONResponse:
        """Answer a question from the documents, or decline with a reason."""
        reply = _asked(
            assistants,
            observer,
            "ask",
            lambda assistant: assistant.ask(question.question, translate=question.translate, **_wishes(question)),
        )
        observer.answered(_outcome(reply))
        return JSONResponse(reply.receipt().to_document())

    @api.post("/api/ask/stream", tags=["ask"], responses={200: {"content": {"text/event-stream": {}}}})
    async def ask_stream(question: models.Ask) -> StreamingResponse:
        """Answer as server-sent events: `statement`, each as soon as it is grounded, then `reply`, with all of them.

        If it breaks off, the last event is `error`. The data of each is JSON: of `statement` one of the statements of
        a reply, of `reply` what /api/ask answers.
        """
        events = _Events(assistants, observer, question)
        first = await events.next()
        if isinstance(first, Exception):
            raise first
        return StreamingResponse(
            events.lines(first), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    @api.post("/api/search", tags=["ask"], responses={200: {"model": models.Found}})
    def search(wish: models.Search) -> JSONResponse:
        """List the passages that fit a question best, without answering."""
        hits = _asked(
            assistants, observer, "search", lambda assistant: assistant.search(wish.question, k=wish.k, **_wishes(wish))
        )
        return JSONResponse({"passages": [hit_to_json(hit) | {"text": hit.passage.text} for hit in hits]})


def _asked(assistants: Assistants, observer: Observer, kind: str, work: Callable[[Assistant], _T]) -> _T:
    try:
        with assistants.borrow() as assistant, observer.question(kind):
            return work(assistant)
    except Exception:
        observer.answered("error")
        raise


def _outcome(reply: Reply) -> str:
    return "abstention" if isinstance(reply, Abstention) else "answer"


def _wishes(question: models.Question) -> Wishes:
    return Wishes(
        languages=question.languages,
        since=question.since,
        until=question.until,
        sources=question.sources,
        outlets=question.outlets,
        exact=question.exact,
        recent=question.recent,
        today=question.today or dt.date.today().isoformat(),
        earlier=question.earlier,
    )


class _Events:
    """What a question gets, as it comes. One thread asks from beginning to end, which is what traces need."""

    def __init__(self, assistants: Assistants, observer: Observer, question: models.Ask) -> None:
        self._assistants, self._observer, self._question = assistants, observer, question
        self._loop = asyncio.get_running_loop()
        self._made = asyncio.Queue[Statement | Reply | Exception]()
        self._is_left = threading.Event()  # nobody listens any more
        run = contextvars.copy_context().run
        self._thread = threading.Thread(target=run, args=(self._ask,), name="ask", daemon=True)
        self._thread.start()

    async def next(self) -> Statement | Reply | Exception:
        return await self._made.get()

    async def lines(self, first: Statement | Reply) -> AsyncIterator[str]:
        made: Statement | Reply | Exception = first
        try:
            while isinstance(made, Statement):
                yield _event("statement", statement_to_json(made))
                made = await self.next()
            if isinstance(made, Exception):
                yield _event("error", json.loads(bytes(_problem(made).body)))
            else:
                yield _event("reply", made.receipt().to_document())
        finally:
            self._is_left.set()

    def _ask(self) -> None:
        try:
            _asked(self._assistants, self._observer, "ask", self._tell_all)
        except Exception as error:
            self._tell(error)

    def _tell_all(self, assistant: Assistant) -> None:
        question = self._question
        for made in assistant.stream(question.question, translate=question.translate, **_wishes(question)):
            if self._is_left.is_set():
                return
            if not isinstance(made, Statement):
                self._observer.answered(_outcome(made))
            self._tell(made)

    def _tell(self, made: Statement | Reply | Exception) -> None:
        with suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._made.put_nowait, made)


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _add_reading(api: FastAPI, assistants: Assistants) -> None:
    @api.get("/api/sources", tags=["archive"], responses={200: {"model": models.Sources}})
    def sources(after: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JSONResponse:
        """List the files of the index and the articles in them, in order of path, those after the path `after`."""
        with assistants.borrow() as assistant, assistant.index.catalog.snapshot():
            found = list(assistant.index.catalog.sources(after=after, limit=limit + 1))
        listed = [
            {
                "path": source.path,
                "media": source.media,
                "encoding": source.encoding,
                "problems": list(source.problems),
                "articles": [
                    _article(document) | {"passages": sum(of == document.id for of, _ in source.passages)}
                    for document in source.documents
                ],
            }
            for source in found[:limit]
        ]
        return JSONResponse({"sources": listed, "next": found[limit - 1].path if len(found) > limit else ""})

    @api.get("/api/articles/{id:path}", tags=["archive"], responses={200: {"model": models.Article}})
    def article(id: str) -> JSONResponse:
        """Read an article: the pieces of its source that were kept, each with where it stands there."""
        with assistants.borrow() as assistant, assistant.index.catalog.snapshot():
            catalog = assistant.index.catalog
            document = catalog.document(_whole(id))
            source = catalog.source(document.source_path) if document else None
        if document is None or source is None:
            raise HTTPException(404, f"{id}: no article of this id; GET /api/sources lists them")
        return JSONResponse(article_to_json(document, source))

    @api.post("/api/verify", tags=["archive"], responses={200: {"model": models.Quotes}})
    def verify(reply: models.SavedReply) -> JSONResponse:
        """Tell of every quote of a saved reply whether it stands in the index where it is said to.

        `dragoman verify` reads the files themselves again, too.
        """
        quotes = [
            quote for statement in reply.statements for quote in (*statement.citations, *statement.context.citations)
        ]
        with assistants.borrow() as assistant, assistant.index.catalog.snapshot():
            texts = {path: assistant.index.catalog.source(_whole(path)) for path in {quote.source for quote in quotes}}
        rows = [
            {
                "source": quote.source,
                "start": quote.start,
                "end": quote.end,
                "stands": _stands(quote, texts[quote.source]),
            }
            for quote in quotes
        ]
        return JSONResponse({"quotes": rows})


def _stands(quote: models.Quoted, source: Source | None) -> bool:
    return source is not None and 0 <= quote.start < quote.end and source.text[quote.start : quote.end] == quote.quote


def _article(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "title": document.title,
        "lang": document.lang,
        "date": document.date,
        "author": document.author,
        "outlet": document.outlet,
    }


def article_to_json(document: Document, source: Source) -> dict[str, Any]:
    """An article with those pieces of its source that were kept."""
    spans = [{"start": span.start, "end": span.end, "text": span.of(source.text)} for span in document.spans]
    return _article(document) | {"source": source.path, "sha256": source.sha256, "spans": spans}


def _whole(text: str) -> str:
    # Half a surrogate pair, which JSON and addresses can carry, is no character: SQLite would not take it.
    return text.encode("utf-8", "replace").decode("utf-8")


def _add_jobs(api: FastAPI, jobs: Jobs | None) -> None:
    def writing() -> Jobs:
        if jobs is None:
            raise HTTPException(403, "this server only reads; ingest with: dragoman ingest")
        return jobs

    def known(job: _T | None, id: str) -> _T:
        if job is None:
            raise HTTPException(404, f"{id}: no job of this id; GET /api/jobs lists them")
        return job

    @api.put("/api/uploads/{name:path}", status_code=201, tags=["ingest"], responses={201: {"model": models.Upload}})
    async def upload(name: str, request: Request) -> JSONResponse:
        """Keep a file, which is the body as it is (curl -T FILE …/api/uploads/); a job ingests it.

        If there is another of this name it is kept with a number in its name, which is told.
        """
        kept = await writing().uploads.keep(name, request.stream())
        return JSONResponse({"name": kept.name, "bytes": kept.bytes}, 201)

    @api.get("/api/uploads", tags=["ingest"], responses={200: {"model": models.UploadList}})
    def uploads() -> JSONResponse:
        """List the files that are kept."""
        return JSONResponse({"uploads": [{"name": up.name, "bytes": up.bytes} for up in writing().uploads.kept()]})

    @api.delete("/api/uploads/{name:path}", tags=["ingest"], responses={200: {"model": models.Upload}})
    def remove_upload(name: str) -> JSONResponse:
        """Remove a file that was kept; a job with `forget_gone` takes it out of the index, too."""
        if not writing().uploads.remove(name):
            raise HTTPException(404, f"{name}: no file of this name; GET /api/uploads lists them")
        return JSONResponse({"removed": name})

    @api.post("/api/jobs", status_code=202, tags=["ingest"], responses={202: {"model": models.Job}})
    def start(wish: models.JobWish) -> JSONResponse:
        """Begin to ingest the files that were uploaded, or folders; one job at a time. Asking goes on meanwhile."""
        job = writing().start(wish.paths, forget_gone=wish.forget_gone, user=CURRENT_USER.get())
        return JSONResponse(job.to_document(), 202)

    @api.get("/api/jobs", tags=["ingest"], responses={200: {"model": models.JobList}})
    def list_jobs() -> JSONResponse:
        """List the last jobs, newest first."""
        return JSONResponse({"jobs": [job.to_document() for job in writing().latest()]})

    @api.get("/api/jobs/{id}", tags=["ingest"], responses={200: {"model": models.Job}})
    def job(id: str) -> JSONResponse:
        """See how far a job is, and what it has done."""
        return JSONResponse(known(writing().get(id), id).to_document())

    @api.delete("/api/jobs/{id}", tags=["ingest"], responses={200: {"model": models.Job}})
    def cancel(id: str) -> JSONResponse:
        """Stop a job after the batch that it is at; what was committed stays."""
        return JSONResponse(known(writing().cancel(id), id).to_document())


def _page(description: Mapping[str, Any]) -> str:
    """The API for people to read: a page that loads nothing."""
    rows = [
        f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{html.escape(told['description'])}</p>"
        for path, methods in description["paths"].items()
        for method, told in methods.items()
    ]
    example = (
        'curl -H "Content-Type: application/json" -d \'{"question": "why did Armenia skip the Moscow meeting?"}\' '
        "http://127.0.0.1:7860/api/ask"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Dragoman: HTTP API</title>'
        "<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
        "h2{font-size:1rem;margin:1.5rem 0 0}p,pre{margin:.25rem 0;white-space:pre-line}</style>"
        f"<h1>Dragoman: HTTP API</h1><p>{html.escape(description['info']['description'])}</p>"
        f'<p>What each is sent and sends: <a href="/openapi.json">/openapi.json</a>. So it is asked:</p>'
        f"<pre><code>{html.escape(example)}</code></pre>{''.join(rows)}</html>"
    )
