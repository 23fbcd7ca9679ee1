"""The questions that a person collects for an evaluation: a file in the layout of answer sets, a line each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from eval.grow import Quote, answered_by, append_question, not_in_documents, place_to_json
from eval.sets import GoldQuestion, GoldSpan, lines
from index.errors import SettingsError
from index.language import LANGUAGES, detect_language
from index.said import said


class Cases:
    """The file beside an index that questions are added to. `dragoman eval answers` runs it."""

    def __init__(self, index: Path) -> None:
        self.file = index.absolute().with_name(f"{index.name}.eval") / "questions.jsonl"

    def count(self) -> int:
        """How many questions there are."""
        return sum(1 for _ in lines(self.file)) if self.file.is_file() else 0

    def add(
        self, question: str, *, lang: str, right: Sequence[tuple[GoldSpan, str]], wrong: Sequence[GoldSpan]
    ) -> GoldQuestion:
        """Append a question with the places that answer it, and their words; none if the documents do not.

        What was marked as `wrong` is kept beside it, for people. `lang` "" is found out. Raises SettingsError, and
        DataSetError as `eval.grow.append_question` does.
        """
        lang = lang or detect_language(question)
        if lang not in LANGUAGES:
            unknown = "it cannot be told in which language the question is; choose it beside the button"
            raise SettingsError(said("question_language", unknown))
        quotes = [Quote(words, (place,), lang="", title="", date="") for place, words in right]
        made = answered_by(question, quotes, lang=lang) if quotes else not_in_documents(question, (), lang=lang)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            told = "{file}: cannot be written ({why}); free some of the disk"
            raise SettingsError(said("file_unwritable", told, file=str(self.file), why=str(error.strerror))) from error
        beside = {
            "added": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "wrong": [place_to_json(place) for place in wrong],
        }
        return append_question(made, self.file, beside=beside)
