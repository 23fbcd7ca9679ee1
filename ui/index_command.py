"""The commands `dragoman index …`: an index checked, mended, copied, brought back, compacted, embedded anew."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.check import Checked, Problem

_MOST_OF_A_KIND = 20  # problems that are printed; --json has all
_EPILOG = """\
An index is a catalog (catalog.sqlite: texts, places, vectors), which is the truth, and two caches made from it (dense/,
lexical/), which are made again without embedding anything whenever they do not fit.

  something seems wrong        dragoman index check, then what it says
  before something risky       dragoman index snapshot news.copy, and restore news.copy if it went wrong
  the disk is filling up       dragoman index stats says with what, dragoman index compact gives back what is not needed
"""


def add_index_command(commands: Any) -> None:
    """Add `index` to the commands of `dragoman`."""
    parser = commands.add_parser(
        "index",
        help="check, repair, copy, bring back, compact or reembed an index; its figures",
        description="Look after an index.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(
        steps,
        "check",
        _check,
        "verify everything, and change nothing",
        "Verify SQLite's file, every text against its hash, every place within its text, every passage, vector and\n"
        "token vector, and both caches against their checksums and the catalog. It may run while the index is\n"
        "written. Exit code 1 if anything is wrong; each problem says what, where, and what to do.",
    )
    repair = _add(
        steps,
        "repair",
        _repair,
        "mend what check finds",
        "Make caches again and delete what is damaged and can be made again, such as vectors, which the next ingest\n"
        "embeds. Sources whose text is damaged are marked: the next ingest of their files reads them again.\n"
        "Exit code 1 if something is left to do.",
    )
    repair.add_argument("--drop-damaged", action="store_true", help="remove sources whose text is damaged")
    snapshot = _add(
        steps,
        "snapshot",
        _snapshot,
        "copy the index to one file, while it is in use",
        "Copy the catalog as it is at one moment, and hold nobody up. The caches are left out: they are made again,\n"
        "without embedding, when an index that was restored is opened.",
    )
    snapshot.add_argument("destination", type=Path, metavar="FILE")
    snapshot.add_argument("--force", action="store_true", help="replace a snapshot that is there already")
    restore = _add(
        steps,
        "restore",
        _restore,
        "make an index of a snapshot",
        "Copy a snapshot into a folder that is empty or not there yet, and verify the copy before it takes its place.\n"
        "Close what has the index open first: it would go on with the one that was there.",
    )
    restore.set_defaults(moves_vectors=True)
    restore.add_argument("snapshot", type=Path, metavar="FILE")
    restore.add_argument("--force", action="store_true", help="also where an index is; that is kept beside, renamed")
    _add(
        steps,
        "compact",
        _compact,
        "give back space that is not needed",
        "Delete embeddings of texts that are no longer there (which would be embedded again if they came back) and\n"
        "rewrite the catalog without gaps. It needs twice the catalog's size of free disk while it works. Others may\n"
        "read the index meanwhile.",
    )
    reembed = _add(
        steps,
        "reembed",
        _reembed,
        "change to another embedding model",
        "Embed every text with another model, beside the vectors that there are: those are searched until the\n"
        "last new one is made, then all change over at once, also in programs that have the index open. Stop it\n"
        "with Ctrl-C and run it again to go on. To change back costs nothing until the index is compacted.",
    )
    reembed.add_argument(
        "--model",
        required=True,
        metavar="NAME",
        help="e5-small, e5-small-torch (the same for a GPU), or a sentence-transformers model by folder or hub name",
    )
    _add(
        steps,
        "stats",
        _stats,
        "say what the index holds and takes, and how well its vectors are searched",
        "Tell sources, passages by language, what share is embedded, sizes, and recall: of the ten passages truly\n"
        "nearest to one of the index's own, the share that a search finds (1 where the search is exact).",
    )


def _add(steps: Any, name: str, run: Any, help: str, description: str) -> argparse.ArgumentParser:
    from ui.cli import add_index, add_json, command

    parser = command(steps, name, run, help=help, description=description)
    add_index(parser)
    add_json(parser)
    return parser


class Bar:
    """A progress bar for each thing that is gone through, shown when it takes more than a second."""

    def __init__(self) -> None:
        self._shown: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            self._shown.close()

    def update(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if self._shown is None or self._shown.unit != f" {what}":
            self.__exit__()
            self._shown = tqdm(
                unit=f" {what}", total=total, delay=1, disable=None, file=sys.stderr, dynamic_ncols=True, leave=False
            )
            self._shown.unit = f" {what}"
        self._shown.update(done - self._shown.n)


def _check(options: argparse.Namespace) -> int:
    from index.check import check
    from ui.cli import DONE, NOT_DONE, existing

    with Bar() as bar:
        found = check(existing(options.index), on_progress=bar.update)
    if options.json:
        _print_json(_checked(found))
    else:
        _tell(found)
    return NOT_DONE if found.problems else DONE


def _tell(found: Checked) -> None:
    from ui.cli import complain, printable

    for kind, count in Counter(problem.kind for problem in found.problems).items():
        for problem in [each for each in found.problems if each.kind is kind][:_MOST_OF_A_KIND]:
            print(printable(str(problem)))
        if count > _MOST_OF_A_KIND:
            print(f"… and {count - _MOST_OF_A_KIND} more of this kind (--json lists them)")
    for note in found.notes:
        complain(note)
    looked_at = f"{found.sources} sources, {found.passages} passages, {found.embeddings} embeddings"
    problems = f"{len(found.problems)} problems" if found.problems else "nothing is wrong"
    print(f"{looked_at}: {problems}")


def _checked(found: Checked) -> dict[str, Any]:
    return {**asdict(found), "problems": [_problem(problem) for problem in found.problems]}


def _problem(problem: Problem) -> dict[str, str]:
    return {**asdict(problem), "remedy": problem.remedy}


def _print_json(document: object) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _repair(options: argparse.Namespace) -> int:
    from index.repair import repair
    from ui.cli import DONE, NOT_DONE, complain, existing, printable

    with Bar() as bar:
        repaired = repair(
            existing(options.index), drop_damaged=options.drop_damaged, report=complain, on_progress=bar.update
        )
    if options.json:
        _print_json({"done": repaired.done, "left": _checked(repaired.left)})
    else:
        for step in repaired.done or ("nothing was to be done",):
            print(printable(step))
        _tell(repaired.left)
    return NOT_DONE if repaired.left.problems else DONE


def _snapshot(options: argparse.Namespace) -> int:
    from index.catalog import Catalog
    from index.snapshot import take_snapshot
    from ui.cli import DONE, complain, existing, printable

    folder = existing(options.index)
    with Bar() as bar:
        size = take_snapshot(folder, options.destination, force=options.force, on_progress=bar.update)
    with Catalog(folder) as catalog:
        if catalog.vectors_at:
            complain(
                f"all vectors are in the snapshot, too; what is restored of it searches them in its folder, not at "
                f"{catalog.vectors_at}, until an ingest names a server"
            )
    if options.json:
        _print_json({"snapshot": str(options.destination), "bytes": size})
    else:
        print(printable(f"{options.destination}: {_megabytes(size)}; bring it back: dragoman index restore"))
    return DONE


def _restore(options: argparse.Namespace) -> int:
    from index.snapshot import restore
    from ui.cli import DONE, printable, vectors_moved

    with vectors_moved(options), Bar() as bar:
        checked, kept = restore(options.snapshot, options.index, force=options.force, on_progress=bar.update)
    if options.json:
        _print_json({"index": str(options.index), "kept": str(kept or ""), **_checked(checked)})
        return DONE
    print(printable(f"{options.index}: {checked.sources} sources, {checked.passages} passages; nothing is wrong"))
    if kept:
        print(printable(f"what was there is kept as {kept}: delete it when all is well"))
    print(printable(f'ask: dragoman ask --index {options.index} "your question" (the first makes the caches)'))
    return DONE


def _compact(options: argparse.Namespace) -> int:
    from index.compact import compact
    from ui.cli import DONE, complain, existing

    done = compact(existing(options.index), report=complain)
    if options.json:
        _print_json(asdict(done))
        return DONE
    given = done.bytes_before - done.bytes_after
    print(
        f"{_megabytes(given)} given back, {_megabytes(done.bytes_after)} left; "
        f"{done.embeddings} embeddings that no passage used, {done.removed} removals that nobody needs to be told of"
    )
    if done.log_is_kept:
        complain("somebody is reading the index: the rest of the space comes back when the last reader closes it")
    return DONE


def _reembed(options: argparse.Namespace) -> int:
    from index.embed import load_embedder
    from index.reembed import reembed
    from ui.cli import DONE, INTERRUPTED, complain, existing

    folder = existing(options.index)
    embedder = load_embedder(options.model, report=complain)
    with Bar() as bar:
        done = reembed(
            folder,
            embedder=embedder,
            on_progress=lambda p: bar.update("passages", p.passages_done, p.passages_known),
            report=complain,
        )
    if options.json:
        _print_json(asdict(done))
    elif done.interrupted:
        complain(f"stopped; {done.serving} goes on serving, run the same command to go on")
    else:
        print(f"{done.passages} texts embedded; served by {done.serving} (before: {done.former})")
    return INTERRUPTED if done.interrupted else DONE


def _stats(options: argparse.Namespace) -> int:
    from index.stats import stats
    from ui.cli import DONE, existing, printable

    found = stats(existing(options.index))
    if options.json:
        _print_json(asdict(found))
        return DONE
    share = found.embedded / found.passages if found.passages else 1.0
    languages = ", ".join(f"{lang} {count}" for lang, count in found.languages.items())
    lines = [
        ("holds", f"{found.sources} files, {found.documents} articles, {found.passages} passages ({languages})"),
        ("embedded", f"{found.embedded} of {found.passages} passages ({share:.1%})"),
        ("embedder", f"{found.embedder}, {found.dimension} dimensions, weights {found.weights[:12]}"),
        ("passages", f"{found.chunking.max_tokens} tokens, {found.chunking.overlap_sentences} sentences of overlap"),
        ("vectors", f"{found.dense_kind}; recall {found.recall:.3f}"),
        *([("server", found.vectors_at)] if found.vectors_at else []),
        *((name, _megabytes(size)) for name, size in found.bytes_of.items()),
        *((f"  {name}", _megabytes(size)) for name, size in found.bytes_in_catalog.items()),
        ("unused", f"{found.unused_embeddings} embeddings, {_megabytes(found.unused_bytes)}: dragoman index compact"),
        ("batches", f"{found.sequence}; dense {found.dense_sequence}, lexical {found.lexical_sequence}"),
        ("written", f"{found.written}, format {found.format}"),
    ]
    width = max(len(name) for name, _ in lines)
    for name, told in lines:
        print(printable(f"{name:<{width}}  {told}"))
    return DONE


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
