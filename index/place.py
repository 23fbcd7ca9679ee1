"""Where an index is: the folder of its catalog, and the server of its vectors if they are not in that folder, too.

news.index                                      a folder
milvus://HOST:19530/COLLECTION                  a Milvus server; the catalog is in COLLECTION.index
milvus:FILE.db/COLLECTION                       a file of Milvus Lite
milvus://HOST:19530/COLLECTION?catalog=FOLDER   with its catalog elsewhere; &index=HNSW for another kind than FLAT;
                                                &words=server if it is to search words, too, as Milvus 2.4 and later can
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from index.errors import SettingsError

_SCHEME = "milvus"
_PORT = 19530
_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = ("folder", "server")  # where words are searched
_KINDS = ("FLAT", "HNSW", "IVF_FLAT", "IVF_SQ8", "AUTOINDEX")
_FORM = "want milvus://HOST:PORT/COLLECTION?catalog=FOLDER, or milvus:FILE.db/COLLECTION for Milvus Lite"


@dataclass(frozen=True, slots=True)
class Server:
    """A collection on a Milvus server, or in a file of Milvus Lite."""

    address: str  # "http://HOST:PORT", or the absolute path of a file
    collection: str
    kind: str  # Milvus's name of the kind of its index
    words: bool = False  # whether it searches words, too

    def __str__(self) -> str:
        """The URL, as `Server.parse` reads it."""
        wishes = {} if self.kind == _KINDS[0] else {"index": self.kind}
        wishes |= {"words": _WORDS[1]} if self.words else {}
        asked = f"?{urlencode(wishes)}" if wishes else ""
        return f"{_SCHEME}:{self.address.removeprefix('http:')}/{self.collection}{asked}"

    @classmethod
    def parse(cls, url: str) -> Server:
        """The server of a URL, whose `catalog=` is left aside. Raises SettingsError."""
        parts, wishes = _split(url)
        path, _, collection = parts.path.rpartition("/")
        kind, words = wishes.get("index", _KINDS[0]).upper(), wishes.get("words", _WORDS[0]).lower()
        if "@" in parts.netloc:
            raise SettingsError(f"{url}: holds a password; leave it away and set DRAGOMAN_MILVUS_TOKEN=USER:PASSWORD")
        if not _COLLECTION.fullmatch(collection) or (bool(parts.netloc) == bool(path)):
            raise SettingsError(f"{url}: names no collection of letters, digits and _; {_FORM}")
        if kind not in _KINDS:
            raise SettingsError(f"{url}: index={kind} is no kind of index; want one of {', '.join(_KINDS)}")
        if words not in _WORDS:
            raise SettingsError(f"{url}: words={words} is no place to search them; want one of {', '.join(_WORDS)}")
        on_server = words == _WORDS[1]
        if not parts.netloc:
            return cls(str(Path(path).absolute()), collection, kind, on_server)
        try:
            host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
            return cls(f"http://{host}:{parts.port or _PORT}", collection, kind, on_server)
        except ValueError as error:
            raise SettingsError(f"{url}: {error}; {_FORM}") from error


@dataclass(frozen=True, slots=True)
class Place:
    """What `--index` names."""

    folder: Path  # of the catalog
    server: str = ""  # the URL of the vectors, or "" if nothing is said of them

    @classmethod
    def named(cls, name: str | Path) -> Place:
        """The place of a path or a URL. Raises SettingsError."""
        if not isinstance(name, str) or not name.startswith(f"{_SCHEME}:"):
            return cls(Path(name))
        server = Server.parse(name)
        folder = _split(name)[1].get("catalog", "")
        return cls(Path(folder or f"{server.collection}.index"), str(server))


def _split(url: str) -> tuple[SplitResult, dict[str, str]]:
    """The parts of a URL, and what it says behind the question mark."""
    parts = urlsplit(url)
    wishes = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := sorted(wishes.keys() - {"catalog", "index", "words"}):
        raise SettingsError(f"{url}: nobody knows {', '.join(unknown)}=; {_FORM}")
    return parts, wishes
