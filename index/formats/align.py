"""Where the lines of an extract stand on the page that it was taken from, though it broke and joined them anew."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from functools import cache
from itertools import accumulate

_SURE = 30  # letters and digits of a line that hardly stands on a page twice
_SHORT = 12  # below this a line must be a whole line of the page, or whole lines of it
_PIECE = 10  # letters and digits; what is compared when an extract has changed a line
_MOST_PLACES = 100  # that are tried for a short line; on a page where it stands oftener, one is as good as another
_SAME = 0.5  # share of pieces that makes two lines the same


def flat(words: str) -> str:
    """Only the letters and digits, which survive every way to set white space, marks and table rules."""
    return "".join(filter(str.isalnum, words))


def align(extract: list[str], page: list[str]) -> tuple[set[int], list[str]]:
    """Which lines of `page` hold what `extract` says, and the lines of `extract` that stand nowhere on the page.

    Long lines are looked for in order, short ones between the long ones around them, changed ones by their pieces.
    """
    flats = [flat(line) for line in page]
    whole = "".join(flats)
    starts = list(accumulate(map(len, flats), initial=0))
    wanted = [(line, flat(line)) for line in extract]
    places = _places([words for _, words in wanted], whole, starts)
    found: set[int] = set()
    missing: list[str] = []
    for (line, words), place in zip(wanted, places, strict=True):
        if place >= 0:
            first = bisect_right(starts, place) - 1
            last = bisect_right(starts, place + len(words) - 1) - 1
            found.update(i for i in range(first, last + 1) if flats[i])
        elif words:
            missing.append(line)
    if missing:
        changed, missing = _changed_lines(missing, flats)
        found |= changed
    return found, missing


def _places(wanted: list[str], whole: str, starts: list[int]) -> list[int]:
    """Where each of `wanted` begins in `whole`, -1 if nowhere."""
    places = [-1] * len(wanted)
    anchors: dict[int, int] = {}  # the long lines that stand in order, and where
    end = 0
    for k, words in enumerate(wanted):
        if len(words) >= _SURE:
            place = whole.find(words, end)
            if place >= 0:
                anchors[k], end = place, place + len(words)
            places[k] = place if place >= 0 else whole.find(words)
    until = [len(whole)] * len(wanted)  # where the next anchor stands
    for k in reversed(range(len(wanted) - 1)):
        until[k] = anchors.get(k + 1, until[k + 1])
    line_starts, end = set(starts), 0
    anywhere = cache(lambda words: _short_place(words, whole, line_starts, 0, len(whole)))
    for k, words in enumerate(wanted):
        if k in anchors:
            end = anchors[k] + len(words)
        elif words and len(words) < _SURE:
            place = _short_place(words, whole, line_starts, end, until[k])
            places[k] = place if place >= 0 else anywhere(words)
            if end <= places[k] < until[k]:
                end = places[k] + len(words)
    return places


def _short_place(words: str, whole: str, line_starts: set[int], start: int, end: int) -> int:
    """Where between `start` and `end` `words` are whole lines, or, if not too short, a part of one; -1 if nowhere."""
    first = place = whole.find(words, start, end)
    for _ in range(_MOST_PLACES):
        if place < 0 or (place in line_starts and place + len(words) in line_starts):
            break
        place = whole.find(words, place + 1, end)
    else:
        place = -1
    return first if place < 0 and len(words) >= _SHORT else place


def _pieces(words: str) -> set[str]:
    return {words[i : i + _PIECE] for i in range(max(1, len(words) - _PIECE + 1))}


def _changed_lines(missing: list[str], flats: list[str]) -> tuple[set[int], list[str]]:
    """Lines of the page that share most of their pieces, or most of its own, with a line that has no place."""
    where: defaultdict[str, list[int]] = defaultdict(list)
    sizes = []
    for i, words in enumerate(flats):
        pieces = _pieces(words) if len(words) >= _PIECE else set()
        sizes.append(len(pieces))
        for piece in pieces:
            where[piece].append(i)
    found: set[int] = set()
    nowhere: list[str] = []

    @cache  # a page that repeats itself has the same lines missing again and again
    def places(line: str) -> set[int]:
        pieces = _pieces(flat(line))
        shared = Counter(i for piece in pieces for i in where.get(piece, ()))
        return {i for i, count in shared.items() if count >= _SAME * min(len(pieces), sizes[i])}

    for line in missing:
        if not places(line):
            nowhere.append(line)
    return found.union(*map(places, set(missing))), nowhere
