"""Whether a server finds what the index folder finds: the same passages in the folder, in Milvus Lite and in Milvus.

All are given the same passages with the same vectors, nothing is encoded. Compared are the ten best of each question
by vectors, by words and by both, with and without filters, once files were removed and once longer ones have come, what
is found of those that were removed, and what is lost or there twice when the server is killed while it is written.
"""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.made import MadeArchive
from eval.scale import PASSAGES_A_SOURCE, GivenEmbedder, identity_of, source_of
from index.catalog import BuiltWith, Catalog, ReadySource
from index.embed import EmbeddedPassage
from index.errors import ServerError, SettingsError
from index.folder import Filters, Index
from index.lock import writing
from index.passages import Chunking
from index.words import LEXICAL
from rag.retrieve import HybridRetriever

SYSTEMS = ("folder", "milvus-lite", "milvus")
_K = 10
_FOLDERS = 3
_DATES = ("2024-03-05", "2024-11", "2023", "", "2023-07-30", "2025-01-02")
_FILTERS = (
    Filters(languages=frozenset({"az"})),
    Filters(since="2024-01-01"),
    Filters(until="2023-12-31", languages=frozenset({"en", "ru"})),
    Filters(sources=frozenset({"box_1", "box_2/"})),
    Filters(sources=frozenset({"box_0/0000000.txt"})),
    Filters(since="2024-11-10", until="2025-06-30", sources=frozenset({"box_0", "box_1"})),
)
_REMOVED = 10  # every so many files
_GROWN = 8  # one passage more for every so many, and twice as long: the mean length is then a ninth larger
_DOWN_SECONDS = 3.0  # that a killed server stays away
_BATCH = 500  # passages
# The etcd in the server listens at ports of its own, always the same: a second server would end as it starts.
_ETCD_CONFIG = "ETCD_CONFIG_PATH"
_ETCD = """\
listen-client-urls: http://127.0.0.1:{client}
advertise-client-urls: http://127.0.0.1:{client}
listen-peer-urls: http://127.0.0.1:{peer}
initial-advertise-peer-urls: http://127.0.0.1:{peer}
initial-cluster: default=http://127.0.0.1:{peer}
"""


@dataclass(frozen=True, slots=True)
class ServedRow:
    """How one system compares with the index folder; shares are of lists of ten that are the same, in their order."""

    system: str
    kind: str = ""
    build_seconds: float = math.nan
    p50_ms: float = math.nan  # of the search of vectors
    same: float = math.nan  # by vectors alone
    same_fused: float = math.nan  # by the whole retriever
    same_filtered: float = math.nan  # by vectors, under each of the filters
    removed_found: float = math.nan  # passages of removed files that are found
    same_after: float = math.nan  # by vectors, once these are removed
    words_p50_ms: float = math.nan  # of the search of words
    same_words: float = math.nan  # by words alone
    same_words_filtered: float = math.nan  # by words, under each of the filters
    same_words_after: float = math.nan  # by words, once files are removed, as in a folder made anew
    same_words_grown: float = math.nan  # by words, once the archive has grown by longer passages
    same_fused_grown: float = math.nan  # by the whole retriever, then
    kills: float = math.nan
    lost: float = math.nan  # rows
    doubled: float = math.nan
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What one index finds, by ids."""

    plain: list[list[str]]
    fused: list[list[str]]
    filtered: list[list[str]]
    after: list[list[str]]
    words: list[list[str]]
    words_filtered: list[list[str]]
    words_after: list[list[str]]
    words_grown: list[list[str]]
    fused_grown: list[list[str]]


def compare_served(
    archive: MadeArchive,
    systems: Sequence[str],
    scratch: Path,
    *,
    kind: str = "FLAT",
    words: str = "folder",
    report: Callable[[str], None] = lambda message: None,
) -> list[ServedRow]:
    """Build and ask each of `systems` in the folder `scratch`, the first of which the others are compared with.

    `words` is where those with a server search words, as in its URL. Milvus is built a second time, while it is killed.
    """
    rows: list[ServedRow] = []
    wanted: _Found | None = None
    for system in systems:
        report(system)
        try:
            with _server(system, scratch) as server:
                url = f"{server.url}?index={kind}&words={words}" if server.url else ""
                row, found = _measured(archive, system, scratch / f"{system}.index", url, wanted)
                wanted = wanted or found
                rows.append(row)
                if server.kill is not None:
                    report(f"{system}, killed while it is written")
                    rows.append(_killed(archive, server, f"{url.replace('/made', '/killed')}", scratch, wanted))
        except ImportError as error:
            rows.append(ServedRow(system, skipped=f"needs {error.name}; see pyproject.toml"))
        except SettingsError as error:  # of what this server cannot do
            rows.append(ServedRow(system, skipped=str(error)))
    return rows


def _measured(
    archive: MadeArchive, system: str, folder: Path, url: str, wanted: _Found | None
) -> tuple[ServedRow, _Found]:
    began = time.perf_counter()
    build(archive, folder, url)
    seconds = time.perf_counter() - began
    with Index.open(folder) as index:
        index.use_embedder(GivenEmbedder(archive))
        plain, times = _ask(index, archive, Filters())
        filtered = [one for filters in _FILTERS for one in _ask(index, archive, filters)[0]]
        fused = _ask_both(index, archive)
        words, word_times = _ask_words(index, archive, Filters())
        words_filtered = [one for filters in _FILTERS for one in _ask_words(index, archive, filters)[0]]
        kind = index.dense.kind
    removed = _remove(folder)
    with Index.open(folder) as index:
        after, _ = _ask(index, archive, Filters())
        words_after, _ = _ask_words(index, archive, Filters())
    anew = words_after
    if not url:
        # It goes on counting what was removed, which changes scores a little, until it is made again. A server's counts
        # are always as if it were.
        shutil.rmtree(folder / LEXICAL)
        with Index.open(folder) as index:
            anew, _ = _ask_words(index, archive, Filters())
    _grow(archive, folder)
    with Index.open(folder) as index:
        index.use_embedder(GivenEmbedder(archive))
        words_grown, _ = _ask_words(index, archive, Filters())
        fused_grown = _ask_both(index, archive)
        lost, doubled = _missing(index)
    found = _Found(plain, fused, filtered, after, words, words_filtered, anew, words_grown, fused_grown)
    against = wanted or found
    gone = sum(id_.rpartition(":")[0].rpartition(":")[0] in removed for ids in (*after, *words_after) for id_ in ids)
    row = ServedRow(
        system,
        kind,
        seconds,
        1000 * float(np.median(times)),
        _share(plain, against.plain),
        _share(fused, against.fused),
        _share(filtered, against.filtered),
        gone,
        _share(after, against.after),
        1000 * float(np.median(word_times)),
        _share(words, against.words),
        _share(words_filtered, against.words_filtered),
        _share(words_after, against.words_after),
        _share(words_grown, against.words_grown),
        _share(fused_grown, against.fused_grown),
        0,
        lost,
        doubled,
    )
    return row, found


def _killed(archive: MadeArchive, server: _Server, url: str, scratch: Path, wanted: _Found) -> ServedRow:
    """Kill and start the server twice while it is written; the run is begun again if it could not end."""
    folder, kills = scratch / "killed.index", list[threading.Thread]()
    moments = {archive.count // 3 // _BATCH: 0.02, 2 * archive.count // 3 // _BATCH: 0.2}  # batch, seconds in it
    away = threading.Lock()

    def maybe_kill(batch: int) -> None:
        if batch in moments:
            kills.append(threading.Thread(target=_away, args=(server, moments.pop(batch), away)))
            kills[-1].start()

    began = time.perf_counter()
    while True:
        try:
            build(archive, folder, url, on_batch=maybe_kill)
            break
        except ServerError:
            for thread in kills:
                thread.join()
    for thread in kills:
        thread.join()
    with Index.open(folder) as index:
        plain, times = _ask(index, archive, Filters())
        lost, doubled = _missing(index)
        return ServedRow(
            f"{server.name}, killed",
            index.dense.kind,
            time.perf_counter() - began,
            1000 * float(np.median(times)),
            same=_share(plain, wanted.plain),
            kills=len(kills),
            lost=lost,
            doubled=doubled,
        )


def _away(server: _Server, after: float, one_at_a_time: threading.Lock) -> None:
    with one_at_a_time:
        time.sleep(after)
        assert server.kill is not None
        server.kill()
        time.sleep(_DOWN_SECONDS)
        server.start()


def build(
    archive: MadeArchive, folder: Path, url: str = "", *, on_batch: Callable[[int], None] = lambda batch: None
) -> None:
    """Make an index of the archive, or go on where a run before was stopped. Raises ServerError."""
    built_with = BuiltWith(identity_of(archive), Chunking())
    with writing(folder):
        catalog = Catalog(folder, built_with=built_with)
        if catalog.token_codec is None:
            catalog.keep_token_codec(archive.codec)
            catalog.keep_vectors_at(url)
        with Index(folder, catalog) as index:
            index.bring_caches_forward(writable=True)
            batches = 0
            for block in archive.blocks():
                for start in range(0, len(block), _BATCH):
                    on_batch(batches)
                    batches += 1
                    some = block[start : start + _BATCH]
                    if next(_sources(some)).source.path not in catalog.files():
                        _commit(index, some)
            index.save()


def _sources(block: list[Any]) -> Iterator[ReadySource]:
    for start in range(0, len(block), PASSAGES_A_SOURCE):
        number = block[start].number // PASSAGES_A_SOURCE
        date = _DATES[number % len(_DATES)]
        within = f"box_{number % _FOLDERS}/"
        yield source_of(block[start : start + PASSAGES_A_SOURCE], within=within, date=date)


def _remove(folder: Path) -> set[str]:
    """Take some files out of an index; their paths."""
    with writing(folder), Index(folder, Catalog(folder)) as index:
        index.bring_caches_forward(writable=True)
        removed = sorted(index.catalog.files())[::_REMOVED]
        index.commit([], remove=removed)
        index.save()
    return set(removed)


def _grow(archive: MadeArchive, folder: Path) -> None:
    """Add passages to an index that are twice as long."""
    more = replace(archive, count=archive.count // _GROWN, seed=archive.seed + 1)
    first = -(-archive.count // PASSAGES_A_SOURCE) * PASSAGES_A_SOURCE  # in a file of its own
    with writing(folder), Index(folder, Catalog(folder)) as index:
        index.bring_caches_forward(writable=True)
        for block in more.blocks():
            doubled = [
                replace(each, number=first + each.number, text=f"{each.text} {other.text}")
                for each, other in zip(block, reversed(block), strict=True)
            ]
            _commit(index, doubled)
        index.save()


def _commit(index: Index, some: list[Any]) -> None:
    index.commit(list(_sources(some)), remove=[])
    pending = index.catalog.pending(len(some))
    made = zip(pending, some, strict=True)
    index.embed(pending, {its.hash: EmbeddedPassage(p.vector, p.tokens) for its, p in made})


def _ask_both(index: Index, archive: MadeArchive) -> list[list[str]]:
    retriever = HybridRetriever(index)
    return [[hit.passage.id for hit in retriever.retrieve(each.text, k=_K)] for each in archive.questions]


def _ask_words(index: Index, archive: MadeArchive, filters: Filters) -> tuple[list[list[str]], list[float]]:
    """The ids of the ten best for each question by words, and what each took, in seconds."""
    found, times = [], []
    for question in archive.questions:
        began = time.perf_counter()
        hits = index.search_lexical(question.text, k=_K, filters=filters)
        times.append(time.perf_counter() - began)
        stored = index.passages(hit.key for hit in hits)
        found.append([stored[hit.key].passage.id for hit in hits])
    return found, times


def _ask(index: Index, archive: MadeArchive, filters: Filters) -> tuple[list[list[str]], list[float]]:
    """The ids of the ten best for each question, and what each took, in seconds."""
    found, times = [], []
    for question in archive.questions:
        began = time.perf_counter()
        hits = index.search_dense(question.vector, k=_K, filters=filters)[:_K]
        times.append(time.perf_counter() - began)
        stored = index.passages(hit.key for hit in hits)
        found.append([stored[hit.key].passage.id for hit in hits])
    return found, times


def _missing(index: Index) -> tuple[int, int]:
    """How many vectors are not there that should be, or the other way round, and how many rows are there twice."""
    held = index.dense.keys()
    wanted = index.catalog.keys_where("", "")
    return len(np.setxor1d(held, wanted)), index.dense.count - len(np.unique(held))


def _share(found: list[list[str]], wanted: list[list[str]]) -> float:
    return sum(a == b for a, b in zip(found, wanted, strict=True)) / len(wanted)


# Servers


@dataclass(frozen=True, slots=True)
class _Server:
    """Where vectors are to be searched, and how that is killed and started again, if it can be."""

    name: str
    url: str
    kill: Callable[[], None] | None
    start: Callable[[], None]


@contextmanager
def _server(system: str, scratch: Path) -> Iterator[_Server]:
    """One of SYSTEMS, running. Raises ImportError."""
    match system:
        case "folder":
            yield _Server(system, "", None, lambda: None)
        case "milvus-lite":
            import milvus_lite  # noqa: F401, pymilvus finds it

            yield _Server(system, f"milvus:{scratch.absolute()}/lite.db/made", None, lambda: None)
        case _:
            with milvus_server(scratch / "server") as (port, kill, start):
                yield _Server(system, f"milvus://127.0.0.1:{port}/made", kill, start)


@contextmanager
def milvus_server(folder: Path) -> Iterator[tuple[int, Callable[[], None], Callable[[], None]]]:
    """The server that the package `milvus` carries, on this machine: its port, what kills it, and what starts it again.

    What it keeps is in `folder`, as is the server itself, 0.4 GB. Others may run beside it. Raises ImportError.
    """
    from milvus import MilvusServer, MilvusServerConfig  # pyright: ignore[reportMissingImports]

    config: Any = MilvusServerConfig(data_dir=str(folder.absolute()))
    # It chooses from fixed numbers on, and listens seconds later: two that start at once would choose the same.
    parts = [name for name in config.configurable_items if name.endswith("_port")]
    metrics, client, peer, *ports = _free_ports(3 + len(parts))
    config.update(**dict(zip(parts, ports, strict=True)))
    port = config.configs["proxy_port"]
    server: Any = MilvusServer(config)
    server.webservice_port = metrics
    folder.mkdir(parents=True, exist_ok=True)
    etcd = folder.absolute() / "etcd.yaml"
    etcd.write_text(_ETCD.format(client=client, peer=peer), encoding="utf-8")

    def kill() -> None:
        if server.server_proc is not None:
            server.server_proc.kill()
            server.server_proc.wait()

    def start_again() -> None:
        # Not by `start`: that looks for ports to listen on, and takes those that were just in use for taken.
        home = Path(server.config.base_data_dir)
        environment = {
            **os.environ,
            _ETCD_CONFIG: str(etcd),
            "DEPLOY_MODE": "STANDALONE",
            "METRICS_PORT": str(server.webservice_port),
            "MILVUS_RUN_DIR": str(home / "run"),
            "LD_LIBRARY_PATH": str(home / "bin"),
        }
        command = [server.get_milvus_executable_path(), "run", "standalone"]
        quiet = subprocess.DEVNULL
        server.server_proc = subprocess.Popen(command, cwd=home, env=environment, stdout=quiet, stderr=quiet)
        server.wait_started()

    try:
        os.environ[_ETCD_CONFIG] = str(etcd)
        try:
            server.start()
        finally:
            del os.environ[_ETCD_CONFIG]
        yield port, kill, start_again
    finally:
        kill()  # its own `stop` waits for three seconds at most, which are too few on a busy machine
        server.stop()


def _free_ports(count: int) -> list[int]:
    """Ports of this machine on which nobody listens."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
