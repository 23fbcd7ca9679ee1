"""Short lines that several files repeat: what a site prints on each of its pages, and no article says.

A line counts once a file. The counts of the files that an index holds are in its catalog; a run adds those of the
files that it is about to read before it cleans the first of them, so the outcome does not depend on their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from index.lines import is_sentence, read_lines
from index.values import Span

FEWEST_FILES = 4  # in fewer a line may be chance, or an article that was saved more than once
_MOST_CHARACTERS = 60
_MOST_LINES = 5000  # of a file; what is longer is a collection, whose own repetitions tell


def repeatable_lines(text: str) -> frozenset[str]:
    """The lines of one file that would be furniture if enough others had them, too."""
    found = (line.text for line, _ in zip(read_lines(text, Span(0, len(text))), range(_MOST_LINES), strict=False))
    return frozenset(line for line in found if 1 < len(line) <= _MOST_CHARACTERS and not is_sentence(line))


def repeated(counts: Counter[str]) -> frozenset[str]:
    """The lines that enough files have."""
    return frozenset(line for line, files in counts.items() if files >= FEWEST_FILES)


def count_lines(files: Iterable[frozenset[str]]) -> Counter[str]:
    """In how many files each line stands."""
    return Counter(line for lines in files for line in lines)
