"""What so many passages take: the numbers of its formulas, and those that were measured."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.capacity import Capacity, reckon
from index.errors import SettingsError
from index.estimate import ingest_bytes
from ui.cli import main
from ui.plan_command import passage_count

COUNTS = st.integers(1, 10**10)


def values(found: Capacity) -> dict[str, float]:
    return {figure.name: figure.value for figure in (*found.local, *found.milvus)}


def test_a_million_takes_what_was_measured() -> None:
    found = values(reckon(1_000_000, cores=2, days=7))
    assert found["disk"] == 14e9
    assert found["memory, asking"] == 363e6 + 124e6 + 200_000 * 384 * 3
    assert found["memory, ingesting"] == ingest_bytes(1_000_000, dimension=384, processes=2)
    assert found["embedding"] == pytest.approx(1_000_000 / 56)
    assert found["writing"] == pytest.approx(34 * 60)
    assert found["machines to embed"] == 1


def test_a_hundred_million_in_milvus_by_the_formulas_of_its_makers() -> None:
    found = values(reckon(100_000_000, cores=2, days=7))
    raw = 100e6 * 384 * 4
    assert found["vectors"] == raw
    assert found["memory, HNSW"] == pytest.approx(((1 + 60 / 384) * raw + 2**30) * 1.15)
    assert found["memory, DiskANN"] == pytest.approx(raw / 4 * 1.15)
    assert found["disk, DiskANN"] == pytest.approx((1 + 56 / 384) * raw)
    assert found["object store"] == pytest.approx(raw + found["memory, HNSW"])
    assert found["query nodes, HNSW"] == 6  # 191 GiB in nodes of 32
    assert found["machines to embed"] == 3  # 20.7 days / 7


@given(COUNTS, COUNTS, st.integers(1, 512), st.floats(0.1, 1000))
def test_more_passages_never_take_less_and_machines_are_enough(one: int, other: int, cores: int, days: float) -> None:
    less, more = (reckon(count, cores=cores, days=days) for count in sorted((one, other)))
    for name, value in values(less).items():
        if name != "query nodes, HNSW":  # larger ones hold more each
            assert value <= values(more)[name]
    found = values(less)
    assert found["machines to embed"] * days * 86_400 >= found["embedding"] * (1 - 1e-9)
    each = next(int(f.formula.split()[1]) for f in less.milvus if f.name == "query nodes, HNSW")
    assert found["query nodes, HNSW"] * each * 2**30 >= found["memory, HNSW"]
    assert found["query nodes, HNSW"] == max(1, math.ceil(found["memory, HNSW"] / 2**30 / each))


@given(COUNTS)
def test_a_count_is_read_as_it_is_written(count: int) -> None:
    assert passage_count(str(count)) == passage_count(f"{count:,}") == passage_count(f"{count:_}") == count
    assert passage_count(f"{count}k") == passage_count(f"{count}K") == 1000 * count


@pytest.mark.parametrize("text", ["", "0", "-5", "many", "1e6", "0.1", "5T", "1.5.2k", "k"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"such as 2\.5k, 100M or 1_000_000"):
        passage_count(text)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--passages", "100M", "--cores", "16"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "100,000,000 passages in a local folder"
    assert lines[1] == "  disk                 1,400.0 GB  = passages × 14,000 bytes [1]"
    assert lines[4] == "  embedding              2.6 days  = passages / (28 a second and core × 16 cores) [4]"
    assert any(line.startswith("[5] Milvus's sizing tool, not measured here") for line in lines)
    assert "A local folder is meant for up to 10,000,000 passages; this is more." in lines
    assert main(["plan", "--passages", "100M", "--cores", "2"]) == 0
    assert "others read and embed for it: dragoman ingest --ray" in capsys.readouterr().out.splitlines()[-1]
    assert main(["plan", "--passages", "2.5k", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passages"] == 2500
    assert main(["plan", "--passages", "5", "--days", "0"]) == 2
    assert main(["plan", "--passages", "some"]) == 2
