"""Lines to articles: where one ends and the next begins."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from index.dates import is_date_line
from index.furniture import END_MARK, MARK, NUMBER, SLUG, STORY_END, without_page
from index.heading import author_of, dateline_outlet, is_byline, outlet_line, signature, site_of_title, source_line
from index.language import detect_language
from index.lines import TWO_SENTENCES, Block, Line, blocks, is_sentence, is_text
from index.openings import label_of_outlet
from index.standing import (
    INSERTED,
    Place,
    TitlePlace,
    is_dated,
    likely_furniture,
    stems,
    title_evidence,
    weighed,
)
from index.values import UNDETERMINED

TITLE_CHARACTERS = 150
_TITLE_CHARACTERS = (8, TITLE_CHARACTERS)
_SPLITTING_CHARACTERS = 15  # a shorter line is a heading within an article
_TITLE_WORDS = (2, 22)
_SPLITTING_WORDS = 4
_QUESTION_WORDS = 5  # "What is the cause?" is a heading within an article, "What awaits us in 2023?" a title
_HEAD_BLOCKS = 4  # between a title and its text: date, author, a line of description, a share bar
_BETWEEN = ("between articles", "end of story", "end mark", "separator")
_SENTENCE_WORDS = 4
_GREETING_CHARACTERS = 200
_ITEM_WORDS = 6
_LEAST_TITLE = -3.0  # the logarithm of the odds
_LEAST_SURE_TITLE = -4.0  # where what stands around it says that an article begins
_NEAR_TEXTS = 3
_SIGNED_BLOCKS = 3  # below a text, of which one may say who wrote it
_SHAPE_CHARACTERS = 80
_RECURRENT = "line of every article"
# What is said of each article.
_OF_ARTICLES = frozenset(("counter", "share bar", "age", "tags", "updated", "end mark", NUMBER, SLUG))
# Under such a heading every paragraph is a piece of news by itself.
_BRIEFS = re.compile(
    r"(.{1,20} )?(in brief|briefs|briefly|qısa( xəbərlər)?|qısaca|коротко( о разном)?|вкратце|kısa kısa|kısaca)",
    re.IGNORECASE,
)
# A text that begins with a day in figures, or with a place in capitals, perhaps a day and an agency, and a dash.
_DATELINE = re.compile(
    r"\W?(\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b|"
    r"[^\W\d_a-zа-яёəıöüğşç]{3,}\b[^.!?]{0,60}(\.? [-–—]|/\.?) "
)
_RULE = re.compile(r"[^\w\s]{2,}|([^\w\s]\s?){3,}")


@dataclass(frozen=True, slots=True)
class Story:
    """The blocks of one article, all of them kept; what stands up to block `titled`, -1 for none, is above its text."""

    blocks: tuple[Block, ...]
    title: str
    titled: int
    around: tuple[str, ...]  # what lines say that stand about its head, or below it, and are no text

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
        return _cut(found, {0: -1} | begins)
    layout = _Layout(found)
    if any(STORY_END.fullmatch(line.text) for line in lines):
        begins = _stories(layout)
        return _cut(found, begins, keys=layout.keys)
    return _cut(layout.without_recurrent(), _beginnings(layout), keys=layout.keys)


def cut_whole(lines: Sequence[Line], *, title: str, trimmed: bool, dated: bool) -> Cut:
    """One article, under the `title` that the file's own fields give, or else the one that stands above its text.

    A line above the text that has all words of the title but those of a name of the site is the title. If it is `dated`
    each title that stands with a date as the first does begins another article.
    """
    found = blocks(lines)
    layout = _Layout(found)
    head = layout.gaps[0] if layout.texts else _Gap(0, _first_sentence(found))
    named = [i for i in range(min(max(head.end, 1), len(found))) if title and in_title(found[i].text, title)]
    kept = [i for i in named if not found[i].lines[0].reason]
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
    for start, end in pairwise((*sorted(begins), len(found))):
        place = Place(found, start, end, begins[start], keys)
        article = _trimmed(place) if keys else found[start:end]
        own = [(i, block) for i, block in enumerate(article, start=start) if not block.lines[0].reason]
        dropped.extend(line for block in article if block.lines[0].reason for line in block.lines)
        if (whole and own) or any(_says_something(block) for _, block in own):
            titled = next((at for at, (i, _) in enumerate(own) if i == begins[start]), -1)
            title = found[begins[start]].text if titled >= 0 else ""
            around = tuple(block.text for block in _around(article))
            stories.append(Story(tuple(block for _, block in own), title, titled, around))
        else:
            dropped.extend(line.drop("no sentence") for _, block in own for line in block.lines)
    return Cut(tuple(stories), tuple(sorted(dropped, key=lambda line: line.span.start)), tuple(masthead))


def _around(article: Sequence[Block]) -> list[Block]:
    """The lines of an article that are no text and stand above its second paragraph, or right below the last."""
    texts = [i for i, block in enumerate(article) if is_prose(block)]
    above, below = (texts[:2][-1], texts[-1]) if texts else (len(article), len(article))
    near = (*article[:above], *article[below + 1 : below + 1 + _SIGNED_BLOCKS])
    return [block for block in near if not is_prose(block) and len(block.text) <= TITLE_CHARACTERS]


def is_prose(block: Block) -> bool:
    """Whether a block is text of an article, not a line of its head."""
    return not block.lines[0].reason and is_text(block.text)


def _is_long_title(found: Sequence[Block], i: int) -> bool:
    """Whether a line as long as text is the title of the text below it."""
    text = found[i].text
    stands_off = i == 0 or found[i].blank_before > 0 or bool(found[i - 1].lines[0].reason)
    if is_sentence(text) or not is_title_like(text) or not stands_off:
        return False
    below = next((block for block in found[i + 1 : i + 1 + _HEAD_BLOCKS] if is_prose(block)), None)
    return below is not None and not below.text[0].islower()


def _says_something(block: Block) -> bool:
    return is_prose(block) or (
        not block.lines[0].reason and is_sentence(block.text) and len(block.text.split()) >= _SENTENCE_WORDS
    )


def _stories(layout: _Layout) -> dict[int, int]:
    """With which blocks the stories of a feed page begin, and their titles; the page itself says where each ends."""
    found = layout.found
    starts = [0]
    ended = False  # the story above
    prose = False  # since it began
    for i, block in enumerate(found):
        if block.lines[0].reason:
            ended = ended or (prose and bool(STORY_END.fullmatch(block.text)))
            continue
        follows = i + 1 < len(found) and bool(found[i + 1].lines[0].reason)
        if ended and not (is_date_line(block.text) and follows):
            starts.append(i)
            ended = prose = False
        prose = prose or is_prose(block)
    ends = [*layout.texts, len(found)]
    gaps = (_Gap(start, ends[bisect_left(ends, start)]) for start in starts)
    # The page has parted them, so that the first line is a title, unless it cannot be one.
    return {gap.start: gap.start if gap.start in layout.candidates(gap) else layout.title(gap) for gap in gaps}


# Gaps


@dataclass(frozen=True, slots=True)
class _Gap:
    """What stands between two texts, or above the first or below the last: blocks `start` to `end`."""

    start: int
    end: int


class _Layout:
    """What the blocks of a file say of one another."""

    def __init__(self, found: Sequence[Block]) -> None:
        ruled = sum(_is_rule(block) for block in found) > 1
        self.found = found
        self._known_stems: dict[int, set[str]] = {}
        self.texts = [
            i
            for i, block in enumerate(found)
            if (is_prose(block) and not _is_long_title(found, i)) or (ruled and _is_item(block))
        ]
        self.gaps = [_Gap(above + 1, below) for above, below in pairwise((-1, *self.texts, len(found)))]
        self.keys = _recurrent(found)
        first, last = self._keys_in(self.gaps[0]), self._keys_in(self.gaps[-1])
        inner = set().union(*(self._keys_in(gap) for gap in self.gaps[1:-1]))
        self.of_heads, self.of_tails = (first - last) & inner, (last - first) & inner
        self.recurrent = first | last
        edges = (self.gaps[0], self.gaps[-1])
        self.at_edges = {found[i].text for edge in edges for i in range(edge.start, edge.end)}
        self.datelined = bool(self.texts) and _has_dateline(found[self.texts[0]].text)
        apart = [found[gap.end].blank_before for gap in self.gaps[1:-1] if gap.start == gap.end]
        self.between_paragraphs = max(apart, key=apart.count, default=0)

    def _keys_in(self, gap: _Gap) -> set[str]:
        return {key for i in range(gap.start, gap.end) if (key := self.keys[i])}

    def shared(self, gap: _Gap, *, strong: bool) -> bool:
        """Whether lines of the gap also stand above the first text, or below the last."""
        return any(key in self.recurrent and key.startswith("=") != strong for key in self._keys_in(gap))

    def told_apart(self, gap: _Gap) -> bool:
        """Whether a line of the gap is like those above the first text or below the last, but not one of them."""
        return any(
            self.keys[i] in self.recurrent and self.keys[i][0] != "=" and self.found[i].text not in self.at_edges
            for i in range(gap.start, gap.end)
        )

    def without_recurrent(self) -> list[Block]:
        """The blocks; what recurs in heads and tails and is neither a date nor an author is no text."""
        return [
            Block(tuple(line.drop(_RECURRENT) for line in block.lines))
            if key[:1] in ("#", "=") and key in self.recurrent
            else block
            for block, key in zip(self.found, self.keys, strict=True)
        ]

    def parted(self, gap: _Gap) -> int:
        """The block below the last mark in a gap that parts articles, or its start."""
        marks = (i for i in range(gap.start, gap.end) if _parts(self.found[i]) and not self._underlines(i))
        return max((i + 1 for i in marks if gap.start or not _is_rule(self.found[i])), default=gap.start)

    def _underlines(self, i: int) -> bool:
        """Whether a rule is the line under a title and parts nothing."""
        above = self.found[i - 1] if i else None
        return (
            above is not None
            and _is_rule(self.found[i])
            and (i == 1 or above.blank_before > 0)
            and not self.found[i].blank_before
            and is_title_like(above.text)
            and not is_sentence(above.text)
        )

    def head(self, gap: _Gap) -> _Gap:
        """The part of a gap that is the head of what follows, if an article begins in it."""
        start = self.parted(gap)
        tails = [i + 1 for i in range(start, gap.end) if self.keys[i] in self.of_tails]
        return _Gap(max(tails, default=start), gap.end)

    def title(self, gap: _Gap, *, least: float = _LEAST_TITLE) -> int:
        """The block of a gap that is likeliest to be the title of the text below, -1 if none scores above `least`."""
        head = self.head_evidence(gap)
        scores = {i: weighed("title", title_evidence(head, i)) for i in self.candidates(gap)}
        best = max(scores, key=scores.__getitem__, default=-1)
        return best if best >= 0 and scores[best] > least else -1

    def candidates(self, gap: _Gap) -> list[int]:
        """The blocks of a gap that may be a title."""
        found = self.found
        return [
            i
            for i in range(gap.start, gap.end)
            if not found[i].lines[0].reason
            and len(found[i].text) <= TITLE_CHARACTERS
            and not self.keys[i]
            and not is_dated(found[i].text)
            and not _goes_on_below(found[i].text)
            and not _BRIEFS.fullmatch(found[i].text)
        ]

    def head_evidence(self, gap: _Gap) -> TitlePlace:
        """A gap as that by which titles are told."""
        at = bisect_left(self.texts, gap.end)
        above, below = self.texts[max(0, at - _NEAR_TEXTS) : at], self.texts[at : at + _NEAR_TEXTS]
        return TitlePlace(
            self.found, gap.start, gap.end, self.keys, self.between_paragraphs, self._stems(above), self._stems(below)
        )

    def _stems(self, texts: Sequence[int]) -> frozenset[str]:
        return frozenset().union(*(self._stems_of(i) for i in texts))

    def _stems_of(self, i: int) -> set[str]:
        if i not in self._known_stems:
            self._known_stems[i] = stems(self.found[i].text)
        return self._known_stems[i]

    def lead(self, head: _Gap, title: int) -> int:
        """The uppermost line from which on there is no blank line down to the title."""
        at = title
        while at > head.start and not self.found[at].blank_before and not self.found[at - 1].lines[0].reason:
            at -= 1
        return at if self.found[at].blank_before or not at else title

    def begins(self, head: _Gap, title: int) -> int:
        """The block with which the article begins whose head and title these are."""
        heads = [i for i in range(head.start, head.end) if self.keys[i] in self.of_heads]
        at = min([*heads, title if title >= 0 else head.end])
        lead = self.lead(head, at)
        return lead if at - lead <= _HEAD_BLOCKS // 2 else at


def _recurrent(found: Sequence[Block]) -> list[str]:
    """For each block what is the same in all lines of its kind, if lines of its kind say of an article when it was
    published, how often it was read and so on, or if there are several of them; else ""."""
    shapes = [_shape(block) for block in found]
    counts = Counter(shapes)
    return [shape if shape and (shape[0] == "@" or counts[shape] > 1) else "" for shape in shapes]


def _shape(block: Block) -> str:
    """What a line has in common with others of its kind; "=" before what must be the very same, "" for text."""
    text, reason = block.text, block.lines[0].reason
    if reason in INSERTED or len(text) > _SHAPE_CHARACTERS or _is_rule(block):
        return ""
    if reason in _OF_ARTICLES:
        return f"@{reason}"
    if is_dated(text):
        return "@byline" if is_byline(text) else "@date"
    if is_sentence(text) and not reason:
        return ""
    shape = re.sub(r"\d+", "0", text.casefold())
    if shape != text.casefold() or not text[0].isalnum():
        capitals = re.sub(r"\d+", "0", re.sub(r"[^\W\d_]+", lambda m: "A" if m[0].isupper() else m[0], text))
        return f"#{capitals}"
    return f"={shape}"


def _is_rule(block: Block) -> bool:
    return block.lines[0].reason == "separator" and bool(_RULE.fullmatch(block.text))


def _is_item(block: Block) -> bool:
    """Whether a sentence between rules is an article of one line."""
    return not block.lines[0].reason and is_sentence(block.text) and len(block.text.split()) >= _ITEM_WORDS


def _parts(block: Block) -> bool:
    text, reason = block.text, block.lines[0].reason
    marked = reason in _BETWEEN and bool(MARK.fullmatch(text) or END_MARK.fullmatch(text))
    return marked or reason in (NUMBER, SLUG) or _is_rule(block)


def _has_dateline(text: str) -> bool:
    return bool(_DATELINE.match(text))


def _beginnings(layout: _Layout) -> dict[int, int]:
    """With which blocks articles begin, and their titles; above the first of them is the file's masthead."""
    found = layout.found
    if not layout.texts:  # an article of short sentences, if any
        return {0: layout.title(_Gap(0, _first_sentence(found)))} if found else {}
    gaps = layout.gaps[1:-1]
    heads = {gap: layout.head(gap) for gap in (layout.gaps[0], *gaps)}
    alike = {gap for gap in gaps if layout.shared(gap, strong=True)}
    titles = {
        gap: layout.title(head, least=_LEAST_SURE_TITLE if gap in alike else _LEAST_TITLE)
        for gap, head in heads.items()
    }
    titled = 2 * sum(titles[gap] >= 0 for gap in alike) >= len(alike)
    if titled:
        titles |= {gap: layout.title(heads[gap], least=_LEAST_SURE_TITLE) for gap in alike}
    sure = any(gap in alike or layout.parted(gap) > gap.start for gap in gaps)
    known = _known_titles(layout, [titles[gap] for gap in gaps])
    begins: dict[int, int] = {}
    above: list[Block] = []  # the texts since the article began
    brief = any(_BRIEFS.fullmatch(block.text) for block in found[:_HEAD_BLOCKS])
    for gap in gaps:
        above.append(found[gap.start - 1])
        title = titles[gap]
        if (
            layout.parted(gap) > gap.start
            or (gap in alike and (title >= 0 or (not titled and layout.told_apart(gap))))
            or (layout.shared(gap, strong=False) and title >= 0)
            or (layout.datelined and _has_dateline(found[gap.end].text))
            or title in known
            or brief
            or (title >= 0 and not sure and _heads_article(layout, heads[gap], title))
            or _is_translated(found, gap, title, above)
        ):
            begins[layout.begins(heads[gap], title)] = title
            above = []
    first = layout.gaps[0]
    title = titles[first] if titled or not begins else -1
    counted = [any(found[i].lines[0].reason == NUMBER for i in range(gap.start, gap.end)) for gap in (first, *gaps[:1])]
    if counted == [False, True] and len(found[layout.texts[0]].text) < _GREETING_CHARACTERS:
        return begins  # what stands above number one greets the reader
    return {layout.begins(heads[first], title): title} | begins


def _known_titles(layout: _Layout, titles: Sequence[int]) -> set[int]:
    """The lines that are titles because others are: a table of contents lists them, or they stand as most titles do.

    A title that is too short to be told by itself is one where most lines that stand like it are longer.
    """
    found = layout.found
    listed = {_words(without_page(block.text)) for block in found if block.lines[0].reason == "table of contents"}
    known = {i for i in titles if i >= 0 and _words(found[i].text) in listed}
    alike: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for i in titles:
        if i >= 0 and found[i].blank_before and not is_sentence(found[i].text):
            stands = (min(found[i].blank_before, 2), min(found[i + 1].blank_before, 1))
            alike.setdefault(stands, ([], []))[_is_long_enough(found[i].text)].append(i)
    for short, long in alike.values():
        if len(long) >= len(short):
            known.update(short)
    return known


def _is_long_enough(text: str) -> bool:
    return len(text) >= _SPLITTING_CHARACTERS and len(text.split()) >= _SPLITTING_WORDS


def _dated_heads(layout: _Layout) -> dict[int, int]:
    """The titles that have a date right above or below them, if that above the first text has one, too."""
    found: dict[int, int] = {}
    for gap in layout.gaps[:-1]:
        title = layout.title(gap)
        near = {layout.keys[i] for i in (title - 1, title + 1) if gap.start <= i < gap.end}
        if title >= 0 and "@date" in near:
            found[title] = title
        elif not found:
            break
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


def _heads_article(layout: _Layout, head: _Gap, title: int) -> bool:
    """Whether a line is the title of an article and no heading within one, by its length and how it stands."""
    block, below = layout.found[layout.lead(head, title)], layout.found[title + 1]
    text = layout.found[title].text
    dated = any(is_dated(layout.found[i].text) for i in range(title + 1, head.end))
    set_off = block.blank_before > max(1, layout.between_paragraphs)
    if is_sentence(text) and text[-1] not in "?!" and not dated and not set_off:
        return False
    if set_off:
        return True
    if not dated and not _is_long_enough(text):
        return False
    if text.endswith("?") and len(text.split()) < _QUESTION_WORDS:
        return False
    return dated or block.blank_before > 0 or below.blank_before > 0


def _is_translated(found: Sequence[Block], gap: _Gap, title: int, above: Sequence[Block]) -> bool:
    """Whether the text below a title is in another language than all the text above it is in."""
    if title < 0:
        return False
    told = {detect_language(block.text) for block in (above[0], *above[-2:])}
    lang = detect_language(found[gap.end].text)
    return len(told) == 1 and not told & {lang, UNDETERMINED} and lang != UNDETERMINED


def _goes_on_below(text: str) -> bool:
    """Whether a line is the first of a paragraph: it has the end of a sentence in it, and not at its own end."""
    return bool(TWO_SENTENCES.search(text)) and not is_sentence(text)


def is_title_like(text: str) -> bool:
    """Whether a line could be a title by its length, not being a date or the name of an author."""
    return (
        _TITLE_CHARACTERS[0] <= len(text) <= _TITLE_CHARACTERS[1]
        and _TITLE_WORDS[0] <= len(text.split()) <= _TITLE_WORDS[1]
        and not is_dated(text)
    )


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
    for text in story.around:
        names = author_of(text) if not is_date_line(text) else source_line(text)
        author, outlet = author or names[0] or signature(text)[0], outlet or names[1] or label_of_outlet(text)
    title, paper = site_of_title(story.title)
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
