"""The command `dragoman eval reading`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eval.figures import Figure
    from eval.readers import NamedReader
    from eval.reading import FileScore, ReadingReport, ReadingSet

_WORST = 10
_EDGES = 4  # that are shown of a file


def add_reading(kinds: Any) -> None:
    """Add `reading` to what `dragoman eval` measures."""
    parser = kinds.add_parser("reading", help="articles out of messy files: boundaries, kept text, titles, dates")
    parser.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="NAME",
        help="dragoman and whole-file (the default), or for HTML trafilatura, readability, justext; may be repeated",
    )
    parser.add_argument("--split", choices=("dev", "test", "all"), default="all", help="default: %(default)s")
    parser.add_argument(
        "--speed",
        action="store_true",
        help="instead, megabytes a second on one core, read for the first time and again, by size",
    )
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON for machines")
    parser.set_defaults(run=_reading)


def add_fit_standing(kinds: Any) -> None:
    """Add `fit-standing` to what `dragoman eval` does."""
    parser = kinds.add_parser(
        "fit-standing", help="fit the weights that tell articles, titles and furniture anew, from the reading set"
    )
    parser.add_argument("--folds", action="store_true", help="measure them on writers left out, and write nothing")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="index/standing.toml of a checkout; without it they are printed"
    )
    parser.set_defaults(run=_fit_standing)


def _fit_standing(options: argparse.Namespace) -> int:
    from eval.fit_standing import fit_standing, out_of_writer, weights_text, write_weights
    from eval.reading import ALL, reading_figures, reading_set
    from ui.cli import DONE

    reading = reading_set("dev")
    if options.folds:
        for writer, scores in out_of_writer(reading).items():
            figures = reading_figures(scores, reading.signature)
            for name in (ALL, "text"):
                print(f"{writer:<8}{name:<8}" + "  ".join(map(str, list(figures[name].values())[:4])))
        return DONE
    weights = fit_standing(reading, reading.files)
    if options.write:
        write_weights(weights, options.write)
    else:
        print(weights_text(weights), end="")
    return DONE


def _reading(options: argparse.Namespace) -> int:
    from eval.readers import all_readers
    from eval.reading import reading_set, report_reading
    from ui.cli import DONE, printable

    reading = reading_set("" if options.split == "all" else options.split)
    readers = all_readers(options.reader)
    if options.speed:
        return _speed(options, reading, readers)
    reports = [report_reading(reading, each.name, each.read, groups=each.groups) for each in readers]
    if options.json:
        print(json.dumps([report.to_json() for report in reports], ensure_ascii=False, indent=2, allow_nan=False))
        return DONE
    print(f"{len(reading.files)} files, {options.split}; value [95 % interval], resampled by file")
    for name in dict.fromkeys(name for report in reports for name in report.figures):
        print(printable(_table(name, [report for report in reports if name in report.figures])))
    for report in reports:
        print(printable(_worst(report)))
    print(reading.signature)
    return DONE


def _speed(options: argparse.Namespace, reading: ReadingSet, readers: list[NamedReader]) -> int:
    from dataclasses import asdict

    from eval.readers import reading_speed, speed_files
    from ui.cli import DONE

    found = [
        speed
        for reader in readers
        for kind, files in speed_files(reading).items()
        if kind.split()[0] in reader.groups and (speed := reading_speed(reader, kind, files)) is not None
    ]
    if options.json:
        rates = ("first_megabytes_a_second", "megabytes_a_second")
        told = [asdict(each) | {name: getattr(each, name) for name in rates} for each in found]
        print(json.dumps(told, indent=2))
    else:
        print(f"{'MB a second of one core':<36}{'first':>8}{'again':>8}")
        for each in found:
            size = f"{each.count} files of {each.mean_bytes / 1000:,.1f} kB on average"
            rates = f"{each.first_megabytes_a_second:8.2f}{each.megabytes_a_second:8.2f}"
            print(f"{each.reader:<12} {each.files:<23}{rates}  {size}")
    return DONE


def _table(name: str, reports: list[ReadingReport]) -> str:
    from eval.reading import MEASURES

    width = 18
    heading = f"{name:<14}" + "".join(f"{measure:>{width}}" for measure in MEASURES)
    rows = [
        f"  {report.reader:<12}" + "".join(f"{_cell(report.figures[name][measure]):>{width}}" for measure in MEASURES)
        for report in reports
    ]
    return "\n".join(["", heading, *rows])


def _cell(figure: Figure) -> str:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]" if figure.n else "-"


def _worst(report: ReadingReport) -> str:
    wrong = [score for score in report.scores if score.missing or score.extra or score.kept]
    shown = [f"\n{report.reader}: {len(wrong)} of {len(report.scores)} files with wrong edges or furniture"]
    for score in wrong[:_WORST]:
        shown.append(f"  {score.gold.file}: {_marks(score)}")
        shown += [f"    not read: {score.error}"] if score.error else []
        for what, edges in (("missing", score.missing), ("extra", score.extra), ("kept", score.kept)):
            shown += [f"    {what} {edge}" for edge in edges[:_EDGES] if not score.error]
            if len(edges) > _EDGES and not score.error:
                shown.append(f"    {what} {len(edges) - _EDGES} more")
    return "\n".join(shown)


def _marks(score: FileScore) -> str:
    from eval.reading import MEASURES

    counted = [(measure, score.value(measure)) for measure in MEASURES[:3]]
    return ", ".join(f"{measure} {value:.2f}" for measure, value in counted if value == value)
