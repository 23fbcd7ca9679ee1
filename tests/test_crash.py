"""Writers killed, writes that fail, readers beside a writer: short; `dragoman eval crash` is the full run."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.crash import Looked, Place, Seen, campaign, losses, unlike_anew, write_files
from eval.honesty import TurnedEmbedder, lies, sources_of
from index.ingest import ingest
from index.reembed import reembed
from index.schema import FILE_NAME


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    write_files(place.documents, random.Random(1), 30)
    ingest([place.documents], place.index, embedder=TurnedEmbedder(0))
    return place


def test_no_kill_loses_anything_or_leaves_a_lie(tmp_path: Path) -> None:
    report = campaign(tmp_path, kills=12, seed=5, files=80)
    assert report.found == []
    assert sum(report.kills.values()) == report.total == 12
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="a library is compiled and preloaded")
def test_no_write_that_fails_loses_anything(dragoman: Callable[..., object]) -> None:
    done = dragoman("eval", "crash", "--faults", 16, "--json")
    report = json.loads(done.stdout)
    assert (report["found"], done.returncode) == ([], 0)
    assert all(count > 20 for count in report["writes"].values())
    assert sum(report["ends"].values()) == 16  # of each operation once by each kind of fault
    assert all("PLACE" in message for message in report["messages"]) and report["messages"]


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="a library is compiled and preloaded")
def test_no_write_that_fails_is_told_without_a_remedy(dragoman: Callable[..., object]) -> None:
    # Among these are the writes of compact's last step, from the log to the catalog, and the journal of what restore
    # changes in its copy.
    operations = ("--operation", "compact", "--operation", "restore")
    done = dragoman("eval", "crash", "--faults", 28, *operations, "--json")
    report = json.loads(done.stdout)
    assert (report["found"], done.returncode) == ([], 0)
    assert report["writes"].keys() == {"compact", "restore"}


# What the campaign looks with must see


def spoil(place: Place, statement: str) -> None:
    with sqlite3.connect(place.index / FILE_NAME) as db:
        assert db.execute(statement).rowcount
    db.close()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE embeddings SET vector = zeroblob(128) WHERE key = 3", "the vector of another text"),
        ("UPDATE tokens SET packed = x'00' WHERE embedding = 3", "the token vectors of another text"),
        ("UPDATE sources SET text = replace(text, 'a', 'e') WHERE key = 3", "its text is not what was committed"),
        ('UPDATE passages SET "end" = "end" - 5 WHERE key = 3', "has not the text that it was committed with"),
        ("DELETE FROM tokens WHERE embedding = 3", "its token vectors are gone"),
        ("UPDATE passages SET document = 10000 WHERE key = 3", "belong to none of the documents"),
    ],
)
def test_a_lie_is_seen(place: Place, statement: str, told: str) -> None:
    assert lies(place.index, rng=random.Random(1)) == []
    spoil(place, statement)
    assert any(told in lie for lie in lies(place.index, rng=random.Random(1)))


def test_a_loss_is_seen(place: Place) -> None:
    before, target = Seen.of(place.index), sources_of(place.index)
    assert list(losses(Looked(before, before, before, target), embeddings_stay=True)) == []
    spoil(place, "UPDATE passages SET embedding = NULL WHERE key = 3")
    spoil(place, "DELETE FROM documents WHERE key = 5")
    spoil(place, "UPDATE settings SET value = 1 WHERE name = 'sequence'")
    told = set(losses(Looked(before, before, Seen.of(place.index), target), embeddings_stay=True))
    assert sum("have lost their embeddings" in each for each in told) == 1
    assert sum("neither what it was nor what it was to become" in each for each in told) == 1
    assert sum("the last batch was" in each for each in told) == 2  # before, and when it was last looked at


def test_an_index_that_differs_from_one_made_anew_is_seen(place: Place) -> None:
    assert list(unlike_anew(place, random.Random(1))) == []
    shutil.rmtree(place.folder / "anew.index")
    (place.index / "dense" / ".az-1.faiss.123-456").touch()  # is removed by the run
    spoil(place, "UPDATE documents SET title = 'another' WHERE key = 5")
    told = list(unlike_anew(place, random.Random(1)))
    assert "the sources are not those of a run from nothing" in told


def test_what_one_turned_embedder_made_is_wrong_for_another(place: Place) -> None:
    reembed(place.index, embedder=TurnedEmbedder(3))
    assert lies(place.index, rng=random.Random(1)) == []
    spoil(place, "UPDATE embedders SET identity = replace(identity, 'turned-3', 'turned-4')")
    assert any("the vector of another text" in lie for lie in lies(place.index, rng=random.Random(1)))
