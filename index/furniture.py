"""Furniture: the lines that pages and feeds put around articles. What each is called is why it is dropped.

A line is known as furniture by its words, which `furniture.toml` lists, or by its company: lines like it that the file
repeats, a short line among others that are furniture, what follows the head of a comment section.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from index.dates import is_date_line
from index.heading import is_byline
from index.lines import PROSE_CHARACTERS, Line, each_block, is_sentence, is_text, small_letters
from index.repeats import LineKeys, could_repeat, line_key
from index.values import Media

_MOST_CHARACTERS = 240  # of a line that its words alone can make furniture; what is longer is text


def _table() -> dict[str, str]:
    """For each reason, in the order of `furniture.toml`, one pattern that is all of its patterns."""
    return {reason: "|".join(patterns) for reason, patterns in _rows().items()}


def _rows() -> dict[str, list[str]]:
    content = tomllib.loads(files("index").joinpath("furniture.toml").read_text(encoding="utf-8"))
    table: dict[str, list[str]] = {}
    for row in content["furniture"]:
        for pattern in row["patterns"]:
            for name, words in content["words"].items():
                pattern = pattern.replace(f"<{name}>", f"({'|'.join(words)})")
            table.setdefault(row["reason"], []).append(pattern)
    return table


def _fast(pattern: str) -> str:
    """A pattern that says of a folded line what `pattern` says of the line in any case, several times as fast.

    `re` passes over an alternative by its first letter only if case counts and no group is remembered.
    """
    forgetting = _GROUP.sub(lambda piece: "(?:" if piece.group() == "(" else piece.group(), pattern)
    return _CHARACTER.sub(lambda c: c.group() if c.group()[0] == "\\" else small_letters(c.group()), forgetting)


_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?!\?)", re.DOTALL)  # or what holds "(" and begins none
_CHARACTER = re.compile(r"\\?.", re.DOTALL)
_TABLE = _table()
_REASONS = {f"r{number}": reason for number, reason in enumerate(_TABLE)}
_NEEDED = re.compile(r"\(\?=\.\*\(?(?P<words>[\w| -]+)\)")  # with which a pattern begins that needs one of these words


def _one_pattern(rows: Mapping[str, Sequence[str]]) -> re.Pattern[str]:
    """One pattern of all: asking seventy in turn took most of the time of cleaning."""
    alternatives = {name: "|".join(map(_fast, rows[reason])) for name, reason in _REASONS.items() if rows[reason]}
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in alternatives.items()))


_FURNITURE = _one_pattern(_rows())
# Of most lines it is found out ten times as fast that they have no such word as that no such pattern matches.
_WITHOUT = _one_pattern({reason: [p for p in patterns if not _NEEDED.match(p)] for reason, patterns in _rows().items()})
_NEEDED_WORDS = {
    small_letters(word)
    for patterns in _rows().values()
    for match in map(_NEEDED.match, patterns)
    if match is not None
    for word in match["words"].split("|")
}
STORY_END, MARK, END_MARK = (
    re.compile(_TABLE[reason], re.IGNORECASE) for reason in ("end of story", "between articles", "end mark")
)
NUMBER, SLUG, TIME = "number of an article", "slug", "time of an article"
_PAGE_NUMBER = re.compile(r"(\.{3,}|…{2,}|\t+)\s*\d{1,4}\Z")
LISTED = "table of contents"
_ENTRY = re.compile(r"\A[\W\d]+")
_ENTRY_CHARACTERS = 150
_NUMBER_CHARACTERS = 12  # of an entry and its page
_HEAD_LINES = 5  # between a title and its text
_COUNT = re.compile(r"[\W_]*(\d{1,2})[\W_]*")
_CODE = re.compile(r"(?=.*\d{3})[^\W\d_]{2,12}[-/ ]?\d{2,8}([-/]\w{1,8})*")
_ABOUT = re.compile(
    r"(о|об) (компании|предприятии|заводе|организации|нас)|about (us|the \w+)|şirkət haqqında|haqqımızda|"
    r"(şirket|firma|kurum) hakkında|hakkımızda",
    re.IGNORECASE,
)
_MOST_LINES_ABOUT = 6
_MENU_LINES = 3
_MENU_CHARACTERS = 40
_TITLE_WORDS = 4
_COMMENTS = re.compile(
    r"(leave a (reply|comment)).{0,20}|"
    r"(\d+ )?(comments?|şərh(lər)?|rəy(lər)?|комментари[ийяев]+|yorum(lar)?)( ?\(\d+\))?:?",
    re.IGNORECASE,
)
_FORM = re.compile(r"leave a (?:reply|comment)", re.IGNORECASE)
# A line that says whose comment follows, and perhaps when it was written.
_COMMENTER = re.compile(
    r"[^.!?:]{1,40} (?:wrote|writes|says|said|commented|пишет|написала?|yazır|yazdı|yazıb|diyor|dedi ki)\b[^.!?]{0,40}",
    re.IGNORECASE,
)
_MOST_LINES_OF_COMMENTS = 40
_MOST_LINES_OF_FORM = 12
_LINES_OF_PAGE = 4  # above its comments
_COMMENT_CHARACTERS = 400
_WRAPPED = frozenset(("contact", "rights", "copyright", "caption", "cookie notice", "newsletter"))
_REPEATED_CHARACTERS = 60
_SHORT = 60  # characters of a line that its company can make furniture


def mark_furniture(lines: Sequence[Line], *, media: Media, repeated: LineKeys = frozenset()) -> list[Line]:
    """The lines, with a reason on each that is furniture; `repeated` are the keys of those that other files have, too.

    Tables, slides and pages repeat short lines that are theirs; what is furniture there, their formats tell.
    """
    marked = [line.drop(_told(line.text)) for line in lines]
    if media in (Media.TEXT, Media.EML):
        marked = _mark_counted(marked)
    if media is Media.TEXT:
        marked = _mark_menu(marked)
    if media in (Media.TEXT, Media.EML, Media.DOCX, Media.ODT):
        marked = _mark_listed(marked)
    if media in (Media.TEXT, Media.MARKDOWN, Media.HTML):
        marked = _mark_repeated(marked)
    if repeated:
        marked = _mark_repeated_elsewhere(marked, repeated)
    marked = _mark_after(marked)
    return _mark_company(marked)


def _told(text: str) -> str:
    reason = furniture_reason(text)
    return "" if reason == "navigation" and is_date_line(text) else reason  # "Ada Crow · The Courier · Feb 8, 2024"


def furniture_reason(text: str) -> str:
    """Why a line is furniture by its words alone, or ""."""
    return _reason(text) if len(text) <= _MOST_CHARACTERS else ""


@lru_cache(maxsize=1 << 12)  # feeds and pages say the same in every file
def _reason(text: str) -> str:
    small = small_letters(text)
    match = (_FURNITURE if any(map(small.__contains__, _NEEDED_WORDS)) else _WITHOUT).fullmatch(small)
    # The alternatives are groups that nothing encloses, so that the last to be closed is the one that matched.
    return _REASONS[match.lastgroup] if match is not None and match.lastgroup is not None else ""


def without_page(text: str) -> str:
    """A line of a table of contents without the number of the page."""
    return _PAGE_NUMBER.sub("", text).strip()


def _mark_counted(lines: list[Line]) -> list[Line]:
    """Bare numbers that count up from one, and codes such as agencies give their stories, if there are several.

    The numbers of pages count so, too, but stand in the midst of sentences.
    """
    counts = {i: int(match[1]) for i, line in enumerate(lines) if (match := _COUNT.fullmatch(line.text))}
    numbers = [i for i in counts if not lines[i].reason]
    within = any(_goes_on(lines[i - 1]) for i in numbers if i)
    codes = [i for i, line in enumerate(lines) if line.text.isupper() and _CODE.fullmatch(line.text)]
    marked = list(lines)
    if len(numbers) > 1 and not within and [counts[i] for i in numbers] == list(range(1, len(numbers) + 1)):
        for i in numbers:
            marked[i] = marked[i].drop(NUMBER)
    if len(codes) > 1:
        for i in codes:
            marked[i] = marked[i].drop(SLUG)
    return marked


def _goes_on(line: Line) -> bool:
    """Whether a line is one of print that ends within a sentence."""
    return not line.reason and len(line.text) > _SHORT and not is_sentence(line.text)


def _mark_menu(lines: list[Line]) -> list[Line]:
    """The short lines at the top of a file, if they are many and some are known: all but the title, and what is below.

    The title is the first line of four words after the last of them that is known or set off, else the one
    right above the text and its date.
    """
    texts = (block.lines[0] for block in each_block(lines) if not block.reason and is_text(block.text))
    text = next(texts, None)
    above = range(lines.index(text) if text is not None else 0)
    first = len(above)
    free = [i for i in above if not lines[i].reason and not is_date_line(lines[i].text)]
    day = next((i for i in above if not lines[i].reason and is_date_line(lines[i].text)), first)
    free = [i for i in free if i < day and not is_byline(lines[i].text)]
    known = [i for i in above if lines[i].reason not in ("", LISTED, "between articles", "separator")]
    known = [i for i in known if i < (free[-1] if free else 0)]
    short = [i for i in free[:-1] if len(lines[i].text) <= _MENU_CHARACTERS and not is_sentence(lines[i].text)]
    if len(free) < 2 or (len(known) < _MENU_LINES - 1 and len(known) + len(short) < _MENU_LINES + 1):
        return lines
    start = max(max(known, default=-1) + 1, *(i for i in free if lines[i].blank_before), 0)
    candidates = [i for i in free if i >= start] or free[-1:]
    title = next((i for i in candidates if len(lines[i].text.split()) >= _TITLE_WORDS), candidates[-1])
    menu = {i for i in free if i < title and len(lines[i].text) <= _SHORT}
    return [line.drop("menu") if i in menu else line for i, line in enumerate(lines)]


def _mark_listed(lines: list[Line]) -> list[Line]:
    """A list of titles above the first text, if each stands again above a text, in the same order; there it is one."""
    first = next((i for i, line in enumerate(lines) if not line.reason and is_text(line.text)), 0)
    names = {i: name for i in range(first) if not lines[i].reason and (name := entry_of(lines[i].text))}
    if len(names) < 2:
        return lines
    wanted = frozenset(names.values())
    least, most = min(map(len, wanted)), max(map(len, wanted)) + _NUMBER_CHARACTERS
    found = ((_bare(line.text), i) for i, line in enumerate(lines) if least <= len(line.text) <= most)
    last = {name: i for name, i in found if name in wanted}
    listed = [i for i, name in names.items() if last.get(name, i) > i and _is_above_text(lines, last[name])]
    below = [last[names[i]] for i in listed]
    apart = all(one < other and _is_above_text(lines[:other], one) for one, other in pairwise(below))
    if len(listed) < 2 or not apart:  # such as the lines at the top of each page
        return lines
    chosen = set(listed)
    return [line.drop(LISTED) if i in chosen else line for i, line in enumerate(lines)]


def _is_above_text(lines: Sequence[Line], i: int) -> bool:
    below = [line for line in lines[i + 1 : i + 1 + _HEAD_LINES] if not line.reason]
    wrapped = any(one.text[-1].isalpha() and other.text[0].islower() for one, other in pairwise(below))
    return wrapped or any(is_text(line.text) for line in below)


def entry_of(text: str) -> str:
    """An entry of a table of contents in small letters, without its number and the page's; "" for what is none."""
    name = _bare(text) if len(text) <= _ENTRY_CHARACTERS else ""
    return name if len(name.split()) > 1 and not is_date_line(text) else ""


def _bare(text: str) -> str:
    return _ENTRY.sub("", without_page(text)).casefold()


def _mark_repeated(lines: list[Line]) -> list[Line]:
    def could_be(line: Line) -> bool:
        return len(line.text) <= _REPEATED_CHARACTERS and not is_sentence(line.text)

    counts = Counter(line.text for line in lines if could_be(line) and line.reason != LISTED)
    return [
        line.drop("repeated line") if counts[line.text] > 1 and not is_date_line(line.text) else line for line in lines
    ]


def _mark_repeated_elsewhere(lines: list[Line], repeated: LineKeys) -> list[Line]:
    """What a site prints on all its pages; not the line right above a text, nor who wrote it and when."""
    marked = list(lines)
    below = ""  # the next line that is kept, from the end upwards
    for i in range(len(lines) - 1, -1, -1):
        line = lines[i]
        if line.reason:
            continue
        is_title = is_text(below) and len(line.text) < PROSE_CHARACTERS
        says_who = is_date_line(line.text) or is_byline(line.text)
        if could_repeat(line.text) and line_key(line.text) in repeated and not (is_title or says_who):
            marked[i] = line.drop("repeated in other files")
        else:
            below = line.text
    return marked


def _mark_after(lines: list[Line]) -> list[Line]:
    """What comes with a line before it: an advertisement, a comment section, the name of who shared a story."""
    marked = list(lines)
    is_long = (i for i, line in enumerate(lines) if len(line.text) >= PROSE_CHARACTERS and not line.reason)
    first_text = next(is_long, len(lines))
    for i, line in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else None
        if following is None:
            break
        # Below the word "advertisement" stands the text of one, or nothing if it was a picture.
        if line.reason == "advertisement" and len(line.text) <= _SHORT and len(following.text) < PROSE_CHARACTERS:
            marked[i + 1] = marked[i + 1].drop("advertisement")
        # A line of furniture that was wrapped goes on in the next.
        if marked[i].reason in _WRAPPED and following.text[0].islower() and not following.blank_before:
            marked[i + 1] = marked[i + 1].drop(marked[i].reason)
        # A saved feed signs each article with the name of who shared it, just above its age.
        if following.reason == "age" and len(line.text) <= _SHORT and " " not in line.text:
            marked[i] = marked[i].drop("user name")
        if len(lines) - i - 1 <= _MOST_LINES_ABOUT and _ABOUT.fullmatch(line.text) and first_text < i:
            marked[i:] = [later.drop("about the publisher") for later in marked[i:]]
            break
        if first_text < i and _COMMENTS.fullmatch(line.text) and _are_comments(lines, i):
            marked[i:] = [later.drop("comments") for later in marked[i:]]
            break
    return marked


def _counted(line: Line) -> bool:
    return line.text[:1].isdigit() and bool(_COMMENTS.fullmatch(line.text))


def _are_comments(lines: Sequence[Line], head: int) -> bool:
    """Whether what follows the head of a comment section is comments, or a form for one, up to the end.

    There is text above it. A count of comments may also stand in the midst of one, so that what is not set off
    must look like comments: with who wrote them, when, and what to reply with.
    """
    below = map(lines.__getitem__, range(head + 1, len(lines)))
    if _counted(lines[head]) and any(_counted(line) or STORY_END.fullmatch(line.text) for line in below):
        return False  # a feed, which says below each story how many comments it has
    rest = lines[head + 1 :]
    above = {line.text for line in lines[max(0, head - _LINES_OF_PAGE) : head] if line.reason}
    if any(line.text in above for line in rest):
        return False  # pages one below the other: what stands by the comments of each stands there again
    if _FORM.match(lines[head].text):
        return len(rest) <= _MOST_LINES_OF_FORM and all(len(line.text) < PROSE_CHARACTERS for line in rest)
    if len(rest) > _MOST_LINES_OF_COMMENTS or any(len(line.text) > _COMMENT_CHARACTERS for line in rest):
        return False
    told = any(
        line.reason in ("age", "share bar", "comment form")
        or _COMMENTER.fullmatch(line.text)
        or is_date_line(line.text)
        for line in rest
    )
    set_off = lines[head].blank_before > 0 and all(len(line.text) < PROSE_CHARACTERS for line in rest)
    return told or set_off


def _mark_company(lines: list[Line]) -> list[Line]:
    """A short line between two pieces of furniture is furniture, unless a text follows whose title it may be."""
    marked = list(lines)
    below = ""  # the next line that is kept and is neither a day nor a name nor a word or two, from the end upwards
    for i in range(len(lines) - 1, 0, -1):
        line = lines[i]
        if line.reason:
            continue
        if len(line.text) >= PROSE_CHARACTERS:
            below = line.text
            continue
        if is_date_line(line.text) or is_byline(line.text):
            continue
        before, after = lines[i - 1], lines[i + 1] if i + 1 < len(lines) else None
        if (
            before.reason
            and before.reason not in ("between articles", "end of story", "separator", NUMBER)
            and after is not None
            and after.reason
            and not (line.blank_before or after.blank_before)
            and len(line.text) <= _SHORT
            and not is_sentence(line.text)
            and not is_text(below)
        ):
            marked[i] = line.drop("among furniture")
        if len(line.text.split()) >= _TITLE_WORDS or is_sentence(line.text):
            below = line.text
    return marked
