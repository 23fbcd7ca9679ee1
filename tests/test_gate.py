from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from eval.figures import Figure
from eval.gate import (
    AnswerPlace,
    BeirPlace,
    Floors,
    GateResult,
    Measured,
    Pins,
    Shipped,
    baseline_file,
    gate,
    load_floors,
    measure_place,
    pins_of,
    raise_floors,
)
from eval.sets import sample_set
from index.catalog import BuiltWith
from index.embed import BUNDLED, Embedder
from index.errors import DataSetError, DragomanError, SettingsError
from index.folder import Filters, Index
from index.passages import Chunking
from index.values import ScoredPassage
from rag.retrieve import LexicalRetriever, Retriever

PINS = Pins(data="ab" * 32, count=4, model="hashing@hashing-1", passages="160+1")
WORDS = ["pipeline", "lighthouse", "chess", "harbour", "railway", "orchard", "library", "volcano"]


def measured(**values: float) -> Measured:
    return Measured(PINS, tuple(Figure(name, value, value, value, 4, "signed") for name, value in values.items()))


def floors(**bounds: float) -> Floors:
    return Floors(Path("mine.toml"), "mine", Shipped(), PINS, bounds, {})


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))


@dataclass(frozen=True)
class Reversed:
    """A retriever made worse on purpose: what it finds, the worst first."""

    inner: Retriever

    def retrieve(self, question: str, *, k: int, filters: Filters = Filters()) -> list[ScoredPassage]:
        hits = self.inner.retrieve(question, k=100, filters=filters)
        return [replace(hit, score=-hit.score) for hit in reversed(hits)][:k]


@pytest.fixture
def beir(tmp_path: Path, write: Callable[..., Path]) -> Path:
    """Eight documents, each with a word of its own beside those of all, and a question for each."""
    corpus = [
        {"_id": f"d{i}", "title": "", "text": f"The news of the day from the {word}."} for i, word in enumerate(WORDS)
    ]
    queries = [{"_id": f"q{i}", "text": f"what news of the {word}"} for i, word in enumerate(WORDS)]
    qrels = [f"q{i}\td{i}\t1" for i in range(len(WORDS))]
    return write(
        tmp_path / "mine",
        {
            "corpus.jsonl": "".join(json.dumps(row) + "\n" for row in corpus),
            "queries.jsonl": "".join(json.dumps(row) + "\n" for row in queries),
            "qrels/test.tsv": "query-id\tcorpus-id\tscore\n" + "\n".join(qrels) + "\n",
        },
    )


@pytest.fixture
def config(beir: Path, hashing: Embedder) -> Path:
    """A file of floors for that set, pinned to it, with a floor just under what is measured."""
    found = measure_place(BeirPlace(beir, "lexical"), hashing)
    file = beir.parent / "mine.toml"
    file.write_text(
        f'[mine]\nset = "mine"\nsystem = "lexical"\ndata = "{found.pins.data}"\ncount = {found.pins.count}\n'
        f'model = "{found.pins.model}"\npassages = "{found.pins.passages}"\n\n[mine.floors]\n"nDCG@10" = 0.98\n'
    )
    return file


def run_gate(
    config: Path, embedder: Embedder, make_retriever: Callable[[Index], Retriever] | None = None
) -> GateResult:
    [mine] = load_floors(config)
    return gate(mine, measure_place(mine.place, embedder, make_retriever=make_retriever))


def test_the_gate_passes_what_is_as_it_was(config: Path, hashing: Embedder) -> None:
    before = config.read_bytes()
    result = run_gate(config, hashing)
    assert result.passed
    assert result.to_text().startswith("pass  mine: nDCG@10 1.000 [")
    assert result.to_text().endswith("n=8, floor 0.98\n")
    assert json.loads(result.to_json())["passed"] is True
    assert config.read_bytes() == before


def test_the_gate_fails_when_retrieval_is_made_worse(config: Path, hashing: Embedder) -> None:
    before = config.read_bytes()
    result = run_gate(config, hashing, lambda index: Reversed(LexicalRetriever(index)))
    assert not result.passed
    assert result.to_text().startswith("FAIL  mine: nDCG@10 ")
    assert config.read_bytes() == before  # and does not lower the floor


def test_the_gate_refuses_a_changed_judgment(config: Path, beir: Path, hashing: Embedder) -> None:
    qrels = beir / "qrels" / "test.tsv"
    qrels.write_text(qrels.read_text().replace("q3\td3\t1", "q3\td4\t1"))
    with pytest.raises(DataSetError, match=r'mine.toml: \[mine\] "data" is \w{12}, the questions, judgments or'):
        run_gate(config, hashing)


def test_the_gate_refuses_when_a_question_is_deleted(config: Path, beir: Path, hashing: Embedder) -> None:
    for name, last in (("queries.jsonl", "q7"), ("qrels/test.tsv", "q7")):
        lines = (beir / name).read_text().splitlines(keepends=True)
        (beir / name).write_text("".join(line for line in lines if last not in line))
    with pytest.raises(DataSetError, match=r'"count" is 8 questions, the set now has 7; set the floors anew'):
        run_gate(config, hashing)


def test_the_gate_refuses_a_changed_document(config: Path, beir: Path, hashing: Embedder) -> None:
    with (beir / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "d9", "title": "", "text": "One more."}\n')
    with pytest.raises(DataSetError, match='"data" is'):
        run_gate(config, hashing)


def test_an_answer_set_of_a_users_own(tmp_path: Path, hashing: Embedder, write: Callable[..., Path]) -> None:
    gold = "The lighthouse of Sahil was built in 1884 by the port office."
    write(tmp_path / "docs", {"a.txt": f"Sahil harbour\n\n{gold} It still stands on the northern pier of the town.\n"})
    question = {"id": "u1", "lang": "en", "question": "When was the lighthouse of Sahil built?", "gold": [gold]}
    (tmp_path / "questions.jsonl").write_text(json.dumps({**question, "answerable": True, "file": "a.txt"}) + "\n")
    file = tmp_path / "mine.toml"
    table = '[mine]\nquestions = "questions.jsonl"\ncorpus = "docs"\n'
    file.write_text(table + '[mine.floors]\n"quotes that stand" = 1.0\n')
    [unpinned] = load_floors(file)
    assert unpinned.place == AnswerPlace(tmp_path / "questions.jsonl", tmp_path / "docs")
    found = measure_place(unpinned.place, hashing)
    assert found.pins.count == 1
    with pytest.raises(
        SettingsError, match='"data" does not say what the floors were set on; these are: data = "'
    ) as told:
        gate(unpinned, found)
    # What the refusal prints is what has to be written.
    pins = re.search(
        r'these are: (data = "\w+"), (count = 1), (model = "[^"]+"), (passages = "160\+1")', str(told.value)
    )
    assert pins is not None
    file.write_text(table + "\n".join(pins.groups()) + '\n[mine.floors]\n"quotes that stand" = 0.5\n')
    [pinned] = load_floors(file)
    [check] = gate(pinned, measure_place(pinned.place, hashing)).checks
    assert check.figure.name == "quotes that stand"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"data": "cd" * 32},
            DataSetError,
            '"data" is abababababab, the questions, judgments or documents now are cdcdcd',
        ),
        ({"count": 3}, DataSetError, '"count" is 4 questions, the set now has 3'),
        ({"model": "labse@1"}, SettingsError, "\"model\" is 'hashing@hashing-1', this run has 'labse@1'"),
        ({"passages": "80+0"}, SettingsError, "\"passages\" is '160\\+1', this run has '80\\+0'"),
    ],
)
def test_floors_hold_for_what_they_were_set_on(change: dict[str, object], error: type, message: str) -> None:
    found = replace(measured(m=0.9), pins=replace(PINS, **change))  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        gate(floors(m=0.5), found)
    with pytest.raises(error, match=message):
        raise_floors(floors(m=0.5), found)


def test_a_bound_without_a_figure_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r'mine.toml: \[mine\] "gone" has a bound but was not measured; measured are m'
    ):
        gate(floors(m=0.5, gone=0.1), measured(m=0.9))
    nothing = Measured(PINS, (Figure("m", float("nan"), float("nan"), float("nan"), 0, ""),))
    with pytest.raises(SettingsError, match="was not measured"):
        gate(floors(m=0.5), nothing)


def test_bounds_are_met_at_the_bound_and_not_beyond() -> None:
    assert gate(floors(m=0.5), measured(m=0.5)).passed
    assert gate(floors(m=0.3), measured(m=0.1 + 0.2)).passed
    assert not gate(floors(m=0.5), measured(m=0.499)).passed
    ceiling = replace(floors(), ceilings={"m": 0.1})
    assert gate(ceiling, measured(m=0.1)).passed
    assert not gate(ceiling, measured(m=0.11)).passed
    both = replace(floors(good=0.5), ceilings={"m": 0.1})
    assert [c.passed for c in gate(both, measured(good=0.4, m=0.05)).checks] == [False, True]


def test_what_could_be_raised_is_told_and_nothing_lowered() -> None:
    assert raise_floors(floors(m=0.5, n=0.9), measured(m=0.6, n=0.8)) == '[mine.floors]\n"m" = 0.58  # was 0.5\n'
    assert raise_floors(floors(m=0.65), measured(m=0.67)) == ""
    assert raise_floors(floors(m=0.64), measured(m=0.67)) == '[mine.floors]\n"m" = 0.65  # was 0.64\n'
    ceiling = replace(floors(), ceilings={"m": 0.3, "n": 0.1})
    assert raise_floors(ceiling, measured(m=0.1, n=0.2)) == '[mine.ceilings]\n"m" = 0.12  # was 0.3\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[mine", r"mine.toml: not TOML"),
        ("", r"mine.toml: holds no table"),
        ("data = 1", r'mine.toml: "data" stands outside of a table'),
        ("[mine]\nset='s'\nfloor=1\n[mine.floors]\nm=1", r'mine.toml: \[mine\] "floor" is no key'),
        ("[mine]\nset='s'", r"mine.toml: \[mine\] has no floor"),
        ("[mine]\n[mine.floors]\nm=1", r'\[mine\] want "questions" and "corpus", or "set".*found neither'),
        ("[mine]\nset='s'\ncorpus='c'\n[mine.floors]\nm=1", r"found corpus, set"),
        ("[sample]\nquestions='q'\n[sample.floors]\nm=1", r"found questions"),
        ("[mine]\nset='s'\nsystem='best'\n[mine.floors]\nm=1", r'"system" is \'best\'; want one of full'),
        ("[mine]\nset=3\n[mine.floors]\nm=1", r'"set" is 3; want a text'),
        ("[mine]\nset='s'\ncount='8'\n[mine.floors]\nm=1", r'"count" is \'8\'; want a whole number'),
        ("[mine]\nset='s'\ncount=true\n[mine.floors]\nm=1", r'"count" is True; want a whole number'),
        ("[mine]\nset='s'\nfloors=1", r'"floors" is 1; want a table'),
        ("[mine]\nset='s'\n[mine.floors]\nm='high'", r'floors "m" is \'high\'; want a number'),
        ("[mine]\nset='s'\n[mine.floors]\nm=nan", r'floors "m" is nan; want a number'),
        (
            "[mine]\nset='s'\n[mine.ceilings]\nm=1",
            r'"m" has a ceiling, but more of it is better; put it under "floors"',
        ),
        ("[mine]\nset='s'\n[mine.floors]\n'wrongly declined'=1", r'"wrongly declined" has a floor, but less of it is'),
        ("[mine]\nquestions='q'\ncorpus='.'\n[mine.floors]\nm=1", r"mine.toml: lies in the corpus"),
    ],
)
def test_a_malformed_file_is_named_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_floors(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none.toml: No such file"):
        load_floors(tmp_path / "none.toml")


def test_the_floors_of_the_shipped_set_are_pinned_to_it(e5: Embedder) -> None:
    [shipped] = load_floors(baseline_file())
    assert shipped.place == Shipped()
    pins = pins_of(sample_set(), BuiltWith(e5.identity, Chunking()))
    assert pins.model.startswith(BUNDLED)
    figures = tuple(Figure(name, bound, bound, bound, 1, "") for name, bound in shipped.floors.items())
    ceilings = tuple(Figure(name, bound, bound, bound, 1, "") for name, bound in shipped.ceilings.items())
    assert gate(shipped, Measured(pins, figures + ceilings)).passed


def test_refusals_are_errors_of_ours() -> None:
    assert issubclass(DataSetError, DragomanError) and issubclass(SettingsError, DragomanError)
