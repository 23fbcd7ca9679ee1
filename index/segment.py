"""Lines to articles: where one ends and the next begins."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.dates import is_date_line
from index.furniture import NUMBER, STORY_END
from index.heading import (
    author_of,
    dateline_outlet,
    outlet_line,
    signature,
    site_of_title,
    source_line,
    unlabelled_title,
)
from index.layout import TITLE_CHARACTERS, Gap, Layout, is_prose
from index.lines import Block, Line, blocks, is_sentence
from index.openings import label_of_outlet
from index.standing import Piece, Pieces, Place, is_dated, likely_furniture, weighed

_SENTENCE_WORDS = 4
_GREETING_CHARACTERS = 200
_MANY = 3  # articles; what only the first of them has above it is no title
_SIGNED_BLOCKS = 3  # below a text, of which one may say who wrote it


@dataclass(frozen=True, slots=True)
class Story:
    """The blocks of one article, all of them kept; what stands up to block `titled`, -1 for none, is above its text."""

    blocks: tuple[Block, ...]
    title: str
    titled: int
    around: tuple[str, ...]  # what lines say that stand about its head, and are no text
    below: tuple[str, ...]  # and right below its text

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for block in self.blocks for line in block.lines)


@dataclass(frozen=True, slots=True)
class Cut:
    """The articles in order, and the lines that are no article's, with a reason each."""

    articles: tuple[Story, ...]
    dropped: tuple[Line, ...]
    masthead: tuple[Line, ...]  # of the whole file, above its first article


def cut_articles(lines: Sequence[Line], *, is_title: Callable[[Line], bool] | None = None) -> Cut:
    """The articles of a file, in order, with the furniture that stands between them left out.

    Where the format itself says what a title is, `is_title` tells; else titles are told by how they stand.
    """
    found = blocks(lines)
    if is_title is not None:
        begins = {i: i for i, block in enumerate(found) if is_title(block.lines[0])}
        return _cut(found, {0: -1} | begins, keys=Layout(found).keys)
    layout = Layout(found)
    if layout.ends_stories:
        begins = _stories(layout)
        return _cut(found, begins, keys=layout.keys)
    return _cut(layout.without_recurrent(), _beginnings(layout), keys=layout.keys)


def cut_whole(lines: Sequence[Line], *, title: str, trimmed: bool, dated: bool) -> Cut:
    """One article, under the `title` that the file's own fields give, or else the one that stands above its text.

    A line above the text that has all words of the title but those of a name of the site is the title. If it is `dated`
    each title that stands with a date as the first does begins another article.
    """
    found = blocks(lines)
    layout = Layout(found)
    head = layout.gaps[0] if layout.texts else Gap(0, _first_sentence(found))
    named = [i for i in range(min(max(head.end, 1), len(found))) if title and in_title(found[i].text, title)]
    kept = [i for i in named if not found[i].reason]
    titled = kept[-1] if kept else -1 if title else layout.title(head)
    keys = layout.keys if trimmed and layout.texts else ()
    several = _dated_heads(layout) if dated else {}
    if len(several) > 1:
        return _cut(found, several, keys=keys)
    cut = _cut(found, {max(titled, 0): titled} if found else {}, keys=keys, whole=True)
    shown = found[named[-1]].text if named else title
    return replace(cut, articles=tuple(replace(story, title=shown or story.title) for story in cut.articles))


def _cut(
    found: Sequence[Block],
    begins: Mapping[int, int],
    *,
    whole: bool = False,
    keys: Sequence[str] = (),
) -> Cut:
    """The articles that begin with the blocks of `begins` and have the titles that it tells, -1 for none.

    Furniture is taken out of them if the `keys` of the blocks are given.
    """
    top = min(begins, default=len(found))
    masthead = [line.drop("masthead") for block in found[:top] for line in block.lines]
    dropped = [*masthead]
    stories: list[Story] = []
    articles = _trimmed_articles(found, begins, keys)
    aside = _asides(articles, begins, keys) if keys and not whole else set()
    for start, article in articles.items():
        own = [(i, block) for i, block in enumerate(article, start=start) if not block.reason]
        dropped.extend(line for block in article if block.reason for line in block.lines)
        if start in aside:
            lines = [line.drop("of no article") for _, block in own for line in block.lines]
            dropped.extend(lines)
            masthead += lines if start == top else ()
        elif (whole and own) or any(_says_something(block) for _, block in own):
            titled = next((at for at, (i, _) in enumerate(own) if i == begins[start]), -1)
            title = found[begins[start]].text if titled >= 0 else ""
            stories.append(Story(tuple(block for _, block in own), title, titled, *_around(article)))
        else:
            dropped.extend(line.drop("no sentence") for _, block in own for line in block.lines)
    return Cut(tuple(stories), tuple(sorted(dropped, key=lambda line: line.span.start)), tuple(masthead))


def _trimmed_articles(
    found: Sequence[Block], begins: Mapping[int, int], keys: Sequence[str]
) -> dict[int, Sequence[Block]]:
    """The blocks of each article by the block that it begins with, those that are furniture with a reason."""
    return {
        start: _trimmed(Place(found, start, end, begins[start], keys)) if keys else found[start:end]
        for start, end in pairwise((*sorted(begins), len(found)))
    }


def said(found: Sequence[Block], begins: Mapping[int, int], keys: Sequence[str]) -> dict[int, Piece]:
    """The pieces that `begins` cuts and that say something, which may be articles or not, by their first blocks."""
    return _said(_trimmed_articles(found, begins, keys), begins, keys)


def _said(articles: Mapping[int, Sequence[Block]], begins: Mapping[int, int], keys: Sequence[str]) -> dict[int, Piece]:
    found = {}
    for start, article in articles.items():
        own = {i: block for i, block in enumerate(article, start=start) if not block.reason}
        if any(map(_says_something, own.values())):
            title = own.pop(begins[start]).text if begins[start] in own else ""
            shared = frozenset(filter(None, keys[start : start + len(article)]))
            found[start] = Piece(title, tuple(block.text for block in own.values()), shared)
    return found


def _asides(articles: Mapping[int, Sequence[Block]], begins: Mapping[int, int], keys: Sequence[str]) -> set[int]:
    """Where those of several pieces begin that are likelier no article."""
    found = _said(articles, begins, keys)
    if len(found) < 2:
        return set()
    pieces = Pieces([*found.values()])
    return {
        start
        for i, start in enumerate(found)
        if pieces.may_be_aside(i) and weighed("aside", pieces.aside_evidence(i)) > 0
    }


def _around(article: Sequence[Block]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The lines of an article that are no text and stand above its second paragraph, and right below the last."""
    texts = [i for i, block in enumerate(article) if is_prose(block)]
    head, last = (texts[:2][-1], texts[-1]) if texts else (len(article), len(article))
    above, below = article[:head], article[last + 1 : last + 1 + _SIGNED_BLOCKS]
    return tuple(_says(above)), tuple(_says(below))


def _says(found: Sequence[Block]) -> Iterator[str]:
    """What those blocks say that are no text."""
    return (block.text for block in found if not is_prose(block) and len(block.text) <= TITLE_CHARACTERS)


def _says_something(block: Block) -> bool:
    return is_prose(block) or (
        not block.reason and is_sentence(block.text) and len(block.text.split()) >= _SENTENCE_WORDS
    )


def _stories(layout: Layout) -> dict[int, int]:
    """With which blocks the stories of a feed page begin, and their titles; the page itself says where each ends."""
    found = layout.found
    starts = [0]
    ended = False  # the story above
    prose = False  # since it began
    for i, block in enumerate(found):
        if block.reason:
            ended = ended or (prose and bool(STORY_END.fullmatch(block.text)))
            continue
        follows = i + 1 < len(found) and bool(found[i + 1].reason)
        if ended and not (is_date_line(block.text) and follows):
            starts.append(i)
            ended = prose = False
        prose = prose or is_prose(block)
    ends = [*layout.texts, len(found)]
    gaps = (Gap(start, ends[bisect_left(ends, start)]) for start in starts)
    # The page has parted them, so that the first line is a title, unless it cannot be one.
    return {gap.start: gap.start if gap.start in layout.candidates(gap) else layout.title(gap) for gap in gaps}


# Where articles begin


def _beginnings(layout: Layout) -> dict[int, int]:
    """With which blocks articles begin, and their titles; above the first of them is the file's masthead."""
    found = layout.found
    if not layout.texts:  # an article of short sentences, if any
        return {0: layout.title(Gap(0, _first_sentence(found)))} if found else {}
    first, *inner = layout.gaps[:-1]
    beginning = [gap for gap in inner if layout.begins_article(gap)]
    counted = [any(found[i].reason == NUMBER for i in range(gap.start, gap.end)) for gap in (first, *inner[:1])]
    if counted == [False, True] and len(found[layout.texts[0]].text) < _GREETING_CHARACTERS:
        heads = map(layout.head, beginning)  # what stands above number one greets the reader
    else:
        heads = map(layout.head, (first, *beginning))
    titled = [(head, layout.title(head)) for head in heads]
    if len(titled) >= _MANY and all(title < 0 for _, title in titled[1:]):
        titled[0] = (titled[0][0], -1)  # the name of the whole, such as that of a channel
    return {layout.begins(head, title): title for head, title in titled}


def _dated_heads(layout: Layout) -> dict[int, int]:
    """The titles that have a date right above or below them, if that above the first text has one, too."""
    found: dict[int, int] = {}
    for gap in layout.gaps[:-1]:
        title = layout.title(gap)
        near = [i for i in (title - 1, title + 1) if gap.start <= i < gap.end and layout.keys[i] == "@date"]
        if title >= 0 and near:
            found[min(near[0], title)] = title  # a day above the title is of the article below it, too
        elif not found:
            break
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def _trimmed(place: Place) -> list[Block]:
    """The blocks of an article, with a reason on those that are likelier furniture than text.

    What names a day, an author or a paper above the second paragraph is neither.
    """
    found = place.found
    texts = [i for i in range(max(place.titled + 1, place.start), place.end) if is_prose(found[i])]
    second = texts[:2][-1] if texts else place.end
    furniture = likely_furniture(place)
    return [
        Block(tuple(line.drop("around the text") for line in found[i].lines))
        if i in furniture and not (i < second and _says_whose(found[i].text))
        else found[i]
        for i in range(place.start, place.end)
    ]


def _says_whose(text: str) -> bool:
    """Whether a line of a head says when, by whom, for or to whom something was written."""
    return is_dated(text) or bool(outlet_line(text)) or text.endswith(",")


@dataclass(frozen=True, slots=True)
class Head:
    """What the lines above an article's text say, and the lines that are its text."""

    title: str  # without the paper that it names
    author: str
    outlet: str
    body: tuple[Line, ...]  # never empty


def read_head(story: Story) -> Head:
    """Part an article into its head and its text."""
    found, titled = story.blocks, story.titled
    first_prose = _first_prose(found, titled)
    signed = _signatures(found, titled, first_prose)
    author, outlet = next((names for names in signed.values() if names[0]), ("", ""))
    outlet = outlet or next((names[1] for names in signed.values()), "")
    outlet = outlet or next((name for block in found[: max(titled, 0)] if (name := outlet_line(block.text))), "")
    outlet = outlet or next((name for block in found[:first_prose] if (name := label_of_outlet(block.text))), "")
    outlet = outlet or dateline_outlet(found[first_prose].text)
    for text in (*story.around, *story.below):
        names = author_of(text) if not is_date_line(text) else source_line(text)
        author, outlet = author or names[0] or signature(text)[0], outlet or names[1] or label_of_outlet(text)
    title, paper = site_of_title(unlabelled_title(story.title))
    text = [
        line
        for i, block in enumerate(found)
        if i > titled and i not in signed and not (i <= first_prose and is_dated(block.text))
        for line in block.lines
    ]
    return Head(title, author, outlet or paper, tuple(text or story.lines))


def _first_prose(found: Sequence[Block], titled: int) -> int:
    """The block with which the text of an article begins; of a short one, its first sentence below a title."""
    return next((i for i, block in enumerate(found) if i > titled and is_prose(block)), _first_sentence(found))


def _first_sentence(found: Sequence[Block]) -> int:
    return next((i for i, block in enumerate(found) if _says_something(block)), 0)


def _signatures(found: Sequence[Block], titled: int, first_prose: int) -> dict[int, tuple[str, str]]:
    """The blocks that say who wrote an article or where it was printed, with author and outlet of each."""
    signed: dict[int, tuple[str, str]] = {}
    last = len(found) - 1
    for i in dict.fromkeys((*range(titled + 1, min(first_prose + 1, len(found))), last)):
        text = found[i].text
        if (
            any(names := author_of(text))
            or (is_date_line(text) and any(names := source_line(text)))
            or (titled >= 0 and i in (titled + 1, last) and i > titled and (names := signature(text))[0])
        ):
            signed[i] = names
    return signed


def same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, whatever stands between them."""
    return _words(one) == _words(other)


def in_title(line: str, title: str) -> bool:
    """Whether a line has the words of a title, or all but those that the name of a site adds before or after."""
    words, said = _words(line), _words(title)
    return bool(words) and (said == words or (len(words) > 2 and words in (said[: len(words)], said[-len(words) :])))
