"""What the tests share: a small index made of given files, the sample corpus, the bundled model, the command."""

from __future__ import annotations

import os

# Before any library reads them: no test may reach a network, or stop to look for one.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from index import e5 as e5_package
from index.catalog import FILE_NAME
from index.clean import Cleaned
from index.embed import BUNDLED, Embedder, HashingEmbedder, load_embedder
from index.errors import ReadError
from index.folder import Index
from index.formats import Extracted
from index.ingest import ingest
from index.passages import Chunking
from index.values import Source

if TYPE_CHECKING:
    from tests.browsing import Browser, Page

ROOT = Path(__file__).parents[1]

settings.register_profile(
    "dragoman",
    deadline=None,  # the machine may be busy; nothing here is about speed
    derandomize=True,  # the same examples on every machine: a failure is there for everybody
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("dragoman")

Contents = dict[str, str | bytes]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def corpus() -> Path:
    return ROOT / "eval" / "sample" / "corpus"


@pytest.fixture(scope="session")
def seeds() -> Path:
    folder = ROOT.parent / "shared" / "seeds"
    if not folder.is_dir():
        pytest.skip("the seed files are not on this machine")
    return folder


@pytest.fixture(scope="session")
def hashing() -> Embedder:
    return HashingEmbedder()


@pytest.fixture(scope="session")
def e5() -> Embedder:
    if e5_package.packaged_weights() is None:
        pytest.skip("the bundled model has no build for this platform")
    return load_embedder(BUNDLED)


@pytest.fixture(scope="session")
def write() -> Callable[[Path, Contents], Path]:
    """Write files under a folder: text as UTF-8 with no newline translated, bytes as they are."""

    def write(folder: Path, files: Contents) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write


@pytest.fixture
def make_index(
    tmp_path: Path, hashing: Embedder, write: Callable[[Path, Contents], Path]
) -> Iterator[Callable[..., Index]]:
    """Write files into tmp_path/docs, ingest them into tmp_path/news.index, and open that."""
    opened: list[Index] = []

    def make(files: Contents, *, embedder: Embedder = hashing, chunking: Chunking | None = None) -> Index:
        docs = write(tmp_path / "docs", files)
        report = ingest([docs], tmp_path / "news.index", embedder=embedder, chunking=chunking)
        assert report.failures == []
        index = Index.open(tmp_path / "news.index")
        index.use_embedder(embedder)
        opened.append(index)
        return index

    yield make
    for index in opened:
        index.close()


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory, corpus: Path, e5: Embedder) -> Path:
    """The folder of an index of the sample corpus by the bundled model. Not to be changed."""
    folder = tmp_path_factory.mktemp("sample") / "sample.index"
    assert ingest([corpus], folder, embedder=e5).failures == []
    return folder


@pytest.fixture(scope="session")
def content() -> Callable[[Path], dict[str, list[tuple[object, ...]]]]:
    """What a catalog holds, but for keys and the numbers of batches, which depend on its history."""
    queries = {
        "sources": "SELECT path, location, media, sha256, title, date, text FROM sources",
        "documents": "SELECT d.id, s.path, d.title, d.lang, d.date, d.spans, d.body FROM documents d "
        "JOIN sources s ON d.source = s.key",
        "dropped": 'SELECT s.path, x.start, x."end", x.reason FROM dropped x JOIN sources s ON x.source = s.key',
        "passages": 'SELECT p.id, d.id, p.start, p."end", p.lang, p.text, e.vector, t.packed FROM passages p '
        "JOIN documents d ON p.document = d.key LEFT JOIN embeddings e ON e.key = p.embedding "
        "LEFT JOIN tokens t ON t.embedding = e.key",
    }

    def content(folder: Path) -> dict[str, list[tuple[object, ...]]]:
        db = sqlite3.connect(folder / FILE_NAME)
        try:
            return {name: sorted(db.execute(query)) for name, query in queries.items()}
        finally:
            db.close()

    return content


@pytest.fixture(scope="session")
def check_every_character() -> Callable[[Source, Cleaned], None]:
    """Fail unless each character that is not white space is in one kept or one dropped span, and in no second one."""

    def check(source: Source, cleaned: Cleaned) -> None:
        times = [0] * len(source.text)
        for span in [s for d in cleaned.documents for s in d.spans] + [d.span for d in cleaned.dropped]:
            assert 0 <= span.start < span.end <= len(source.text)
            for i in range(span.start, span.end):
                times[i] += 1
        wrong = [
            (i, source.text[max(0, i - 20) : i + 20], times[i])
            for i, c in enumerate(source.text)
            # A byte order mark is no character of the text, though it has a place in it.
            if (times[i] != 1 and not c.isspace() and c != "\ufeff") or times[i] > 1
        ]
        assert wrong == []

    return check


@pytest.fixture(scope="session")
def check_extracted() -> Callable[[Extracted], None]:
    """Fail unless the offsets are what `Extracted` promises, and the text can be stored."""

    def check(extracted: Extracted) -> None:
        text = extracted.text
        assert text.strip()
        text.encode()
        assert "\x00" not in text
        for spans in ([part.span for part in extracted.parts], [d.span for d in extracted.set_aside]):
            assert all(a.end <= b.start for a, b in pairwise(spans))
            assert all(span.start < span.end <= len(text) for span in spans)
        for dropped in extracted.set_aside:
            start, end = dropped.span.start, dropped.span.end
            assert dropped.reason
            assert start == 0 or text[start - 1] in "\n\f"
            assert end == len(text) or text[end] in "\n\f"
        assert list(extracted.pages) == sorted(set(extracted.pages))
        assert all(start == 0 or text[start - 1] == "\f" for start in extracted.pages)
        assert all(part.date == "" or re.fullmatch(r"\d{4}-\d\d-\d\d", part.date) for part in extracted.parts)

    return check


@pytest.fixture(scope="session")
def check_damaged(check_extracted: Callable[[Extracted], None]) -> Callable[..., None]:
    """Fail if a reader raises anything but ReadError, with file name and remedy, for a file with bytes changed."""

    def check(read: Callable[[bytes, str], Extracted], data: bytes, flips: list[tuple[int, int]], cut: int) -> None:
        found = bytearray(data[: max(1, len(data) - cut)])
        for place, change in flips:
            found[place % len(found)] ^= change
        try:
            check_extracted(read(bytes(found), "a.bin"))
        except ReadError as error:
            assert str(error).startswith("a.bin")
            assert ";" in str(error)

    return check


@pytest.fixture(scope="session")
def dragoman() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own, as a person does."""

    def run(*arguments: object, cwd: Path | None = None, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ui.cli", *map(str, arguments)],
            cwd=cwd or ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
            **options,
        )

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for longer than a file: while it is open a loop runs in this thread, and tests of LangChain start their own.
    from tests.browsing import open_browser

    yield from open_browser()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    from tests.browsing import new_tab

    yield from new_tab(browser, width=1440)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    from tests.browsing import new_tab

    yield from new_tab(browser, width=390)
