"""Questions that the page offers: made of titles and names of the archive by fixed patterns, never by a model.

A pattern puts a title or a name between words that fit any, so that a question is well formed in its language
whatever it is about. Names are taken from English text only: in other languages they stand with endings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from index.folder import Index
from index.language import detect_language
from index.values import Passage, ScoredPassage
from rag.reply import Answer, Reply

MOST = 4
_PASSAGES_READ = 200
_FEWEST_WORDS, _MOST_WORDS = 4, 14  # of a title that says what its article is about
_MOST_FROM_NAMES = 2
# Of passages that an article shares with the subject of a question, looked at on the sample: the score over that of the
# best, the share of the question's words, and the cosine.
_NEAR, _SHARES_WORDS, _SHARES_SENSE = 0.68, 0.1, 0.2

_OF_TITLE = {
    "en": "What does “{}” say?",
    "az": "“{}” məqaləsində nə deyilir?",
    "ru": "О чём говорится в статье «{}»?",
}
_OF_NAME = "What is said about {}?"
_MORE_OF_NAME = "What else is said about {}?"

# A capitalised word, or some, after a small word: the first word of a sentence may be none.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}(?:[ -][A-Z][a-z]{2,}){0,2}(?![\w-])")
_NO_NAMES = re.compile(
    r"\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|January|February|March|April|June|July|August|September|October|"
    r"November|December|English|Russian|Azerbaijani|Turkish|President|Minister|Prime|Foreign|North|South|East|West|"
    r"(?:North|South|East|West)ern|Internet|Doctor)\b"
)


def examples(index: Index) -> Iterator[str]:
    """Questions about what the archive holds, the best first: of its frequent names, and of a title per language."""
    passages = [stored.passage for stored in islice(index.catalog.added_since(0), _PASSAGES_READ)]
    names = [_OF_NAME.format(name) for name in _frequent_names(passages)]
    titles = list(_titles(passages))
    yield from names[:_MOST_FROM_NAMES]
    yield from titles
    yield from names[_MOST_FROM_NAMES:]


def follow_ups(reply: Reply) -> list[str]:
    """Questions that go on from a reply: about names that it holds, and articles that were found and not cited."""
    lang = detect_language(reply.question)
    asked = reply.question.lower()
    cited = set[str]()
    names: list[str] = []
    if isinstance(reply, Answer):
        cited = {citation.title for statement in reply.statements for citation in statement.citations}
        said = [statement.text for statement in reply.statements if detect_language(statement.text) == "en"]
        found = dict.fromkeys(name for text in said for name in _names(text))
        names = [name for name in found if lang == "en" and name.lower() not in asked]
    least = _NEAR * max((hit.score for hit in reply.evidence), default=0.0)
    near = [hit.passage for hit in reply.evidence if hit.score >= least and hit.passage.title not in cited]
    return [*(_MORE_OF_NAME.format(name) for name in names[:2]), *_of_titles(near, lang)[:2]][: MOST - 1]


def better_questions(evidence: Sequence[ScoredPassage], question: str) -> list[str]:
    """What may be asked in place of a question that was declined: about the articles that share words or sense."""
    near = [hit.passage for hit in evidence if hit.lexical >= _SHARES_WORDS or hit.dense >= _SHARES_SENSE]
    return _of_titles(near, detect_language(question))[: MOST - 1]


def _of_titles(passages: Iterable[Passage], lang: str) -> list[str]:
    pattern = _OF_TITLE.get(lang, _OF_TITLE["en"])
    return list(dict.fromkeys(pattern.format(title) for title in map(_title, passages) if title))


def _titles(passages: Sequence[Passage]) -> Iterator[str]:
    """A question of a title for each language, then of second titles."""
    by_language: dict[str, list[str]] = {}
    for passage in passages:
        if passage.lang in _OF_TITLE and _title(passage) and detect_language(passage.title) == passage.lang:
            by_language.setdefault(passage.lang, []).extend(_of_titles([passage], passage.lang))
    for place in range(MOST):
        for questions in by_language.values():
            yield from list(dict.fromkeys(questions))[place : place + 1]


def _title(passage: Passage) -> str:
    title = " ".join(passage.title.split()).rstrip(".")
    # A question in a question, and quotes in quotes, read badly.
    fits = _FEWEST_WORDS <= len(title.split()) <= _MOST_WORDS and title[:1].isalnum()
    return title if fits and not re.search(r"[?<>{}\[\]|\"“”«»]|https?:", title) else ""


def _frequent_names(passages: Iterable[Passage]) -> Iterator[str]:
    """Names that several articles have, the most frequent first."""
    articles: dict[str, set[str]] = {}
    for passage in passages:
        if passage.lang == "en":
            for name in _names(passage.readable):
                articles.setdefault(name, set()).add(passage.document_id)
    counts = Counter({name: len(where) for name, where in articles.items() if len(where) > 1})
    # Of names that hold one another the longer says more.
    longer = {name for name in counts if any(name != other and name in other for other in counts)}
    yield from (
        name for name, _ in sorted(counts.items(), key=lambda count: (-count[1], count[0])) if name not in longer
    )


def _names(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        if not _NO_NAMES.search(match.group()):
            yield match.group()
