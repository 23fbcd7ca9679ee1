"""Short lines that several files repeat: what a site prints on each of its pages, and no article says.

A line counts once a file. The counts of the files that an index holds are in its catalog; a run adds those of the
files that it is about to read before it cleans the first of them, so what comes out does not depend on their order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from index.lines import is_sentence, line_texts

FEWEST_FILES = 4  # in fewer a line may be chance, or an article that was saved more than once
_LINE_CHARACTERS = (2, 60)
_MOST_LINES = 5000  # of a file; what is longer is a collection, whose own repetitions tell

LineKeys = frozenset[int]


def line_key(line: str) -> int:
    """What a line is counted by: 63 bits of its hash, which SQLite keeps as one number."""
    return int.from_bytes(hashlib.blake2b(line.encode(), digest_size=8).digest()) >> 1


def repeatable_lines(text: str) -> LineKeys:
    """The keys of the lines of one file that are furniture if enough others have them, too."""
    return frozenset(line_key(line) for line in islice(line_texts(text), _MOST_LINES) if could_repeat(line))


def could_repeat(line: str) -> bool:
    """Whether a line is short and no sentence, as what a site prints around its articles is."""
    return _LINE_CHARACTERS[0] <= len(line) <= _LINE_CHARACTERS[1] and not is_sentence(line)


def repeated(files: Iterable[LineKeys], *, known: Counter[int]) -> LineKeys:
    """The keys of the lines that enough files have: of `files`, and of those counted in `known`."""
    counts = known.copy()
    for lines in files:
        counts.update(lines)
    return frozenset(line for line, count in counts.items() if count >= FEWEST_FILES)
