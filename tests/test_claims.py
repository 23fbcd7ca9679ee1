"""Claims and the pages they cite: made-up ones in the layout of WiCE, and the development set where it is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.check import check_set
from eval.claims import load_claims
from eval.layouts import load_retrieval_set
from eval.sets import CorpusDocument, Query
from index.errors import DataSetError

DEV = Path(__file__).parents[2] / "shared" / "data" / "dev" / "wice"

FERRY = [
    "(meta data) TITLE: Alat | Harbour news",
    "# The ferry",
    "It was built in 1984.",
    "It carries cars.",
]
BEES = ["The union counts nine hundred hives.", "A third was lost to frost."]
CLAIMS: list[dict[str, Any]] = [
    {
        "_id": "c1",
        "claim": "The Alat ferry, built in 1984, carries cars.",
        "evidence": FERRY,
        "supporting_sentences": [[2, 3]],
        "label": "supported",
        "meta": {"claim_title": "Alat"},
    },
    {
        "_id": "c2",
        "claim": "Two thirds of the hives survived a winter of war.",
        "evidence": BEES,
        "supporting_sentences": [[1]],
        "label": "partially_supported",
    },
    {
        "_id": "c3",
        "claim": "The ferry was sold to Aktau.",
        "evidence": FERRY,
        "supporting_sentences": [[]],
        "label": "not_supported",
    },
    {"_id": "c4", "claim": "Alat has a car ferry.", "evidence": FERRY, "label": "supported"},
]


def write(folder: Path, claims: list[dict[str, Any]], name: str = "dev.jsonl") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text("".join(json.dumps(claim) + "\n" for claim in claims), encoding="utf-8")
    return file


def test_pages_are_documents_and_claims_are_queries(tmp_path: Path) -> None:
    folder = write(tmp_path / "harbour", CLAIMS).parent
    found = load_retrieval_set(folder)
    assert found.name == "harbour"
    assert found.corpus == (  # the page of three claims stands once
        CorpusDocument("c1", "Alat | Harbour news", "# The ferry\nIt was built in 1984.\nIt carries cars."),
        CorpusDocument("c2", "", "\n".join(BEES)),
    )
    assert found.queries[2] == Query("c3", "The ferry was sold to Aktau.")
    assert found.qrels == {"c1": {"c1": 2}, "c2": {"c2": 1}, "c4": {"c1": 2}}
    assert [query.id for query in found.judged] == ["c1", "c2", "c4"]
    assert [query.id for query in found.unanswerable] == ["c3"]
    (folder / "meta.json").write_text('{"query_lang": "en"}')
    assert {query.lang for query in load_retrieval_set(folder).queries} == {"en"}


def test_the_hash_is_that_of_what_is_read(tmp_path: Path) -> None:
    first = load_claims(write(tmp_path, CLAIMS)).sha256
    assert load_claims(write(tmp_path, CLAIMS)).sha256 == first
    assert load_claims(write(tmp_path, CLAIMS[:-1])).sha256 != first


def test_what_a_folder_holds_says_how_it_is_read(tmp_path: Path) -> None:
    write(tmp_path, CLAIMS[:1], "dev.jsonl")
    write(tmp_path, CLAIMS[1:2], "test.jsonl")
    assert [query.id for query in load_retrieval_set(tmp_path).queries] == ["c2"]  # test before dev, as in BEIR
    (tmp_path / "queries.jsonl").write_text("")
    with pytest.raises(DataSetError, match="not in BEIR layout"):
        load_retrieval_set(tmp_path)  # half of a BEIR set is not taken for claims
    with pytest.raises(DataSetError, match="no such folder"):
        load_retrieval_set(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_id": "c1"}, "\"_id\" 'c1' stands twice"),
        ({"_id": ""}, '"_id" is'),
        ({"claim": None}, '"claim" is None'),
        ({"evidence": "a page"}, "\"evidence\" is 'a page'; want a list of sentences"),
        ({"evidence": ["a", 3]}, "want a list of sentences"),
        ({"evidence": []}, '"evidence" has no sentence'),
        ({"evidence": [" "]}, '"evidence" has no sentence'),
        ({"label": "true"}, "\"label\" is 'true'; want one of supported partially_supported not_supported"),
        ({"label": ["supported"]}, '"label" is'),
    ],
)
def test_faults_name_file_and_line(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = write(tmp_path, [CLAIMS[0], {**CLAIMS[1], **change}])
    with pytest.raises(DataSetError) as caught:
        load_claims(file)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert message in str(caught.value)
    [problem] = check_set(tmp_path)
    assert (problem.place, f"{problem.place}: {problem.message}") == (f"{file}:2", str(caught.value))


def test_a_file_without_claims_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="no claim in it"):
        load_claims(write(tmp_path, []))


def test_claims_are_checked_for_leakage(tmp_path: Path) -> None:
    dev, test = write(tmp_path / "dev", CLAIMS), write(tmp_path / "test", [{**CLAIMS[1], "_id": "t1"}])
    assert check_set(dev.parent) == []
    [problem] = check_set(test.parent, other=dev.parent)
    assert problem.place == f"{test}:1"
    assert f"the same question as at {dev}:2" in problem.message


@pytest.mark.skipif(not DEV.is_dir(), reason="the development sets are not on this machine")
def test_the_development_set_of_claims() -> None:
    found = load_retrieval_set(DEV)
    counts = json.loads((DEV / "meta.json").read_text())["counts"]["dev"]
    grades = [grade for by_document in found.qrels.values() for grade in by_document.values()]
    assert grades.count(2) == counts["supported"]
    assert grades.count(1) == counts["partially_supported"]
    assert len(found.unanswerable) == counts["not_supported"]
    assert len(found.corpus) == len({document.text for document in found.corpus}) <= len(found.queries)
