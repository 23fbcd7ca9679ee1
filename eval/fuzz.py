"""Files that are damaged on purpose, read as ingestion reads them: none may crash it, hang it or get lost."""

from __future__ import annotations

import io
import random
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from index.errors import ReaderDefect, ReaderDied, ReadError, ReadTimeout
from index.files import discover
from index.read import media_of
from index.workers import Job, ReadFile, read_files

SEEDS = tuple(Path(__file__).parent / name for name in ("reading/files", "sample/corpus"))
READ, REFUSED, TIMED_OUT, DIED, DEFECT, LOST = "read", "refused", "timed out", "worker died", "defect", "lost"
_BAD = (LOST, DEFECT, DIED, TIMED_OUT)  # worst first
_PACKAGES = (".docx", ".odt", ".epub", ".pptx", ".xlsx", ".zip")
_CONTROLS = [bytes([byte]) for byte in range(32)] + [c.encode() for c in "\x7f\x85\u200b\u202e\ufeff\u2028\uffff"]
_TIMES = (2, 3, 50, 2000)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file that was damaged, and the suffix that says how it is read."""

    name: str
    suffix: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FuzzReport:
    """How many mutants of each suffix came to which end, and those that came to a bad one, which were kept."""

    counts: Mapping[str, Counter[str]]
    kept: tuple[tuple[Path, str], ...]  # the file, and what was said of it

    @property
    def total(self) -> int:
        """How many mutants were read."""
        return sum(counter.total() for counter in self.counts.values())


def seed_files() -> list[Path]:
    """The files that this project ships, of every format that is read."""
    files = sorted(file for folder in SEEDS for file in folder.rglob("*") if file.is_file())
    return [file for file in files if media_of(file.name) or file.suffix == ".zip"]


def mutants(seeds: Sequence[Path], *, count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants, as many of each suffix as of any other; the same for the same `seed`."""
    by_suffix: dict[str, list[tuple[str, bytes]]] = {}
    for path in seeds:
        by_suffix.setdefault(path.suffix, []).append((path.name, path.read_bytes()))
    suffixes = sorted(by_suffix)
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    for number in range(count):
        suffix = suffixes[number % len(suffixes)]
        name, data = rng.choice(by_suffix[suffix])
        other = rng.choice(by_suffix[suffix])[1]
        if suffix in _PACKAGES and rng.random() < 0.7:  # else its checksums alone would catch nearly all
            damaged = _with_damaged_entry(data, rng)
        else:
            damaged = _damaged(data, other, rng)
        yield Mutant(f"{number:06}-{name}", suffix, damaged)


def _damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        start = rng.randrange(len(found) + 1)
        end = min(len(found), start + rng.choice((1, 4, 40, 400, 4000)))
        match rng.randrange(7):
            case 0:
                for _ in range(rng.choice((1, 3, 30))):
                    if found:
                        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
            case 1:
                del found[start:]
            case 2:
                found[end:end] = found[start:end] * rng.choice(_TIMES)
            case 3:
                place = rng.randrange(len(other) + 1)
                found[start:] = other[place:]
            case 4:
                found[start:start] = b"".join(rng.choices(_CONTROLS, k=rng.choice((1, 3, 30))))
            case 5:
                del found[start:end]
            case _:
                found[start:end] = bytes([rng.choice((0, 0x20, 0x3C, 0x7F, 0x80, 0xFF))]) * (end - start)
    return bytes(found)


def _with_damaged_entry(data: bytes, rng: random.Random) -> bytes:
    """A package whose checksums are sound and one of whose entries, mostly one of XML, is not."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as package, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        names = package.namelist()
        chosen = rng.choice([name for name in names if name.endswith(("xml", "html", "opf", "txt"))] or names)
        for name in names:
            entry = package.read(name)
            content = _damaged(entry, package.read(rng.choice(names)), rng) if name == chosen else entry
            # By its name alone it would get the time of now, and the same seed would make another mutant.
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def fuzz(
    seeds: Sequence[Path],
    folder: Path,
    *,
    count: int,
    seed: int,
    processes: int,
    seconds_a_file: float,
    on_progress: Callable[[int], None] = lambda done: None,
) -> FuzzReport:
    """Read `count` mutants and say what became of them. Those that came to a bad end stay in `folder`."""
    counts: dict[str, Counter[str]] = {}
    kept: list[tuple[Path, str]] = []
    waiting: deque[tuple[Path, str, int, list[str]]] = deque()  # a mutant, its suffix, how many files it holds

    def jobs() -> Iterator[Job]:
        for mutant in mutants(seeds, count=count, seed=seed):
            location = folder / mutant.name
            location.write_bytes(mutant.data)
            found = discover([location])
            waiting.append((location, mutant.suffix, len(found.files), list(found.missing)))
            yield from (Job(file, file.name) for file in found.files)

    def take(ends: list[tuple[str, str]], location: Path, suffix: str) -> None:
        end, told = min(ends, key=lambda each: _BAD.index(each[0]) if each[0] in _BAD else len(_BAD))
        counts.setdefault(suffix, Counter())[end] += 1
        if end in _BAD:
            kept.append((location, told))
        else:
            location.unlink()
        on_progress(sum(counter.total() for counter in counts.values()))

    ends: list[tuple[str, str]] = []

    def settle() -> None:
        while waiting and len(ends) >= waiting[0][2]:
            location, suffix, files, missing = waiting.popleft()
            its = [ends.pop(0) for _ in range(files)] or [(REFUSED, told) for told in missing]
            take(its or [(LOST, "neither read nor refused")], location, suffix)

    for job, outcome in read_files(jobs(), processes=processes, seconds_a_file=seconds_a_file):
        ends.append(_end(job, outcome))
        settle()
    settle()
    for location, suffix, _, _ in waiting:
        take([(LOST, "nothing was said of it")], location, suffix)
    return FuzzReport(dict(sorted(counts.items())), tuple(kept))


def _end(job: Job, outcome: ReadFile | ReadError) -> tuple[str, str]:
    match outcome:
        case ReadTimeout():
            return TIMED_OUT, str(outcome)
        case ReaderDied():
            return DIED, str(outcome)
        case ReaderDefect():
            return DEFECT, str(outcome)
        case ReadError():
            # A person must be told which file it is and what to do.
            told = str(outcome)
            named = told.startswith((job.path, str(job.file.location)))
            return (REFUSED if named and ";" in told else DEFECT), told
        case ReadFile():
            broken = _broken_promise(outcome)
            return (DEFECT, f"{job.path}: {broken}") if broken else (READ, "")


def _broken_promise(read: ReadFile) -> str:
    """What is wrong with a file that was read, or ""."""
    text = read.source.text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "its text cannot be stored"
    if "\x00" in text:
        return "a zero in its text, which cannot be stored"
    taken = bytearray(len(text))
    spans = [span for document in read.cleaned.documents for span in document.spans]
    for span in (*spans, *(dropped.span for dropped in read.cleaned.dropped)):
        if not 0 <= span.start < span.end <= len(text):
            return f"{span} is no piece of its {len(text)} characters"
        if any(taken[span.start : span.end]):
            return f"{span} is kept or dropped twice"
        taken[span.start : span.end] = b"\x01" * (span.end - span.start)
    lost = next((i for i, mark in enumerate(taken) if not mark and not text[i].isspace() and text[i] != "\ufeff"), -1)
    return f"character {lost} is neither kept nor dropped" if lost >= 0 else ""
