"""How often the language of a text is told right: `languages.jsonl` by language, spelling and length of the text."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from importlib.metadata import version
from typing import Any, Literal

from eval.figures import Figure, figure
from index.language import detect_language

Part = Literal["dev", "test"]

SHORT = 40  # characters; headlines are shorter, sentences longer


@dataclass(frozen=True, slots=True)
class LanguageCase:
    """A text whose language is known. `kind` is that language and how it is written: "azascii" is without marks."""

    kind: str
    lang: str
    part: Part  # rules and words are chosen on dev alone
    text: str

    @property
    def length(self) -> str:
        """The length class that it is counted in."""
        return f"under {SHORT}" if len(self.text) < SHORT else f"{SHORT} and over"


@dataclass(frozen=True, slots=True)
class Confusion:
    """A text whose language was told wrong."""

    case: LanguageCase
    told: str


@dataclass(frozen=True, slots=True)
class LanguageReport:
    """Shares of texts told right: by kind and length class, and of all kinds by length class."""

    figures: tuple[Figure, ...]  # named "<kind>, <length>"
    confusions: tuple[Confusion, ...]

    def to_json(self) -> str:
        """All of it for machines."""
        document: dict[str, Any] = {
            "figures": [each.to_json() for each in self.figures],
            "confusions": [{**asdict(each.case), "told": each.told} for each in self.confusions],
        }
        return json.dumps(document, ensure_ascii=False, indent=2)

    def to_text(self) -> str:
        """A line a figure, then how often what was taken for what, then the texts."""
        taken = Counter((each.case.kind, each.told) for each in self.confusions)
        return "\n".join(
            [
                *map(str, self.figures),
                *(f"{kind} taken for {told}: {n}" for (kind, told), n in sorted(taken.items())),
                *(f"  {each.told}: {each.case.text}" for each in self.confusions),
                self.figures[0].signature,
            ]
        )


def language_cases(part: Part | None = None) -> tuple[LanguageCase, ...]:
    """The shipped texts, those of one part or all."""
    rows = map(json.loads, _shipped().decode("utf-8").splitlines())
    cases = (LanguageCase(row["kind"], row["lang"], row["split"], row["text"]) for row in rows)
    return tuple(case for case in cases if part in (None, case.part))


def report_languages(cases: Sequence[LanguageCase], detect: Callable[[str], str] = detect_language) -> LanguageReport:
    """Tell the language of each case with `detect`. There is at least one case."""
    told = [detect(case.text) for case in cases]
    signed = (
        f"data:{hashlib.sha256(_shipped()).hexdigest()[:12]}|cld2:{version('pycld2')}|dragoman:{version('dragoman')}"
    )
    right: dict[str, list[float]] = {}
    for case, lang in zip(cases, told, strict=True):
        for kind in (case.kind, "all"):
            right.setdefault(f"{kind}, {case.length}", []).append(float(lang == case.lang))
    names = sorted(right, key=lambda name: (name.startswith("all"), name.partition(", ")[2] != f"under {SHORT}"))
    return LanguageReport(
        tuple(figure(name, right[name], signed) for name in names),
        tuple(Confusion(case, lang) for case, lang in zip(cases, told, strict=True) if lang != case.lang),
    )


def _shipped() -> bytes:
    return resources.files("eval").joinpath("languages.jsonl").read_bytes()
