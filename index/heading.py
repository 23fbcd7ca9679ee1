"""The head of an article: its title, who wrote it and for whom, and the lines that say so."""

from __future__ import annotations

import re
from collections.abc import Iterable

from index.dates import find_dates, is_date_line, is_weekday
from index.lines import small_letters

# "By" and its kin, then one to five words that begin with capitals, and perhaps whom they write for and when.
_CALLED = (
    r"(?:(?:written|story|report(?:ed|ing)?|interview|text|words|posted|photos?|story and photos) )?by|author\s*:|"
    r"(?:müəllif|mətn|hazırla(?:dı|yan)|yaz(?:ar|an|dı)|söhbətləşdi|söhbəti apardı|haber|muhabir|röportaj|söyleşi|"
    r"автор|текст|текст и фото|беседу в[её]л\w*)\s*:|(?:автор|müəllif|yazar|беседовал\w*|подготовил\w*)(?:\s*:)?"
)
_NAME = r"(?P<name>\w[\w.'’-]*(?:\s+\w[\w.'’-]*){0,4})"
_BYLINE = re.compile(
    rf"(?:{_CALLED})\s+{_NAME}"
    r"(?:\s*[,|/—–-]\s*(?P<outlet>[^|\d]{2,60}?))?(?:\s*[|,·—–-]\s*[^|]*\d.*)?",
    re.IGNORECASE,
)
_PARTICLES = frozenset(("de", "van", "von", "bin", "der", "al", "el", "di", "da", "oğlu", "qızı", "oglu"))
_QUOTES = ' «»“”"„'
_BYLINE_CHARACTERS = 120


def is_byline(text: str) -> bool:
    """Whether a line names who wrote the article, and hardly anything else."""
    return bool(author_of(text)[0])


def author_of(text: str) -> tuple[str, str]:
    """The author and the outlet that a byline names; "" for what it does not."""
    match = _BYLINE.fullmatch(text.strip()) if len(text) <= _BYLINE_CHARACTERS else None
    words = match["name"].split() if match is not None else [""]
    if match is None or not words[0][:1].isupper():
        return "", ""
    if not all(word[:1].isupper() or word in _PARTICLES for word in words):
        return "", ""
    return match["name"].strip(), (match["outlet"] or "").strip(_QUOTES)


_ISSUE = re.compile(
    r"\b(?:issue|vol(?:ume)?|no|nr|sayı|nömrə|выпуск|вып|номер|випуск)\b\W{0,3}\d{1,4}\b|\b\d{1,4}\W{0,2}"
    r"(?:sayı|nömrə|выпуск)\b|№\s*\d|\bN\s?\d{1,4}\b|#\d{1,4}\b",
    re.IGNORECASE,
)
_ISSUE_CHARACTERS = 80


def is_issue_line(text: str) -> bool:
    """Whether a line names a number of a paper or a bulletin: "Sayı 51", "№ 23 (601), 5 июня"."""
    return len(text) <= _ISSUE_CHARACTERS and bool(_ISSUE.search(text))


_INITIAL = re.compile(r"\w{1,2}\. ?\w{2}")
# Two or three words, each with a capital: a name where a name is expected, and nothing elsewhere.
_PERSON = r"\w[\w.'’-]+(?: \w[\w.'’-]*){1,2}"
_SIGNATURE = re.compile(rf"(?P<name>{_PERSON})(?:(?:\s*[,|/—–]\s*|\s-\s)(?P<outlet>[^|,.]{{3,50}}))?")
# What newspapers and agencies are called, and people are not, in small letters: four times as fast as in any case.
_OUTLET = re.compile(
    r"\b(?:post|gazette|times|news|herald|courier|observer|journal|tribune|agency|press|desk|media|weekly|daily|chronicle|"
    r"echo|mirror|telegraph|guardian|bulletin|review|dispatch|sentinel|argus|examiner|monitor|express|mail|globe|record|"
    r"advertiser|standard|broadcasting|radio|tv|channel|wire|online|portal|magazine)\b|"
    r"qəzet|xəbər|agentli|jurnal|telegraf|ekspress|bülleten|kanali|\bsəsi\b|"
    r"газет|вестник|новост|агентств|журнал|известия|правда|маяк|ведомости|листок|курьер|голос|радио|канал|портал|"
    r"обозрени|бюллетень|вісник|новини|gazete|haber|posta|ajans|dergi|ekspres|radyo|bülten|\bsesi\b"
)
# Who writes for an institution.
_DESK = re.compile(
    r"\b(?:(?:press|news) (?:desk|office|service)|staff|correspondents?|newsroom|editors)\b|пресс-служб|пресс-центр|"
    r"редакци|корреспондент|mətbuat (?:xidmət|mərkəz)|redaksiya|müxbir|basın (?:bürosu|merkezi)|muhabir|yazı işleri",
    re.IGNORECASE,
)
_DATELINE_OUTLET = re.compile(r"[^()]{3,60}\((?P<outlet>[^()\d]{2,50})\)\s*[-–—]")


def _is_outlet(text: str) -> bool:
    """Whether a text has a word in it of the names of papers."""
    return _OUTLET.search(small_letters(text)) is not None


def signature(text: str) -> tuple[str, str]:
    """The author and outlet of a line that is a name and nothing else, as below a title or under an article."""
    match = _SIGNATURE.fullmatch(text.strip()) if len(text) <= 80 else None
    if match is None or not all(word[:1].isupper() for word in match["name"].split()):
        return "", ""
    if match["name"].isupper() and not _INITIAL.match(match["name"]):
        return "", ""
    return match["name"], (match["outlet"] or "").strip()


# What parts the names in a line from one another: marks, a time, a counter with its label.
_PIECES = re.compile(r"\s*[,|·•—–/]\s*|\s-\s|\s*\b\d{1,2}:\d\d\b\s*|\s*\b\w+:\s*\d[\d ]*")


def source_line(text: str) -> tuple[str, str]:
    """The author and outlet of a line that also has the date: "Harrow Moor Post, 1 October 2024"."""
    names = [piece.strip(_QUOTES + "*_") for piece in _PIECES.split(text) if not any(c.isdigit() for c in piece)]
    names = [name for name in names if name[:1].isupper() and not is_date_line(f"1 {name} 2024")]
    desk = next(filter(_DESK.search, names), "")
    names = [name for name in names if name != desk]
    others = names[1] if len(names) > 1 else ""
    outlet = next(filter(_is_outlet, names), others)
    author = next((name for name in names if name != outlet and re.fullmatch(_PERSON, name)), "")
    return author or desk, outlet


def outlet_line(text: str) -> str:
    """The name of a paper that a line is and nothing else, or ""."""
    name = text.strip(_QUOTES)
    quoted = text[:1] in _QUOTES and text[-1:] in _QUOTES and not set(name) & set(_QUOTES[1:])
    return name if len(name) <= 50 and (quoted or (len(name.split()) <= 4 and _is_outlet(name))) else ""


# A field of a record, as databases of the press print them.
_TITLE_FIELD = re.compile(
    r"(?:(?:headline|title|heading|заглавие|заголовок|название|başlıq|sərlövhə|başlık)\s*:|"
    r"(?:subject|тема|konu|mövzu)\s*:(?:\s*\[[^\]]{2,30}\])?)\s*(?P<title>\S.*)",
    re.IGNORECASE,
)


def unlabelled_title(title: str) -> str:
    """A title without the label that a record has before it.

    >>> unlabelled_title("Заглавие: Уголь уходит к соседям")
    'Уголь уходит к соседям'
    """
    match = _TITLE_FIELD.fullmatch(title)
    return match["title"] if match is not None else title


_SITE = re.compile(
    r"(?P<title>.{8,}?)\s+(?:\|\s+(?P<barred>[^|]{2,40})|[–—-]\s+(?P<dashed>[^–—|.!?]{3,40})|"
    r"\((?P<quoted>[«“\"][^«»“”\"]{2,40}[»”\"])\))"
)
_RIGHTS = re.compile(r"(?:©|\(c\)|copyright\b)[\W\d]*(?P<name>[^\W\d][^\d,.;:|©]{2,40})", re.IGNORECASE)
_NAME_WORDS = (2, 4)


def site_of_title(title: str) -> tuple[str, str]:
    """A title without the source that stands behind it in brackets, and the paper that it names.

    What follows a bar or a dash is part of how the title is printed: "Keeper home | Dell Courier".
    """
    match = _SITE.fullmatch(title)
    if match is None:
        return title, ""
    name = match["barred"] or match["dashed"] or match["quoted"]
    words = name.split()
    is_name = _NAME_WORDS[0] <= len(words) <= _NAME_WORDS[1] and all(word[:1].isupper() for word in words)
    if match["dashed"] and not is_name and not (words[0][0].isupper() and len(words) < 4 and _is_outlet(name)):
        return title, ""
    return match["title"] if match["quoted"] else title, name.strip(_QUOTES)


def outlet_of_page(lines: Iterable[str]) -> str:
    """The paper that a page names in a line of its own at its top, or else where it claims its rights; or ""."""
    lines = list(lines)
    pieces = (piece for text in lines for piece in re.split(r"\s{2,}|\s[-–—|•*/]\s|\s*№|,", text))
    named = (piece for piece in pieces if len(piece.split()) <= 4 and piece[:1] != "#" and _is_outlet(piece))
    claimed = (match["name"].strip(f"{_QUOTES}-–— ") for text in lines if (match := _RIGHTS.search(text)))
    return next((name.strip() for name in (*claimed, *named)), "")


# A label before a name: "Source: ", "Источник Новостей: ".
_SOURCE_LABEL = re.compile(r"(?:\w+ )?(?:source|mənbə|источник|kaynak)(?: \w+)?\s*:\s*", re.IGNORECASE)
_PAGE = re.compile(r"[\s,·—–-]*\b(?:pp?|page|səh(?:ifə)?|стр|с|sayfa|s)\b\.?\s*\d+.*", re.IGNORECASE)
_NO_OUTLET = re.compile(
    r"\S*[@/]\S*|[^:]*:.*|(?:\w+ )?(?:correspondent|reporter|muhabir\w*|müxbir\w*|корреспондент\w*)\b.*|"
    r"(?:(?:top|latest|breaking|related|more|other|son|digər|diğer|hadisə|günün|ilgili|manşet|oxşar|последние|другие|"
    r"главные) )?(?:news|headlines|stories|xəbər\w*|haber\w*|новости)",
    re.IGNORECASE,
)


def clean_outlet(name: str) -> str:
    """The name of a paper without the day, the page and the label that stand beside it; "" if it is no paper's.

    >>> clean_outlet("Источник: Залесский вестник, 17.10.2019, с. 4")
    'Залесский вестник'
    >>> clean_outlet("Manşet Haberleri"), clean_outlet("Tuesday"), clean_outlet("press")
    ('', '', '')
    """
    name = _PAGE.sub("", _SOURCE_LABEL.sub("", name))
    dates = find_dates(name, lang="")
    name = (name[: dates[0].span.start] if dates and dates[0].span.start else name).rstrip(" ,·|–—-")
    return "" if name.islower() or _NO_OUTLET.fullmatch(name) or is_weekday(name) else name


def dateline_outlet(text: str) -> str:
    """The agency that a dateline names: "VELDEN, Feb. 19 (Meridian News Agency) - ..."."""
    match = _DATELINE_OUTLET.match(text)
    return match["outlet"].strip() if match else ""
