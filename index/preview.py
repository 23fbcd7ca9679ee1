"""What an ingest would do, found out without doing it: files are read and cleaned, nothing is embedded or written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from index.catalog import FILE_NAME, Catalog
from index.errors import ReadError
from index.files import discover
from index.ingest import Progress, why_ignored
from index.plan import make_plan
from index.rules import NO_RULES, Rules
from index.workers import SECONDS_A_FILE, Job, ReadFile, read_files, worker_count


@dataclass(slots=True)
class Preview:
    """What a run would find; counts of characters are of the new and changed files."""

    new: list[str] = field(default_factory=list)  # paths of sources
    changed: list[str] = field(default_factory=list)  # those to be cleaned by other rules, too
    renamed: list[tuple[str, str]] = field(default_factory=list)  # the old path and the new one
    unchanged: int = 0
    gone: list[str] = field(default_factory=list)  # indexed, and no longer among the files
    lost: list[str] = field(default_factory=list)  # folders that look as if their disk were not mounted
    failures: list[str] = field(default_factory=list)  # whole messages: what cannot be read, or not wholly
    left_out: list[str] = field(default_factory=list)  # whole messages: what is not read, or holds no article
    articles: int = 0
    kept: int = 0  # characters
    dropped: dict[str, int] = field(default_factory=dict)  # characters by reason


def preview(
    paths: list[Path],
    folder: Path,
    *,
    rules: Rules | None = None,
    seconds_a_file: float = SECONDS_A_FILE,
    workers: int = 0,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Preview:
    """What `ingest` with these arguments would do. There need be no index in `folder` yet.

    Raises IndexFolderError if what is there is no index of ours.
    """
    discovery = discover(paths)
    found = Preview(failures=list(discovery.missing), left_out=list(map(why_ignored, discovery.ignored)))
    on_progress(Progress(0, len(discovery.files), 0, 0))
    if (folder / FILE_NAME).is_file():
        with Catalog(folder) as catalog:
            plan = make_plan(paths, discovery.files, catalog, catalog.rules if rules is None else rules)
    else:
        plan = make_plan(paths, discovery.files, None, rules or NO_RULES)
    jobs: list[Job] = []
    for job in plan.steps:
        if isinstance(job, Job):
            jobs.append(job)
        elif isinstance(job, ReadError):
            found.failures.append(str(job))
        else:
            found.unchanged += 1
    processes = worker_count(len(jobs), at_most=workers)
    reads = read_files(jobs, processes=processes, seconds_a_file=seconds_a_file)
    for number, (job, read) in enumerate(reads, start=1):
        if isinstance(read, ReadError):
            found.failures.append(str(read))
        else:
            _count(found, job.path, read, is_new=job.path not in plan.known, before=plan.renamed.get(job.path, ""))
        on_progress(Progress(len(discovery.files) - len(jobs) + number, len(discovery.files), 0, 0))
    renamed = {old for old, _ in found.renamed}
    found.gone.extend(sorted({*plan.gone, *plan.renamed.values()} - renamed))
    found.lost.extend(map(str, plan.lost))
    return found


def _count(found: Preview, path: str, read: ReadFile, *, is_new: bool, before: str) -> None:
    found.failures.extend((*read.source.problems, *read.cleaned.problems))
    if any(document.body for document in read.cleaned.documents):
        if before:
            found.renamed.append((before, path))
        else:
            (found.new if is_new else found.changed).append(path)
    elif not is_new:
        found.left_out.append(f"{path}: holds no article any more; what the index has of it would be removed")
    elif not (read.source.problems or read.cleaned.problems):
        found.left_out.append(f"{path}: holds no article; nothing in it can be asked")
    found.articles += len(read.cleaned.documents)
    found.kept += sum(span.end - span.start for document in read.cleaned.documents for span in document.spans)
    for dropped in read.cleaned.dropped:
        length = dropped.span.end - dropped.span.start
        found.dropped[dropped.reason] = found.dropped.get(dropped.reason, 0) + length
