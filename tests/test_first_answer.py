"""How long nothing can be asked while many files are read: measured with the real commands, on few files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval.first import NotAnswered, first_answer, write_documents


def dragoman(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ui.cli", *arguments]


def test_another_process_answers_from_what_a_run_has_committed(tmp_path: Path) -> None:
    documents, index = tmp_path / "documents", str(tmp_path / "a.index")
    question = write_documents(documents, 300, seed=1)
    assert len(list(documents.iterdir())) == 300
    found = first_answer(
        dragoman("ingest", str(documents), "--index", index),
        dragoman("ask", "--json", "--index", index, question),
        documents=300,
    )
    assert found.documents == 300
    assert found.asked >= 1
    assert 0 < found.asking <= found.seconds


def test_a_run_that_ends_without_an_answer_is_told_with_what_it_said(tmp_path: Path) -> None:
    index = str(tmp_path / "none.index")
    with pytest.raises(NotAnswered, match=r"code 1 and said '.*missing.*no index|missing"):
        first_answer(
            dragoman("ingest", str(tmp_path / "missing"), "--index", index),
            dragoman("ask", "--json", "--index", index, "why?"),
            documents=0,
        )
