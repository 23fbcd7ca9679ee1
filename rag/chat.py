"""A chat model by name, through LangChain: the one place that knows of it.

What comes out is pieces of text, or a ChatError that says what to do. No model is trusted to stop, to keep to a format,
or to reply at all.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from index.errors import ChatError, SettingsError
from index.said import said
from rag.endpoint import URL, Endpoint

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

DEFAULT = "default"  # the model that DRAGOMAN_LLM_MODEL names
SECONDS = 60.0
_MOST_TOKENS = 1000
_QUOTED = 80  # characters of a library's words that a message quotes
_END = object()

Schema = Mapping[str, Any]  # a JSON schema


class ChatModel(Protocol):
    """Writes, when told what to do and with what."""

    @property
    def name(self) -> str: ...

    def stream(self, task: str, material: str, *, schema: Schema) -> Iterator[str]:
        """What it writes, piece by piece, in JSON of this schema if it can be held to one. Raises ChatError."""
        ...


@dataclass(frozen=True, slots=True)
class LangChainModel:
    """A chat model of LangChain."""

    name: str
    model: BaseChatModel
    endpoint: Endpoint | None = None  # the server, if it is one of the user's own
    seconds: float = SECONDS  # for all that it writes

    def stream(self, task: str, material: str, *, schema: Schema) -> Iterator[str]:
        deadline = time.monotonic() + self.seconds
        wrote = False
        try:
            for piece in self._pieces(task, material, self._formatted(schema), deadline):
                wrote = True
                yield piece
        except ChatError as error:
            # A server that knows no schemas may still write JSON when it is told to.
            if wrote or not isinstance(error, _Refused) or self.endpoint is None:
                raise
            yield from self._pieces(task, material, self._formatted(None), deadline)

    def _formatted(self, schema: Schema | None) -> dict[str, Any]:
        """What the request says besides the messages."""
        if self.endpoint is None:
            return {}  # each provider has a way of its own; they are told in words
        body: dict[str, Any] = {"max_tokens": _MOST_TOKENS}  # all servers know this name, few the newer one
        if schema is not None:
            form = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        # Not as an argument: then the library would read the JSON itself, and raise where it is cut off.
        return {"extra_body": body}

    def _pieces(self, task: str, material: str, options: dict[str, Any], deadline: float) -> Iterator[str]:
        def pieces() -> Iterator[str]:
            for chunk in self.model.stream([("system", task), ("human", material)], **options):
                yield chunk.text

        try:
            yield from _until(deadline, pieces())
        except TimeoutError as error:
            slow = "{model} did not finish in {seconds} s; use a smaller model or a faster machine"
            raise ChatError(said("llm_slow", slow, model=self.name, seconds=f"{self.seconds:g}")) from error
        except ChatError:
            raise
        except Exception as error:  # the providers' libraries have no common parent of what they raise
            raise self._problem(error) from error

    def _problem(self, error: Exception) -> ChatError:
        server = self.endpoint.url if self.endpoint else self.name
        status = getattr(error, "status_code", None)
        if self.endpoint and isinstance(status, int):
            kind = _Refused if status in (400, 422) else ChatError
            return kind(self.endpoint.refusal(status, _words(error)))
        kind_of_error = type(error).__name__
        if "Timeout" in kind_of_error:
            slow = "{model} gave no reply in {seconds} s; use a smaller model or a faster machine"
            return ChatError(said("llm_slow", slow, model=server, seconds=f"{self.seconds:g}"))
        if "Connect" in kind_of_error or isinstance(error, OSError):
            todo = f"start the server, or correct {URL}" if self.endpoint else "check the network"
            away = "{server} cannot be reached, or broke off ({why}); {todo}"
            return ChatError(said("llm_unreachable", away, server=server, why=_words(error), todo=todo))
        failed = "{server} failed ({why}); use another model"
        return ChatError(said("llm_failed", failed, server=server, why=f"{kind_of_error}: {_words(error)}"))


class _Refused(ChatError):
    """The server does not take the request as it is."""


def load_chat(name: str, *, seconds: float = SECONDS) -> LangChainModel:
    """The chat model of this name. Raises SettingsError.

    With DRAGOMAN_LLM_URL set, a model of that OpenAI-compatible server, or the one that DRAGOMAN_LLM_MODEL names if
    `name` is "default". Without it "provider:model", as LangChain's `init_chat_model` has it, such as "openai:gpt-5"
    or "ollama:qwen3"; the provider's own variables hold its key.
    """
    from langchain.chat_models import init_chat_model

    if os.environ.get(URL) or name == DEFAULT:
        return _served(name, seconds)
    if ":" not in name:
        raise SettingsError(
            f"--llm {name}: where is this model? Set {URL}, such as http://127.0.0.1:8080/v1, if it is behind an "
            "OpenAI-compatible server, or name its provider, such as openai:gpt-5 or ollama:qwen3"
        )
    try:
        return LangChainModel(name, init_chat_model(name, max_tokens=_MOST_TOKENS), seconds=seconds)
    except ImportError as error:
        raise SettingsError(
            f"--llm {name}: {_words(error)}; or set {URL} to the OpenAI-compatible address that most servers have, "
            "Ollama's is http://127.0.0.1:11434/v1"
        ) from error
    except Exception as error:  # an unknown provider, a key that is missing: each library has its own kinds
        raise SettingsError(f"--llm {name}: {_words(error)}; want provider:model, such as openai:gpt-5") from error


def _served(name: str, seconds: float) -> LangChainModel:
    from langchain.chat_models import init_chat_model
    from openai import DefaultHttpxClient

    found = Endpoint.from_environment(model="" if name == DEFAULT else name, wanted_by="--llm")
    model = init_chat_model(
        found.model,
        model_provider="openai",
        base_url=found.url,
        api_key=found.key or "none",  # the library wants one, servers of one's own mostly do not
        temperature=0,
        timeout=seconds,
        max_retries=1,
        stream_usage=False,
        use_responses_api=False,
        http_client=DefaultHttpxClient(trust_env=not found.is_here),
        http_socket_options=(),  # with any it warns of a proxy in the environment, which is minded all the same
    )
    return LangChainModel(found.model, model, found, seconds)


def _until(deadline: float, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces, until the deadline, by `time.monotonic`. Raises TimeoutError, and what making them raises.

    They are made in a thread: a server may keep a connection busy without ever saying a word, which no time limit of
    a connection ends.
    """
    made: SimpleQueue[object] = SimpleQueue()
    unwanted = threading.Event()

    def make() -> None:
        try:
            for piece in pieces:
                if unwanted.is_set():
                    return
                made.put(piece)
            made.put(_END)
        except BaseException as error:
            made.put(error)

    threading.Thread(target=make, daemon=True).start()
    try:
        while True:
            try:
                piece = made.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise TimeoutError from None
            if piece is _END:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield str(piece)
    finally:
        unwanted.set()


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:_QUOTED]
