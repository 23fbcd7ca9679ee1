"""The head of an article: its title, who wrote it and for whom, and the lines that say so."""

from __future__ import annotations

import re

# "By" and its kin, then one to four words that begin with capitals, and perhaps whom they write for.
_NAME = r"(?P<name>\w[\w.'’-]*(?:\s+(?:de|van|von|bin|oğlu|qızı|oglu)\b|\s+\w[\w.'’-]*){0,4})"
_BYLINE = re.compile(
    r"(?:(?:written |story |report |interview |text |posted )?by|author\s*:|müəllif\s*:|hazırladı\s*:|hazırlayan\s*:|yazan\s*:|yazar\s*:|"
    r"автор\s*:|текст\s*:|беседовал\w*|подготовил\w*\s*:?|mətn\s*:|söhbətləşdi\s*:|muhabir\s*:|haber\s*:)\s+"
    + _NAME
    + r"(?:\s*[,|/—–-]\s*(?P<outlet>[^|]{2,60}?))?(?:\s*[|,·—–-]\s*[^|]*\d.*)?",
    re.IGNORECASE,
)


def is_byline(text: str) -> bool:
    """Whether a line names who wrote the article, and hardly anything else."""
    return bool(author_of(text)[0])


def author_of(text: str) -> tuple[str, str]:
    """The author and the outlet that a byline names; "" for what it does not."""
    match = _BYLINE.fullmatch(text.strip()) if len(text) <= 120 else None
    if match is None or not match["name"][:1].isupper():
        return "", ""
    return match["name"].strip(), (match["outlet"] or "").strip()
