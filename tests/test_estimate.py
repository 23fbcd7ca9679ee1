"""An estimate is near what the ingest then takes, and leaves everything as it was."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.embed import Embedder
from index.estimate import estimate
from index.ingest import ingest

WORDS = [
    "harbour",
    "lamp",
    "keeper",
    "boat",
    "ferry",
    "winter",
    "office",
    "bridge",
    "crane",
    "tower",
    "market",
    "letter",
]


@pytest.fixture(autouse=True)
def enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sampled must not depend on how busy the machine is."""
    for limit in ("_SECONDS_TO_READ", "_SECONDS_TO_EMBED", "_SECONDS_A_FILE"):
        monkeypatch.setattr(f"index.estimate.{limit}", 600.0)


def story(rng: random.Random, sentences: int) -> str:
    return " ".join(
        " ".join([rng.choice(WORDS).title(), *rng.choices(WORDS, k=9), str(rng.randrange(10**6))]) + "."
        for _ in range(sentences)
    )


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of three types, the longest of each fifty times the shortest."""
    rng, docs = random.Random(3), tmp_path_factory.mktemp("docs")
    (docs / "sub").mkdir()
    for n in range(90):
        (docs / f"{n}.txt").write_text(f"Story {n}\n\n{story(rng, rng.randint(2, 100))}\n")
    for n in range(40):
        (docs / "sub" / f"{n}.md").write_text(f"# Note {n}\n\n{story(rng, rng.randint(2, 100))}\n")
    for n in range(6):
        lines = [json.dumps({"title": f"Row {i}", "text": story(rng, 3)}) for i in range(rng.randint(2, 100))]
        (docs / f"{n}.jsonl").write_text("\n".join(lines))
    return docs


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_passages_and_disk_are_near_what_they_become(
    docs: Path, tmp_path: Path, hashing: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"  # of this test alone: others make and remove folders at the same time
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    found = estimate([docs], tmp_path / "i", embedder=hashing)
    assert not (tmp_path / "i").exists()
    assert list(scratch.iterdir()) == []
    ingest([docs], tmp_path / "i", embedder=hashing)
    with Catalog(tmp_path / "i") as catalog:
        passages = catalog.passage_count()
    disk = size_of(tmp_path / "i")
    assert passages / 2 < found.passages.expected < 2 * passages
    assert found.passages.low <= passages <= found.passages.high
    assert disk / 2 < found.disk_bytes.expected < 2 * disk
    assert (found.files, found.unchanged, found.file_bytes) == (136, 0, size_of(docs))
    assert 24 <= found.sample_files <= 30
    assert found.embedding_seconds.expected == pytest.approx(found.passages.expected / found.passages_a_second)


def test_what_is_sampled_whole_is_known(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path], dragoman: Callable
) -> None:
    docs = write(tmp_path / "docs", {f"{n}.txt": story(random.Random(n), 4) for n in range(5)})
    write(docs, {"bad.pdf": b"%PDF-1.4 and no more"})
    done = dragoman("ingest", "--estimate", "--json", docs, "--index", tmp_path / "i", "--embedder", "hashing")
    told = json.loads(done.stdout)
    assert (done.returncode, told["files"], told["sample_files"], told["unread"]) == (0, 6, 5, 1)
    ingest([docs], tmp_path / "i", embedder=hashing)
    with Catalog(tmp_path / "i") as catalog:
        assert told["passages"]["expected"] == catalog.passage_count() == told["sample_passages"]


def test_files_that_did_not_change_cost_nothing(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path], dragoman: Callable
) -> None:
    docs = write(tmp_path / "docs", {f"{n}.txt": story(random.Random(n), 4) for n in range(5)})
    for file in docs.iterdir():
        os.utime(file, (1_700_000_000, 1_700_000_000))
    ingest([docs], tmp_path / "i", embedder=hashing)
    write(docs, {"new.txt": story(random.Random(9), 4)})
    found = estimate([docs], tmp_path / "i", embedder=hashing)
    assert (found.files, found.unchanged, found.sample_files) == (1, 5, 1)
    done = dragoman("ingest", "--estimate", docs, "--index", tmp_path / "i")
    lines = done.stdout.splitlines()
    assert lines[0] == "1 file new or changed, 0 kB; 5 unchanged"
    assert [line.split()[0] for line in lines[1:6]] == ["passages", "reading", "embedding", "disk", "memory"]
    assert lines[-1] == "an estimate; nothing was written"
    assert ingest([docs], tmp_path / "i", embedder=hashing).added == ["new.txt"]


def test_large_files_are_not_read_for_it(
    tmp_path: Path, hashing: Embedder, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(2)
    docs = write(tmp_path / "docs", {f"{n}.txt": story(rng, 10) for n in range(4)})
    write(docs, {"large.txt": story(rng, 100), "large.md": f"# Large\n\n{story(rng, 100)}"})
    monkeypatch.setattr("index.estimate._LARGEST_READ", 5_000)
    found = estimate([docs], tmp_path / "i", embedder=hashing)
    assert (found.files, found.sample_files) == (6, 4)
    by_bytes = found.sample_passages / size_of_small(docs) * size_of(docs)
    assert found.passages.expected == pytest.approx(by_bytes)
    (docs / "large.md").rename(tmp_path / "large.md")
    assert estimate([tmp_path / "large.md"], tmp_path / "i", embedder=hashing).sample_files == 1


def size_of_small(docs: Path) -> int:
    return sum(file.stat().st_size for file in docs.glob("?.txt"))


def test_of_nothing(tmp_path: Path, hashing: Embedder) -> None:
    (tmp_path / "docs").mkdir()
    found = estimate([tmp_path / "docs"], tmp_path / "i", embedder=hashing)
    assert (found.files, found.passages.expected, found.reading_seconds.expected) == (0, 0, 0)
