"""Who may ask: names with hashed passwords in a file, and the name of whoever is asking now.

The file is JSON, for its owner's eyes only; a password is kept as what scrypt makes of it and a salt of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

from index.errors import SettingsError

# The name of whoever asks, "" where nobody needs one. It is set for each request, and for what is called in it.
CURRENT_USER: ContextVar[str] = ContextVar("CURRENT_USER", default="")

SHORTEST_PASSWORD = 8
_N, _R, _P = 1 << 15, 8, 1  # 32 MB and some 0.1 s each, as OWASP's cheat sheet of password storage asks for (p by 3)
_MEMORY = 128 * _N * _R * 2
_MOST_REMEMBERED = 1000
_MOST_TRIED_AT_ONCE = 2  # whoever guesses takes no more of the machine than this


@dataclass(frozen=True, slots=True)
class _Secret:
    salt: str  # hexadecimal, as `hash`
    hash: str
    n: int
    r: int
    p: int

    def is_of(self, password: str) -> bool:
        found = hashlib.scrypt(
            password.encode(), salt=bytes.fromhex(self.salt), n=self.n, r=self.r, p=self.p, maxmem=_MEMORY
        )
        return hmac.compare_digest(found.hex(), self.hash)


_NOBODY = _Secret("00" * 16, "00" * 64, _N, _R, _P)  # tried for names that nobody has, so that they take as long


class Users:
    """The users of a file, as it is now: changes take effect with the next request."""

    def __init__(self, location: Path) -> None:
        self._location = location
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._secrets: dict[str, _Secret] = {}
        # Of what was found right, keyed by a secret of this process, so that not every request waits for scrypt.
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._trying = threading.Semaphore(_MOST_TRIED_AT_ONCE)
        self.names()  # a file that cannot be read is told now

    def names(self) -> list[str]:
        """Who there is. Raises SettingsError for a file that cannot be read."""
        with self._lock:
            self._refresh()
            return sorted(self._secrets)

    def name_of(self, authorization: str) -> str:
        """Whose the "Basic" credentials of a request are, or "" if they are wrong."""
        scheme, _, encoded = authorization.partition(" ")
        try:
            name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:
            return ""
        if scheme.lower() != "basic" or not colon:
            return ""
        seen = hmac.digest(self._key, f"{name}\0{password}".encode(), "sha256")
        with self._lock:
            self._refresh()
            if seen in self._right:
                self._right.move_to_end(seen)
                return name
            secret = self._secrets.get(name)
        with self._trying:
            is_right = (secret or _NOBODY).is_of(password)
        if secret is None or not is_right:
            return ""
        with self._lock:
            if self._secrets.get(name) == secret:  # not changed meanwhile
                self._right[seen] = None
                while len(self._right) > _MOST_REMEMBERED:
                    self._right.popitem(last=False)
        return name

    def _refresh(self) -> None:
        try:
            found = self._location.stat()
        except OSError as error:
            raise SettingsError(
                f"--auth {self._location}: {error.strerror}; make it: dragoman user add NAME --auth {self._location}"
            ) from error
        if (stamp := (found.st_mtime_ns, found.st_ino)) != self._stamp:
            self._secrets, self._stamp = _load(self._location), stamp
            self._right.clear()


def add_user(location: Path, name: str, password: str) -> None:
    """Add a user to a file, or give one another password. Raises SettingsError."""
    if not name or ":" in name or not name.isprintable():
        raise SettingsError(f"{name!r}: no name for a user; want letters, and no colon")
    if len(password) < SHORTEST_PASSWORD:
        raise SettingsError(f"a password has {SHORTEST_PASSWORD} characters or more; think of a longer one")
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY)
    found = _load(location) if location.exists() else {}
    _save(location, found | {name: _Secret(salt.hex(), made.hex(), _N, _R, _P)})


def remove_user(location: Path, name: str) -> None:
    """Remove a user from a file. Raises SettingsError if there is none of this name."""
    found = _load(location)
    if name not in found:
        raise SettingsError(f"{name}: no such user in {location}; there are: {', '.join(sorted(found)) or 'none'}")
    del found[name]
    _save(location, found)


def _load(location: Path) -> dict[str, _Secret]:
    try:
        users = json.loads(location.read_text(encoding="utf-8"))["users"]
        return {name: _Secret(**fields) for name, fields in users.items()}
    except OSError as error:
        raise SettingsError(f"--auth {location}: {error.strerror}; name a file of `dragoman user add`") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"--auth {location}: no file of `dragoman user add`; name one, or make it anew") from error


def _save(location: Path, users: dict[str, _Secret]) -> None:
    document = {"users": {name: asdict(secret) for name, secret in sorted(users.items())}}
    try:
        # mkstemp's files are their owner's alone; whoever reads meanwhile sees the old one whole.
        descriptor, made = tempfile.mkstemp(dir=location.absolute().parent, prefix=f".{location.name}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=2)
        Path(made).replace(location)
    except OSError as error:
        raise SettingsError(f"--auth {location}: {error.strerror}; name a file that can be written") from error
