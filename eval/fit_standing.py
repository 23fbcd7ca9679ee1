"""Fit the weights of `index.standing` to the dev part of the reading set, and say how good such weights are.

Four logistic regressions with an L2 penalty: which lines around a text are furniture, which line above a text is its
title, between which texts an article begins, and what of that which is cut so is no article. What each line is, the
gold of its file says. Where articles begin is learned from files laid out anew (`eval.made_files`) as well, since a few
hundred files of few authors do not show in how many ways articles can be parted.

Source of the method: Newton's method on the penalised likelihood (iteratively reweighted least squares), as in Hastie,
Tibshirani and Friedman, The Elements of Statistical Learning, 4.4. The penalties, how many files are made and how much
they weigh were chosen by the log loss on the files of each writer under weights that were fitted without them. How well
files are read so, `eval/reading/README.md` says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eval.fit_wording import fit_words
from eval.made_files import lay_out
from eval.readers import OURS, make_reader
from eval.reading import FileScore, GoldArticle, GoldFile, ReadingSet, in_a_row, score_file, tokens, without
from index.clean import weighed_lines
from index.errors import ReadError
from index.layout import Gap, Layout
from index.lines import Block, blocks
from index.read import media_of, read_source
from index.segment import said
from index.standing import (
    KINDS,
    WORDS,
    Pieces,
    Place,
    Weights,
    line_evidence,
    title_evidence,
    using,
)
from index.wording import words_text

MADE_FILES = 1000
_REGULARISATION = {"line": 1.0, "title": 0.5, "beginning": 2.0, "aside": 1.0}  # as scikit-learn's C
_LOST_TEXT = 1.5  # to lose text is worse than to keep furniture
_MADE_WEIGHT = 0.5
# Whose files are known by their names; all others are older.
_WRITERS = ("dv_", "dw_", "dx_", "dy_", "dz_", "ea_", "eb_", "ec_")
_FOLDS = 5
_STEPS, _CLOSE = 50, 1e-8
_FEWEST_TOKENS = 3  # in a row within a text for a line to be of it
_OVERLAP = 6  # of the line above, which show that its text goes on in a short one
_PARAGRAPH_TOKENS = 4  # of a paragraph that may be part of a line


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is decided by weighing: what there is to tell, and whether it is so."""

    evidence: Mapping[str, float]
    holds: bool
    weight: float


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The layout of a text, and what its gold says of each block."""

    layout: Layout
    is_one: bool
    furniture: frozenset[int]
    texts: Mapping[int, int]  # the article of each block that is text
    begins: Mapping[int, int]  # the first block of each article that is title or text, and its title or -1
    weight: float


def fit_standing(reading: ReadingSet, golds: Sequence[GoldFile], *, made: int = MADE_FILES) -> Weights:
    """The weights that these files teach, and so many made from their pieces; the same to the last digit each time."""
    words = {WORDS: fit_words(golds)}
    lines, titles = [], []
    folds = []
    for fold in range(_FOLDS):
        its = [each for gold in golds[fold::_FOLDS] for each in _labelled(reading, gold)]
        # By words that were learned without them: their own say more of them than of any other file.
        others = {WORDS: fit_words([gold for i, gold in enumerate(golds) if i % _FOLDS != fold])}
        folds.append((its, others))
        with using(others):
            lines += _line_cases(its)
            titles += _title_cases(its)
    weights = {"line": fit(lines, _REGULARISATION["line"]), "title": fit(titles, _REGULARISATION["title"])}
    cases, asides = [], []
    for its, others in folds:
        with using(weights | others):
            cases += _beginning_cases(its)
            asides += _aside_cases(its)
    # What furniture and titles look like, these would teach no better: they are made of the same lines.
    laid_out = [
        each for text, gold in lay_out(golds, made) for each in _label(gold, text.encode(), weight=_MADE_WEIGHT)
    ]
    with using(weights | words):
        cases += _beginning_cases(laid_out)
        asides += _aside_cases(laid_out)
    weights |= {"beginning": fit(cases, _REGULARISATION["beginning"]), "aside": fit(asides, _REGULARISATION["aside"])}
    return weights | words


def _labelled(reading: ReadingSet, gold: GoldFile) -> list[_Labelled]:
    return _label(gold, (reading.folder / gold.file).read_bytes(), weight=1.0)


def out_of_writer(reading: ReadingSet, *, made: int = MADE_FILES) -> dict[str, list[FileScore]]:
    """How each writer's files are read with weights that were fitted to those of all others."""
    writers = sorted({_writer(gold) for gold in reading.files})
    found = {}
    for writer in writers:
        others = [gold for gold in reading.files if _writer(gold) != writer]
        its = [gold for gold in reading.files if _writer(gold) == writer]
        found[writer] = read_with(fit_standing(reading, others, made=made), reading, its)
    return found


def _writer(gold: GoldFile) -> str:
    return gold.file[:2] if gold.file.startswith(_WRITERS) else "older"


def read_with(weights: Weights, reading: ReadingSet, golds: Iterable[GoldFile]) -> list[FileScore]:
    """How files are read with these weights."""
    read = make_reader(OURS).read
    scores = []
    with using(weights):
        for gold in golds:
            path = reading.folder / gold.file
            try:
                scores.append(score_file(gold, read(path, path.read_bytes())))
            except ReadError as error:
                scores.append(score_file(gold, (), error=str(error)))
    return scores


def write_weights(weights: Weights, table: Path) -> None:
    """Put the weights into a file such as `index/standing.toml`, below what was written there by hand, and those of
    words into `wording.toml` beside it."""
    content = table.read_text(encoding="utf-8")
    by_hand = content.partition(f"[{KINDS[0]}]\n")[0]
    table.write_text(by_hand + weights_text(weights), encoding="utf-8")
    table.with_name("wording.toml").write_text(words_text(weights[WORDS]), encoding="utf-8")


def weights_text(weights: Weights) -> str:
    """The weights as TOML, to two digits."""
    return "\n".join(f"[{kind}]\n{''.join(_rows_text(weights[kind]))}" for kind in KINDS)


def _rows_text(row: Mapping[str, float]) -> Iterator[str]:
    for name, value in row.items():
        key = name if name.isalpha() else f'"{name}"'
        yield f"{key} = {value:.2f}\n"


# What is decided, and how it should be


def _line_cases(labelled: Iterable[_Labelled]) -> list[Case]:
    found = []
    for each in labelled:
        layout = each.layout
        blocks = layout.without_recurrent()
        for start, end in pairwise((*sorted(each.begins), len(blocks))):
            place = Place(blocks, start, end, each.begins[start], layout.keys)
            for i, evidence in line_evidence(place).items():
                if i in each.furniture or i in each.texts:
                    lost = 1.0 if i in each.furniture else _LOST_TEXT
                    found.append(Case(evidence, i in each.furniture, lost * each.weight))
    return found


def _title_cases(labelled: Iterable[_Labelled]) -> list[Case]:
    found = []
    for each in labelled:
        titles = set(each.begins.values())
        for gap in each.layout.gaps[:-1]:
            head = each.layout.head(gap)
            place, texts = each.layout.title_place(head), each.layout.title_texts(head)
            candidates = each.layout.candidates(head)
            found += [Case(title_evidence(place, texts, i), i in titles, each.weight) for i in candidates]
    return found


def _beginning_cases(labelled: Iterable[_Labelled]) -> list[Case]:
    return [
        Case(each.layout.beginning_evidence(gap), _begins_in(each, gap), each.weight)
        for each in labelled
        if not each.is_one and not each.layout.ends_stories
        for gap in each.layout.gaps[1:-1]
        if each.layout.may_begin(gap)
    ]


def _aside_cases(labelled: Iterable[_Labelled]) -> list[Case]:
    """What is cut where articles begin, and where texts between them do that are of none."""
    found = []
    for each in labelled:
        begins = _with_asides(each)
        its = said(each.layout.without_recurrent(), begins, each.layout.keys)
        if each.is_one or len(its) < 2:
            continue
        cut = Pieces([*its.values()])
        ends = dict(pairwise((*sorted(begins), len(each.layout.found))))
        for i, start in enumerate(its):
            inside = range(start, ends[start])
            is_text, is_furniture = any(j in each.texts for j in inside), any(j in each.furniture for j in inside)
            if cut.may_be_aside(i) and (is_text or is_furniture):
                found.append(Case(cut.aside_evidence(i), not is_text, each.weight))
    return found


def _with_asides(each: _Labelled) -> dict[int, int]:
    """Where articles begin, and where texts begin that follow one another and are of none."""
    begins = dict(each.begins)
    known = False  # whether the text above is of an article
    for above, i in pairwise((-1, *each.layout.texts)):
        of_one = i in each.texts
        if not of_one and (known or above < 0):
            head = each.layout.head(Gap(above + 1, i))
            title = each.layout.title(head)
            begins.setdefault(each.layout.begins(head, title), title)
        known = of_one
    return begins


def _begins_in(each: _Labelled, gap: Gap) -> bool:
    return any(gap.start <= i <= gap.end for i in each.begins)


def _label(gold: GoldFile, data: bytes, *, weight: float) -> list[_Labelled]:
    if media_of(gold.file) is None:
        return []
    try:
        pieces = weighed_lines(read_source(data, path=gold.file))
    except ReadError:
        return []
    found = []
    for piece in pieces:
        layout = Layout(blocks(piece.lines))
        versions = [_Alignment(layout.found, articles, gold) for articles in (gold.articles, gold.garbled)]
        best = max(versions, key=lambda version: len(version.texts))
        found.append(_Labelled(layout, piece.is_one, best.furniture, best.texts, best.begins, weight))
    return found


class _Alignment:
    """The blocks of a file beside the articles of one version of its gold."""

    def __init__(self, found: Sequence[Block], articles: Sequence[GoldArticle], gold: GoldFile) -> None:
        self._optional = [tokens(text) for text in gold.optional]
        self._rows = [in_a_row(tokens("\n".join(article.paragraphs))) for article in articles]
        self._bare = [in_a_row(without(row.split(), self._optional)) for row in self._rows]
        self._paragraphs = [[in_a_row(tokens(text)) for text in article.paragraphs] for article in articles]
        texts = [tokens(block.text) for block in found]
        furniture = [in_a_row(tokens(text)) for text in gold.furniture]
        titles = [tokens(article.title) for article in articles]
        self.texts: dict[int, int] = {}
        titled: dict[int, list[int]] = defaultdict(list)
        of_no_article: set[int] = set()
        current = 0
        for i, text in enumerate(texts):
            if not text or not without(text, self._optional):
                continue
            row = in_a_row(text)
            before = texts[i - 1][-_OVERLAP:] if i - 1 in self.texts else []
            owners = [] if row in furniture else [a for a in range(len(articles)) if self._is_of(text, before, a)]
            of_title = [a for a in range(current, len(articles)) if text == titles[a]]
            if of_title and current not in owners:
                titled[of_title[0]].append(i)
            elif owners:
                current = max(current, min((a for a in owners if a >= current), default=current))
                self.texts[i] = current if current in owners else owners[-1]
            elif any(row in other or (other in row and 2 * len(other) > len(row)) for other in furniture):
                of_no_article.add(i)
        self.furniture = frozenset(of_no_article)
        self.begins: dict[int, int] = {}
        for article in dict.fromkeys(self.texts.values()):
            first = next(i for i, owner in self.texts.items() if owner == article)
            title = max((i for i in titled[article] if i < first), default=-1)
            self.begins[title if title >= 0 else first] = title

    def _is_of(self, text: list[str], before: list[str], article: int) -> bool:
        row, bare = in_a_row(text), without(text, self._optional)
        return (
            row in self._paragraphs[article]
            or (len(before + text) >= _FEWEST_TOKENS and in_a_row(before + text) in self._rows[article])
            or (len(text) >= _FEWEST_TOKENS and row in self._rows[article])
            or (len(bare) >= _PARAGRAPH_TOKENS and in_a_row(bare) in self._bare[article])
            or any(len(its.split()) >= _PARAGRAPH_TOKENS and its in row for its in self._paragraphs[article])
        )


# Logistic regression


def fit(cases: Sequence[Case], regularisation: float) -> dict[str, float]:
    """The weights of the evidence, to two digits. They may be the larger, the higher `regularisation` is."""
    names = list(cases[0].evidence)
    rows = np.array([[1.0, *(float(case.evidence[name]) for name in names)] for case in cases])
    found = _newton(
        rows, np.array([case.holds for case in cases], float), np.array([case.weight for case in cases]), regularisation
    )
    return {name: round(float(value), 2) + 0.0 for name, value in zip(("bias", *names), found, strict=True)}


def _newton(
    rows: npt.NDArray[np.float64],
    holds: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    regularisation: float,
) -> npt.NDArray[np.float64]:
    penalty = np.full(rows.shape[1], 1 / regularisation)
    penalty[0] = _CLOSE
    found = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        odds = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (odds - holds)) + penalty * found
        curvature = (rows * (weights * odds * (1 - odds))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        found = found - step
        if np.abs(step).max() < _CLOSE:
            break
    return found
