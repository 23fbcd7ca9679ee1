"""What the hybrid retriever gives of its ranking: the best, ties by id, and nothing that is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from index.folder import Index
from rag.retrieve import HybridRetriever

QUESTION = "Which ship is late?"
# Four of them are copies, so their passages score alike; ids are hashes, and so in no order of keys.
TEXTS = {f"{name}.txt": "The white ship is late again, says the harbour.\n" for name in ("d", "b", "a", "c")}
TEXTS |= {f"town{i}.txt": f"The mayor of town {i} opened a bridge and a school.\n" for i in range(8)}


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(TEXTS)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 12, 50])
def test_fewer_are_the_first_of_more(index: Index, k: int) -> None:
    retriever = HybridRetriever(index)
    everything = retriever.retrieve(QUESTION, k=100)
    assert len(everything) == len(TEXTS)
    assert everything == sorted(everything, key=lambda hit: (-hit.score, hit.passage.id))
    assert {hit.passage.source_path for hit in everything[:4]} == {"a.txt", "b.txt", "c.txt", "d.txt"}
    assert len({hit.score for hit in everything[:4]}) == 1
    assert retriever.retrieve(QUESTION, k=k) == everything[:k]


def test_others_stand_in_for_passages_that_are_gone(index: Index) -> None:
    retriever = HybridRetriever(index)
    everything = retriever.retrieve(QUESTION, k=100)
    index.catalog.commit([], remove=["a.txt", "c.txt"])  # as a writer does, which this reader has not followed yet
    left = [hit for hit in everything if hit.passage.source_path not in ("a.txt", "c.txt")]
    found = retriever.retrieve(QUESTION, k=5)
    assert [hit.passage.id for hit in found] == [hit.passage.id for hit in left[:5]]


def test_nothing_is_found_in_nothing(make_index: Callable[..., Index]) -> None:
    assert HybridRetriever(make_index({})).retrieve(QUESTION, k=5) == []
