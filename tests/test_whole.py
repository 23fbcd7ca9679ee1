"""A file is the old one or the new one, never a part."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from index.whole import exchange, write_whole


def test_a_file_is_replaced_with_its_permissions_and_through_links(tmp_path: Path) -> None:
    file, link = tmp_path / "a" / "file", tmp_path / "link"
    file.parent.mkdir()
    write_whole(file, b"old")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, b"new")
    assert (link.is_symlink(), file.read_bytes(), file.stat().st_mode & 0o777) == (True, b"new", 0o640)
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_what_is_stopped_half_way_leaves_the_old_file_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def stop(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_whole(file, b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"words")
        assert os.read(reader, 10) == b"words"
    finally:
        os.close(reader)
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"words")


def test_two_folders_change_places_or_nothing_is_done(tmp_path: Path) -> None:
    one, other = tmp_path / "один", tmp_path / "other"
    for folder, words in ((one, "one"), (other, "other")):
        folder.mkdir()
        (folder / "file").write_text(words)
    done = exchange(one, other)
    assert done or sys.platform != "linux"
    held = [(folder / "file").read_text() for folder in (one, other)]
    assert held == (["other", "one"] if done else ["one", "other"])
    assert not exchange(one, tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "один"]
