"""The questions that a person collects for an evaluation: a file in the layout of answer sets, a line each."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from eval.sets import GoldQuestion, GoldSpan, gold_question, lines
from index.errors import SettingsError
from index.language import LANGUAGES, detect_language


class Cases:
    """The file beside an index that questions are added to. `dragoman eval answers` runs it."""

    def __init__(self, index: Path) -> None:
        self.file = index.absolute().with_name(f"{index.name}.eval") / "questions.jsonl"
        self._lock = Lock()

    def count(self) -> int:
        """How many questions there are."""
        return sum(1 for _ in lines(self.file)) if self.file.is_file() else 0

    def add(
        self, question: str, *, lang: str, right: Sequence[tuple[GoldSpan, str]], wrong: Sequence[GoldSpan]
    ) -> GoldQuestion:
        """Append a question with the places that answer it, and their words; none if the documents do not.

        What was marked as `wrong` is kept beside it, for people. `lang` "" is found out. Raises SettingsError.
        """
        lang = lang or detect_language(question)
        if lang not in LANGUAGES:
            raise SettingsError("it cannot be told in which language the question is; choose it beside the button")
        with self._lock:
            number = self.count() + 1
            row = {
                "id": f"q{number}",
                "lang": lang,
                "question": question,
                "file": right[0][0].source if right else "",
                "gold": [quote for _, quote in right],
                "answerable": bool(right),
                "spans": [_span(place) for place, _ in right],
                "wrong": [_span(place) for place in wrong],
                "added": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            }
            made = gold_question(
                f"{self.file}:{number}", row
            )  # before it is written: the file stays one that can be run
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self.file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise SettingsError(
                    f"{self.file}: cannot be written ({error.strerror}); free some of the disk"
                ) from error
        return made


def _span(place: GoldSpan) -> dict[str, object]:
    return {"source": place.source, "start": place.span.start, "end": place.span.end}
