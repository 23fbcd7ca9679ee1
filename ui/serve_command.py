"""`dragoman serve`: the page and the API of an index, or the API alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from index.errors import SettingsError

_DESCRIPTION = """\
Serve the page and the HTTP API of an index on this machine only; stop it with Ctrl-C.
GET /health answers once questions can be asked, /api tells what else there is, /openapi.json describes it.
Where there is no index an empty one is made, unless there is another beside it: its name may be mistyped then.
"""
_EPILOG = """\
to add files from the page or by the API: they are kept in a folder beside the index, from which they are ingested
  curl -T report.pdf http://127.0.0.1:7860/api/uploads/
  curl -X POST -H "Content-Type: application/json" -d "{}" http://127.0.0.1:7860/api/jobs

to let others in: give each a name and a password, and put a server that speaks TLS in front
  dragoman user add aysel --auth users.json
  dragoman serve --index news.index --host 0.0.0.0 --auth users.json

to watch it: GET /metrics for Prometheus; --log json for a line a request; and traces of every question, with a step for
retrieve, rerank, read and ground, if the environment names a collector of OpenTelemetry (pip install 'dragoman[otel]')
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 dragoman serve --api --log json
No question and no word of a document is in any of these.
"""


def add_serve(commands: Any) -> None:
    """Add `serve` to the commands of `dragoman`."""
    from ui.cli import add_index, add_llm, add_reranker

    parser = commands.add_parser(
        "serve",
        help="open the chat page, and the HTTP API",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_serve)
    add_index(parser)
    parser.add_argument("--port", type=int, default=7860, metavar="N", help="0 for any (default: %(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only say the address; do not open it")
    parser.add_argument("--api", action="store_true", help="the HTTP API alone, without the page")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="with --api: so many processes, some 0.5 GB each, which only read the index; `dragoman ingest` writes it "
        "meanwhile (default: 1, which ingests, too)",
    )
    group = parser.add_argument_group("who may ask, and what may be added")
    group.add_argument(
        "--auth", type=Path, metavar="FILE", help="ask for a name and a password of this file; see `dragoman user`"
    )
    group.add_argument(
        "--uploads", type=Path, metavar="DIR", help="keep files here that are handed in (default: INDEX.uploads)"
    )
    group.add_argument(
        "--ingest-from",
        action="append",
        default=[],
        type=Path,
        metavar="DIR",
        help="let whoever asks ingest this folder of this machine, or folders in it; may be repeated (default: none)",
    )
    parser.add_argument(
        "--log", choices=("text", "json"), default="text", help="json: a line for each request (default: text, faults)"
    )
    add_reranker(parser)
    add_llm(parser)


def _serve(options: argparse.Namespace) -> int:
    from ui.cli import DONE, complain
    from ui.server import Settings, serve_api

    for folder in options.ingest_from:
        if not folder.is_dir():
            raise SettingsError(f"--ingest-from {folder}: no such folder; name one that is there")
    settings = Settings(
        index=options.index,
        host=options.host,
        port=options.port,
        auth=options.auth,
        uploads=options.uploads,
        ingest_from=tuple(options.ingest_from),
        reranker=options.reranker,
        chat=options.llm,
        nli=options.nli,
        log=options.log,
    )
    if options.api:
        serve_api(settings, workers=options.workers, report=complain)
        return DONE
    if options.workers != 1:
        raise SettingsError("--workers goes with --api; the page is served by one process")
    from ui.app import serve

    serve(settings, opens_browser=not options.no_browser, report=complain)
    return DONE
