"""What there is to read: folders, links and archives, with everything that is left out told."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index import files as files_module
from index.embed import Embedder
from index.errors import ReadError
from index.files import discover, exists, read_bytes, size_of
from index.folder import Index
from index.ingest import ingest

STORY = (
    "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home with his dog."
)
Write = Callable[[Path, dict[str, str | bytes]], Path]


def zipped(files: dict[str, str | bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture
def archive(tmp_path: Path, write: Write) -> Path:
    members = {
        "b/two.txt": STORY.format("Two"),
        "a.txt": STORY.format("One"),
        "b/picture.jpg": b"\xff\xd8",
        ".hidden.txt": "x",
        "b/.git/config.txt": "x",
        "__MACOSX/a.txt": "x",
        "old.zip": zipped({"c.txt": "x"}),
        "../out.txt": "x",
        "/etc/passwd.txt": "x",
        "Şəhər/Məqalə.txt": STORY.format("Three"),
    }
    return write(tmp_path / "docs", {"news.zip": zipped(members)}) / "news.zip"


def test_the_files_of_an_archive(archive: Path) -> None:
    found = discover([archive.parent])
    names = ["news.zip/a.txt", "news.zip/b/two.txt", "news.zip/Şəhər/Məqalə.txt"]
    assert [file.name for file in found.files] == names
    assert [file.location for file in found.files] == [archive.parent / name for name in names]
    assert found.ignored == (archive / "b" / "picture.jpg",)
    assert found.missing == (
        f"{archive}: '../out.txt' leads out of the archive and is not read; unpack it",
        f"{archive}: '/etc/passwd.txt' leads out of the archive and is not read; unpack it",
        f"{archive / 'old.zip'}: an archive inside an archive is not read; unpack it",
    )
    assert [file.location for file in discover([archive]).files] == [file.location for file in found.files]


def test_a_file_in_an_archive_is_read_and_is_there(archive: Path) -> None:
    location = archive / "b" / "two.txt"
    assert read_bytes(location) == STORY.format("Two").encode()
    assert size_of(location) == len(STORY.format("Two"))
    assert exists(location)
    assert not exists(archive / "b" / "three.txt")
    assert not exists(archive / "b")
    with pytest.raises(ReadError, match=r"three\.txt: no longer in the archive; ingest the archive again"):
        read_bytes(archive / "b" / "three.txt")
    assert size_of(archive / "b" / "three.txt") == 0
    archive.unlink()
    assert not exists(location)
    with pytest.raises(ReadError, match="No such file"):
        read_bytes(location)


def test_an_archive_that_changes_is_opened_anew(archive: Path) -> None:
    assert exists(archive / "a.txt")
    archive.write_bytes(zipped({"new.txt": "Now there is another file in it."}))
    assert not exists(archive / "a.txt")
    assert read_bytes(archive / "new.txt") == b"Now there is another file in it."


def test_what_cannot_be_looked_at_is_not_gone(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = write(tmp_path / "docs", {"half.zip": zipped({"a.txt": "A file in an archive."})[:-30], "sub/b.txt": "x"})
    assert exists(docs / "half.zip" / "a.txt")  # as while the archive is being copied

    def refuse(path: Path, **_: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:  # whoever runs the tests may be allowed everything
        patched.setattr(Path, "stat", refuse)
        assert exists(docs / "sub" / "b.txt")
    (docs / "half.zip").unlink()
    assert not exists(docs / "half.zip" / "a.txt")


def test_a_folder_that_is_called_like_an_archive(tmp_path: Path, write: Write) -> None:
    docs = write(tmp_path / "docs.zip", {"a.txt": "x"})
    assert [file.name for file in discover([docs]).files] == ["a.txt"]
    assert read_bytes(docs / "a.txt") == b"x"


def with_password(data: bytes) -> bytes:
    """The same archive with the bit set that says so, in both of its headers."""
    found = bytearray(data)
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = found.index(signature) + place
        found[at] |= 1
    return bytes(found)


def with_size(data: bytes, size: int) -> bytes:
    """The same archive, whose list of files says that its first is so large."""
    found = bytearray(data)
    at = found.index(b"PK\x01\x02") + 24
    found[at : at + 4] = struct.pack("<I", size)
    return bytes(found)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a whole ZIP archive"),
        (b"PK\x03\x04 and no more of it", "not a whole ZIP archive"),
        (zipped({"a.txt": "x" * 1000})[:-30], "not a whole ZIP archive"),
        (zipped({"a.txt": b" " * (11 << 20)}), "as a file that is made to fill the memory"),
        (with_size(zipped({"a.txt": "x"}), (4 << 30) - 2), "would unpack from"),
        (with_password(zipped({"a.txt": "x"})), "has a password; save it without one"),
    ],
    # Never the bytes: an archive holds the time at which it was made, and two workers must name one test alike.
    ids=["empty", "a start alone", "cut short", "all spaces", "too large", "with a password"],
)
def test_an_archive_that_cannot_be_read_is_told(
    tmp_path: Path, write: Write, hashing: Embedder, data: bytes, message: str
) -> None:
    docs = write(tmp_path / "docs", {"bad.zip": data, "good.txt": STORY.format("Good")})
    report = ingest([docs], tmp_path / "i", embedder=hashing)
    assert report.added == ["good.txt"]
    (told,) = report.failures
    assert told.startswith(f"{docs / 'bad.zip'}: ")
    assert message in told
    assert ";" in told


def test_a_file_that_is_damaged_in_its_archive_costs_no_other(tmp_path: Path, write: Write, hashing: Embedder) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:  # stored, so that a letter can be changed and only its checksum tells
        for name in ("a.txt", "b.txt", "c.txt"):
            made.writestr(name, STORY.format(name))
    damaged = data.getvalue().replace(b"lighthouse of b", b"lighthouse of x")
    docs = write(tmp_path / "docs", {"news.zip": damaged})
    report = ingest([docs], tmp_path / "i", embedder=hashing)
    assert report.added == ["news.zip/a.txt", "news.zip/c.txt"]
    (told,) = report.failures
    assert told.startswith(f"{docs / 'news.zip' / 'b.txt'}: damaged in its archive (Bad CRC-32 for file 'b.txt'")


def test_a_file_over_the_limit(tmp_path: Path, write: Write, hashing: Embedder) -> None:
    docs = write(tmp_path / "docs", {"good.txt": STORY.format("Good")})
    with (docs / "large.txt").open("wb") as file:
        file.truncate(files_module.MAX_FILE_BYTES + 1)  # takes no place on the disk
    report = ingest([docs], tmp_path / "i", embedder=hashing)
    assert report.added == ["good.txt"]
    assert report.failures == [
        f"{docs / 'large.txt'}: 256 MiB; at most 256 MiB are read as one file; split it",
    ]


def test_links_are_followed_within_the_folder_only(tmp_path: Path, write: Write, hashing: Embedder) -> None:
    docs = write(tmp_path / "docs", {"a.txt": STORY.format("A"), "b/c.txt": STORY.format("C")})
    write(tmp_path / "private", {"secret.txt": STORY.format("Secret")})
    (docs / "within.txt").symlink_to(docs / "b" / "c.txt")
    (docs / "out.txt").symlink_to(tmp_path / "private" / "secret.txt")
    (docs / "out").symlink_to(tmp_path / "private")
    (docs / "dead.txt").symlink_to(docs / "gone.txt")
    (docs / "loop.txt").symlink_to(docs / "loop.txt")
    found = discover([docs])
    assert [file.name for file in found.files] == ["a.txt", "b/c.txt", "within.txt"]
    assert [path.name for path in found.ignored] == ["dead.txt", "loop.txt", "out", "out.txt"]
    report = ingest([docs], tmp_path / "i", embedder=hashing)
    assert "secret" not in " ".join(report.added).lower()
    told = f"{docs / 'out.txt'}: links to folders and out of the folder are not followed"
    assert told in report.left_out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_not_waited_for(tmp_path: Path, write: Write) -> None:
    docs = write(tmp_path / "docs", {"a.txt": "x"})
    os.mkfifo(docs / "pipe.txt")
    found = discover([docs])
    assert [file.name for file in found.files] == ["a.txt"]
    assert found.ignored == (docs / "pipe.txt",)


def test_an_archive_end_to_end(
    archive: Path, tmp_path: Path, hashing: Embedder, dragoman: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    folder = tmp_path / "i"
    report = ingest([archive.parent], folder, embedder=hashing)
    assert report.added == ["news.zip/a.txt", "news.zip/b/two.txt", "news.zip/Şəhər/Məqalə.txt"]
    again = ingest([archive.parent], folder, embedder=hashing)
    assert (again.added, again.unchanged, again.gone) == ([], 3, [])
    quote = "The keeper of Two has gone home with his dog."
    with Index.open(folder) as index:
        source = index.source("news.zip/b/two.txt")
        start = source.text.index(quote)
    citation = {
        "source": source.path,
        "start": start,
        "end": start + len(quote),
        "quote": quote,
        "sha256": source.sha256,
    }
    answer = {"kind": "answer", "index": str(folder), "statements": [{"text": quote, "citations": [citation]}]}
    saved = tmp_path / "answer.json"
    saved.write_text(json.dumps(answer), encoding="utf-8")
    done = dragoman("verify", saved)
    assert (done.returncode, done.stdout) == (0, "1 of 1 quotes stand\n")
    archive.write_bytes(zipped({"b/two.txt": STORY.format("Other")}))
    done = dragoman("verify", saved)
    assert done.returncode == 1
    assert "the file has changed since; the words are nowhere in it" in done.stdout
    pruned = ingest([archive.parent], folder, embedder=hashing, prune=True)
    assert (pruned.replaced, sorted(pruned.removed)) == (
        ["news.zip/b/two.txt"],
        ["news.zip/a.txt", "news.zip/Şəhər/Məqalə.txt"],
    )
