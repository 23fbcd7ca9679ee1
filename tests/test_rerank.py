"""A cross-encoder decides the order of the passages that it sees, and is refused where it is none.

The models here have random weights and are a few kilobytes, but are files like any other's and run like any other.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import ModelError
from index.folder import Index
from index.passages import searched_text
from rag import fuse
from rag.assistant import Assistant
from rag.fuse import reorder
from rag.rerank import CROSS_ENCODED, CrossEncoderReranker
from rag.retrieve import HybridRetriever

FILES = {
    f"{i}.txt": f"The pier {word}\n\nThe {word} keeper of the harbour says that work on the pier goes on {word}.\n"
    for i, word in enumerate(
        ["amber", "basil", "cedar", "dune", "ember", "fern", "grove", "hazel", "iris", "jade", "kelp", "lotus", "maple",
         "north", "olive", "pearl", "quartz", "reed", "sage", "thyme", "umber", "violet", "willow", "yarrow"]
    )
}  # fmt: skip
QUESTION = "who is the keeper of the harbour pier?"


def save_model(folder: Path, kind: str = "BertForSequenceClassification", labels: int = 1) -> Path:
    """A tiny BERT over single letters, of a fixed seed."""
    import torch
    import transformers

    torch.manual_seed(7)
    folder.mkdir()
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=labels,
        initializer_range=1.0,  # so that scores lie apart
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "cross")


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(FILES)


def test_the_order_is_that_of_the_models_own_scores(index: Index, model: Path) -> None:
    from sentence_transformers import CrossEncoder

    without = HybridRetriever(index).rank(QUESTION, k=100).scores
    retriever = HybridRetriever(index, cross=CrossEncoderReranker(str(model)))
    ranking, hits = retriever.rank(QUESTION, k=100), retriever.retrieve(QUESTION, k=100)
    seen, unseen = list(ranking.cross), [key for key in without if key not in ranking.cross]
    assert (len(seen), len(unseen)) == (CROSS_ENCODED, len(FILES) - CROSS_ENCODED)
    assert min(without[key] for key in seen) >= max(without[key] for key in unseen)
    passages = {key: stored.passage for key, stored in index.passages(without).items()}
    own = CrossEncoder(str(model)).predict([(QUESTION, searched_text(passages[key])) for key in seen])
    order = [key for _, key in sorted(zip(own, seen, strict=True), reverse=True)]
    assert [hit.passage for hit in hits[:CROSS_ENCODED]] == [passages[key] for key in order]
    assert {hit.passage for hit in hits[CROSS_ENCODED:]} == {passages[key] for key in unseen}
    assert order != sorted(seen, key=lambda key: (-without[key], key))


def test_an_explanation_tells_the_step_only_if_it_was_taken(index: Index, model: Path) -> None:
    reranker = CrossEncoderReranker(str(model))
    assistant = Assistant(index, retriever=HybridRetriever(index, cross=reranker))
    explanation = assistant.explain(QUESTION, k=30)
    assert [each.hit for each in explanation.hits] == assistant.search(QUESTION, k=30)
    document = explanation.to_document()
    assert document["reranker"] == str(model)
    assert [hit["cross"]["rank"] for hit in document["hits"]] == [*range(1, CROSS_ENCODED + 1), 0, 0, 0, 0]
    assert [each.total.rank for each in explanation.hits] == list(range(1, len(FILES) + 1))
    scores = reranker.scores(QUESTION, [searched_text(each.hit.passage) for each in explanation.hits[:CROSS_ENCODED]])
    assert [each.cross.score for each in explanation.hits[:CROSS_ENCODED]] == pytest.approx(scores, abs=1e-5)
    without = Assistant(index).explain(QUESTION, k=30).to_document()
    assert without["reranker"] == ""
    assert all("cross" not in hit for hit in without["hits"])


def test_nothing_is_read_for_nothing(model: Path) -> None:
    assert CrossEncoderReranker(str(model)).scores(QUESTION, []) == []


@pytest.mark.parametrize("name", ["cross-encoder/there-is-none-such", "./no-such-folder"])
def test_a_name_that_is_not_found(index: Index, name: str) -> None:
    with pytest.raises(
        ModelError, match=rf"reranking model '{name}': .*; give a folder with a cross-encoder, or its name"
    ):
        Assistant.open(index.folder, reranker=name)


@pytest.mark.parametrize(
    ("kind", "labels", "found"),
    [
        ("BertModel", 1, "it is a BertModel without weights that score a pair"),
        ("BertForSequenceClassification", 3, "it gives 3 scores for a pair; want one"),
    ],
)
def test_a_model_that_is_no_cross_encoder(tmp_path: Path, kind: str, labels: int, found: str) -> None:
    model = save_model(tmp_path / "model", kind, labels)
    with pytest.raises(ModelError, match=f"{found}; choose a cross-encoder"):
        CrossEncoderReranker(str(model))


def test_scores_that_are_no_numbers(tmp_path: Path, model: Path) -> None:
    import torch
    from transformers import BertForSequenceClassification

    broken = save_model(tmp_path / "model")
    weights = BertForSequenceClassification.from_pretrained(broken)
    torch.nn.init.constant_(weights.classifier.bias, math.nan)
    weights.save_pretrained(broken)
    with pytest.raises(ModelError, match="gives scores that are no numbers; choose another"):
        CrossEncoderReranker(str(broken)).scores(QUESTION, ["pier"])


SCORES = st.dictionaries(st.integers(0, 30), st.integers(-20, 20).map(lambda n: n / 10), min_size=1)


@given(SCORES, st.data())
def test_reordered_scores_are_in_the_order_of_the_cross_encoder(scores: dict[int, float], data: st.DataObject) -> None:
    best = sorted(scores, key=lambda key: (-scores[key], key))
    seen = best[: data.draw(st.integers(0, len(best)))]
    cross = {key: data.draw(st.integers(-3, 3).map(float)) for key in seen}
    found = reorder(scores, cross)
    order = sorted(found, key=lambda key: (-found[key], key))
    assert order == sorted(seen, key=lambda key: (-cross[key], -scores[key], key)) + best[len(seen) :]
    assert found.keys() == scores.keys()
    if seen:
        assert found[order[0]] == scores[best[0]]


def test_equal_scores_are_dealt_apart() -> None:
    assert reorder({1: 0.5, 2: 0.5, 3: 0.5}, {1: 0.0, 2: 9.0}) == pytest.approx({2: 0.5, 1: 0.499999, 3: 0.499998})
    assert reorder({1: 0.5, 2: 0.5}, {}) == {1: 0.5, 2: 0.5}
    assert fuse._STEP == 1e-6


def test_the_command(dragoman: Callable, index: Index, model: Path) -> None:
    shown = dragoman("search", "-k", "5", "--explain", "--index", index.folder, "--reranker", model, QUESTION).stdout
    best = HybridRetriever(index, cross=CrossEncoderReranker(str(model))).retrieve(QUESTION, k=5)
    assert f"\nordered by: {model}\n" in shown
    assert "      rerank       cross  passage\n" in shown
    assert re.findall(r"#\d+ +(\d+\.txt):", shown) == [hit.passage.source_path for hit in best]
    done = dragoman("ask", "--index", index.folder, "--reranker", "./none", QUESTION)
    assert (done.returncode, done.stdout) == (1, "")
    assert "dragoman: reranking model './none': " in done.stderr


def test_only_the_full_system_is_reranked(dragoman: Callable, model: Path, tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d", "title": "", "text": "The pier of the harbour is long."}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "how long is the pier?"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    run = ["eval", "run", tmp_path, "--embedder", "hashing", "--reranker", model]
    assert json.loads(dragoman(*run, "--json").stdout)["system"] == f"full+{model}"
    done = dragoman(*run, "--system", "bm25")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--reranker goes with --system full, not with bm25; leave one of them away" in done.stderr
