"""Lines to articles: where one ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from index.dates import is_date_line
from index.furniture import END_MARK, MARK, NUMBER, SLUG, STORY_END, without_page
from index.heading import author_of, dateline_outlet, is_byline, signature, source_line
from index.language import detect_language
from index.lines import PROSE_CHARACTERS, Block, Line, blocks, is_sentence, is_text
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
_ITEM_WORDS = 6
_LOOSE_LINES = 3
_TAIL_CHARACTERS = 80
# Under such a heading every paragraph is a piece of news by itself.
_BRIEFS = re.compile(
    r"(news )?in brief|briefs|briefly|qısa( xəbərlər)?|qısaca|коротко( о разном)?|вкратце|kısa kısa|kısaca",
    re.IGNORECASE,
)
_RULE = re.compile(r"[^\w\s]{3,}|([^\w\s]\s?){3,}")


@dataclass(frozen=True, slots=True)
class Cut:
    """The lines of each article in order, and those that are no article's, with a reason each."""

    articles: tuple[tuple[Line, ...], ...]
    dropped: tuple[Line, ...]
    masthead: tuple[Line, ...]  # of the whole file, above its first article


def cut_articles(lines: Sequence[Line], *, is_title: Callable[[Line], bool] | None = None) -> Cut:
    """The lines of each article, in order, with the furniture that stands between them left out.

    Where the format itself says what a title is, `is_title` tells; else titles are told by how they stand.
    """
    found = blocks(lines)
    if is_title is None:
        begins, top = _beginnings(found, feed=any(STORY_END.fullmatch(line.text) for line in lines))
    else:
        begins, top = {i for i, block in enumerate(found) if is_title(block.lines[0])}, 0
    masthead = [line.drop("masthead") for block in found[:top] for line in block.lines]
    dropped = [*masthead]
    articles: list[list[Block]] = [[]]
    for i, block in enumerate(found[top:], start=top):
        if i in begins and articles[-1]:
            articles.append([])
        articles[-1].append(block)
    kept: list[tuple[Line, ...]] = []
    for article in articles:
        article = _without_tail(_without_kicker(article))
        own = [line for block in article for line in block.lines if not line.reason]
        if any(_says_something(block) for block in article):
            kept.append(tuple(own))
        else:
            dropped.extend(line.drop("no sentence") for line in own)
        dropped.extend(line for block in article for line in block.lines if line.reason)
    return Cut(tuple(kept), tuple(sorted(dropped, key=lambda line: line.span.start)), tuple(masthead))


def _says_something(block: Block) -> bool:
    return is_prose(block) or (
        not block.lines[0].reason and is_sentence(block.text) and len(block.text.split()) >= _SENTENCE_WORDS
    )


def _without_kicker(article: Sequence[Block]) -> list[Block]:
    """The blocks of an article; lines above its title that say what kind of text it is are dropped."""
    first = next((i for i, block in enumerate(article) if is_prose(block)), 0)
    titled = _title([block for block in article[:first] if not block.lines[0].reason])
    above = [block for block in article[:first] if not block.lines[0].reason][: max(titled, 0)]
    kickers = {id(block) for block in above if block.text.isupper() or _BRIEFS.fullmatch(block.text)}
    if article and _BRIEFS.fullmatch(article[0].text) and len(article) > 1:
        kickers.add(id(article[0]))
    return [
        Block(tuple(line.drop("kicker") for line in block.lines)) if id(block) in kickers else block
        for block in article
    ]


def _without_tail(article: Sequence[Block]) -> list[Block]:
    """The blocks of an article; short lines below its text that stand with furniture are furniture, too.

    So are those that are many: an article does not end with lines that end as no sentence does. What stands below
    several of them is the site's, sentences on its rights and all.
    """
    last = max((i for i, block in enumerate(article) if is_prose(block)), default=len(article))
    tail = article[last + 1 :]
    loose = [bool(block.lines[0].reason) or _is_loose(block.text) for block in tail]
    if sum(loose) < _LOOSE_LINES and not any(block.lines[0].reason for block in tail):
        return list(article)
    legal = next((i for i in range(len(tail)) if sum(loose[:i]) >= _LOOSE_LINES), len(tail))
    return [
        *article[: last + 1],
        *(
            Block(tuple(line.drop("below the text") for line in block.lines))
            if len(block.text) <= _TAIL_CHARACTERS and (i >= legal or _is_loose(block.text))
            else block
            for i, block in enumerate(tail)
        ),
    ]


def _is_loose(text: str) -> bool:
    """Whether a line is short and neither ends as a sentence or a verse does, nor is an item of a list or a date."""
    return (
        len(text) <= _TAIL_CHARACTERS
        and not is_sentence(text)
        and not text.endswith((",", "—", "-"))
        and text[0].isalnum()
        and not is_date_line(text)
    )


def _beginnings(found: Sequence[Block], *, feed: bool) -> tuple[set[int], int]:
    """The blocks with which an article begins that is not the first, and the first block below the masthead."""
    begins: set[int] = set()
    top = 0
    prose = False  # since the article began
    parted = False  # since its last prose, by a mark that parts articles
    above: list[Block] = []  # the prose since the article began
    brief = any(_BRIEFS.fullmatch(block.text) for block in found[:_HEAD_BLOCKS])
    mastheads = _mastheads(found)
    known = _known_titles(found)
    ruled = sum(_is_rule(block) for block in found) > 1

    def is_item(block: Block) -> bool:
        """Whether a sentence between rules is an article of one line."""
        return ruled and is_sentence(block.text) and len(block.text.split()) >= _ITEM_WORDS

    for i, block in enumerate(found):
        if block.lines[0].reason:
            parted = parted or (prose and (_parts(block, feed=feed) or block.text in mastheads))
            if not prose and not begins and (MARK.fullmatch(block.text) or block.lines[0].reason == NUMBER):
                top = i  # what stands above "1." or "Article 1 of 3" is the file's, not the article's
            continue
        is_source_line = feed and parted and is_date_line(block.text) and _furniture_at(found, i + 1)
        if prose and not is_source_line:
            starts = (
                parted
                if feed
                else i in known
                or _heads_article(found, i, parted=parted)
                or (brief and is_prose(block))
                or (parted and is_item(block))
            )
            if starts or (not feed and _heads_translation(found, i, above)):
                begins.add(i)
                prose = parted = False
                above = []
        if is_prose(block) or is_item(block):
            prose = True
            above.append(block)
    return begins, top or _masthead_end(found, begins)


def _is_rule(block: Block) -> bool:
    return block.lines[0].reason == "separator" and bool(_RULE.fullmatch(block.text))


def _mastheads(found: Sequence[Block]) -> set[str]:
    """The repeated lines that each time stand above a title: what a paper prints at the top of every page."""
    texts: dict[str, list[bool]] = {}
    heads = False  # whether the next line that is kept is a title over a text
    for i in range(len(found) - 1, -1, -1):
        block = found[i]
        if not block.lines[0].reason:
            heads = is_title_like(block.text) and not is_prose(block) and _head(found, i)[1]
        elif block.lines[0].reason == "repeated line":
            texts.setdefault(block.text, []).append(heads)
        elif not MARK.fullmatch(block.text):
            heads = False
    return {text for text, stood in texts.items() if len(stood) > 1 and all(stood)}


def _known_titles(found: Sequence[Block]) -> set[int]:
    """The lines that are titles because others are: a table of contents lists them, or they stand as most titles do.

    A title that is too short to be told by itself is one where most lines that stand like it are longer.
    """
    listed = {
        " ".join(re.findall(r"\w+", without_page(block.text).casefold()))
        for block in found
        if block.lines[0].reason == "table of contents"
    }
    known: set[int] = set()
    alike: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
    for i, block in enumerate(found[:-1]):
        if block.lines[0].reason or len(block.lines) > 1 or is_prose(block) or not is_title_like(block.text):
            continue
        if " ".join(re.findall(r"\w+", block.text.casefold())) in listed:
            known.add(i)
        if not is_prose(found[i + 1]) or is_sentence(block.text):
            continue
        if block.blank_before and _before_is_text(found, i):
            layout = (min(block.blank_before, 2), min(found[i + 1].blank_before, 1))
            alike.setdefault(layout, ([], []))[_heads_article(found, i, parted=False)].append(i)
    for weak, strong in alike.values():
        if len(strong) >= len(weak):
            known.update(weak)
    return known


def _before_is_text(found: Sequence[Block], i: int) -> bool:
    return any(is_prose(block) for block in found[:i])


def _masthead_end(found: Sequence[Block], begins: Collection[int]) -> int:
    """The block with which the first of several articles begins, below lines with a date that are the whole file's."""
    first = next((i for i, block in enumerate(found) if is_prose(block)), 0)
    title = first - 1
    if not begins or title < 2 or not found[title].blank_before or not is_title_like(found[title].text):
        return 0
    stand_alike = all(found[i].blank_before and i + 1 < len(found) and is_prose(found[i + 1]) for i in begins)
    above = found[:title]
    dated = any(is_date_line(block.text) for block in above)
    return title if stand_alike and dated and len(above) > 1 else 0


def _furniture_at(found: Sequence[Block], i: int) -> bool:
    return i < len(found) and bool(found[i].lines[0].reason)


def _parts(block: Block, *, feed: bool) -> bool:
    text, reason = block.text, block.lines[0].reason
    if feed:
        return bool(STORY_END.fullmatch(text))
    if reason in (NUMBER, SLUG):
        return True
    if reason == "separator":
        return bool(_RULE.fullmatch(text))
    return reason in _BETWEEN and bool(MARK.fullmatch(text) or END_MARK.fullmatch(text))


def is_prose(block: Block) -> bool:
    """Whether a block is text of an article, not a line of its head."""
    return not block.lines[0].reason and is_text(block.text)


def _heads_article(found: Sequence[Block], i: int, *, parted: bool) -> bool:
    block = found[i]
    text = block.text
    if len(block.lines) > 1 or not is_title_like(text):
        return parted and (is_prose(block) or is_date_line(text))
    head, body = _head(found, i)
    if not body:
        return False
    if parted:
        return True
    words = len(text.split())
    dated = found[i + 1] in head and is_date_line(found[i + 1].text)
    if block.blank_before and dated and (not is_sentence(text) or text.isupper() or text.endswith("?")):
        return True
    shared = any(b.lines[0].reason in ("share bar", "counter", "age") for b in head)
    if shared and found[i - 1].lines[0].reason and not is_sentence(text):
        return True  # one post of many
    if len(text) < _SPLITTING_CHARACTERS or words < (_QUESTION_WORDS if text.endswith("?") else _SPLITTING_WORDS):
        return False
    # Set off by two blank lines a line is a title even when it is a sentence; else it must not end as one does.
    if is_sentence(text) and not text.endswith("?") and block.blank_before < 2:
        return False
    signed = any(is_date_line(b.text) or is_byline(b.text) for b in head)
    return signed or shared or found[i + 1].blank_before > 0 or block.blank_before > 0


def _heads_translation(found: Sequence[Block], i: int, above: Sequence[Block]) -> bool:
    """Whether a block is a title over text in another language than all the text above it is in."""
    if len(found[i].lines) > 1 or not is_title_like(found[i].text) or len(found[i].text) >= PROSE_CHARACTERS:
        return False
    head, body = _head(found, i)
    if not body:
        return False
    told = {detect_language(block.text) for block in (above[0], *above[-2:])}
    lang = detect_language(found[i + 1 + len(head)].text)
    return len(told) == 1 and not told & {lang, UNDETERMINED} and lang != UNDETERMINED


def _head(found: Sequence[Block], i: int) -> tuple[list[Block], bool]:
    """What stands between a title and its text, and whether there is such a text."""
    head: list[Block] = []
    for block in found[i + 1 : i + 2 + _HEAD_BLOCKS]:
        if is_prose(block):
            return head, True
        if (
            not block.lines[0].reason
            and is_title_like(block.text)
            and not is_date_line(block.text)
            and not is_byline(block.text)
        ):
            return head, False  # a title over a title: the second is the nearer one
        head.append(block)
    return head, False


def is_title_like(text: str) -> bool:
    """Whether a line could be a title by its length, not being a date or the name of an author."""
    return (
        _TITLE_CHARACTERS[0] <= len(text) <= _TITLE_CHARACTERS[1]
        and _TITLE_WORDS[0] <= len(text.split()) <= _TITLE_WORDS[1]
        and not is_date_line(text)
        and not is_byline(text)
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What the lines above an article's text say, and the lines that are its text."""

    title: str
    author: str
    outlet: str
    body: tuple[Line, ...]  # never empty


def read_head(lines: Sequence[Line], *, title: str = "") -> Head:
    """Part the lines of one article, all of them kept, into its head and its text.

    A `title` that the file's own fields give is the title; if the first lines repeat it, they are no text.
    """
    found = blocks(lines)
    first_prose = _first_prose(found)
    head = found[: max(first_prose, 1 if title else 0)]
    titled = next((i for i, block in enumerate(head) if same_words(block.text, title)), -1) if title else _title(head)
    signed = _signatures(found, titled, first_prose)
    author, outlet = next((names for names in signed.values() if names[0]), ("", ""))
    outlet = outlet or next((names[1] for names in signed.values()), "") or dateline_outlet(found[first_prose].text)
    text = [
        line
        for i, block in enumerate(found)
        if i > titled and i not in signed and not (i <= first_prose and is_date_line(block.text))
        for line in block.lines
    ]
    shown = title or (head[titled].text if titled >= 0 else "")
    return Head(shown, author, outlet, tuple(text or lines))


def _first_prose(found: Sequence[Block]) -> int:
    """The block with which the text of an article begins; of a short one, its first sentence below a title."""
    prose = (i for i, block in enumerate(found) if is_prose(block) and not _is_long_title(found, i))
    short = (
        i for i, block in enumerate(found) if is_sentence(block.text) and len(block.text.split()) >= _SENTENCE_WORDS
    )
    return next(prose, next(short, 0))


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


def _title(head: Sequence[Block]) -> int:
    """Which block of an article's head is its title, or -1."""
    if head and head[0].text.startswith("#"):
        return 0
    likely = [i for i, block in enumerate(head) if is_title_like(block.text)] or (
        [0] if len(head) == 1 and len(head[0].text) <= TITLE_CHARACTERS else []
    )
    # A line of capitals above a title says what kind of text it is: OPINION, PRESS RELEASE.
    return next((i for i in likely if not head[i].text.isupper()), likely[0] if likely else -1)


def _is_long_title(found: Sequence[Block], i: int) -> bool:
    """Whether a first line as long as a sentence is none of the text but stands above it."""
    text = found[i].text
    return i == 0 and len(found) > 1 and is_title_like(text) and not is_sentence(text) and _head(found, 0)[1]


def same_words(one: str, other: str) -> bool:
    """Whether two texts have the same words, whatever stands between them."""
    return re.findall(r"\w+", one.casefold()) == re.findall(r"\w+", other.casefold())
