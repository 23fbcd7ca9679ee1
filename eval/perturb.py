"""How much is lost when questions or documents are written as people and machines really write them.

Every perturbation is a pure function of a text and a seed: the same two give the same text, whatever came before.
None of them touches a digit.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from html.entities import codepoint2name
from pathlib import Path
from typing import Any

from ir_measures import R, nDCG

from eval.figures import SEED, Figure, difference
from eval.measures import per_query
from eval.retrieval import index_corpus, index_corpus_into, run_system
from eval.runs import Run
from eval.sets import RetrievalSet
from index.embed import Embedder
from index.folder import Index
from index.ingest import Progress
from index.language import detect_language
from rag.retrieve import Retriever

MEASURES = (nDCG @ 10, R @ 10)
TYPO_RATE = 0.05  # of letters; about one word in four has one
SOFT_HYPHEN = "\u00ad"

_TURKIC = ("az", "tr")
_PLAIN = str.maketrans("əƏıİøØłŁđĐёЁ", "eEiIoOlLdDеЕ")
# The Azerbaijani alphabets of 1991 and of 1958, letter by letter.
_AZ_LATIN = "abcçdeəfgğhxıijkqlmnoöprsştuüvyz"
_AZ_CYRILLIC = "абҹчдеәфҝғһхыижкглмноөпрсштуүвјз"
_TO_CYRILLIC = str.maketrans(
    _AZ_LATIN + "ABCÇDEƏFGĞHXIİJKQLMNOÖPRSŞTUÜVYZ", _AZ_CYRILLIC + "АБҸЧДЕӘФҜҒҺХЫИЖКГЛМНОӨПРСШТУҮВЈЗ"
)
# Russian as passports have it since 2013 (ICAO Doc 9303).
_RU_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "i",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f",
    "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "", "э": "e", "ю": "iu",
    "я": "ia",
}  # fmt: skip
_TO_LATIN = str.maketrans(_RU_LATIN | {cyrillic.upper(): latin.capitalize() for cyrillic, latin in _RU_LATIN.items()})
_LATIN_MARKS = re.compile(r"([A-Za-z])[\u0300-\u036f]+")  # where text is decomposed already
_SENTENCE_SPACE = re.compile(r"(?<=[^\W\d_][.!?…])\s+(?=[^\W\d_])")
_LONG_WORD = re.compile(r"[^\W\d_]{6,}")


def without_diacritics(text: str, seed: int) -> str:
    """Letters without their marks, as on a keyboard that lacks them; й stays, which every Russian one has.

    >>> without_diacritics("Ərdoğan çıxışında İLHAM, ёлка, й", 0)
    'Erdogan cixisinda ILHAM, елка, й'
    """
    return _LATIN_MARKS.sub(r"\1", "".join(map(_without_mark, text.translate(_PLAIN))))


def _without_mark(letter: str) -> str:
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base.isascii() else letter


def to_latin(text: str, seed: int) -> str:
    """Russian in Latin letters; a text without Cyrillic stays.

    >>> to_latin("Почему Пашинян не приехал?", 0)
    'Pochemu Pashinian ne priekhal?'
    """
    return text.translate(_TO_LATIN)


def to_cyrillic(text: str, seed: int) -> str:
    """Azerbaijani in the Cyrillic alphabet that it had until 1991; a text in another language stays.

    >>> to_cyrillic("Paşinyan niyə gəlmədi?", 0)
    'Пашинјан нијә ҝәлмәди?'
    """
    return text.translate(_TO_CYRILLIC) if detect_language(text) == "az" else text


def typos(text: str, seed: int) -> str:
    """Letters left out, or exchanged with the next, TYPO_RATE of those that stand before another letter."""
    chance = random.Random(f"{seed}:{text}")  # noqa: S311  # a text as seed is hashed the same in every process
    letters = list(text)
    i = 0
    while i + 1 < len(letters):
        if letters[i].isalpha() and letters[i + 1].isalpha() and chance.random() < TYPO_RATE:
            if chance.random() < 0.5:
                del letters[i]
            else:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
            i += 1  # a letter is not moved twice
        i += 1
    return "".join(letters)


def upper(text: str, seed: int) -> str:
    """Upper case, with the dotted and dotless i of az and tr.

    >>> upper("niyə getmədi, kim idi", 0), upper("who is it", 0)
    ('NİYƏ GETMƏDİ, KİM İDİ', 'WHO IS IT')
    """
    return (text.replace("i", "İ") if _is_turkic(text) else text).upper()


def lower(text: str, seed: int) -> str:
    """Lower case, with the dotted and dotless i of az and tr.

    >>> lower("İlham Əliyev, IŞIQ", 0), lower("Who Is It", 0)
    ('ilham əliyev, ışıq', 'who is it')
    """
    if _is_turkic(text):  # not str.lower: it makes "I" into "i", which in az and tr is "ı"
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()


def _is_turkic(text: str) -> bool:
    return detect_language(text) in _TURKIC


def entities(text: str, seed: int) -> str:
    """Letters beyond ASCII and markup characters as HTML 4 writes them, by name where it has one.

    The text's own digits stay as they are, between those of the entities.

    >>> entities("Görüş & «söz» 2022", 0)
    'G&ouml;r&uuml;&#351; &amp; &laquo;s&ouml;z&raquo; 2022'
    """
    return "".join(_entity(letter) for letter in text)


def _entity(letter: str) -> str:
    if letter.isascii() and letter not in '&<>"':
        return letter
    name = codepoint2name.get(ord(letter))
    return f"&{name};" if name else f"&#{ord(letter)};"


def mojibake_cp1252(text: str, seed: int) -> str:
    """UTF-8 taken for the encoding of Western Windows; what that lacks is lost.

    >>> mojibake_cp1252("söz 2022 Нет", 0)
    'sÃ¶z 2022 Ð\ufffdÐµÑ‚'
    """
    return text.encode().decode("cp1252", errors="replace")


def mojibake_cp1251(text: str, seed: int) -> str:
    """UTF-8 taken for the encoding of Cyrillic Windows; what that lacks is lost.

    >>> mojibake_cp1251("söz 2022 Нет", 0)
    'sГ¶z 2022 РќРµС‚'
    """
    return text.encode().decode("cp1251", errors="replace")


def without_spaces_between_sentences(text: str, seed: int) -> str:
    """No space after the full stop of a sentence where letters stand on both sides.

    >>> without_spaces_between_sentences("He came. It was 3. 5 left! Why?", 0)
    'He came.It was 3. 5 left!Why?'
    """
    return _SENTENCE_SPACE.sub("", text)


def soft_hyphens(text: str, seed: int) -> str:
    """A soft hyphen in every word of six letters or more, as typesetters leave them, never at its first two letters."""
    chance = random.Random(f"{seed}:{text}")  # noqa: S311

    def hyphenate(word: re.Match[str]) -> str:
        cut = chance.randint(2, len(word[0]) - 2)
        return word[0][:cut] + SOFT_HYPHEN + word[0][cut:]

    return _LONG_WORD.sub(hyphenate, text)


class Target(StrEnum):
    """What is perturbed."""

    QUESTIONS = "questions"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A way to spoil texts, and which ones."""

    name: str
    target: Target
    function: Callable[[str, int], str]  # text and seed to text

    @property
    def label(self) -> str:
        return f"{self.target}: {self.name}"


PERTURBATIONS = (
    Perturbation("no diacritics", Target.QUESTIONS, without_diacritics),
    Perturbation("Russian in Latin letters", Target.QUESTIONS, to_latin),
    Perturbation("Azerbaijani in Cyrillic letters", Target.QUESTIONS, to_cyrillic),
    Perturbation("typos", Target.QUESTIONS, typos),
    Perturbation("upper case", Target.QUESTIONS, upper),
    Perturbation("lower case", Target.QUESTIONS, lower),
    Perturbation("no diacritics", Target.DOCUMENTS, without_diacritics),
    Perturbation("Azerbaijani in Cyrillic letters", Target.DOCUMENTS, to_cyrillic),
    Perturbation("typos", Target.DOCUMENTS, typos),
    Perturbation("HTML entities", Target.DOCUMENTS, entities),
    Perturbation("mojibake cp1252", Target.DOCUMENTS, mojibake_cp1252),
    Perturbation("mojibake cp1251", Target.DOCUMENTS, mojibake_cp1251),
    Perturbation("no space after full stops", Target.DOCUMENTS, without_spaces_between_sentences),
    Perturbation("soft hyphens", Target.DOCUMENTS, soft_hyphens),
)


def perturb(retrieval_set: RetrievalSet, perturbation: Perturbation, *, seed: int = SEED) -> tuple[RetrievalSet, int]:
    """The set with its questions or documents perturbed, and how many of those changed. Ids and qrels stay."""
    spoil = perturbation.function
    if perturbation.target is Target.QUESTIONS:
        judged = {query.id for query in retrieval_set.judged}
        queries = tuple(replace(query, text=spoil(query.text, seed)) for query in retrieval_set.queries)
        pairs = zip(queries, retrieval_set.queries, strict=True)
        changed = sum(new.text != old.text and new.id in judged for new, old in pairs)
        return replace(retrieval_set, queries=queries), changed
    corpus = tuple(
        replace(document, title=spoil(document.title, seed), text=spoil(document.text, seed))
        for document in retrieval_set.corpus
    )
    changed = sum(new != old for new, old in zip(corpus, retrieval_set.corpus, strict=True))
    return replace(retrieval_set, corpus=corpus), changed


@dataclass(frozen=True, slots=True)
class Drop:
    """What one perturbation costs by one measure, over the same queries."""

    perturbation: str
    measure: str
    changed: int  # judged queries, or documents, that are not as they were
    plain: float
    perturbed: float
    difference: Figure  # mean of perturbed - plain with a paired bootstrap interval; below 0 is a loss


@dataclass(frozen=True, slots=True)
class RobustnessReport:
    """What every perturbation costs, and which ones change no text of the set."""

    set_name: str
    drops: tuple[Drop, ...]
    without_effect: tuple[str, ...]

    def to_json(self) -> str:
        """All of it for machines."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    def to_markdown(self) -> str:
        """A table, the largest loss first within a measure."""
        measures = list(dict.fromkeys(drop.measure for drop in self.drops))
        lines = []
        for measure in measures:
            lines += [
                f"**{self.set_name}, {measure}**: what is lost, with 95 % interval",
                "",
                "| perturbation | changed | plain | perturbed | difference |",
                "|---|---|---|---|---|",
            ]
            drops = sorted((d for d in self.drops if d.measure == measure), key=lambda d: d.difference.value)
            lines += [
                f"| {d.perturbation} | {d.changed} | {d.plain:.3f} | {d.perturbed:.3f} "
                f"| {d.difference.value:+.3f} [{d.difference.low:+.3f}, {d.difference.high:+.3f}] |"
                for d in drops
            ]
            lines.append("")
        if self.without_effect:
            lines += [f"Nothing to change here: {'; '.join(self.without_effect)}.", ""]
        return "\n".join(lines)


def robustness(
    retrieval_set: RetrievalSet,
    embedder: Embedder,
    make_retriever: Callable[[Index], Retriever],
    *,
    measures: Sequence[Any] = MEASURES,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    seed: int = SEED,
    on_progress: Callable[[str, Progress], None] = lambda label, progress: None,
    on_query: Callable[[str, int], None] = lambda label, done: None,
) -> RobustnessReport:
    """What each perturbation costs a system on a set.

    Perturbed questions are asked of the one index; perturbed documents are indexed anew in a temporary folder, so
    give a `CachedEmbedder`. They are given as text and pass no cleaning: what entities or mojibake cost is what they
    cost if cleaning leaves them. The callbacks are told the perturbation's label, "" for none, and how far it is.
    """

    def run_over(folder: Path, asked: RetrievalSet, label: str) -> Run:
        with Index.open(folder) as index:
            index.use_embedder(embedder)
            return run_system(asked, make_retriever(index), on_query=lambda done: on_query(label, done))

    folder = index_corpus(retrieval_set, embedder, on_progress=lambda progress: on_progress("", progress))
    plain = per_query(retrieval_set, run_over(folder, retrieval_set, ""), measures)
    signed = f"data:{retrieval_set.sha256[:12]}|seed:{seed}"
    drops: list[Drop] = []
    without_effect: list[str] = []
    for perturbation in perturbations:
        label = perturbation.label
        spoilt, changed = perturb(retrieval_set, perturbation, seed=seed)
        if not changed:
            without_effect.append(label)
            continue
        if perturbation.target is Target.QUESTIONS:
            run = run_over(folder, spoilt, label)
        else:
            with tempfile.TemporaryDirectory(prefix="dragoman-perturbed-") as temporary:

                def tell(progress: Progress, label: str = label) -> None:
                    on_progress(label, progress)

                index_corpus_into(Path(temporary), spoilt, embedder, on_progress=tell)
                run = run_over(Path(temporary), spoilt, label)
        values = per_query(retrieval_set, run, measures)
        drops += [
            _drop(label, str(measure), changed, plain[str(measure)], values[str(measure)], signed)
            for measure in measures
        ]
    return RobustnessReport(retrieval_set.name, tuple(drops), tuple(without_effect))


def _drop(
    label: str, measure: str, changed: int, plain: dict[str, float], perturbed: dict[str, float], signed: str
) -> Drop:
    queries = sorted(plain)
    return Drop(
        perturbation=label,
        measure=measure,
        changed=changed,
        plain=sum(plain.values()) / len(plain),
        perturbed=sum(perturbed.values()) / len(perturbed),
        difference=difference(f"{measure} drop", [perturbed[query] - plain[query] for query in queries], signed),
    )
