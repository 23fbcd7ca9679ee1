"""A question in further words, by a language model that the user runs or rents. Nothing here is needed to ask.

The model is told the question, the questions before it and the languages of the archive; never a word of a document,
so no document can tell it anything either. What it gives back is only searched for, and is checked as strictly as a
stranger's: if it is not what was asked for, the question is searched as it is, and why is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.endpoint import MODEL, URL, Endpoint

# Of the questions before, the last so many are told.
_MOST_EARLIER = 6
_LONGEST_WORDING = 500  # characters; what is longer was not a translation of a question
_MOST_TOKENS = 1000
_TRIES = 2
_QUOTED = 80  # characters of a reply that a message quotes
LANGUAGE_NAMES = {
    "ar": "Arabic", "az": "Azerbaijani", "de": "German", "en": "English", "es": "Spanish", "fa": "Persian",
    "fr": "French", "hy": "Armenian", "it": "Italian", "ka": "Georgian", "ru": "Russian", "tr": "Turkish",
    "uk": "Ukrainian",
}  # fmt: skip
_TASK = """\
You prepare a question for a search engine. Never answer it, explain it, or add to it.
Reply with JSON that has exactly these keys:"""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What a question is searched as."""

    question: str  # understood without the questions before it; as asked if there were none
    others: tuple[str, ...] = ()  # the same in other languages, and as asked
    problem: str = ""  # why it is searched as asked, with what to do about it


@dataclass(frozen=True, slots=True)
class Rewriter(Endpoint):
    """A model that puts questions in other words."""

    seconds: float = 30.0  # for each of two tries

    def rewrite(self, question: str, *, earlier: Sequence[str], languages: Sequence[str]) -> Rewritten:
        """The question in each of `languages`, and if there are questions before it, so that it stands by itself.

        Raises nothing: whatever goes wrong is the `problem` of a question that stays as it is.
        """
        wanted = _wanted(earlier, languages)
        if not wanted:
            return Rewritten(question)
        try:
            found = _checked(self._reply(_messages(question, earlier, wanted), _schema(wanted)), wanted)
        except _NotRewritten as error:
            return Rewritten(question, problem=f"searched as asked: {error}")
        stands_alone = found.pop("question", question)
        others = dict.fromkeys([question, *found.values()])
        return Rewritten(stands_alone, tuple(other for other in others if other != stands_alone))

    def _reply(self, messages: list[dict[str, str]], schema: dict[str, Any]) -> str:
        """What the model wrote. Raises _NotRewritten."""
        import httpx

        body = {
            "model": self.model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": _MOST_TOKENS,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "wordings", "strict": True, "schema": schema},
            },
        }
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        proxies = not self.is_here
        problem = ""
        with httpx.Client(timeout=self.seconds, trust_env=proxies, headers=headers) as client:
            for _ in range(_TRIES):
                try:
                    response = client.post(f"{self.url.rstrip('/')}/chat/completions", json=body)
                except httpx.TimeoutException:
                    problem = f"{self.url} gave no reply in {self.seconds:g} s; use a smaller model or a faster machine"
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    problem = f"{self.url} cannot be reached ({error}); start the server, or correct {URL}"
                else:
                    if response.status_code == 200:
                        return _content(response.content)
                    problem = self.refusal(response.status_code, response.text)
                    if response.status_code != 429 and response.status_code < 500:
                        break  # it would say the same again
        raise _NotRewritten(problem)


class _NotRewritten(Exception):
    """Why there is no rewriting, and what to do."""


def _wanted(earlier: Sequence[str], languages: Sequence[str]) -> dict[str, str]:
    """The keys of the reply, and what each is to hold."""
    alone = "the question, in its own language, so that it is understood without the earlier questions"
    asked = {"question": alone} if earlier else {}
    names = {lang: LANGUAGE_NAMES.get(lang, "the language with the tag") for lang in languages}
    return asked | {lang: f"the question in {name} ({lang})" for lang, name in names.items()}


def _messages(question: str, earlier: Sequence[str], wanted: Mapping[str, str]) -> list[dict[str, str]]:
    keys = "\n".join(f'"{key}": {what}' for key, what in wanted.items())
    before = "".join(f"Earlier question: {each}\n" for each in earlier[-_MOST_EARLIER:])
    return [
        {"role": "system", "content": f"{_TASK}\n{keys}"},
        {"role": "user", "content": f"{before}Question: {question}"},
    ]


def _schema(wanted: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key: {"type": "string"} for key in wanted},
        "required": list(wanted),
        "additionalProperties": False,
    }


def _content(data: bytes) -> str:
    """What a chat completion says. Raises _NotRewritten."""
    try:
        content = json.loads(data)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise _NotRewritten(f"the server's reply is no chat completion; correct {URL}") from error
    if not isinstance(content, str):
        raise _NotRewritten(f"the server's reply has no text; use another model ({MODEL})")
    return content


def _checked(content: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """The wordings by key. Raises _NotRewritten for anything but what was asked for."""
    other_model = f"use a larger model ({MODEL}), or ask without --rewrite"
    try:
        found = json.loads(content)
    except ValueError as error:
        said = " ".join(content.split())[:_QUOTED]
        raise _NotRewritten(f"the model wrote no JSON but {said!r}; {other_model}") from error
    if not isinstance(found, dict) or found.keys() != wanted.keys():
        keys = ", ".join(found) if isinstance(found, dict) else type(found).__name__
        raise _NotRewritten(f"the model wrote {keys or 'nothing'} in place of {', '.join(wanted)}; {other_model}")
    for key, wording in found.items():
        if not isinstance(wording, str) or not 0 < len(wording.strip()) <= _LONGEST_WORDING:
            raise _NotRewritten(
                f"the model wrote no text of 1 to {_LONGEST_WORDING} characters as {key!r}; {other_model}"
            )
    return {key: " ".join(wording.split()) for key, wording in found.items()}
