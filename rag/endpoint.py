"""Where a language model of the user's own is: settings that whatever talks to one shares."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from index.errors import SettingsError
from index.said import Said, said

URL, MODEL, KEY = "DRAGOMAN_LLM_URL", "DRAGOMAN_LLM_MODEL", "DRAGOMAN_LLM_KEY"

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_QUOTED = 80  # characters of a server's words that a message quotes


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind an OpenAI-compatible server, such as llama.cpp's: `url` is what /chat/completions is added to."""

    url: str
    model: str
    key: str = ""

    @classmethod
    def from_environment(cls, *, model: str = "", wanted_by: str = "--rewrite") -> Self:
        """The one that DRAGOMAN_LLM_URL, _MODEL and, if the server wants one, _KEY tell of. Raises SettingsError.

        `model` takes the place of what _MODEL says; `wanted_by` is the option that a message names.
        """
        missing = [name for name in (URL, MODEL) if not os.environ.get(name) and not (name == MODEL and model)]
        if missing:
            raise SettingsError(
                f"{wanted_by} needs a language model: set {' and '.join(missing)}, such as "
                f"{URL}=http://127.0.0.1:8080/v1 for a llama.cpp server on this machine, and {KEY} if it wants a key"
            )
        return cls(os.environ[URL], model or os.environ[MODEL], os.environ.get(KEY, ""))

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise SettingsError(f"{URL} is {self.url!r}; want an address such as http://127.0.0.1:8080/v1")

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, and so behind no proxy."""
        return urlsplit(self.url).hostname in _LOOPBACK

    def refusal(self, status: int, text: str) -> Said:
        """What an HTTP status other than 200 means and what to do about it."""
        match status:
            case 401 | 403:
                told = "{server} does not accept the key (HTTP {status}); set {setting} to one that it does"
                return said("llm_key", told, server=self.url, status=status, setting=KEY)
            case 404:
                told = (
                    "{server} has no chat completions, or no model {model!r} (HTTP 404); correct {setting}, which "
                    "mostly ends in /v1, or {other}"
                )
                return said("llm_missing", told, server=self.url, model=self.model, setting=URL, other=MODEL)
            case 429:
                told = "{server} has had too many requests (HTTP 429); wait, or use another server"
                return said("llm_busy", told, server=self.url)
            case _ if status >= 500:
                told = "{server} failed (HTTP {status}); look at its log, or use another server"
                return said("llm_broken", told, server=self.url, status=status)
        told = "{server} refused (HTTP {status}: {why}); use a server that takes chat completions with a JSON schema"
        return said("llm_refused", told, server=self.url, status=status, why=" ".join(text.split())[:_QUOTED])
