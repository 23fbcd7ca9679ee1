"""What the page sends, which may be anything, and what it is told if that or the work fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from index.errors import DragomanError, SettingsError
from index.said import Said, said
from ui.payload import Payload, in_other_languages


def told(work: Callable[[], Payload]) -> Payload:
    """What `work` gives, or the error that it raises as a payload."""
    try:
        return work()
    except DragomanError as error:
        return told_of(error)


def told_of(error: DragomanError) -> Payload:
    """An error as a payload."""
    # Messages name options as the command line does; on the page they are fields.
    return {"kind": "error", "message": str(error).removeprefix("--"), "message_said": in_other_languages(error.told)}


def _field(request: object, name: str) -> object:
    return request.get(name) if isinstance(request, dict) else None


def _wrong(value: object, name: str, wanted: str) -> Said:
    told = 'the page sent {value} as "{name}"; want {wanted}: load the page again'
    return said("load_again", told, value=repr(value), name=name, wanted=wanted)


def text(request: object, name: str) -> str:
    """A text that the page sent. Raises SettingsError."""
    value = _field(request, name)
    if not isinstance(value, str):
        raise SettingsError(_wrong(value, name, "text"))
    return _whole(value)


def _whole(sent: str) -> str:
    # Half a surrogate pair, which JSON can carry, is no character: neither SQLite nor a model would take it.
    return sent.encode("utf-8", "replace").decode("utf-8")


def texts(request: object, name: str) -> list[str]:
    """A list of texts that the page sent. Raises SettingsError."""
    values = _field(request, name)
    if not isinstance(values, Iterable) or not all(isinstance(value, str) for value in values):
        raise SettingsError(_wrong(values, name, "a list of texts"))
    return [_whole(value) for value in values]


def truth(request: object, name: str) -> bool:
    """Whether the page sent that something is so; what it did not send is not."""
    return _field(request, name) is True


def number(request: object, name: str) -> int:
    """A number that the page sent. Raises SettingsError."""
    value = _field(request, name)
    if type(value) is not int:  # not isinstance: True is an int
        raise SettingsError(_wrong(value, name, "a number"))
    return value
