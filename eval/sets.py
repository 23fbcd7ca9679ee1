"""Evaluation sets: answer sets of our own, and retrieval sets in BEIR layout."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from index.errors import DataSetError
from index.language import LANGUAGES


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """A question with the words that answer it, any one of them right, or none if the documents do not tell."""

    id: str
    lang: str  # of the question
    doc_lang: str  # of the text that answers it, or comes near; "" where the set does not say
    source: str  # the file that answers it, or comes near
    question: str
    gold: tuple[str, ...]  # verbatim, but for white space
    answerable: bool


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """Questions over one folder of documents."""

    name: str
    corpus: Path  # the folder that is ingested
    questions: tuple[GoldQuestion, ...]
    sha256: str  # of the question file and every file of the corpus


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a retrieval set."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a retrieval set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents, queries, and which documents are relevant to which query, by grade."""

    name: str
    corpus: tuple[CorpusDocument, ...]
    queries: tuple[Query, ...]  # with and without judgments
    qrels: dict[str, dict[str, int]]  # query id to document id to grade, 0 or more
    sha256: str  # of the three files

    @property
    def judged(self) -> tuple[Query, ...]:
        """The queries with at least one relevant document, which alone can be measured."""
        return tuple(
            query for query in self.queries if any(grade > 0 for grade in self.qrels.get(query.id, {}).values())
        )


def sample_set() -> AnswerSet:
    """The answer set that is shipped with the package."""
    folder = Path(str(resources.files("eval"))) / "sample"
    return load_answer_set(folder / "questions.jsonl", corpus=folder / "corpus")


def load_answer_set(questions: Path, *, corpus: Path) -> AnswerSet:
    """Read a question file (`id lang file question gold answerable`, a JSON object a line). Raises DataSetError."""
    if not corpus.is_dir():
        raise DataSetError(f"{corpus}: no such folder; name the documents that the questions are about")
    digest = hashlib.sha256(_read(questions))
    for file in sorted(path for path in corpus.rglob("*") if path.is_file()):
        digest.update(file.relative_to(corpus).as_posix().encode() + b"\0" + file.read_bytes())
    found: dict[str, GoldQuestion] = {}
    for place, row in _json_lines(questions):
        question = _gold_question(place, row)
        if question.id in found:
            raise DataSetError(f'{place}: "id" {question.id!r} stands twice; give each question its own')
        found[question.id] = question
    if not found:
        raise DataSetError(f"{questions}: no question in it")
    name = questions.parent.name if questions.stem == "questions" else questions.stem
    return AnswerSet(name, corpus, tuple(found.values()), digest.hexdigest())


def _gold_question(place: str, row: dict[str, Any]) -> GoldQuestion:
    gold = row.get("gold")
    if not isinstance(gold, list) or not all(isinstance(quote, str) and quote.strip() for quote in gold):
        raise DataSetError(f'{place}: "gold" is {gold!r}; want a list of quotes, [] if there is no answer')
    answerable = row.get("answerable")
    if not isinstance(answerable, bool):
        raise DataSetError(f'{place}: "answerable" is {answerable!r}; want true or false')
    if answerable != bool(gold):
        raise DataSetError(f'{place}: "answerable" is {answerable} with {len(gold)} gold quotes; correct one of them')
    lang, doc_lang = _text(place, row, "lang"), str(row.get("doc_lang") or "")
    for name, value in (("lang", lang), ("doc_lang", doc_lang)):
        if value and value not in LANGUAGES:
            raise DataSetError(f'{place}: "{name}" is {value!r}; want one of {" ".join(LANGUAGES)}')
    return GoldQuestion(
        id=_text(place, row, "id"),
        lang=lang,
        doc_lang=doc_lang,
        source=str(row.get("file") or ""),
        question=_text(place, row, "question"),
        gold=tuple(gold),
        answerable=answerable,
    )


def load_beir(folder: Path) -> RetrievalSet:
    """Read a set in BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv. Raises DataSetError."""
    corpus_file, queries_file, qrels_file = (
        folder / name for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")
    )
    corpus = {
        (id_ := _text(place, row, "_id")): CorpusDocument(id_, str(row.get("title") or ""), str(row.get("text") or ""))
        for place, row in _json_lines(corpus_file)
    }
    queries = {
        (id_ := _text(place, row, "_id")): Query(id_, _text(place, row, "text"))
        for place, row in _json_lines(queries_file)
    }
    qrels: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_read(qrels_file).decode("utf-8").splitlines(), start=1):
        fields = line.split("\t")
        if (number == 1 and fields[-1].strip() == "score") or not line.strip():
            continue
        place = f"{qrels_file}:{number}"
        if len(fields) != 3 or not fields[2].strip().lstrip("-").isdigit():
            raise DataSetError(f"{place}: want query id, document id and grade, parted by tabs; found {line!r}")
        query, document, grade = fields[0], fields[1], int(fields[2])
        if query not in queries:
            raise DataSetError(f"{place}: query {query!r} is not in {queries_file.name}; correct the id")
        if document not in corpus:
            raise DataSetError(f"{place}: document {document!r} is not in {corpus_file.name}; correct the id")
        qrels.setdefault(query, {})[document] = grade
    digest = hashlib.sha256(b"\0".join(_read(file) for file in (corpus_file, queries_file, qrels_file)))
    return RetrievalSet(
        folder.resolve().name, tuple(corpus.values()), tuple(queries.values()), qrels, digest.hexdigest()
    )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataSetError(
            f"{file}: {error.strerror}; a set in BEIR layout has corpus.jsonl, queries.jsonl and qrels/test.tsv, "
            "an answer set a file of questions"
        ) from error


def _json_lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place ("file:line") and object of each line."""
    for number, line in enumerate(_read(file).split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{file}:{number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataSetError(f"{place}: not JSON ({error}); correct the line") from error
        if not isinstance(row, dict):
            raise DataSetError(f"{place}: want a JSON object, found {type(row).__name__}")
        yield place, row


def _text(place: str, row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DataSetError(f'{place}: "{key}" is {value!r}; want a text that is not empty')
    return value
