"""The command `dragoman ingest`: files into an index, or with --dry-run only what would become of them."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import SettingsError

if TYPE_CHECKING:
    from index.crew import Crew
    from index.embed import Embedder, EmbedderIdentity
    from index.ingest import IngestReport, Progress
    from index.passages import Chunking
    from index.preview import Preview
    from index.rules import Rules

# Named here and not asked of `index`, which would load the readers for every command; tests compare.
_DESCRIPTION = """\
Read files and folders into an index. Unchanged files are skipped, changed ones replaced, renamed ones known again.
What is read:
  .txt .md                       in UTF-8, UTF-16 or an older encoding, mojibake repaired
  .html .htm .pdf .docx .odt .epub .pptx
  .jsonl .csv .tsv .xlsx         an article an object, or a row
  .rss .atom .xml .eml .mbox .warc .warc.gz
ZIP archives are read as folders are. Stop it at any time, even with kill -9: what is committed stays, and the
same command goes on.
"""
_EPILOG = """\
rules of your own, for the lines that are furniture in your archive and nowhere else; a TOML file such as

  [[drop]]
  pattern = "Subscribe to .*"       # a regular expression that a whole line matches, in any case
  reason = "our newsletter"         # optional; the record of what was dropped says "rule: our newsletter"

  [[keep]]
  pattern = "Reply"                 # a line that would have been dropped; of two rules that match, this one wins

  [fields]                          # where .jsonl files have their articles; patterns are not asked there
  text = "story"
  title = ["headline", "name"]      # the first that is there counts

try them on one file:      dragoman show FILE --cleaning --rules rules.toml
see what they would do:    dragoman ingest FOLDER --rules rules.toml --dry-run
then:                      dragoman ingest FOLDER --rules rules.toml

The index keeps the rules, and later runs go by them until --rules names others, or none.

an index whose vectors a Milvus server searches (pip install 'dragoman[milvus]'):

  --index milvus://HOST:19530/COLLECTION                   the texts are in the folder COLLECTION.index
  --index 'milvus://HOST:19530/COLLECTION?catalog=FOLDER'  or in this one; &index=HNSW for another kind than FLAT
  --index 'milvus://HOST:19530/COLLECTION?words=server'    Milvus 2.4 or later, which searches words, too
  --index milvus:FILE.db/COLLECTION                        Milvus Lite, for trying it: pip install milvus-lite

The folder keeps texts, vectors and the URL: from then on it is named as any index is, --index FOLDER, or by the URL.
An index that is there already moves by being named so, and nothing of it is embedded again. DRAGOMAN_MILVUS_TOKEN has
what the server asks for, such as USER:PASSWORD.
"""
NO_RULES_NAME = "none"
_LISTED = 20  # paths, of many


def add_ingest(commands: Any) -> None:
    """Add `ingest` to the commands of `dragoman`."""
    from ui.cli import add_index, add_json

    parser = commands.add_parser(
        "ingest",
        help="read files and folders into an index",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_ingest)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, folders or ZIP archives")
    add_index(parser, help="the index: a folder, or a Milvus server, see below (default: %(default)s)")
    parser.set_defaults(moves_vectors=True)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    how.add_argument(
        "--estimate",
        action="store_true",
        help="say how long it will take, and how much disk and memory, from a sample that is read and embedded now",
    )
    how.add_argument(
        "--watch",
        action="store_true",
        help="stay, and ingest what changes as it changes, until Ctrl-C. Network drives may tell nothing of changes: "
        "set WATCHFILES_FORCE_POLLING=1 for them",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove from the index what is gone from the folders; --dry-run names it. Refused if a folder is missing "
        "or empty, as it looks when its disk is not mounted",
    )
    parser.add_argument(
        "--even-if-empty", action="store_true", help="with --prune: forget the files of such a folder, too"
    )
    parser.add_argument(
        "--rules", metavar="FILE", help="lines to drop and to keep, see below (default: those of the last run)"
    )
    parser.add_argument(
        "--seconds-a-file", type=float, metavar="N", help="give a file up that takes longer to read (default: 60)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="read so many files at once, each in a process that takes 0.1 GB, more for large files, and never more "
        "than 4 (default: one a core, 8 at most)",
    )
    parser.add_argument(
        "--ray",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="read and embed on a Ray cluster (pip install 'dragoman[ray]'): that at this address, whose machines have "
        "the files at the same paths and this version of Dragoman, or else one on this machine, for this run, of as "
        "many cores as --workers says (default: all). Only this process writes the index",
    )
    parser.add_argument(
        "--embedder",
        default="",
        metavar="NAME",
        help="for a new index: e5-small (default, offline), e5-small-torch (the same for a GPU), or a "
        "sentence-transformers model by folder or hub name",
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="longest passage (default: 160); for a new index")
    parser.add_argument("--overlap", type=int, metavar="N", help="sentences repeated between passages (default: 1)")
    add_json(parser)


def _ingest(options: argparse.Namespace) -> int:
    from ui.cli import INTERRUPTED, complain

    _check(options)
    rules = rules_named(options.rules)
    _bring_forward(options)
    built_by, kept_rules = _stored(options.index)
    if told := _about(rules, kept_rules):
        complain(told)
    if options.dry_run:
        return _dry_run(options, rules)
    embedder = _embedder(options, built_by)
    if options.estimate:
        from ui.estimating import tell_estimate

        return tell_estimate(options, embedder, chunking=_chunking(options), rules=rules)

    def tell(report: IngestReport) -> None:
        _tell_ingest(report, options)

    with _crew(options, embedder) as crew:

        def run(prune: bool) -> IngestReport:
            return _run(options, embedder, rules, crew, prune=prune)

        if options.watch:
            from ui.watching import watch

            return watch(options.paths, options.index, run, prune=options.prune, tell_first=tell)
        report = run(options.prune)
    tell(report)
    return INTERRUPTED if report.interrupted else _code(report.failures)


def _check(options: argparse.Namespace) -> None:
    """Raise SettingsError for options that contradict each other or themselves."""
    if options.even_if_empty and not options.prune:
        raise SettingsError("--even-if-empty goes with --prune; without it nothing is forgotten")
    if options.watch and options.json:
        raise SettingsError("--watch says what it does as it goes, and --json once at the end; use one of them")
    if options.workers < 0:
        raise SettingsError(f"--workers is {options.workers}; want 1 or more")
    if options.ray is not None and (options.dry_run or options.estimate):
        raise SettingsError("--ray goes with a run that embeds; --dry-run and --estimate are for this machine")
    if options.ray and options.workers:
        raise SettingsError("--workers is for this machine; leave it away, the cluster has as many cores as it has")
    if options.seconds_a_file is not None and not options.seconds_a_file > 0:
        raise SettingsError(f"--seconds-a-file is {options.seconds_a_file:g}; want more than 0")


def _dry_run(options: argparse.Namespace, rules: Rules | None) -> int:
    from index.preview import preview

    with _Bar() as bar:
        found = preview(
            options.paths,
            options.index,
            rules=rules,
            seconds_a_file=_seconds(options),
            workers=options.workers,
            on_progress=bar.update,
        )
    _tell_preview(found, options)
    return _code(found.failures)


def _crew(options: argparse.Namespace, embedder: Embedder) -> AbstractContextManager[Crew | None]:
    """Who reads and embeds: Ray if it is asked for."""
    if options.ray is None:
        return nullcontext()
    from index.ray_crew import ray_crew

    return ray_crew(embedder.identity, address=options.ray, cores=options.workers)


def _run(
    options: argparse.Namespace, embedder: Embedder, rules: Rules | None, crew: Crew | None, *, prune: bool
) -> IngestReport:
    from index.ingest import ingest
    from ui.cli import complain

    with _Bar() as bar:
        return ingest(
            options.paths,
            options.named or options.index,
            embedder=embedder,
            chunking=_chunking(options),
            prune=prune,
            even_if_empty=options.even_if_empty,
            rules=rules,
            seconds_a_file=_seconds(options),
            workers=options.workers,
            crew=crew,
            on_progress=bar.update,
            report=complain,
        )


def _seconds(options: argparse.Namespace) -> float:
    from index.workers import SECONDS_A_FILE

    return SECONDS_A_FILE if options.seconds_a_file is None else options.seconds_a_file


def _code(failures: list[str]) -> int:
    from ui.cli import DONE, NOT_DONE

    return NOT_DONE if failures else DONE


def rules_named(name: str | None) -> Rules | None:
    """The rules that `--rules` names: those of a file, none at all, or None if nothing is said."""
    from index.rules import NO_RULES, load_rules

    if name is None:
        return None
    return NO_RULES if name == NO_RULES_NAME else load_rules(Path(name))


def _bring_forward(options: argparse.Namespace) -> None:
    """Migrate an index of an older format, unless nothing is to be written."""
    from index.lock import writing
    from index.migrate import MIGRATED, format_of, migrate
    from ui.cli import complain

    if format_of(options.index) == str(MIGRATED) and not (options.dry_run or options.estimate):
        with writing(options.index):
            migrate(options.index, report=complain)


def _stored(folder: Path) -> tuple[EmbedderIdentity | None, Rules]:
    """The embedder that an index was built with, and the rules that it keeps; neither if there is none."""
    from index.catalog import FILE_NAME, Catalog
    from index.rules import NO_RULES

    if not (folder / FILE_NAME).is_file():
        return None, NO_RULES
    with Catalog(folder) as catalog:
        return catalog.built_with.embedder, catalog.rules


def _embedder(options: argparse.Namespace, built_by: EmbedderIdentity | None) -> Embedder:
    """The embedder that is asked for, or the index's; that one is loaded only when it is needed."""
    from index.deferred import DeferredEmbedder
    from index.embed import BUNDLED, load_embedder
    from ui.cli import complain

    name = options.embedder or (built_by.name if built_by else BUNDLED)
    if built_by is None or name != built_by.name:
        return load_embedder(name, report=complain)
    return DeferredEmbedder(options.index, built_by, lambda: load_embedder(name, report=complain))


def _about(rules: Rules | None, kept: Rules) -> str:
    """Which rules a run goes by, in words, or "" if there are none and were none."""
    from index.rules import NO_RULES, Fields

    apply = kept if rules is None else rules
    if apply == NO_RULES:
        return f"the rules of {kept.origin} no longer apply" if kept != NO_RULES else ""
    named = f"{len(apply.drop)} to drop, {len(apply.keep)} to keep" + (
        ", fields of JSON lines" if apply.fields != Fields() else ""
    )
    if rules is not None:
        return f"rules of {apply.origin}: {named}"
    return (
        f"rules of {apply.origin}, as it was when the index was last given it: {named} "
        f"(--rules {NO_RULES_NAME} ends them)"
    )


def _chunking(options: argparse.Namespace) -> Chunking | None:
    from index.passages import Chunking

    if options.max_tokens is None and options.overlap is None:
        return None
    default = Chunking()
    return Chunking(
        default.max_tokens if options.max_tokens is None else options.max_tokens,
        default.overlap_sentences if options.overlap is None else options.overlap,
    )


class _Bar:
    """A progress bar: over files until all are read, then over passages until all are embedded."""

    def __enter__(self) -> _Bar:
        self.shown = self._begin(" files", leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        self.shown.close()

    def _begin(self, unit: str, *, leave: bool) -> Any:
        from tqdm import tqdm

        return tqdm(unit=unit, delay=1, disable=None, file=sys.stderr, dynamic_ncols=True, leave=leave)

    def update(self, progress: Progress) -> None:
        if progress.files_done < progress.files_total or not progress.passages_known:
            self.shown.total = progress.files_total
            self.shown.update(progress.files_done - self.shown.n)
            return
        if not self.shown.leave:
            self.shown.close()
            self.shown = self._begin(" passages", leave=True)
        self.shown.total = progress.passages_known
        self.shown.update(progress.passages_done - self.shown.n)


def _tell_ingest(report: IngestReport, options: argparse.Namespace) -> None:
    from index.catalog import Catalog
    from ui.cli import complain

    _complain_of(report.failures, report.left_out, options)
    if options.json:
        fields = (
            "added", "replaced", "renamed", "removed", "gone", "unchanged", "passages", "failures", "left_out",
            "interrupted",
        )  # fmt: skip
        print(json.dumps({name: getattr(report, name) for name in fields}, ensure_ascii=False, indent=2))
        return
    if report.gone:
        complain(f"{len(report.gone)} files are gone from the folders and still in the index; --prune removes them")
    with Catalog(options.index) as catalog:
        sources, documents, passages = catalog.counts()
    print(f"{_done(report)}; the index holds {sources} files, {documents} articles, {passages} passages")
    if report.interrupted:
        complain("stopped; what was committed is kept, run the same command to go on")
    elif passages:
        if options.named:
            complain(f"the texts are in {options.index}, which is a name of this index, too")
        print(f'ask: dragoman ask --index {options.index} "your question"')


def _done(report: IngestReport) -> str:
    """What a run has done, in a few words."""
    done = [f"{len(report.added)} added", f"{len(report.replaced)} replaced", f"{report.unchanged} unchanged"]
    for name, what in (("renamed", report.renamed), ("removed", report.removed), ("not read", report.failures)):
        if what:
            done.append(f"{len(what)} {name}")
    return ", ".join(done)


def _complain_of(failures: list[str], left_out: list[str], options: argparse.Namespace) -> None:
    from ui.cli import complain

    for message in failures:
        complain(f"not read: {message}")
    if left_out and not options.json:
        types = Counter(Path(message.partition(": ")[0]).suffix or "no suffix" for message in left_out)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(types.items()))
        complain(f"left out: {kinds} (no article in them, or a type that is not read; --json lists them)")


def _tell_preview(found: Preview, options: argparse.Namespace) -> None:
    from ui.cleaning import counted
    from ui.cli import complain, printable

    _complain_of(found.failures, found.left_out, options)
    if options.json:
        print(json.dumps({"dry_run": True, **asdict(found)}, ensure_ascii=False, indent=2))
        return
    gone = "gone, to be removed" if options.prune else "gone (--prune would remove them)"
    renamed = f"{len(found.renamed)} renamed, " if found.renamed else ""
    print(
        f"{counted(len(found.new), 'file')} new, {len(found.changed)} changed, {renamed}"
        f"{found.unchanged} unchanged, {len(found.gone)} {gone}, {len(found.failures)} not read"
    )
    _list("renamed", [f"{old} -> {new}" for old, new in found.renamed])
    _list("gone", found.gone)
    if found.lost and not options.even_if_empty:
        complain(
            f"{', '.join(found.lost)}: missing or empty, as it looks when a disk is not mounted; "
            "--prune would refuse to forget these files, --even-if-empty makes it"
        )
    dropped = sum(found.dropped.values())
    print(f"in them {counted(found.articles, 'article')}, {found.kept:,} characters kept, {dropped:,} dropped")
    for reason, characters in sorted(found.dropped.items(), key=lambda one: (-one[1], one[0])):
        print(printable(f"  {characters:9,}  {reason}"))
    print("a dry run: nothing was written")


def _list(what: str, lines: list[str]) -> None:
    from ui.cli import printable

    for line in lines[:_LISTED]:
        print(printable(f"  {what}: {line}"))
    if len(lines) > _LISTED:
        print(f"  {what}: {len(lines) - _LISTED} more, which --json lists")
