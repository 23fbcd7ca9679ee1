"""`dragoman eval` end to end, on a set small enough to rank by hand."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from ui.cli import main

SAMPLE = Path(__file__).parent.parent / "eval" / "sample"
DOCUMENTS = {
    "d1": "The lighthouse of Sahilkend was painted white by its keeper in the spring of last year.",
    "d2": "Hazelnut growers complain about wasps and expect a poor harvest in the mountain villages.",
    "d3": "The night train to Narlidere has sleeping cars and no restaurant because of a fire rule.",
}
QUERIES = {"q1": "lighthouse keeper white", "q2": "hazelnut harvest wasps", "q3": "night train restaurant"}


@pytest.fixture
def beir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DRAGOMAN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "toy"
    (folder / "qrels").mkdir(parents=True)
    corpus = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in DOCUMENTS.items()]
    queries = [json.dumps({"_id": key, "text": text}) for key, text in QUERIES.items()]
    (folder / "corpus.jsonl").write_text("\n".join(corpus))
    (folder / "queries.jsonl").write_text("\n".join(queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq3\td3\t1\n")
    return folder


def run(*arguments: str | Path) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue()


def test_run_prints_figures_and_writes_a_trec_run(beir: Path, tmp_path: Path) -> None:
    file = tmp_path / "full.run"
    code, printed = run("eval", "run", beir, "--embedder", "hashing", "--run-file", file, "--json")
    assert code == 0
    document = json.loads(printed)
    assert (document["set"], document["system"]) == ("toy", "full")
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert set(figures["nDCG@10"]) == {"name", "value", "low", "high", "n", "signature"}
    assert (figures["nDCG@10"]["value"], figures["Success@1"]["value"], figures["nDCG@10"]["n"]) == (1.0, 1.0, 3)
    assert "model:hashing" in figures["nDCG@10"]["signature"]
    first = [line.split() for line in file.read_text().splitlines() if line.split()[3] == "1"]
    assert [(row[0], row[1], row[2], row[5]) for row in first] == [
        ("q1", "Q0", "d1", "full"),
        ("q2", "Q0", "d2", "full"),
        ("q3", "Q0", "d3", "full"),
    ]


def test_only_passages_are_kept_between_runs_whose_latencies_count(beir: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text(DOCUMENTS["d1"] + " It is said that it is seen from afar at night.")
    gold = [DOCUMENTS["d1"]]
    row = {"id": "1", "lang": "en", "question": "who painted the lighthouse", "gold": gold, "answerable": True}
    questions.write_text(json.dumps(row))

    def kept() -> int:
        with contextlib.closing(sqlite3.connect(tmp_path / "cache" / "eval" / "embeddings.sqlite")) as file:
            return file.execute("SELECT count(*) FROM vectors").fetchone()[0]

    assert run("eval", "run", beir, "--embedder", "hashing")[0] == 0
    assert kept() == len(DOCUMENTS)
    assert run("eval", "answers", questions, "--corpus", tmp_path / "corpus", "--embedder", "hashing")[0] == 0
    assert kept() == len(DOCUMENTS) + 1
    assert run("eval", "table", beir, "--embedder", "hashing", "--system", "dense")[0] == 0
    assert kept() == len(DOCUMENTS) + 1 + len(QUERIES)  # a table has no latency


def test_compare_shows_who_lost_what(beir: Path, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.run", tmp_path / "bad.run"
    good.write_text("q1 Q0 d1 1 2 a\nq2 Q0 d2 1 2 a\nq3 Q0 d3 1 2 a\n")
    bad.write_text("q1 Q0 d2 1 2 b\nq1 Q0 d1 2 1 b\nq2 Q0 d2 1 2 b\nq3 Q0 d3 1 2 b\n")
    code, printed = run("eval", "compare", good, bad, "--set", beir)
    assert code == 0
    assert "q1" in printed
    code, printed = run("eval", "compare", good, bad, "--set", beir, "--json")
    assert code == 0
    assert json.loads(printed)


def test_table_has_a_row_a_system(beir: Path) -> None:
    code, printed = run("eval", "table", beir, "--embedder", "hashing", "--system", "full", "--system", "bm25")
    assert code == 0
    assert [name for name in ("full", "bm25") if name in printed] == ["full", "bm25"]


def test_check_finds_nothing_wrong_with_the_sample_and_says_what_is_wrong_elsewhere(beir: Path) -> None:
    code, printed = run("eval", "check", SAMPLE / "questions.jsonl", "--corpus", SAMPLE / "corpus")
    assert (code, printed.strip()) == (0, "0 problems, 0 of them errors")
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\tnowhere\t1\n")
    code, printed = run("eval", "check", beir)
    assert code == 1
    assert "test.tsv:2" in printed
    assert "nowhere" in printed


def test_a_set_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "run", str(tmp_path / "none"), "--embedder", "hashing"]) == 1
    assert "none" in capsys.readouterr().err
    assert main(["eval", "run", str(tmp_path), "--system", "magic"]) == 2


@pytest.fixture
def mine(tmp_path: Path) -> tuple[Path, Path]:
    """A file of questions in two languages, and the folder that they are about."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("d1", "d2"):
        (corpus / f"{name}.txt").write_text(f"{DOCUMENTS[name]}\n")
    rows = [
        {"id": "1", "lang": "en", "doc_lang": "en", "file": "d1.txt", "question": "lighthouse keeper white"},
        {"id": "2", "lang": "az", "doc_lang": "en", "file": "d1.txt", "question": "hazelnut harvest wasps"},
    ]
    lines = (json.dumps({**row, "gold": [DOCUMENTS["d1"]], "answerable": True}) for row in rows)
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    return tmp_path / "mine.jsonl", corpus


def test_answers_print_the_worst_pair_beside_the_mean_over_pairs(mine: tuple[Path, Path]) -> None:
    """Of the two questions the second is about another file than the one it says."""
    command = ("eval", "answers", mine[0], "--corpus", mine[1], "--embedder", "hashing")
    code, printed = run(*command)
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line}
    assert rows["worst"][:2] == ["0.00", "az→en"]
    assert rows["macro"][0] == "0.50"
    assert list(rows).index("worst") == list(rows).index("macro") + 1
    code, printed = run(*command, "--json")
    document = json.loads(printed)
    assert code == 0
    assert (document["macro"][0]["name"], document["macro"][0]["value"]) == ("first citation", 0.5)
    first = document["worst"][0]
    assert (first["pair"], first["name"], first["value"], first["n"]) == ("az→en", "first citation", 0.0, 1)
    assert [each["name"] for each in document["worst"]] == [each["name"] for each in document["figures"]]


def test_a_report_of_ones_own_questions_and_sets_in_every_form(
    mine: tuple[Path, Path], beir: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(beir, other)
    page, tables = tmp_path / "page.html", tmp_path / "tables.md"
    tables.write_text("an older one")
    code, printed = run(
        "eval", "report", "--embedder", "hashing", "--questions", mine[0], "--corpus", mine[1],
        "--set", beir, "--set", other, "--system", "full", "--system", "lexical",
        "--html", page, "--markdown", tables, "--json",
    )  # fmt: skip
    assert code == 0
    document = json.loads(printed)
    assert document["title"] == "mine"
    assert [(part["set_name"], part["system"]) for part in document["retrievals"]] == [
        ("toy", "full"), ("toy", "lexical"), ("other", "full"), ("other", "lexical"),
    ]  # fmt: skip
    assert list(document["figures"]) == ["all", "az→en", "en→en", "macro"]
    assert document["worst"][0]["pair"] == "az→en"
    assert [question["id"] for question in document["questions"]] == ["1", "2"]
    assert "| other | lexical | 1.000" in tables.read_text()
    assert "| worst | 0.000 az→en |" in tables.read_text()
    assert page.read_text().count("<img") == 4
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_report_names_the_files_that_were_not_read(
    mine: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    (mine[1] / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    command = ["eval", "report", "--embedder", "hashing", "--questions", mine[0], "--corpus", mine[1], "--markdown"]
    assert main(list(map(str, command))) == 1
    shown = capsys.readouterr()
    assert "Not read: broken.pdf" in shown.out
    assert "not read: broken.pdf" in shown.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "name what to write"),
        (["--markdown", "--json"], "only one form can go to stdout"),
        (["--html", "nowhere/page.html"], "nowhere/page.html: its folder is not there"),
        (["--json", "."], "a folder"),
        (["--markdown", "--questions", "mine.jsonl"], "belong together"),
        (["--markdown", "--system", "full"], "name a --set"),
    ],
)
def test_a_report_that_could_not_be_written_is_not_begun(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eval", "report", "--embedder", "no such model", *options]) == 2
    assert said in capsys.readouterr().err


def test_the_gate_refuses_another_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One question fewer, and the floors say nothing any more."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.txt").write_text(DOCUMENTS["d1"])
    question = {"id": "1", "lang": "en", "file": "a.txt", "question": "who painted the lighthouse", "answerable": True}
    row = json.dumps({**question, "gold": [DOCUMENTS["d1"]]})
    (tmp_path / "questions.jsonl").write_text(row)
    (tmp_path / "mine.toml").write_text(
        '[mine]\nquestions = "questions.jsonl"\ncorpus = "corpus"\ncount = 2\n'
        f'data = "{"0" * 64}"\n'
        'model = "hashing@hashing-1"\npassages = "160+1"\n[mine.floors]\n"first three" = 0.5\n'
    )
    assert main(["eval", "gate", "--config", str(tmp_path / "mine.toml"), "--embedder", "hashing"]) == 1
    assert "mine.toml" in capsys.readouterr().err
