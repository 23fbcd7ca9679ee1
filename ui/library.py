"""What the view "Library" asks: the articles of an index, how a file was cleaned, jobs, and how the index is."""

from __future__ import annotations

import os
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from index.articles import Cleaned
from index.catalog import Catalog
from index.errors import CitationError, SettingsError
from index.listing import Order, Wanted, list_articles
from index.said import Said, said, to_json
from index.stats import sizes, written
from index.values import Document, Source, Span
from ui.cleaning import strips
from ui.jobs import Job, Jobs
from ui.payload import Payload
from ui.request import number, text, texts, told
from ui.worker import Task

_ROWS = 50  # of the table at a time
_MOST_SHOWN = 60_000  # characters of how a file was cleaned
_MOST_TOLD = 20  # files that a job could not read


class Shelf:
    """What is in an index and how it got there. Any thread may call: each call opens the catalog for itself.

    Each function takes what the page sends, which may be anything, and whose page it is. Without `jobs` nothing can be
    changed from the page.
    """

    def __init__(self, folder: Path, jobs: Jobs | None) -> None:
        self._folder = folder
        self._jobs = jobs
        self._check = Task("the check")
        self.functions = (
            self.library_list,
            self.library_article,
            self.library_health,
            self.library_check,
            self.library_jobs,
            self.library_ingest,
            self.library_read_again,
            self.library_forget,
            self.library_cancel,
        )

    def library_list(self, request: object, user: str = "") -> Payload:
        """A page of articles: {"words", "lang", "doubtful", "order", "descending", "offset"}."""

        def listed() -> Payload:
            order = text(request, "order")
            if order not in [each.value for each in Order]:
                raise SettingsError(said("load_again", "there is no order {value!r}; load the page again", value=order))
            wanted = Wanted(
                words=text(request, "words"),
                lang=text(request, "lang"),
                doubtful=text(request, "doubtful") == "yes",
                order=Order(order),
                descending=text(request, "descending") == "yes",
            )
            found = list_articles(self._folder, wanted, offset=number(request, "offset"), limit=_ROWS)
            return {
                "kind": "listing",
                "total": found.total,
                "rows": _ROWS,
                "articles": [
                    asdict(each) | {"warnings": [to_json(warning) for warning in each.warnings]}
                    for each in found.articles
                ],
            }

        return told(listed)

    def library_article(self, request: object, user: str = "") -> Payload:
        """The article of {"document"}, what was dropped around it, and what there is to say of its file."""
        return told(lambda: self._article(text(request, "document")))

    def library_health(self, _request: object = None, user: str = "") -> Payload:
        """Figures of the index, and what the last check found."""

        def figures() -> Payload:
            with Catalog(self._folder) as catalog:
                files, articles, passages = catalog.counts()
                extent = catalog.extent("", "", (), ())
                return {
                    "kind": "health",
                    "folder": str(self._folder.resolve()),
                    "files": files,
                    "articles": articles,
                    "passages": passages,
                    "pending": catalog.pending_count(),
                    "languages": list(extent.languages),
                    "first": extent.first,
                    "last": extent.last,
                    "batch": catalog.sequence,
                    "written": written(self._folder),
                    "bytes": sum(sizes(self._folder).values()),
                    "embedder": catalog.built_with.embedder.name,
                    "check": self._check.told(),
                }

        return told(figures)

    def library_check(self, request: object, user: str = "") -> Payload:
        """Begin to check everything; gives what `library_health` does, which tells how far it is."""
        self._check.begin("ui.health.work", {"index": str(self._folder.absolute())})
        return self.library_health(request, user)

    def library_jobs(self, _request: object = None, user: str = "") -> Payload:
        """The last job, and what may be ingested from here."""
        if self._jobs is None:
            return {"kind": "jobs", "writable": False, "folders": [], "job": None}
        latest = self._jobs.latest()
        return {
            "kind": "jobs",
            "writable": True,
            "folders": [str(folder) for folder in self._jobs.allowed],
            "types": self._jobs.uploads.types,
            "file_bytes": self._jobs.uploads.limits.file_bytes,
            "job": job_payload(latest[0], uploads=self._jobs.uploads.folder) if latest else None,
        }

    def library_ingest(self, request: object, user: str = "") -> Payload:
        """Begin to ingest the folders {"paths"}, or what was uploaded for none."""
        return self._begun(lambda jobs: jobs.start(texts(request, "paths"), user=user))

    def library_read_again(self, request: object, user: str = "") -> Payload:
        """Begin to read the file of {"source"} again."""
        return self._begun(lambda jobs: jobs.read_again(text(request, "source"), user=user))

    def library_forget(self, request: object, user: str = "") -> Payload:
        """Begin to take {"source"} out of the index."""
        return self._begun(lambda jobs: jobs.forget(text(request, "source"), user=user))

    def library_cancel(self, request: object, user: str = "") -> Payload:
        """Stop the job {"id"} after the batch that it is at."""
        return self._begun(lambda jobs: jobs.cancel(text(request, "id")))

    def _begun(self, work: Any) -> Payload:
        def begin() -> Payload:
            if self._jobs is None:
                raise SettingsError(said("read_only", "this server only reads; ingest with: dragoman ingest"))
            work(self._jobs)
            return self.library_jobs()

        return told(begin)

    def _article(self, id_: str) -> Payload:
        with Catalog(self._folder) as catalog, catalog.snapshot():
            document = catalog.document(id_)
            source = catalog.source(document.source_path) if document else None
            stored = catalog.stored_source(document.source_path) if document else None
            if document is None or source is None or stored is None:
                gone = "no article '{id}' in this index any more; load the list again"
                raise CitationError(said("listed_gone", gone, id=id_))
            cluster, links = catalog.cluster_of(id_), catalog.links(id_)
            others = {cluster.representative, *(link.document for link in links[:_MOST_TOLD])} - {id_}
            named = {other: _name(catalog.document(other), other) for other in others}
            location = Path(stored.location)
        within = _around(document, stored.documents, source)
        cleaned = Cleaned(stored.documents, stored.dropped, ())
        shown, is_whole = _capped(source, cleaned, within)
        uploads = self._jobs.uploads.folder.resolve() if self._jobs is not None else None
        return {
            "kind": "article",
            "id": document.id,
            "title": document.title,
            "lang": document.lang,
            "languages": [lang for _, lang in document.languages],
            "date": document.date,
            "date_from": document.date_from,
            "author": document.author,
            "outlet": document.outlet,
            "source": source.path,
            # What was handed in is known by its name; where the server keeps it is no concern of a reader's.
            "location": "" if uploads is not None and location.is_relative_to(uploads) else str(location),
            "is_upload": location.parent == uploads,
            "in_archive": any(parent.is_file() for parent in location.parents),
            "media": source.media.value,
            "encoding": source.encoding,
            "spelling": source.spelling.value,
            "problems": [to_json(problem) for problem in source.problems],
            "articles": len(stored.documents),  # of its file
            "passages": sum(of == id_ for of, _ in stored.passages),
            "passages_of_file": len(stored.passages),
            "copy_of": named.get(cluster.representative),
            "links": [asdict(link) | {"article": named[link.document]} for link in links[:_MOST_TOLD]],
            "strips": shown,
            "whole": is_whole,
        }


def _name(document: Document | None, id_: str) -> Payload:
    """By what a reader knows an article."""
    return {"id": id_, "title": document.title if document else "", "source": document.source_path if document else id_}


def _around(document: Document, documents: tuple[Document, ...], source: Source) -> Span:
    """The part of a source that is an article's and no other's, with what was dropped on both sides."""
    others = sorted((d for d in documents if d.spans), key=lambda d: d.spans[0].start)
    start, end = 0, len(source.text)
    for before, after in pairwise(others):
        if after.id == document.id:
            start = before.spans[-1].end
        if before.id == document.id:
            end = max(before.spans[-1].end, after.spans[0].start)
    return Span(start, end)


def _capped(source: Source, cleaned: Cleaned, within: Span) -> tuple[list[Payload], bool]:
    """How a part of a source was cleaned, as far as a page can show it, and whether that is all."""
    shown: list[Payload] = []
    room = _MOST_SHOWN
    for strip in strips(source, cleaned, within):
        shown.append(asdict(strip) | {"text": strip.text[:room]})
        room -= len(strip.text)
        if room < 0:
            return shown, False
    return shown, True


def job_payload(job: Job, *, uploads: Path) -> Payload:
    """A job for the page: of what it did the numbers, and of what it could not do the first.

    Files in the folder of `uploads` are named as they were when they were handed in.
    """
    report = job.report
    within = f"{uploads.resolve()}{os.sep}"
    done = {
        "added": len(report.added),
        "read_again": len(report.replaced),
        "renamed": len(report.renamed),
        "unchanged": report.unchanged,
        "taken_out": len(report.removed),
        "gone": len(report.gone),
    }
    return {
        "id": job.id,
        "state": job.state.value,
        "paths": list(job.paths),
        "seconds": job.seconds,
        "passages_a_second": job.passages_a_second,
        "seconds_left": job.seconds_left,
        **asdict(job.progress),
        "notices": [to_json(notice) for notice in job.notices[-3:]],
        "done": done,
        "failures": [to_json(_without(within, failure)) for failure in report.failures[:_MOST_TOLD]],
        "failed": len(report.failures),
        "left_out": [to_json(_without(within, left)) for left in report.left_out[:_MOST_TOLD]],
        "error": to_json(job.error),
    }


def _without(folder: str, text: str) -> str:
    """A text that names files without the folder that they are in."""
    short = text.replace(folder, "")
    if not isinstance(text, Said):
        return short
    values = {name: v.replace(folder, "") if isinstance(v, str) else v for name, v in text.values.items()}
    return Said(text.key, short, values)
