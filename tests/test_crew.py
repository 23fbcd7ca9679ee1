"""Who reads and embeds: batches that are underway while files are read, and the same on a Ray cluster as here."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.check import check
from index.crew import LocalCrew, Making
from index.embed import Ahead, EmbeddedPassage, Embedder, EmbedderIdentity, HashingEmbedder, fit_token_codec
from index.errors import ClusterError, ModelError, ReadError, SettingsError
from index.folder import Filters, Index
from index.ingest import IngestReport, Progress, ingest
from index.ray_crew import RayCrew, embed_batch, ray_crew, read_one
from index.tokens import TokenCodec
from index.underway import EMBEDDED_BATCH
from index.workers import Job, ReadFile
from ui.cli import WRONG_USE, main

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed")
Alone = tuple[Path, IngestReport]
Content = Callable[[Path], dict[str, list[tuple[object, ...]]]]
Write = Callable[[Path, dict[str, str | bytes]], Path]


def story(number: int) -> str:
    """Of some five passages; one of them stands in every tenth story, too."""
    own = [
        f"Keeper {number}-{i} of the lighthouse painted its {i} steps in spring. " * 8
        + f"Nobody but the dog of house {number}-{i} was awake when the storm came."
        for i in range(4)
    ]
    return "\n\n".join([*own, f"The council of harbour {number % 10} has met about the lamp of its lighthouse. " * 8])


FILES: dict[str, str | bytes] = {
    **{f"{number:03}.txt": story(number) for number in range(160)},
    "broken.pdf": b"%PDF-1.7 and no more",
}


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Path:
    """Not to be changed."""
    return write(tmp_path_factory.mktemp("crew") / "docs", FILES)


@pytest.fixture(scope="module")
def alone(docs: Path, hashing: Embedder) -> Alone:
    """The index that one process makes, and its report."""
    folder = docs.with_name("alone.index")
    return folder, ingest([docs], folder, embedder=hashing)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "news.index"


# Batches underway


class Eager(LocalCrew):
    """Has done each batch when it is asked for, also while files are read, and keeps what it was given."""

    def __init__(self, embedder: Embedder, *, at_once: int) -> None:
        super().__init__(embedder)
        self._at_once = at_once
        self.texts: list[str] = []
        self.sizes: list[int] = []
        self.underway = self.most = 0

    def batches(self, *, while_reading: bool) -> int:
        return self._at_once

    def embed(self, texts: list[str], codec: TokenCodec) -> Making:
        self.texts += texts
        self.sizes.append(len(texts))
        self.underway += 1
        self.most = max(self.most, self.underway)

        def results() -> Iterator[EmbeddedPassage]:
            yield from super(Eager, self).embed(texts, codec).results
            self.underway -= 1

        return Making(results(), is_done=lambda: True)


def test_embedding_while_files_are_read_makes_the_same(
    docs: Path, alone: Alone, folder: Path, hashing: Embedder, content: Content
) -> None:
    crew = Eager(hashing, at_once=2)
    early: list[int] = []

    def look(progress: Progress) -> None:
        if progress.files_done < progress.files_total:
            early.append(progress.passages_done)

    report = ingest([docs], folder, embedder=hashing, crew=crew, on_progress=look)
    here, expected = alone
    assert (len(report.added), report.passages, report.known) == (160, expected.passages, expected.known)
    assert report.failures == expected.failures != []
    assert content(folder) == content(here)
    assert max(early) >= EMBEDDED_BATCH  # before the last file was read
    assert len(crew.texts) == len(set(crew.texts)) == report.passages - report.known
    assert crew.most == 2


class Threaded(HashingEmbedder):
    """Embeds ahead, as the default model does."""

    def __init__(self) -> None:
        self.given = self.made = 0
        self._pool = ThreadPoolExecutor(1)

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        def one(text: str) -> EmbeddedPassage:
            (made,) = super(Threaded, self).embed_and_pack([text], codec)
            self.made += 1
            return made

        self.given += len(texts)
        return Ahead(self._pool.submit(one, text) for text in texts)


def test_one_process_embeds_while_it_reads(docs: Path, alone: Alone, folder: Path, content: Content) -> None:
    embedder, early = Threaded(), list[int]()

    def look(progress: Progress) -> None:
        if progress.files_done == 150:  # most are committed by now; it is given the time that a slower reader would
            assert embedder.given
            while embedder.made < embedder.given:
                time.sleep(0.01)
        if progress.files_done < progress.files_total:
            early.append(progress.passages_done)

    report = ingest([docs], folder, embedder=embedder, on_progress=look)
    here, expected = alone
    assert (report.passages, report.known, embedder.made) == (
        expected.passages, expected.known, expected.passages - expected.known
    )  # fmt: skip
    assert content(folder) == content(here)
    assert max(early) >= EMBEDDED_BATCH


def test_what_an_earlier_run_left_waits_until_files_are_read(
    tmp_path: Path, write: Write, folder: Path, hashing: Embedder, content: Content
) -> None:
    """It may be replaced meanwhile, or taken out."""
    docs = write(tmp_path / "docs", FILES)

    class Stopped(LocalCrew):
        def batches(self, *, while_reading: bool) -> int:
            return 0 if while_reading else 1

        def embed(self, texts: list[str], codec: TokenCodec) -> Making:
            raise KeyboardInterrupt

    assert ingest([docs], folder, embedder=hashing, crew=Stopped(hashing)).interrupted
    for number in range(0, 160, 2):
        (docs / f"{number:03}.txt").write_text(story(1000 + number))
    (docs / "001.txt").write_text("1 Share\nShare this story\n")
    (docs / "003.txt").rename(docs / "renamed.txt")
    report = ingest([docs], folder, embedder=hashing, crew=Eager(hashing, at_once=3))
    assert (len(report.replaced), len(report.renamed), report.removed) == (80, 1, ["001.txt"])
    here = folder.with_name("here.index")
    ingest([docs], here, embedder=hashing)
    assert content(folder) == content(here)


# On Ray


@pytest.fixture(scope="module")
def two_cores() -> Iterator[RayCrew]:
    with ray_crew(HashingEmbedder.identity, cores=2) as crew:
        yield crew


@needs_ray
def test_ray_makes_the_same(
    two_cores: RayCrew, docs: Path, alone: Alone, folder: Path, hashing: Embedder, content: Content
) -> None:
    report = ingest([docs], folder, embedder=hashing, crew=two_cores)
    here, expected = alone
    assert (report.added, report.failures) == (expected.added, expected.failures)
    assert (report.passages, report.known) == (expected.passages, expected.known)
    assert content(folder) == content(here)
    assert ingest([docs], folder, embedder=hashing, crew=two_cores).unchanged == 160
    with Catalog(folder) as one, Catalog(here) as other:  # keys, too: nothing was written in another order
        assert one.passages(range(2000)) == other.passages(range(2000))


@needs_ray
def test_vectors_of_the_bundled_model_are_the_same_bit_for_bit(two_cores: RayCrew, e5: Embedder) -> None:
    texts, codec = [story(number)[: 40 * number] for number in range(1, 12)], fit_token_codec(e5)
    crew = RayCrew(two_cores._ray, e5.identity)
    there, here = (list(each.embed(texts, codec).results) for each in (crew, LocalCrew(e5)))
    assert [(one.vector.tobytes(), one.tokens) for one in there] == [(one.vector.tobytes(), one.tokens) for one in here]


class Deadly(RayCrew):
    """The workers that have one of its files and one of its batches in hand are killed, once each."""

    def __init__(self, marks: Path) -> None:
        import ray

        super().__init__(ray, HashingEmbedder.identity)

        def die_once(name: str) -> None:
            if not (marks / name).exists():
                (marks / name).touch()
                os.kill(os.getpid(), signal.SIGKILL)

        def read_or_die(job: Job, seconds_a_file: float) -> ReadFile | ReadError:
            if job.path == "002.txt":
                die_once("read")
            return read_one(job, seconds_a_file)

        def embed_or_die(identity: EmbedderIdentity, texts: list[str], codec: TokenCodec) -> list[EmbeddedPassage]:
            made = embed_batch(identity, texts, codec)
            if any("Keeper 60-" in text for text in texts):
                die_once("embed")
            return made

        remote = ray.remote(num_cpus=1, max_retries=5)
        self._read, self._embed = remote(read_or_die), remote(embed_or_die)


@needs_ray
def test_killed_workers_change_nothing(
    two_cores: RayCrew, docs: Path, alone: Alone, folder: Path, hashing: Embedder, content: Content, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    report = ingest([docs], folder, embedder=hashing, crew=Deadly(marks))
    assert {mark.name for mark in marks.iterdir()} == {"read", "embed"}
    here, expected = alone
    assert report.failures == expected.failures
    assert content(folder) == content(here)


@needs_ray
@pytest.mark.skipif(importlib.util.find_spec("milvus_lite") is None, reason="milvus-lite is not installed")
def test_milvus_gets_the_same_from_ray_whoever_is_killed(
    two_cores: RayCrew, docs: Path, alone: Alone, folder: Path, hashing: Embedder, content: Content, tmp_path: Path
) -> None:
    marks, told = tmp_path / "marks", list[str]()
    marks.mkdir()
    url = f"milvus:{tmp_path}/lite.db/news?catalog={folder}"
    report = ingest([docs], url, embedder=hashing, crew=Deadly(marks), report=told.append)
    assert {mark.name for mark in marks.iterdir()} == {"read", "embed"}
    here, expected = alone
    assert (report.added, report.failures) == (expected.added, expected.failures)
    assert content(folder) == content(here)
    assert check(folder).problems == ()
    with Index.open(url) as served, Index.open(here) as local:
        assert served.dense.kind.startswith("FLAT by Milvus")
        assert served.dense.keys().tolist() == local.dense.keys().tolist()
        for number in range(0, 160, 40):
            query = hashing.embed_query(story(number)[:200])
            one, other = (each.search_dense(query, k=10, filters=Filters()) for each in (served, local))
            assert one == other != []
    assert ingest([docs], url, embedder=hashing, crew=two_cores).unchanged == 160
    assert len(told) == 1  # which server it is


@needs_ray
def test_what_was_committed_stays_when_it_is_stopped(
    two_cores: RayCrew, docs: Path, alone: Alone, folder: Path, hashing: Embedder, content: Content
) -> None:
    def stop(progress: Progress) -> None:
        if progress.passages_done > EMBEDDED_BATCH:
            raise KeyboardInterrupt

    stopped = ingest([docs], folder, embedder=hashing, crew=two_cores, on_progress=stop)
    assert stopped.interrupted
    report = ingest([docs], folder, embedder=hashing, crew=two_cores)
    here, expected = alone
    assert content(folder) == content(here)
    assert EMBEDDED_BATCH <= expected.passages - report.passages < expected.passages


@needs_ray
def test_another_model_on_a_worker_is_told(two_cores: RayCrew, hashing: Embedder) -> None:
    other = EmbedderIdentity("hashing", "other weights", 64, "", "")
    making = RayCrew(two_cores._ray, other).embed(["a text"], fit_token_codec(hashing))
    with pytest.raises(ModelError, match="has other weights of 'hashing' than the machine that writes the index; inst"):
        list(making.results)


@needs_ray
def test_the_command_starts_a_cluster_and_ends_it(docs: Path, folder: Path, root: Path) -> None:
    command = ["-m", "ui.cli", "ingest", docs, "--index", folder, "--embedder", "hashing", "--json", "--ray"]
    done = subprocess.Popen(
        [sys.executable, *map(str, command), "--workers", "1"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    told, complained = done.communicate()
    assert len(json.loads(told)["added"]) == 160
    assert complained.startswith("dragoman: not read: broken.pdf: ") and complained.count("\n") == 1
    assert done.returncode == 1
    asked = ["ps", "-o", "stat=,args=", "-s", str(done.pid)]
    left = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    assert [line for line in left if line[0] != "Z"] == []  # such a one has ended, and its new parent was not told yet


# What is wrong is told


@needs_ray
def test_an_address_where_nobody_answers() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with (
            pytest.raises(ClusterError, match=f"the Ray cluster at {address}: .*refused; give HOST:PORT as `ray start"),
            ray_crew(HashingEmbedder.identity, address=address),
        ):
            pass


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"ray is missing; install it: pip install 'dragoman\[ray\]'"):
        ray_crew(HashingEmbedder.identity).__enter__()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ray", "127.0.0.1:1", "--workers", "2"), "--workers is for this machine"),
        (("--ray", "--dry-run"), "--ray goes with a run that embeds"),
        (("--ray", "--estimate"), "--ray goes with a run that embeds"),
    ],
)
def test_options_that_contradict(
    options: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", str(tmp_path), "--index", str(tmp_path / "news.index"), *options]) == WRONG_USE
    assert message in capsys.readouterr().err
