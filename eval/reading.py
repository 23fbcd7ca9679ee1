"""How well files are read: where articles begin and end, what text is kept, what is known of each article.

Every measure is a ratio of two sums over files, so its figure is micro-averaged (each edge, token or article weighs
the same) and its interval resamples files, since what one file does wrong it does wrong throughout.

Tokens are runs of `\\w` after NFC and casefolding, so neither case, white space nor punctuation decides anything.
What a file's gold calls optional (bylines, datelines) is taken out of both sides wherever its tokens stand in a row:
a reader may keep it or not.

Some files are garbled beyond plain decoding. Their gold has a second version, as the author wrote it: a reader is
judged by the version that it comes nearer to.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.figures import SEED, Figure, bootstrap, macro
from eval.sets import json_object, lines
from index.errors import DataSetError, ReadError

EDGE_TOKENS = 8
SPLITS = ("dev", "test")
GROUPS = ("text", "html", "other")
MEASURES = (
    "boundary F1",
    "kept-text F1",
    "furniture kept",
    "title",
    "date",
    "language",
    "author",
    "outlet",
)
LOWER_IS_BETTER = ("furniture kept",)
ALL, MACRO, MIXED = "all", "macro", "mixed"

_GROUP_BY_SUFFIX = {".txt": "text", ".md": "text", ".jsonl": "text", ".html": "html", ".htm": "html"}
_WORD = re.compile(r"\w+")
_FEWEST_CHARACTERS_OF_A_LANGUAGE = 40  # of what is shorter even a person may not tell the language


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """An article as a reader found it; what it does not know is ""."""

    title: str
    text: str  # without the title
    lang: str  # BCP 47
    date: str  # ISO 8601: a day, a month or a year
    author: str
    outlet: str


# The path is the file's, below the set's folder. Raises ReadError for what it cannot read.
Reader = Callable[[Path, bytes], Sequence[ReadArticle]]


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """An article as it should be found; a field that the file says nothing of is ""."""

    title: str
    lang: str  # "" where two languages have the same share
    date: str  # ISO 8601, as precise as the file is
    author: str
    outlet: str
    paragraphs: tuple[str, ...]  # as displayed, in order


@dataclass(frozen=True, slots=True)
class GoldFile:
    """A file with what should be read from it."""

    file: str  # below the set's folder, with forward slashes
    kind: str
    split: str
    articles: tuple[GoldArticle, ...]
    garbled: tuple[GoldArticle, ...]  # the same as they stand in a file that was wrongly decoded before; or none
    furniture: tuple[str, ...]  # what must not be kept
    optional: tuple[str, ...]  # what may be kept or not

    @property
    def group(self) -> str:
        """Of what make the file is, one of GROUPS."""
        return _GROUP_BY_SUFFIX.get(Path(self.file).suffix, "other")

    @property
    def lang(self) -> str:
        """The language of all its articles, or "mixed"."""
        languages = {_primary(article.lang) for article in self.articles}
        return languages.pop() if len(languages) == 1 and "" not in languages else MIXED


@dataclass(frozen=True, slots=True)
class ReadingSet:
    """Files of many makes, and what should be read from each."""

    folder: Path  # the files are below it
    files: tuple[GoldFile, ...]
    sha256: str  # of the gold and all files

    @property
    def signature(self) -> str:
        """What figures over this set stand on."""
        return f"data:reading@{self.sha256[:12]}|seed:{SEED}|dragoman:{version('dragoman')}"


@dataclass(frozen=True, slots=True)
class Ratio:
    """What a measure counts in one file: its figure is the sum of `part` over the sum of `whole`."""

    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class FileScore:
    """One file as one reader read it."""

    gold: GoldFile
    ratios: Mapping[str, Ratio]  # by measure
    missing: tuple[str, ...]  # edges of gold articles that no article of the reader has, as words
    extra: tuple[str, ...]  # edges of the reader's that no gold article has
    kept: tuple[str, ...]  # the furniture that it kept
    error: str  # why nothing was read, or ""

    def value(self, measure: str) -> float:
        """The file's own ratio; NaN where there is nothing to count."""
        return _ratio_of([self], measure)


@dataclass(frozen=True, slots=True)
class ReadingReport:
    """A reader over a set."""

    reader: str
    figures: Mapping[str, Mapping[str, Figure]]  # slice ("all", a group, a language, "macro"), then measure
    scores: tuple[FileScore, ...]  # worst first: by boundary F1, then by kept text

    def to_json(self) -> dict[str, Any]:
        """All of it for machines; NaN is None."""
        return {
            "reader": self.reader,
            "figures": {slice_: [figure.to_json() for figure in row.values()] for slice_, row in self.figures.items()},
            "files": [
                {
                    "file": score.gold.file,
                    "kind": score.gold.kind,
                    "split": score.gold.split,
                    "ratios": {name: [ratio.part, ratio.whole] for name, ratio in score.ratios.items()},
                    "missing": score.missing,
                    "extra": score.extra,
                    "kept": score.kept,
                    "error": score.error,
                }
                for score in self.scores
            ],
        }


def reading_set(split: str = "") -> ReadingSet:
    """The set that is shipped with the package; of one split, or all of it."""
    return load_reading_set(Path(str(resources.files("eval"))) / "reading", split=split)


def load_reading_set(folder: Path, *, split: str = "") -> ReadingSet:
    """Read a folder with gold.jsonl and files/, laid out as eval/reading/README.md says. Raises DataSetError."""
    gold = folder / "gold.jsonl"
    files = [_gold_file(place, json_object(place, line)) for place, line in lines(gold)]
    digest = hashlib.sha256(gold.read_bytes())
    for each in sorted(files, key=lambda each: each.file):
        try:
            digest.update(each.file.encode() + b"\0" + (folder / "files" / each.file).read_bytes())
        except OSError as error:
            raise DataSetError(f"{gold}: {each.file!r}: {error.strerror}; correct the name of the file") from error
    chosen = tuple(each for each in files if split in ("", each.split))
    return ReadingSet(folder / "files", chosen, digest.hexdigest())


def _gold_file(place: str, row: Mapping[str, Any]) -> GoldFile:
    try:
        found = GoldFile(
            file=row["file"],
            kind=row["kind"],
            split=row["split"],
            articles=tuple(_gold_article(article) for article in row["articles"]),
            garbled=tuple(_gold_article(article) for article in row.get("garbled", [])),
            furniture=tuple(row["furniture"]),
            optional=tuple(row.get("optional", [])),
        )
    except (KeyError, TypeError) as error:
        raise DataSetError(f"{place}: not a gold file ({error!r}); see eval/reading/README.md") from error
    if found.split not in SPLITS:
        raise DataSetError(f'{place}: "split" is {found.split!r}; want one of {", ".join(SPLITS)}')
    return found


def _gold_article(row: Mapping[str, Any]) -> GoldArticle:
    fields = (row[key] for key in ("title", "lang", "date", "author", "outlet"))
    return GoldArticle(*fields, paragraphs=tuple(row["paragraphs"]))


def tokens(text: str) -> list[str]:
    """The runs of letters, digits and underscores of a text, after NFC and casefolding.

    >>> tokens("Qiymət: 3,5 manat!")
    ['qiymət', '3', '5', 'manat']
    """
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def report_reading(
    reading: ReadingSet,
    name: str,
    reader: Reader,
    *,
    groups: Sequence[str] = GROUPS,
    on_file: Callable[[int], None] = lambda done: None,
) -> ReadingReport:
    """Read the files of `groups` and measure. If those are not all, there are figures by group only."""
    scores = []
    for gold in reading.files:
        if gold.group not in groups:
            continue
        path = reading.folder / gold.file
        try:
            scores.append(score_file(gold, reader(path, path.read_bytes())))
        except ReadError as error:
            scores.append(score_file(gold, (), error=str(error)))
        on_file(len(scores))
    figures = reading_figures(scores, reading.signature, whole=set(groups) == set(GROUPS))
    return ReadingReport(name, figures, tuple(sorted(scores, key=_badness)))


def _badness(score: FileScore) -> tuple[float, float, str]:
    def known(measure: str) -> float:
        value = score.value(measure)
        return 1.0 if value != value else value

    return known("boundary F1"), known("kept-text F1"), score.gold.file


def reading_figures(scores: Sequence[FileScore], signature: str, *, whole: bool = True) -> dict[str, dict[str, Figure]]:
    """Every measure by group and, if the reader reads the `whole` set, over all files and by language.

    "macro" is the mean over languages, each of the same weight.
    """
    slices = {group: [score for score in scores if score.gold.group == group] for group in GROUPS}
    by_language = {
        lang: [score for score in scores if score.gold.lang == lang]
        for lang in sorted({score.gold.lang for score in scores}, key=lambda lang: (lang == MIXED, lang))
    }
    if whole:
        slices = {ALL: list(scores)} | slices | by_language
    figures = {
        name: {
            measure: bootstrap(
                measure, partial(_ratio_of, measure=measure), _counted(cases, measure), signature, from_0_to_1=True
            )
            for measure in MEASURES
        }
        for name, cases in slices.items()
        if cases
    }
    if whole:
        figures[MACRO] = {
            measure: macro(
                measure,
                {lang: _counted(cases, measure) for lang, cases in by_language.items()},
                signature,
                partial(_ratio_of, measure=measure),
            )
            for measure in MEASURES
        }
    return figures


def _counted(scores: Iterable[FileScore], measure: str) -> list[FileScore]:
    """The files in which there is something to count, so that a figure's `n` says on how many it stands."""
    return [score for score in scores if score.ratios[measure].whole]


def _ratio_of(scores: Iterable[FileScore], measure: str) -> float:
    part = whole = 0
    for score in scores:
        ratio = score.ratios[measure]
        part, whole = part + ratio.part, whole + ratio.whole
    return part / whole if whole else float("nan")


def score_file(gold: GoldFile, read: Sequence[ReadArticle], *, error: str = "") -> FileScore:
    """Measure what was read of one file.

    - boundary F1: an article has a first edge, its first 8 body tokens, and a last edge, its last 8, or as many as
      there are; titles of the gold are taken out first, as what is optional is, so that an article begins
      where its text does whether or not its title was told from it. F1 = 2 * edges that both have / edges of both,
      first and last edges apart, as multisets.
    - kept-text F1: of bags of tokens, titles included: 2 * tokens that both have / tokens of both. A bag, since the
      order of what is kept is not in doubt.
    - furniture kept: the share of furniture strings whose tokens stand in a row in a kept article. Lower is better.
    - title, date, language, author, outlet: the share of gold articles of which that is right, asked of the read
      article that shares most tokens with it (Dice; the first of equals). Titles, authors and outlets are right with
      the same tokens; dates with the same digits at the gold's precision, or none where the gold has none; languages
      by primary subtag, for articles of over 40 characters. Author and outlet are asked where the gold has one. An
      article that shares no token with any read one counts as wrong.
    """
    versions = [version for version in (gold.articles, gold.garbled) if version]
    scores = [_score(gold, articles, read, error) for articles in versions or [()]]
    return max(scores, key=lambda score: score.value("kept-text F1"))


def _score(gold: GoldFile, articles: Sequence[GoldArticle], read: Sequence[ReadArticle], error: str) -> FileScore:
    optional = [tokens(text) for text in gold.optional]
    titles = [tokens(article.title) for article in articles]
    gold_bodies = [without(tokens("\n".join(article.paragraphs)), optional) for article in articles]
    read_bodies = [without(tokens(article.text), optional) for article in read]
    gold_bags = [Counter(body + without(title, optional)) for body, title in zip(gold_bodies, titles, strict=True)]
    read_bags = [
        Counter(body + without(tokens(article.title), optional))
        for body, article in zip(read_bodies, read, strict=True)
    ]
    gold_edges = Counter(edge for body in gold_bodies for edge in _edges(without(body, titles)))
    read_edges = Counter(edge for body in read_bodies for edge in _edges(without(body, titles)))
    kept_texts = [in_a_row(tokens(f"{article.title}\n{article.text}")) for article in read]
    kept = tuple(
        text for text in gold.furniture if any(in_a_row(tokens(text)) in kept_text for kept_text in kept_texts)
    )
    ratios = {
        "boundary F1": _f1(gold_edges, read_edges),
        "kept-text F1": _f1(sum(gold_bags, Counter()), sum(read_bags, Counter())),
        "furniture kept": Ratio(len(kept), len(gold.furniture)),
    }
    best = [_nearest(bag, read_bags) for bag in gold_bags]
    pairs = [(article, read[i] if i >= 0 else None) for article, i in zip(articles, best, strict=True)]
    return FileScore(
        gold=gold,
        ratios=ratios | _field_ratios(pairs),
        missing=tuple(map(_shown, (gold_edges - read_edges).elements())),
        extra=tuple(map(_shown, (read_edges - gold_edges).elements())),
        kept=kept,
        error=error,
    )


def _field_ratios(pairs: Sequence[tuple[GoldArticle, ReadArticle | None]]) -> dict[str, Ratio]:
    def share(asked: Callable[[GoldArticle], bool], right: Callable[[GoldArticle, ReadArticle], bool]) -> Ratio:
        of_them = [(gold, read) for gold, read in pairs if asked(gold)]
        return Ratio(sum(read is not None and right(gold, read) for gold, read in of_them), len(of_them))

    def long_enough(gold: GoldArticle) -> bool:
        return bool(gold.lang) and sum(map(len, gold.paragraphs)) > _FEWEST_CHARACTERS_OF_A_LANGUAGE

    return {
        "title": share(lambda gold: True, lambda gold, read: tokens(gold.title) == tokens(read.title)),
        "date": share(lambda gold: True, lambda gold, read: _same_date(gold.date, read.date)),
        "language": share(long_enough, lambda gold, read: _primary(gold.lang) == _primary(read.lang)),
        "author": share(lambda gold: bool(gold.author), lambda gold, read: tokens(gold.author) == tokens(read.author)),
        "outlet": share(lambda gold: bool(gold.outlet), lambda gold, read: tokens(gold.outlet) == tokens(read.outlet)),
    }


def _same_date(gold: str, read: str) -> bool:
    return read[: len(gold)] == gold if gold else not read


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()


def _nearest(bag: Counter[str], others: Sequence[Counter[str]]) -> int:
    """The place of the bag that shares most with `bag`, or -1 if none shares anything."""
    shares = [ratio.part / ratio.whole if ratio.whole else 0.0 for ratio in (_f1(bag, other) for other in others)]
    best = max(range(len(shares)), key=shares.__getitem__, default=-1)
    return best if best >= 0 and shares[best] > 0 else -1


def _f1(gold: Counter[Any], read: Counter[Any]) -> Ratio:
    return Ratio(2 * (gold & read).total(), gold.total() + read.total())


def _edges(body: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    if not body:
        return []
    return [("begins", tuple(body[:EDGE_TOKENS])), ("ends", tuple(body[-EDGE_TOKENS:]))]


def _shown(edge: tuple[str, tuple[str, ...]]) -> str:
    return f"{edge[0]}: {' '.join(edge[1])}"


def in_a_row(found: Sequence[str]) -> str:
    """Tokens as a string in which others that stand in a row are found as a part."""
    return f" {' '.join(found)} "


def without(found: Sequence[str], phrases: Iterable[Sequence[str]]) -> list[str]:
    """The tokens without those of the phrases, wherever they stand in a row; longer phrases go first."""
    row = in_a_row(found)
    for phrase in sorted(filter(None, phrases), key=len, reverse=True):
        row = row.replace(in_a_row(phrase), " ")
    return row.split()
