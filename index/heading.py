"""The head of an article: its title, who wrote it and for whom, and the lines that say so."""

from __future__ import annotations

import re

from index.dates import is_date_line

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


# Two or three words, each with a capital: a name where a name is expected, and nothing elsewhere.
_PERSON = r"\w[\w.'’-]+(?: \w[\w.'’-]*){1,2}"
_SIGNATURE = re.compile(rf"(?P<name>{_PERSON})(?:(?:\s*[,|/—–]\s*|\s-\s)(?P<outlet>[^|,.]{{3,50}}))?")
# What newspapers and agencies are called, and people are not.
_OUTLET = re.compile(
    r"post\b|gazette|times|news|herald|courier|observer|journal|tribune|agency|press|desk|media|weekly|daily|chronicle|"
    r"qəzet|xəbər|agentli|jurnal|press|media|газет|вестник|новости|агентств|журнал|известия|правда|маяк|"
    r"gazete|haber|posta|ajans|dergi",
    re.IGNORECASE,
)
# Who writes for an institution.
_DESK = re.compile(
    r"\b(?:(?:press|news) (?:desk|office|service)|staff|correspondents?|newsroom|editors)\b|пресс-служб|пресс-центр|"
    r"редакци|корреспондент|mətbuat (?:xidmət|mərkəz)|redaksiya|müxbir|basın (?:bürosu|merkezi)|muhabir|yazı işleri",
    re.IGNORECASE,
)
_DATELINE_OUTLET = re.compile(r"[^()]{3,60}\((?P<outlet>[^()\d]{2,50})\)\s*[-–—]")


def signature(text: str) -> tuple[str, str]:
    """The author and outlet of a line that is a name and nothing else, as below a title or under an article."""
    match = _SIGNATURE.fullmatch(text.strip()) if len(text) <= 80 else None
    if match is None or not all(word[:1].isupper() for word in match["name"].split()) or match["name"].isupper():
        return "", ""
    return match["name"], (match["outlet"] or "").strip()


def source_line(text: str) -> tuple[str, str]:
    """The author and outlet of a line that also has the date: "Harrow Moor Post, 1 October 2024"."""
    names = [
        piece.strip(_QUOTES) for piece in re.split(r"\s*[,|·—–/]\s*|\s-\s", text) if not any(c.isdigit() for c in piece)
    ]
    names = [name for name in names if name[:1].isupper() and not is_date_line(f"1 {name} 2024")]
    desk = next(filter(_DESK.search, names), "")
    names = [name for name in names if name != desk]
    others = names[1] if len(names) > 1 else ""
    outlet = next(filter(_OUTLET.search, names), others)
    author = next((name for name in names if name != outlet and re.fullmatch(_PERSON, name)), "")
    return author or desk, outlet


def outlet_line(text: str) -> str:
    """The name of a paper that a line is and nothing else, or ""."""
    name = text.strip(_QUOTES)
    quoted = text[:1] in _QUOTES and text[-1:] in _QUOTES and not set(name) & set(_QUOTES[1:])
    return name if len(name) <= 50 and (quoted or (_OUTLET.search(name) and len(name.split()) <= 4)) else ""


def dateline_outlet(text: str) -> str:
    """The agency that a dateline names: "VELDEN, Feb. 19 (Meridian News Agency) - ..."."""
    match = _DATELINE_OUTLET.match(text)
    return match["outlet"].strip() if match else ""
