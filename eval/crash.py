"""Writers killed with SIGKILL at random moments: nothing committed may be lost, nothing that is found may be a lie.

Each round makes an archive of small files and an index of it, and kills what writes the index again and again, each
time beginning from what the last kill left. After each kill the index is looked at by `eval.honesty`: each source is
whole, as it was before or as it became; what another process saw committed before the kill is still there; all that can
be found is what its text says. What restores a snapshot leaves the index that was there or the one of the snapshot. At
the end of a round a run may finish, and the index must be the one that a run from nothing makes.

Half of the moments are chosen by time, over how long the operation takes when nobody disturbs it; the others are the
moment right after a file of the index was seen to change. In half of all runs another process reads beside the writer
and takes down what was committed; in the others there is none, which leaves SQLite's log to whoever comes next. In half
of all cases it is a copy that is looked at, for looking mends, and the next writer shall find what the last one left.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from eval.honesty import SourceState, TurnedEmbedder, all_of, lies, read_sources, same_text, sources_of
from index.catalog import FILE_NAME, Catalog
from index.compact import compact
from index.embed import EmbeddedPassage
from index.errors import DragomanError
from index.ingest import ingest
from index.reembed import reembed
from index.snapshot import restore, take_snapshot
from index.tokens import TokenCodec

KILLS_A_ROUND = 10
FILES = 160  # two batches of text and more, two of embeddings
_SECONDS_BETWEEN_LOOKS = 0.001
PRELOADED = ["eval.crash", "faiss", "tantivy"]
_SENTENCES = (
    "The keeper of {0} counted {1} boats before noon and wrote the number into the book of {2}.",
    "Смотритель маяка {0} насчитал до полудня {1} лодок и записал это число в книгу {2}.",
    "{0} mayakının gözətçisi günortaya qədər {1} qayıq saydı və bunu {2} dəftərinə yazdı.",
    "{0} fenerinin bekçisi öğleye kadar {1} tekne saydı ve bu sayıyı {2} defterine yazdı.",
)
_SYLLABLES = ("ba", "dor", "fel", "gim", "hul", "ka", "len", "mir", "nov", "pal", "rus", "sel", "tar", "vin", "zor")


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one round."""

    folder: Path

    @property
    def documents(self) -> Path:
        """The files that are ingested."""
        return self.folder / "documents"

    @property
    def index(self) -> Path:
        """The index that is written and killed."""
        return self.folder / "killed.index"

    @property
    def beside(self) -> Path:
        """What the names of folders begin with that are to take the place of the index."""
        return self.folder / f".{self.index.name}."

    @property
    def snapshot(self) -> Path:
        """A copy of the index, of which there may be none yet."""
        return self.folder / "snapshot.sqlite"

    @property
    def reference(self) -> Path:
        """An index of the same files that nobody disturbs."""
        return self.folder / "reference.index"


@dataclass(frozen=True, slots=True)
class Looked:
    """What an index held at the moments that count."""

    before: Seen
    witnessed: Seen  # when it was last looked at from outside
    now: Seen
    target: dict[str, SourceState]  # what it was to become


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that writes an index."""

    prepare: Callable[[Place, random.Random], int]  # done undisturbed; what it returns `run` is given
    run: Callable[[Place, int], None]  # in a process of its own, which is killed
    wrong: Callable[[Place, Looked], Iterable[str]]  # what must not be once it was killed, and when it has ended
    becomes: Callable[[Place], dict[str, SourceState]] = lambda place: sources_of(place.reference)  # once it has ended
    writes: Callable[[Place], Path] = lambda place: place.index  # what all that it writes is in, or begins with


@dataclass(frozen=True, slots=True)
class Extent:
    """How long an operation takes undisturbed, and how many times a file of the index is seen to change meanwhile."""

    seconds: float
    changes: int


@dataclass(slots=True)
class CrashReport:
    """What a campaign did, and what it found wrong."""

    kills: dict[str, int] = field(default_factory=dict)  # by operation
    at_changes: int = 0  # of the kills, those right after a file had changed
    witnessed: int = 0  # of the kills, those beside which a process read
    amid: int = 0  # of the kills, those that left the index other than it was, and other than it was to become
    finished: dict[str, int] = field(default_factory=dict)  # operations that ran to their end
    rounds: int = 0  # each compared with a run from nothing
    found: list[str] = field(default_factory=list)  # losses and lies, in words; must be empty
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many kills there were."""
        return sum(self.kills.values())


def campaign(
    folder: Path,
    *,
    kills: int,
    seed: int,
    files: int = FILES,
    on_progress: Callable[[CrashReport], None] = lambda report: None,
) -> CrashReport:
    """Kill writers that many times, and tell what was found. Rounds that went well leave nothing in `folder`."""
    report, begun = CrashReport(), time.monotonic()
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    extents: dict[str, Extent] = {}
    while report.total < kills:
        place = Place(folder / f"round-{report.rounds}")
        before = len(report.found)
        _Round(place, rng, report, extents).go(min(KILLS_A_ROUND, kills - report.total), files)
        report.rounds += 1
        if len(report.found) == before:
            shutil.rmtree(place.folder)
        report.seconds = time.monotonic() - begun
        on_progress(report)
    return report


class _Round:
    def __init__(self, place: Place, rng: random.Random, report: CrashReport, extents: dict[str, Extent]) -> None:
        self._place = place
        self._rng = rng
        self._report = report
        self._extents = extents

    def go(self, kills: int, files: int) -> None:
        """Kill so many writers of one index, then let one finish."""
        write_files(self._place.documents, self._rng, files)
        _bring_to_files(self._place.reference, self._place)
        wanted = self._report.total + kills
        while self._report.total < wanted:
            self._once(self._choose())
        self._finish()

    def _choose(self) -> str:
        if not sources_of(self._place.index):
            return FIRST
        return self._rng.choice(sorted(OPERATIONS.keys() - {FIRST}))

    def _once(self, name: str) -> None:
        operation, place, rng = OPERATIONS[name], self._place, self._rng
        argument = operation.prepare(place, rng)
        _bring_to_files(place.reference, place)
        before, target = Seen.of(place.index), operation.becomes(place)
        at_change, witnessed, moment = rng.random() < 0.5, rng.random() < 0.5, rng.random()
        watched = _Watched(place.index) if witnessed else None
        if (extent := self._extents.get(name)) is None:
            took, _, told = run_and_kill(name, place, argument, Extent(1e9, 1 << 30), watched)
            self._extents[name] = took
        else:
            limit = (
                Extent(1e9, 1 + int(moment * extent.changes)) if at_change else Extent(moment * extent.seconds, 1 << 30)
            )
            took, killed, told = run_and_kill(name, place, argument, limit, watched)
            if killed:
                self._report.kills[name] = self._report.kills.get(name, 0) + 1
                self._report.at_changes += at_change
                self._report.witnessed += witnessed
            else:
                self._report.finished[name] = self._report.finished.get(name, 0) + 1
                self._extents[name] = took
        if told:
            self._tell(name, f"failed undisturbed: {told}")
        self._look(name, before, target, watched.seen if watched else before)

    def _look(self, name: str, before: Seen, target: dict[str, SourceState], witnessed: Seen) -> None:
        """Compare what is there now with what was, what was to become, and what was seen in between."""
        place = self._place
        if self._rng.random() < 0.5:
            looked_at = place.folder / "copy.index"
            shutil.rmtree(looked_at, ignore_errors=True)
            if place.index.exists():
                shutil.copytree(place.index, looked_at)
        else:
            looked_at = place.index
        now = Seen.of(looked_at)
        self._report.amid += now.sources not in (before.sources, target)
        for told in OPERATIONS[name].wrong(place, Looked(before, witnessed, now, target)):
            self._tell(name, told)
        if now.sources:
            for told in lies(looked_at, rng=self._rng):
                self._tell(name, told)

    def _finish(self) -> None:
        for told in unlike_anew(self._place, self._rng):
            self._tell("at the end", told)

    def _tell(self, name: str, told: str) -> None:
        self._report.found.append(f"{self._place.folder} after {self._report.total} kills: {name}: {told}")


def unlike_anew(place: Place, rng: random.Random) -> Iterator[str]:
    """Let a run finish, and tell where the index is not what a run from nothing makes, or a lie."""
    anew = place.folder / "anew.index"
    ingest([place.documents], place.index, embedder=serving(place.index), prune=True)
    ingest([place.documents], anew, embedder=serving(place.index))
    if sources_of(place.index) != sources_of(anew):
        yield "the sources are not those of a run from nothing"
    one, other = all_of(place.index), all_of(anew)
    for part in one:
        if one[part] != other[part]:
            yield f"{len(set(one[part]) ^ set(other[part]))} {part} are not those of a run from nothing"
    yield from lies(place.index, rng=rng)
    if left := sorted(map(str, _left_over(place.index))):
        yield f"{len(left)} files were left lying about, such as {left[0]}"


def _left_over(folder: Path) -> Iterator[Path]:
    """Files that belong to nothing."""
    saved = json.loads((folder / "dense" / "state.json").read_bytes())["files"].values()
    for file in folder.rglob("*"):
        of_tantivy = file.name == ".managed.json" or file.name.startswith(".tantivy")
        if (file.suffix == ".faiss" and file.name not in saved) or (file.name.startswith(".") and not of_tantivy):
            yield file


# Files


def write_files(folder: Path, rng: random.Random, count: int) -> None:
    """`count` new files, of a sentence or of many, in four languages; some are copies of others."""
    folder.mkdir(parents=True, exist_ok=True)
    text = ""
    for _ in range(count):
        if not text or rng.random() < 0.9:
            text = _text(rng)
        (folder / f"{_name(rng)}-{rng.randrange(10**6):06}.txt").write_text(text, encoding="utf-8")


def change_files(folder: Path, rng: random.Random, share: float) -> None:
    """Of `share` of the files write most anew, delete some, and add as many."""
    files = sorted(folder.iterdir())
    chosen = rng.sample(files, max(3, int(share * len(files))))
    gone = len(chosen) // 4
    for file in chosen[:gone]:
        file.unlink()
    for file in chosen[gone:]:
        file.write_text(_text(rng), encoding="utf-8")
    write_files(folder, rng, gone)


def _text(rng: random.Random) -> str:
    sentence, length = rng.choice(_SENTENCES), rng.choice((1, 1, 2, 4, 12, 30))
    return " ".join(
        sentence.format(_name(rng).title(), rng.randrange(2, 10_000), _name(rng).title()) for _ in range(length)
    )


def _name(rng: random.Random) -> str:
    return "".join(rng.choices(_SYLLABLES, k=3))


# Operations


class _Stopped(TurnedEmbedder):
    """Is stopped before it embeds anything, so that a run leaves all it reads without vectors."""

    def embed_and_pack(self, texts: list[str], codec: TokenCodec) -> Iterator[EmbeddedPassage]:
        raise KeyboardInterrupt
        yield


def serving(folder: Path) -> TurnedEmbedder:
    """The embedder that serves in an index, or the one that an index is begun with."""
    if not Seen.of(folder).sources:
        return TurnedEmbedder(0)
    with Catalog(folder) as catalog:
        return TurnedEmbedder.of(catalog.built_with.embedder)


def _bring_to_files(folder: Path, place: Place) -> None:
    ingest([place.documents], folder, embedder=serving(folder), prune=True)


def _nothing(place: Place, rng: random.Random) -> int:
    return serving(place.index)._places


def _change(place: Place, rng: random.Random) -> int:
    change_files(place.documents, rng, rng.choice((0.02, 0.3, 0.7)))
    return serving(place.index)._places


def _delete(place: Place, rng: random.Random) -> int:
    files = sorted(place.documents.iterdir())
    for file in rng.sample(files, len(files) // 3):
        file.unlink()
    return serving(place.index)._places


def _leave_pending(place: Place, rng: random.Random) -> int:
    change_files(place.documents, rng, 0.7)
    places = serving(place.index)._places
    ingest([place.documents], place.index, embedder=_Stopped(places), prune=True)
    return places


def _other_embedder(place: Place, rng: random.Random) -> int:
    """One of the first few, which may have embedded all or some before; 0 to 63 differ."""
    return rng.choice([places for places in range(6) if places != serving(place.index)._places])


def _ingest(place: Place, places: int) -> None:
    ingest([place.documents], place.index, embedder=TurnedEmbedder(places), prune=True)


def _reembed(place: Place, places: int) -> None:
    reembed(place.index, embedder=TurnedEmbedder(places))


def _compact(place: Place, argument: int) -> None:
    compact(place.index)


def _take_snapshot(place: Place, argument: int) -> None:
    take_snapshot(place.index, place.snapshot, force=True)


def _other_than_snapshot(place: Place, rng: random.Random) -> int:
    """Make the index one that its snapshot is not, or leave it as it is."""
    if not place.snapshot.exists() or rng.random() < 0.5:
        take_snapshot(place.index, place.snapshot, force=True)
    if rng.random() < 0.8:
        change_files(place.documents, rng, 0.3)
        _bring_to_files(place.index, place)
    return 0


def _restore(place: Place, argument: int) -> None:
    restore(place.snapshot, place.index, force=True)


def _lost(place: Place, looked: Looked) -> Iterator[str]:
    return losses(looked, embeddings_stay=True)


def _lost_but_embeddings(place: Place, looked: Looked) -> Iterator[str]:
    return losses(looked, embeddings_stay=False)


def _wrong_of_snapshot(place: Place, looked: Looked) -> Iterator[str]:
    """What is lost, and what keeps the snapshot that is there, if there is one, from being an index again."""
    yield from _lost(place, looked)
    if place.snapshot.exists():
        restored = place.folder / "restored.index"
        try:
            restore(place.snapshot, restored)
        except DragomanError as error:
            yield str(error)
        shutil.rmtree(restored, ignore_errors=True)


def _wrong_of_restored(place: Place, looked: Looked) -> Iterator[str]:
    """Whether it is neither the index that was there nor the one of the snapshot, and what is not as it was beside."""
    restored, now = Seen.of_file(place.snapshot), looked.now
    if now not in (looked.before, restored):
        yield "is neither the index that was there nor that of the snapshot"
    beside = sorted(place.folder.glob(f"{place.index.name}.before-*"))
    kept = [Seen.of(folder) for folder in beside]
    if now == restored != looked.before and kept != [looked.before]:
        yield f"what was there is not kept beside; {len(kept)} folders are"
    if any(seen not in (looked.before, restored) for seen in kept):
        yield "what is kept beside is no index that there was"
    for folder in beside:
        shutil.rmtree(folder)
    if len(left := list(place.folder.glob(f"{place.beside.name}*"))) > 1:  # the next deletes that of the last
        yield f"{len(left)} folders were left lying about"


FIRST = "first ingest"
OPERATIONS = {
    FIRST: Operation(_nothing, _ingest, _lost),
    "ingest": Operation(_change, _ingest, _lost),
    "prune": Operation(_delete, _ingest, _lost),
    "embed": Operation(_leave_pending, _ingest, _lost),
    "reembed": Operation(_other_embedder, _reembed, _lost),
    "compact": Operation(_nothing, _compact, _lost_but_embeddings),
    "snapshot": Operation(_nothing, _take_snapshot, _wrong_of_snapshot),
    "restore": Operation(
        _other_than_snapshot,
        _restore,
        _wrong_of_restored,
        becomes=lambda place: Seen.of_file(place.snapshot).sources,
        writes=lambda place: place.beside,
    ),
}


# Running and killing


def run_and_kill(
    name: str, place: Place, argument: int, limit: Extent, watched: _Watched | None = None
) -> tuple[Extent, bool, str]:
    """Do an operation in a process of its own, which is killed when either limit is reached, if it comes to that.

    Returns how far it came, whether it was killed, and why it failed, or "".
    """
    # Not a fork of this process, whose threads would not come along, and not a new one, which loads for seconds.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(name, place, argument, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.recv()  # it begins
    except EOFError:
        return Extent(0.0, 0), False, "the process did not begin"
    begun, changes, killed = time.monotonic(), 0, False
    stamps = _stamps(place)
    while not wait([process.sentinel], timeout=_SECONDS_BETWEEN_LOOKS):
        if (now := _stamps(place)) != stamps:
            stamps, changes = now, changes + 1
        if changes >= limit.changes or time.monotonic() - begun >= limit.seconds:
            process.kill()
            killed = True
            break
        if watched is not None:
            watched.look()
    process.join()
    took = Extent(time.monotonic() - begun, changes)
    if watched is not None:
        watched.close()
    killed = killed and process.exitcode == -signal.SIGKILL  # it may have ended by itself just before
    told = ""
    with ours, suppress(EOFError):  # it has nothing to tell
        told = ours.recv() if not killed else ""
    process.close()
    return took, killed, told


def _child(name: str, place: Place, argument: int, connection: Connection[Any, Any]) -> None:
    connection.send("begun")
    try:
        OPERATIONS[name].run(place, argument)
    except Exception:
        connection.send(traceback.format_exc())


def _stamps(place: Place) -> dict[str, tuple[int, int]]:
    """When each file of the index was changed, or of what is made beside to take its place, and how large it is."""
    found = {}
    waiting = [str(place.index), *map(str, place.folder.glob(f"{place.beside.name}*"))]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        waiting.append(entry.path)
                    else:
                        stat = entry.stat()
                        found[entry.path] = (stat.st_mtime_ns, stat.st_size)
        except FileNotFoundError:  # gone while it was looked at
            continue
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What an index holds at one moment."""

    sequence: int
    sources: dict[str, SourceState]
    embeddings: dict[str, int]  # how many each embedder has made, by its identity
    serving: str

    @classmethod
    def of(cls, folder: Path) -> Seen:
        """What an index holds now."""
        return cls.of_file(folder / FILE_NAME)

    @classmethod
    def of_file(cls, location: Path) -> Seen:
        """What a catalog holds now, such as a snapshot."""
        if not location.is_file():
            return cls(0, {}, {}, "")
        with closing(sqlite3.connect(location, timeout=30, isolation_level=None)) as db:
            return cls.read(db)

    @classmethod
    def read(cls, db: sqlite3.Connection) -> Seen:
        """The same over a connection."""
        # The numbers first: what is committed between the two makes them too small, never too large.
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'settings'").fetchone():
            return cls(0, {}, {}, "")
        (sequence,) = db.execute("SELECT value FROM settings WHERE name = 'sequence'").fetchone()
        (embedder,) = db.execute(
            "SELECT identity FROM embedders WHERE key = (SELECT value FROM settings WHERE name = 'embedder')"
        ).fetchone()
        made = db.execute(
            "SELECT r.identity, count(e.key) FROM embedders r LEFT JOIN embeddings e ON e.embedder = r.key GROUP BY 1"
        )
        return cls(int(sequence), embeddings=dict(made.fetchall()), serving=embedder, sources=read_sources(db))


class _Watched:
    """Another process's eyes on an index: what they saw was committed."""

    def __init__(self, folder: Path) -> None:
        self._location = folder / FILE_NAME
        self._db: sqlite3.Connection | None = None
        self._version = -1
        self.seen = Seen.of(folder)

    def look(self) -> None:
        """Read what is new, if anything is."""
        if self._db is None and self._location.is_file():
            self._db = sqlite3.connect(self._location, timeout=0, isolation_level=None)
        try:
            if self._db is not None:
                (version,) = self._db.execute("PRAGMA data_version").fetchone()
                if version != self._version:
                    self._version, self.seen = version, Seen.read(self._db)
        except sqlite3.OperationalError:  # just being made, or busy
            self._version = -1

    def close(self) -> None:
        if self._db is not None:
            self._db.close()


def losses(looked: Looked, *, embeddings_stay: bool) -> Iterator[str]:
    """What was there, or was seen to come, and is not there any more; and what nobody ever put there.

    Embeddings that no passage has need not stay where an operation deletes them.
    """
    before, witnessed, now, target = looked.before, looked.witnessed, looked.now, looked.target
    for seen, when in ((before, "before"), (witnessed, "when it was last looked at")):
        if now.sequence < seen.sequence:
            yield f"the last batch was {seen.sequence} {when}, now it is {now.sequence}"
        if embeddings_stay:
            for identity, count in seen.embeddings.items():
                if now.embeddings.get(identity, 0) < count:
                    yield f"{count} embeddings {when}, {now.embeddings.get(identity, 0)} now, of {identity}"
    if before.serving and before.serving != witnessed.serving != now.serving:  # it changes once
        yield f"{now.serving} serves, which did {witnessed.serving} when it was last looked at"
    for path in before.sources.keys() | target.keys() | now.sources.keys():
        was, saw, becomes, found = (each.get(path) for each in (before.sources, witnessed.sources, target, now.sources))
        if not (_alike(found, was) or _alike(found, becomes)):
            yield f"{path}: is neither what it was nor what it was to become"
        if _alike(saw, becomes) and not _alike(found, becomes):
            yield f"{path}: had come in, and is lost"
        for seen in (was, saw):
            if seen and found and same_text(seen, found) and (lost := seen.embedded - found.embedded):
                yield f"{path}: {len(lost)} passages have lost their embeddings"


def _alike(one: SourceState | None, other: SourceState | None) -> bool:
    return one is other or (one is not None and other is not None and same_text(one, other))
