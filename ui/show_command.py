"""The commands `dragoman sources` and `dragoman show`: what an index holds, and how files were cleaned."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import IndexFolderError, ReadError, SettingsError

if TYPE_CHECKING:
    from index.articles import Cleaned
    from index.catalog import StoredSource
    from index.files import FoundFile
    from index.values import Cluster, Document, Link, Source

    Copies = Mapping[str, tuple[Cluster, list[Link]]]  # by the id of the document


def add_sources(commands: Any) -> None:
    """Add `sources` to the commands of `dragoman`."""
    from ui.cli import add_index, add_json, command

    parser = command(
        commands,
        "sources",
        _sources,
        help="list what the index holds",
        description="List the files of an index with the articles found in them: language, date and where it was read, "
        "author,\noutlet. Lines with '!' say what was not read; the last line sums up. --json has every span.",
    )
    add_index(parser)
    add_json(parser)


def _sources(options: argparse.Namespace) -> int:
    from index.catalog import Catalog
    from ui.cleaning import document_line, source_line
    from ui.cli import DONE, complain, existing, printable

    with Catalog(existing(options.index)) as catalog:
        if pending := catalog.pending_count():
            complain(f"{pending} of {catalog.passage_count()} passages are not embedded yet and found by their words")
        sources = list(catalog.sources())
        copies = {d.id: (catalog.cluster_of(d.id), catalog.links(d.id)) for s in sources for d in s.documents}
    if options.json:
        print(json.dumps([_source_to_json(source, copies) for source in sources], ensure_ascii=False, indent=2))
        return DONE
    for source in sources:
        print(printable(source_line(source.path, source.media, source.encoding, source.spelling)))
        for problem in source.problems:
            print(printable(f"    ! {problem}"))
        for document in source.documents:
            print(printable(f"    {document.id}  {document_line(document)}"))
            if not document.body:
                print("    ! without text, so nothing of it can be asked")
            for line in _duplicate_lines(document.id, *copies[document.id]):
                print(f"        {line}")
    print(_summary(sources))
    return DONE


def _duplicate_lines(document_id: str, cluster: Cluster, links: Iterable[Link]) -> Iterator[str]:
    if cluster.representative != document_id:
        yield f"copy of {cluster.representative}"
    for link in links:
        if link.kind == "translation":
            yield f"translated from or to {link.document}, a guess ({link.score:.2f})"


def _doubts(document: Document) -> list[str]:
    """What could not be told of an article."""
    from index.values import UNDETERMINED

    doubts = {
        "without text": not document.body,
        "undated": not document.date,
        "language unknown": document.lang == UNDETERMINED,
    }
    return [doubt for doubt, holds in doubts.items() if holds]


def _summary(sources: list[StoredSource]) -> str:
    from ui.cleaning import counted

    documents = [document for source in sources for document in source.documents]
    languages = Counter(document.lang for document in documents)
    dates = sorted(document.date for document in documents if document.date)
    warnings = Counter(doubt for document in documents for doubt in _doubts(document))
    warnings["not read"] = sum(len(source.problems) for source in sources)
    said = [
        counted(len(sources), "file"),
        counted(len(documents), "article"),
        counted(sum(len(source.passages) for source in sources), "passage"),
        "languages " + (", ".join(f"{lang} {count}" for lang, count in languages.most_common()) or "none"),
        f"dated {dates[0]} to {dates[-1]}" if dates else "no dates",
        "warnings: " + (", ".join(f"{count} {kind}" for kind, count in warnings.items() if count) or "none"),
    ]
    return "; ".join(said)


def _source_to_json(source: StoredSource, copies: Copies) -> dict[str, Any]:
    from ui.cleaning import document_to_json

    return {
        "source": source.path,
        "sha256": source.sha256,
        "media": source.media.value,
        "encoding": source.encoding,
        "spelling": source.spelling.value,
        "problems": list(source.problems),
        "documents": [
            {
                **document_to_json(document),
                "passages": [[span.start, span.end] for id_, span in source.passages if id_ == document.id],
                "representative": copies[document.id][0].representative,
                "duplicates": [asdict(link) for link in copies[document.id][1]],
            }
            for document in source.documents
        ],
        "dropped": [[dropped.span.start, dropped.span.end, dropped.reason] for dropped in source.dropped],
    }


_SHOW = """\
Show how a file was cleaned: what is kept, in green, each article under a header with its language, its date and
where that was read; in red what is dropped, and why; in yellow, above a line that was repaired, how the file has it.
"""
_SHOW_EXAMPLES = """\
examples:
  dragoman show page.html --cleaning                        a file on disk, without any index
  dragoman show page.html --cleaning --rules rules.toml     the same by rules of your own (see: dragoman ingest --help)
  dragoman show a/page.html --index news.index              a file as the index holds it
  dragoman show a/page.html:120-348 --index news.index      the words at a place, as citations print it
"""


def add_show(commands: Any) -> None:
    """Add `show` to the commands of `dragoman`."""
    from ui.cli import DEFAULT_INDEX, add_index, add_json, command

    parser = command(
        commands,
        "show",
        _show,
        help="show how a file was cleaned, or a cited place",
        description=_SHOW,
    )
    parser.epilog = _SHOW_EXAMPLES
    parser.add_argument("place", metavar="FILE[:START-END]")
    parser.add_argument("--cleaning", action="store_true", help="FILE is on disk, unless --index is given")
    add_index(parser, f"the index folder (default: {DEFAULT_INDEX})", default=None)
    parser.add_argument("--rules", metavar="FILE", help="clean a file on disk by these rules, too")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: %(default)s")
    add_json(parser)


def _show(options: argparse.Namespace) -> int:
    from ui.cli import DONE, printable

    on_disk = options.cleaning and options.index is None
    if options.rules is not None and not on_disk:
        raise SettingsError("--rules goes with --cleaning and a file on disk; an index shows what it was cleaned by")
    if on_disk:
        source, cleaned = _read(options.place, options.rules)
    else:
        found = _stored(options)
        if found is None:
            return DONE
        source, cleaned = found
    from ui.cleaning import cleaning_to_json, show_cleaning

    if options.json:
        print(json.dumps(cleaning_to_json(source, cleaned), ensure_ascii=False, indent=2))
        return DONE
    coloured = _is_coloured(options.color)
    for line in show_cleaning(source, cleaned):
        # Made harmless line by line: the colours are orders, and must come after.
        tame = type(line)(line.kind, printable(line.text))
        print(tame.coloured() if coloured else tame.text)
    return DONE


def _is_coloured(choice: str) -> bool:
    if choice != "auto":
        return choice == "always"
    # https://no-color.org: set to anything at all
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _read(place: str, rules: str | None) -> tuple[Source, Cleaned]:
    """A file on disk, read and cleaned in a process of its own as an ingest does it. Raises ReadError."""
    from index.rules import NO_RULES
    from index.workers import Job, read_files
    from ui.ingest_command import rules_named

    job = Job(_found_file(place), place, rules_named(rules) or NO_RULES)
    ((_, read),) = read_files([job], processes=1)
    if isinstance(read, ReadError):
        raise read
    return read.source, read.cleaned


def _found_file(place: str) -> FoundFile:
    """The one file that a path names, perhaps inside a ZIP archive. Raises ReadError, SettingsError."""
    from index.files import FoundFile, discover, exists

    path = Path(place)
    location = path.resolve()
    if path.is_dir():
        raise SettingsError(f"{place}: a folder; name one of its files")
    if not exists(location):
        raise ReadError(f"{place}: no such file; check the path, or name the index that it is in with --index DIR")
    if not path.is_file():  # in an archive
        return FoundFile(location, place, location.parent)
    found = discover([path])
    if found.missing:
        raise ReadError(found.missing[0])
    match found.files:
        case [file] if file.location == location:
            return FoundFile(location, place, location.parent)
        case files:
            names = ", ".join(str(path / file.location.relative_to(location)) for file in files[:5])
            raise SettingsError(f"{place}: an archive of {len(files)} files that are read; name one of them: {names}")


def _stored(options: argparse.Namespace) -> tuple[Source, Cleaned] | None:
    """A source as the index holds it; None when the words at a place in it were asked for, and printed."""
    from index.articles import Cleaned
    from index.catalog import Catalog
    from ui.cli import DEFAULT_INDEX, existing

    folder = options.index or DEFAULT_INDEX
    path, _, place = options.place.rpartition(":")
    start, _, end = place.partition("-")
    with Catalog(existing(folder)) as catalog:
        if path and start.isdecimal() and end.isdecimal() and (source := catalog.source(path)) is not None:
            _print_place(source, int(start), int(end), options)
            return None
        if (source := catalog.source(options.place)) is None:
            raise IndexFolderError(
                f"{folder}: no source {options.place!r}; list them: dragoman sources --index {folder}"
            )
        stored = catalog.stored_source(source.path)
        assert stored is not None
    return source, Cleaned(stored.documents, stored.dropped, ())


def _print_place(source: Source, start: int, end: int, options: argparse.Namespace) -> None:
    from ui.cleaning import place_name
    from ui.cli import complain, printable

    if not start < end <= len(source.text):
        raise SettingsError(f"{options.place}: {source.path} has characters 0 to {len(source.text)}")
    words, page = source.text[start:end], source.page_of(start)
    if options.json:
        place = {"source": source.path, "start": start, "end": end, "text": words, "page": page}
        print(json.dumps(place, ensure_ascii=False, indent=2))
        return
    if page:
        complain(f"{options.place} is on {place_name(source.media)} {page}")
    print(printable(words))
