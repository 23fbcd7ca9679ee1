"""Jobs that ingest beside asking: what they do, how far they are, and that they can be stopped at no loss."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import Embedder
from index.errors import IndexLocked, SettingsError
from index.folder import Index
from index.ingest import ingest
from index.lock import writing
from index.read import media_of
from index.underway import EMBEDDED_BATCH
from ui.jobs import Job, Jobs, State
from ui.uploads import Upload, UploadLimits, UploadRefused, Uploads, checked_name

FERRY = "The ferry is back\n\nThe ferry is back in the harbour of Sahilkend after a long repair of its engine.\n"
LAMP = "The lamp is lit\n\nThe lamp above the harbour of Sahilkend burns again after two dark weeks in spring.\n"
SECONDS = 120.0  # the machine may be busy; nothing here is about speed


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 7):
        yield data[start : start + 7]


def keep(uploads: Uploads, name: str, data: str) -> Upload:
    return asyncio.run(uploads.keep(name, pieces(data.encode())))


@pytest.fixture
def index(tmp_path: Path, hashing: Embedder) -> Path:
    """An empty index, of the embedder of tests."""
    ingest([], tmp_path / "news.index", embedder=hashing)
    return tmp_path / "news.index"


@pytest.fixture
def jobs(index: Path, tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(index, Uploads(tmp_path / "news.index.uploads"), allowed=[tmp_path / "archive"])
    yield made
    made.close()


def ended(jobs: Jobs, job: Job) -> Job:
    found = jobs.wait(job.id, seconds=SECONDS)
    assert found is not None
    return found


def long_archive(folder: Path, articles: int) -> Path:
    folder.mkdir()
    rows = [
        {"title": f"Day {n}", "text": f"On day {n} the ferry {n * 7} left the harbour. " * 8} for n in range(articles)
    ]
    (folder / "days.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_what_was_uploaded_is_ingested_and_can_be_asked(jobs: Jobs, index: Path) -> None:
    keep(jobs.uploads, "ferry.txt", FERRY)
    keep(jobs.uploads, "lamp.txt", LAMP)
    job = ended(jobs, jobs.start(user="aysel"))
    assert (job.state, job.error, job.user) == (State.DONE, "", "aysel")
    assert sorted(job.report.added) == ["ferry.txt", "lamp.txt"]
    progress = job.progress
    assert (progress.files_done, progress.files_total, progress.articles) == (2, 2, 2)
    assert progress.bytes_done == progress.bytes_total == len(FERRY) + len(LAMP)
    assert progress.passages_done == progress.passages_known == 2
    assert job.seconds_left == 0
    with Index.open(index) as opened:
        assert opened.catalog.counts() == (2, 2, 2)
        assert opened.catalog.location_of("ferry.txt") == jobs.uploads.folder / "ferry.txt"


def test_what_was_removed_is_forgotten_when_that_is_asked_for(jobs: Jobs) -> None:
    keep(jobs.uploads, "ferry.txt", FERRY)
    ended(jobs, jobs.start())
    assert jobs.uploads.remove("ferry.txt")
    assert not jobs.uploads.remove("ferry.txt")
    assert ended(jobs, jobs.start()).report.gone == ["ferry.txt"]
    assert ended(jobs, jobs.start(forget_gone=True)).report.removed == ["ferry.txt"]


def test_a_file_that_cannot_be_read_is_reported_and_stops_nothing(jobs: Jobs, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / "ferry.txt").write_text(FERRY)
    (archive / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    job = ended(jobs, jobs.start([str(archive)]))
    assert (job.state, job.report.added) == (State.DONE, ["ferry.txt"])
    assert [message.partition(":")[0] for message in job.report.failures] == ["broken.pdf"]


@pytest.mark.parametrize("path", ["/etc", "archive", "{archive}/../secret", "{archive}/link", "{archive}x", "\0", ""])
def test_no_folder_is_read_that_is_not_allowed(path: str, jobs: Jobs, tmp_path: Path) -> None:
    for name in ("archive", "secret", "archivex"):
        (tmp_path / name).mkdir()
    (tmp_path / "archive" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(SettingsError, match="this server may not read there"):
        jobs.start([path.format(archive=tmp_path / "archive")])
    assert jobs.latest() == []


def test_one_at_a_time_and_cancelling_loses_nothing_committed(
    jobs: Jobs, index: Path, tmp_path: Path, hashing: Embedder, content: Callable[[Path], object]
) -> None:
    archive = long_archive(tmp_path / "archive", 3_000)
    job = jobs.start([str(archive)])
    with pytest.raises(IndexLocked, match="cancel it"):
        jobs.start()
    give_up = time.monotonic() + SECONDS
    while (at := jobs.get(job.id)) is not None and at.progress.passages_done < 2 * EMBEDDED_BATCH:
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert at is not None
    assert at.state is State.RUNNING
    cancelled = jobs.cancel(job.id)
    assert cancelled is not None
    assert cancelled.state in (State.STOPPING, State.CANCELLED)
    stopped = ended(jobs, job)
    assert stopped.state is State.CANCELLED
    assert stopped.report.interrupted
    with Index.open(index) as opened:
        assert opened.catalog.counts() == (1, 3_000, 3_000)
        pending = opened.catalog.pending_count()
    assert 0 < pending <= 3_000 - EMBEDDED_BATCH
    went_on = ended(jobs, jobs.start([str(archive)]))
    assert (went_on.state, went_on.report.passages) == (State.DONE, pending)
    ingest([archive], tmp_path / "at-once.index", embedder=hashing)
    assert content(index) == content(tmp_path / "at-once.index")


def test_a_process_that_is_killed_is_told_of_and_another_job_goes_on(jobs: Jobs, tmp_path: Path) -> None:
    archive = long_archive(tmp_path / "archive", 1000)
    job = jobs.start([str(archive)])
    while not jobs.latest()[0].progress.files_total:
        time.sleep(0.05)
    os.kill(jobs.processes()[job.id], signal.SIGKILL)
    failed = ended(jobs, job)
    assert (failed.state, failed.report.added) == (State.FAILED, [])
    assert "died (exit code -9)" in failed.error
    assert ended(jobs, jobs.start([str(archive)])).state is State.DONE


def test_an_index_that_another_writes_is_left_alone(jobs: Jobs, index: Path) -> None:
    keep(jobs.uploads, "ferry.txt", FERRY)
    with writing(index):
        job = ended(jobs, jobs.start())
    assert job.state is State.FAILED
    assert "is writing this index" in job.error
    assert [each.id for each in jobs.latest()] == [job.id]


def test_a_closed_server_leaves_no_job_behind(jobs: Jobs, index: Path, tmp_path: Path) -> None:
    job = jobs.start([str(long_archive(tmp_path / "archive", 3000))])
    jobs.close()
    found = jobs.get(job.id)
    assert found is not None
    assert found.state is State.CANCELLED
    with writing(index, seconds_of_patience=0):
        pass


@given(st.text(max_size=30), st.sampled_from(["", ".txt", ".pdf", ".zip", ".TXT", ".txt/", "/.txt"]))
def test_a_name_is_refused_or_stays_in_its_folder(stem: str, suffix: str) -> None:
    try:
        name = checked_name(stem + suffix)
    except UploadRefused as error:
        assert ";" in str(error)
        return
    location = Path("/uploads") / name
    assert location.parent == Path("/uploads")
    assert Path(os.path.normpath(location)) == location
    assert media_of(name) is not None or name.lower().endswith(".zip")
    assert name.encode() and not name.startswith(".")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../ferry.txt", "no name for a file"),
        ("a\\ferry.txt", "no name for a file"),
        ("C:ferry.txt", "no name for a file"),
        ("ferry\u202etxt.txt", "no name for a file"),
        ("", "no name for a file"),
        (".ferry.txt", "hidden"),
        ("ferry.exe", "cannot be read"),
        ("ф" * 150 + ".txt", "longer than 200 bytes"),
    ],
)
def test_names_are_refused_with_the_reason(name: str, why: str, tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    with pytest.raises(UploadRefused, match=why):
        keep(uploads, name, FERRY)
    assert uploads.kept() == []
    assert not uploads.folder.exists()


def test_another_file_of_the_same_name_is_kept_beside_it(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    names = [keep(uploads, "ferry.txt", text).name for text in (FERRY, LAMP, FERRY, LAMP)]
    assert names == ["ferry.txt", "ferry (2).txt", "ferry.txt", "ferry (2).txt"]
    assert (uploads.folder / "ferry (2).txt").read_text() == LAMP
    assert uploads.kept() == [Upload("ferry (2).txt", len(LAMP)), Upload("ferry.txt", len(FERRY))]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        (UploadLimits(file_bytes=40), "larger than"),
        (UploadLimits(total_bytes=len(LAMP) + 40), "all that is kept"),
        (UploadLimits(files=1), "1 files are kept already"),
    ],
)
def test_too_much_is_refused_and_leaves_nothing_behind(limits: UploadLimits, why: str, tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    keep(uploads, "lamp.txt", LAMP)
    with pytest.raises(UploadRefused, match=why):
        keep(Uploads(uploads.folder, limits), "ferry.txt", FERRY)
    assert [location.name for location in uploads.folder.iterdir()] == ["lamp.txt"]
