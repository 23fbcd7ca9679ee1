"""Files into an index: read, clean, split and commit, then embed; a batch at a time, each all or nothing.

All text is committed first, and found by its words from then on; embedding, which takes most of the time, follows, and
goes on with the next run where one is stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from index.catalog import BuiltWith, Catalog, ReadySource, StoredFile
from index.clean import Cleaned, clean_given
from index.decode import decode
from index.embed import Embedder
from index.errors import IndexMismatch, ReadError
from index.files import FoundFile, Stamp, discover, exists, read_bytes, stamp_of
from index.folder import Index, check_embedder
from index.lock import writing
from index.migrate import migrate
from index.passages import Chunking, split_passages
from index.read import file_hash, media_of
from index.repeats import LineKeys, repeatable_lines, repeated
from index.rules import Rules
from index.tokens import MEAN_TEXTS, TokenCodec
from index.values import Media, Passage, Source
from index.workers import SECONDS_A_FILE, Job, read_files, worker_count

# A batch is what a killed run can lose. Of text the first is small, so that something can be asked soon, and each of
# the next twice as large; of embeddings it is about three seconds on one laptop.
_FIRST_BATCH, _LARGEST_BATCH = 64, 4096  # passages, or files of fewer
_EMBEDDED_BATCH = 256  # passages


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come."""

    files_done: int
    files_total: int
    passages_done: int  # embedded
    passages_known: int  # committed and to be embedded; grows while files are read


@dataclass(slots=True)
class IngestReport:
    """What a run did, and what it could not do."""

    added: list[str] = field(default_factory=list)  # paths of sources
    replaced: list[str] = field(default_factory=list)
    unchanged: int = 0
    removed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # indexed, no longer among the files, and kept
    passages: int = 0  # given an embedding in this run
    known: int = 0  # of these, how many had a text that was embedded before
    failures: list[str] = field(default_factory=list)  # whole messages: what was asked for and not done
    left_out: list[str] = field(
        default_factory=list
    )  # whole messages: what was not asked for by name, or holds no article
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class GivenDocument:
    """A document that is text already and needs no cleaning, such as one of an evaluation set."""

    id: str  # becomes the path of its source
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class _Parsed:
    location: str
    source: Source
    cleaned: Cleaned
    passages: tuple[Passage, ...]
    is_new: bool
    rules: str
    stamp: Stamp
    lines: Mapping[int, bool]  # its short lines, and whether each is known to stand in several files


def ingest(
    paths: list[Path],
    folder: Path,
    *,
    embedder: Embedder,
    chunking: Chunking | None = None,
    prune: bool = False,
    rules: Rules | None = None,
    seconds_a_file: float = SECONDS_A_FILE,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report: Callable[[str], None] = lambda message: None,
) -> IngestReport:
    """Make the index in `folder` hold the files at and under `paths`, and say what was done.

    Unchanged files are skipped by hash, changed ones replaced, as are those that were cleaned by other rules; files
    that are gone are removed if `prune`. The rules are kept in the index and hold until a run names others; without
    `rules` they are those of the last run that did. A file that cannot be read, or not within `seconds_a_file`, is
    reported and stops nothing. Ctrl-C ends the run after the last whole batch, with `interrupted` set. Raises
    IndexLocked, IndexMismatch, IndexFolderError.
    """
    discovery = discover(paths)
    with _run(folder, embedder, chunking, on_progress, report) as run:
        run.result.failures.extend(discovery.missing)
        run.result.left_out.extend(map(why_ignored, discovery.ignored))
        run.add(run.parse_changed(list(discovery.files), run.choose_rules(rules), seconds_a_file))
        run.forget_missing(paths, discovery.files, prune=prune)
        run.embed_pending()
    return run.result


def why_ignored(path: Path) -> str:
    """What is said of a file or a link that was left alone."""
    if path.is_symlink():
        return f"{path}: links to folders and out of the folder are not followed"
    return f"{path}: files of this type are not read"


def ingest_given(
    documents: list[GivenDocument],
    folder: Path,
    *,
    embedder: Embedder,
    chunking: Chunking | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> IngestReport:
    """Make the index in `folder` hold `documents` by their ids; those that it has by the same text are skipped.

    Raises as `ingest` does. Ctrl-C ends the run after the last whole batch, with `interrupted` set.
    """
    with _run(folder, embedder, chunking, on_progress, lambda message: None) as run:
        run.add(run.parse_given(documents))
        run.embed_pending()
    return run.result


@contextmanager
def _run(
    folder: Path,
    embedder: Embedder,
    chunking: Chunking | None,
    on_progress: Callable[[Progress], None],
    report: Callable[[str], None],
) -> Iterator[_Run]:
    """The right to write the index in `folder`, and what a run needs; Ctrl-C inside ends the run, not the program."""
    with writing(folder):
        migrate(folder, report=report)
        built_with = BuiltWith(embedder.identity, chunking or Chunking())
        with Index(folder, Catalog(folder, built_with=built_with), report=report) as index:
            _check_built_with(folder, index.catalog, embedder, chunking)
            index.bring_caches_forward(writable=True)
            run = _Run(index, embedder, on_progress)
            try:
                yield run
            except KeyboardInterrupt:
                run.result.interrupted = True
            finally:
                index.save()


def _check_built_with(folder: Path, catalog: Catalog, embedder: Embedder, chunking: Chunking | None) -> None:
    check_embedder(folder, catalog, embedder)
    built = catalog.built_with.chunking
    if chunking is not None and built != chunking:
        raise IndexMismatch(
            f"{folder}: built with passages of {built.max_tokens} tokens and {built.overlap_sentences} sentences of "
            f"overlap, this run wants {chunking.max_tokens} and {chunking.overlap_sentences}; leave the options away, "
            "or ingest into another folder"
        )


def _token_codec(catalog: Catalog, embedder: Embedder) -> TokenCodec:
    if (codec := catalog.token_codec) is None:
        codec = TokenCodec.fitted(embedder.passage_tokens(list(MEAN_TEXTS)))
        catalog.keep_token_codec(codec)
    return codec


class _Run:
    """One run over the files: what it has done goes into the report as it is committed."""

    def __init__(self, index: Index, embedder: Embedder, on_progress: Callable[[Progress], None]) -> None:
        self.result = IngestReport()
        self._index = index
        self._embedder = embedder
        self._on_progress = on_progress
        self._chunking = index.catalog.built_with.chunking
        self._token_codec = _token_codec(index.catalog, embedder)
        self._files_done = self._files_total = 0
        self._passages_known = index.catalog.pending_count()  # what a run that was stopped has left

    def add(self, files: Iterator[_Parsed]) -> None:
        """Commit files as they are parsed, a batch at a time."""
        batch: list[_Parsed] = []
        limit, held = _FIRST_BATCH, 0
        for parsed in files:
            batch.append(parsed)
            held += max(1, len(parsed.passages))
            if held >= limit:
                self._commit(batch)
                batch, held, limit = [], 0, min(2 * limit, _LARGEST_BATCH)
        if batch:
            self._commit(batch)

    def embed_pending(self) -> None:
        """Embed what is committed and has no embedding yet, a batch at a time; no text that was embedded before."""
        catalog = self._index.catalog
        self._passages_known = catalog.pending_count()
        while pending := catalog.pending(_EMBEDDED_BATCH):
            known = catalog.embedded_hashes(passage.hash for passage in pending)
            texts = {passage.hash: passage.text for passage in pending if passage.hash not in known}
            made = {}
            for text_hash, one in zip(
                texts, self._embedder.embed_and_pack(list(texts.values()), self._token_codec), strict=True
            ):
                made[text_hash] = one
                self.result.passages += 1
                self._tell()
            self._index.embed(pending, made)
            self.result.passages += len(pending) - len(made)
            self.result.known += len(pending) - len(made)
            self._tell()

    def choose_rules(self, rules: Rules | None) -> Rules:
        """The rules of this run: those given, which the index keeps, or those that it has kept."""
        if rules is None:
            return self._index.catalog.rules
        self._index.catalog.keep_rules(rules)
        return rules

    def forget_missing(self, paths: list[Path], files: tuple[FoundFile, ...], *, prune: bool) -> None:
        """Deal with sources that were read from under `paths` and are no longer there."""
        gone = gone_from(paths, files, self._index.catalog.files())
        if gone and prune:
            self._index.commit([], remove=gone)
            self.result.removed.extend(gone)
        else:
            self.result.gone.extend(gone)

    def parse_given(self, documents: list[GivenDocument]) -> Iterator[_Parsed]:
        """The given documents that are new or changed."""
        self._files_total = len(documents)
        known = self._index.catalog.files()
        for given in documents:
            sha256 = file_hash(f"{given.title}\0{given.text}".encode())
            stored = known.get(given.id)
            if stored is not None and stored.sha256 == sha256:
                self.result.unchanged += 1
            else:
                source = Source(given.id, Media.TEXT, sha256, given.text, title=given.title)
                yield self._parsed(given.id, source, clean_given(source), is_new=stored is None)
            self._files_done += 1
            self._tell()

    def parse_changed(self, files: list[FoundFile], rules: Rules, seconds_a_file: float) -> Iterator[_Parsed]:
        """The files that are new or changed; what cannot be read goes into the report."""
        self._files_total = len(files)
        self._tell()
        known = self._index.catalog.files()
        changed = self._changed(jobs_of_run(files, self._index.catalog, rules), known)
        for job, read in read_files(changed, processes=worker_count(len(files)), seconds_a_file=seconds_a_file):
            stored = known.get(job.path)
            if isinstance(read, ReadError):
                self.result.failures.append(str(read))
            else:
                parsed = self._parsed(
                    str(job.file.location), read.source, read.cleaned, is_new=stored is None, rules=rules.sha256
                )
                lines = {line: line in job.repeated for line in job.lines}
                parsed = replace(parsed, stamp=job.stamp, lines=lines)
                if parsed.passages:
                    yield parsed
                elif not (read.source.problems or read.cleaned.problems):
                    self.result.left_out.append(f"{job.path}: holds no article; nothing in it can be asked")
                if not parsed.passages and stored is not None:  # what it held before is no longer there
                    self._index.commit([], remove=[job.path])
                    self.result.removed.append(job.path)
            self._files_done += 1
            self._tell()

    def _changed(self, found: Sequence[Job | ReadError | Unchanged], known: Mapping[str, StoredFile]) -> Iterator[Job]:
        stamps = {
            each.path: each.stamp
            for each in found
            if isinstance(each, Unchanged) and each.stamp != known[each.path].stamp
        }
        if stamps:
            self._index.catalog.keep_stamps(stamps)
        for job in found:
            if isinstance(job, Job):
                yield job
                continue
            if isinstance(job, ReadError):
                self.result.failures.append(str(job))
            else:
                self.result.unchanged += 1
            self._files_done += 1
            self._tell()

    def _parsed(self, location: str, source: Source, cleaned: Cleaned, *, is_new: bool, rules: str = "") -> _Parsed:
        source = replace(source, problems=(*source.problems, *cleaned.problems))
        self.result.failures.extend(source.problems)
        passages = [
            passage
            for document in cleaned.documents
            for passage in split_passages(
                document, source, chunking=self._chunking, count_tokens=self._embedder.count_tokens
            )
        ]
        self._passages_known += len(passages)
        return _Parsed(location, source, cleaned, tuple(passages), is_new, rules, Stamp(0, 0), {})

    def _commit(self, batch: list[_Parsed]) -> None:
        ready = [
            ReadySource(
                source=file.source,
                location=file.location,
                documents=file.cleaned.documents,
                dropped=file.cleaned.dropped,
                passages=file.passages,
                stamp=file.stamp,
                rules=file.rules,
                lines=file.lines,
            )
            for file in batch
        ]
        self._index.commit(ready, remove=[])
        for file in batch:
            (self.result.added if file.is_new else self.result.replaced).append(file.source.path)

    def _tell(self) -> None:
        self._on_progress(Progress(self._files_done, self._files_total, self.result.passages, self._passages_known))


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A file that the catalog holds as it is now, by the path of its source."""

    path: str
    stamp: Stamp


def jobs_of_run(files: Sequence[FoundFile], catalog: Catalog | None, rules: Rules) -> list[Job | ReadError | Unchanged]:
    """For each file the job to read it, why it cannot be read, or that the catalog holds it as it is now.

    A job says which lines of its file several have, of this run or in the catalog. Files that were cleaned when other
    lines were known to be repeated are read again. There is no catalog before the first run.
    """
    known = catalog.files() if catalog is not None else {}
    found = [_with_lines(job) for job in _jobs_for(files, known, rules)]
    if not (lines := {job.path: job.lines for job in found if isinstance(job, Job)}):
        return found
    repeats = repeated(lines.values(), known=catalog.line_counts(without=lines) if catalog is not None else Counter())
    otherwise = catalog.cleaned_otherwise(repeats) - lines.keys() if catalog is not None else set()
    locations = {known[path].location for path in otherwise}
    stale = [i for i, job in enumerate(found) if isinstance(job, Unchanged) and str(files[i].location) in locations]
    for i, job in zip(stale, _jobs_for([files[i] for i in stale], known, rules, anew=otherwise), strict=True):
        found[i] = _with_lines(job)
    return [replace(job, repeated=job.lines & repeats) if isinstance(job, Job) else job for job in found]


def _with_lines(job: Job | ReadError | Unchanged) -> Job | ReadError | Unchanged:
    return replace(job, lines=_lines_of(job)) if isinstance(job, Job) else job


def _jobs_for(
    files: Iterable[FoundFile], known: dict[str, StoredFile], rules: Rules, *, anew: Collection[str] = ()
) -> Iterator[Job | ReadError | Unchanged]:
    """For each file the job to read it, why it cannot be read, or that `known` holds it as it is now.

    The stamp of a file tells, or else its hash. The files under the paths `anew` are read whether they changed or not.
    """
    names = _Names(known)
    for found in files:
        try:
            path, stamp = names.path_for(found), stamp_of(found.location)
            if path not in anew and _is_held(found, stamp, rules, known.get(path)):
                yield Unchanged(path, stamp)
                continue
        except ReadError as error:
            yield error
            continue
        yield Job(found, path, rules, stamp)


def _is_held(found: FoundFile, stamp: Stamp, rules: Rules, stored: StoredFile | None) -> bool:
    """Whether a source was read from this file as it is now, by these rules. Raises ReadError."""
    if stored is None or (stored.location, stored.rules) != (str(found.location), rules.sha256):
        return False
    if stamp.modified and stamp == stored.stamp:
        return True
    return file_hash(read_bytes(found.location)) == stored.sha256


def _lines_of(job: Job) -> LineKeys:
    """The short lines of a text file that others may repeat; other formats say themselves what is furniture."""
    if media_of(job.path) is not Media.TEXT:
        return frozenset()
    try:
        return repeatable_lines(decode(read_bytes(job.file.location), job.path).text)
    except ReadError:  # told when it is read
        return frozenset()


def gone_from(paths: list[Path], files: Iterable[FoundFile], known: dict[str, StoredFile]) -> list[str]:
    """The paths of known sources that were read from under `paths` and are no longer there."""
    roots = [path.resolve() for path in paths]
    present = {str(file.location) for file in files}
    return [
        path
        for path, file in sorted(known.items())
        if file.location not in present and not exists(Path(file.location)) and _is_under(Path(file.location), roots)
    ]


class _Names:
    """The path under which each file is stored: relative to its folder, and never that of another file."""

    def __init__(self, known: dict[str, StoredFile]) -> None:
        self._location_of = {path: file.location for path, file in known.items()}
        self._path_of = {location: path for path, location in self._location_of.items()}

    def path_for(self, found: FoundFile) -> str:
        location = str(found.location)
        if location in self._path_of:
            return self._path_of[location]
        for path in (found.name, f"{found.root.name}/{found.name}", location):
            holder = self._location_of.get(path)
            # A file that moved, its folder with it, keeps its name.
            if holder is None or not exists(Path(holder)):
                self._location_of[path] = location
                self._path_of[location] = path
                return path
        raise ReadError(f"{location}: its names are taken by other files; ingest it into another index")


def _is_under(location: Path, roots: list[Path]) -> bool:
    return any(location == root or root in location.parents for root in roots)
