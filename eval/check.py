"""An evaluation set before it is measured on: what in it is wrong, and at which line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from eval.claims import claims_file, load_claims
from eval.gold import QuoteFinder, normal
from eval.sets import (
    GoldQuestion,
    Query,
    corpus_document,
    gold_question,
    is_heading,
    json_object,
    judgment,
    lines,
    not_beir,
    qrels_of,
    text_of,
)
from index.clean import clean
from index.errors import DataSetError, ReadError
from index.escapes import view
from index.files import discover, read_bytes
from index.fold import folded_words
from index.read import read_source
from index.values import Document, Source, Span

_SHOWN = 60  # characters of a quote in a message


class Severity(StrEnum):
    """ERROR: figures on the set are wrong or cannot be had. WARNING: they may mean less than they seem to."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a set."""

    place: str  # "file:line", or a file
    message: str
    severity: Severity

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


@dataclass(slots=True)
class _Problems:
    found: list[Problem] = field(default_factory=list)

    def error(self, place: str, message: str) -> None:
        self.found.append(Problem(place, message.removeprefix(f"{place}: "), Severity.ERROR))

    def warning(self, place: str, message: str) -> None:
        self.found.append(Problem(place, message, Severity.WARNING))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a set, as others are compared with it."""

    place: str
    text: str
    gold: tuple[str, ...]  # white space normalised


def check_set(location: Path, corpus: Path | None = None, other: Path | None = None) -> list[Problem]:
    """Everything that is wrong with a set, in the order of its files; [] if it is sound.

    `location` is a folder in BEIR layout or of claims, a question file, or a folder with questions.jsonl. `corpus` is
    the folder of a question file's documents, by default `corpus` beside it. `other` is another set, in any of these
    forms, with which it may share no question and no gold quote: that of development for one of test. Raises
    DataSetError if there is no such set at all.
    """
    problems = _Problems()
    if questions := _question_file(location):
        folder = corpus or questions.parent / "corpus"
        if not folder.is_dir():
            raise DataSetError(f"{folder}: no such folder; name the documents that the questions are about")
        asked = _check_answer_set(questions, folder, problems)
    elif claims := claims_file(location):
        asked = _check_claims(claims, problems)
    else:
        asked = _check_beir(location, problems)
    if other is not None:
        _check_leakage(asked, _asked_of(other), problems)
    return problems.found


def _question_file(location: Path) -> Path | None:
    if location.is_file():
        return location
    inside = location / "questions.jsonl"
    return inside if inside.is_file() else None


# --- answer sets


@dataclass(frozen=True, slots=True)
class _CorpusFile:
    """A source as it would be ingested: what of it can be cited, and its words in whole."""

    source: Source
    documents: tuple[Document, ...]


def _check_answer_set(file: Path, corpus: Path, problems: _Problems) -> list[_Asked]:
    files = _read_corpus(corpus, problems)
    finder = cache(lambda path: QuoteFinder(files[path].source))
    questions: dict[str, tuple[str, GoldQuestion]] = {}
    for place, line in lines(file):
        try:
            question = gold_question(place, json_object(place, line))
        except DataSetError as error:
            problems.error(place, str(error))
            continue
        if question.id in questions:
            problems.error(place, f'"id" {question.id!r} stands in {questions[question.id][0]}, too; give each its own')
            continue
        questions[question.id] = place, question
        _check_gold(place, question, files, finder, problems)
    if not questions:
        problems.error(str(file), "no question in it")
    _check_duplicates(list(questions.values()), problems)
    return [
        _Asked(place, question.question, tuple(map(normal, question.gold))) for place, question in questions.values()
    ]


def _read_corpus(corpus: Path, problems: _Problems) -> dict[str, _CorpusFile]:
    discovery = discover([corpus])
    for message in discovery.missing:
        problems.error(str(corpus), message)
    files: dict[str, _CorpusFile] = {}
    texts: dict[str, str] = {}
    for found in discovery.files:
        try:
            source = read_source(read_bytes(found.location), path=found.name)
        except ReadError as error:
            problems.error(str(found.location), str(error).removeprefix(f"{found.name}: "))
            continue
        cleaned = clean(source)
        for problem in cleaned.problems:
            problems.error(*_split_place(problem.replace(found.name, str(found.location), 1)))
        files[found.name] = _CorpusFile(source, cleaned.documents)
        for document in cleaned.documents:
            line = source.text.count("\n", 0, document.spans[0].start) + 1
            place = f"{found.location}:{line}"
            words = "\n".join(normal(view(source.text, span, source.spelling).text) for span in document.body)
            if (first := texts.setdefault(_hash(words), place)) != place:
                problems.warning(place, f"the same words as the document at {first}; a hit on the other one is a miss")
    if not files:
        problems.error(str(corpus), "no document in it that can be read")
    return files


def _split_place(message: str) -> tuple[str, str]:
    place, _, rest = message.partition(": ")
    return place, rest


def _check_gold(
    place: str,
    question: GoldQuestion,
    files: dict[str, _CorpusFile],
    finder: Callable[[str], QuoteFinder],
    problems: _Problems,
) -> None:
    if question.source and question.source not in files:
        problems.error(place, f'"file" {question.source!r} is not in the corpus; correct the path')
        return
    if question.gold and not question.source and not question.spans:
        problems.warning(place, 'no "file": passages cannot be judged, and a citation only by the words it holds')
    quotes = {normal(quote) for quote in question.gold}
    for gold_span in question.spans:
        where = f"span {gold_span.span.start} to {gold_span.span.end} of {gold_span.source!r}"
        if gold_span.source not in files:
            problems.error(place, f"{where}: no such file in the corpus; correct the path")
            continue
        source = files[gold_span.source].source
        if gold_span.span.end > len(source.text):
            problems.error(place, f"{where}: the text ends at {len(source.text)}; correct the span")
            continue
        words = normal(view(source.text, gold_span.span, source.spelling).text)
        if quotes and words not in quotes:
            problems.error(place, f"{where}: {_short(words)} is none of the gold quotes; correct the one or the other")
        elif not _citable(gold_span.span, files[gold_span.source]):
            problems.error(place, f"{where}: cleaning leaves it out of every document, so it cannot be cited")
    for quote in question.gold:
        among = [question.source] if question.source else list(files)
        held = [(path, span) for path in among for span in finder(path).find(quote)]
        if not held:
            elsewhere = next((path for path in files if finder(path).find(quote)), "")
            hint = f"it stands in {elsewhere!r}" if elsewhere else "quote it letter by letter"
            problems.error(place, f"{_short(quote)} is not in {question.source or 'any file'!r}; {hint}")
        elif not any(_citable(span, files[path]) for path, span in held):
            problems.error(place, f"{_short(quote)}: cleaning leaves it out of every document, so it cannot be cited")


def _citable(span: Span, file: _CorpusFile) -> bool:
    """Whether one kept span holds all of it, as it must to be within one passage."""
    return any(
        kept.start <= span.start and span.end <= kept.end for document in file.documents for kept in document.spans
    )


def _check_duplicates(questions: list[tuple[str, GoldQuestion]], problems: _Problems) -> None:
    first: dict[str, tuple[str, GoldQuestion]] = {}
    for place, question in questions:
        before, known = first.setdefault(folded(question.question), (place, question))
        if before == place:
            continue
        if known.answerable != question.answerable:
            problems.error(place, f"the same question as at {before}, which says otherwise of its having an answer")
        else:
            problems.warning(place, f"the same question as at {before}; it counts twice")


# --- claims


def _check_claims(file: Path, problems: _Problems) -> list[_Asked]:
    """The first fault, and then no claims; lines stand for themselves, so little else can be wrong."""
    try:
        return _asked_claims(file)
    except DataSetError as error:
        problems.error(*_split_place(str(error)))
        return []


def _asked_claims(file: Path) -> list[_Asked]:
    claims = load_claims(file).queries  # one a line
    return [_Asked(place, claim.text, ()) for (place, _), claim in zip(lines(file), claims, strict=True)]


# --- sets in BEIR layout


def _check_beir(folder: Path, problems: _Problems) -> list[_Asked]:
    corpus_file, queries_file = folder / "corpus.jsonl", folder / "queries.jsonl"
    if not corpus_file.is_file() or not queries_file.is_file():
        raise DataSetError(not_beir(folder))
    documents = _check_beir_corpus(corpus_file, problems)
    queries = _read_queries(queries_file, problems)
    unanswerable_file = folder / "unanswerable.jsonl"
    unanswerable: dict[str, tuple[str, Query]] = {}
    if unanswerable_file.is_file():
        unanswerable = _read_queries(unanswerable_file, problems)
    try:
        main = qrels_of(folder)
        files = [main, *(file for file in sorted((folder / "qrels").glob("*.tsv")) if file != main)]
    except DataSetError as error:
        files = sorted((folder / "qrels").glob("*.tsv"))
        if not files:
            problems.error(*_split_place(str(error)))
    relevant_in: dict[Path, set[str]] = {}
    for file in files:
        relevant_in[file] = _check_qrels(file, queries, documents, problems)
    relevant = set().union(*relevant_in.values())
    _check_queries(queries, unanswerable, relevant, problems)
    _check_splits(queries, relevant_in, problems)
    # A set may list its unanswerable queries in both files, word for word.
    every = {**unanswerable, **queries}
    return [_Asked(place, query.text, ()) for place, query in every.values()]


def _check_beir_corpus(file: Path, problems: _Problems) -> dict[str, str]:
    """Document ids and their places."""
    places: dict[str, str] = {}
    texts: dict[str, str] = {}
    for place, line in lines(file):
        try:
            document = corpus_document(place, json_object(place, line))
        except DataSetError as error:
            problems.error(place, str(error))
            continue
        if (first := places.setdefault(document.id, place)) != place:
            problems.error(place, f'"_id" {document.id!r} stands in {first}, too; give each its own')
            continue
        if not document.text.strip():
            problems.warning(place, f"document {document.id!r} has no text, so it cannot be found")
        elif (same := texts.setdefault(_hash(f"{document.title}\n{document.text}"), place)) != place:
            problems.warning(place, f"the same words as the document at {same}; a hit on the other one is a miss")
    if not places:
        problems.error(str(file), "no document in it")
    return places


def _read_queries(file: Path, problems: _Problems) -> dict[str, tuple[str, Query]]:
    queries: dict[str, tuple[str, Query]] = {}
    for place, line in lines(file):
        try:
            row = json_object(place, line)
            query = Query(text_of(place, row, "_id"), text_of(place, row, "text"))
        except DataSetError as error:
            problems.error(place, str(error))
            continue
        if (first := queries.setdefault(query.id, (place, query))[0]) != place:
            problems.error(place, f'"_id" {query.id!r} stands in {first}, too; give each its own')
    if not queries:
        problems.error(str(file), "no query in it")
    return queries


def _check_qrels(
    file: Path, queries: dict[str, tuple[str, Query]], documents: dict[str, str], problems: _Problems
) -> set[str]:
    """The queries with a relevant document."""
    grades: dict[tuple[str, str], tuple[str, int]] = {}
    relevant: set[str] = set()
    for place, line in lines(file):
        try:
            if is_heading(place, line):
                continue
            query, document, grade = judgment(place, line)
        except DataSetError as error:
            problems.error(place, str(error))
            continue
        if query not in queries:
            problems.error(place, f"query {query!r} is not in queries.jsonl; correct the id")
        if document not in documents:
            problems.error(place, f"document {document!r} is not in corpus.jsonl; correct the id")
        first, known = grades.setdefault((query, document), (place, grade))
        if known != grade:
            problems.error(place, f"document {document!r} has grade {known} at {first} and {grade} here; keep one")
        elif first != place:
            problems.warning(place, f"the same judgment as at {first}; remove one")
        if grade > 0:
            relevant.add(query)
    return relevant


def _check_queries(
    queries: dict[str, tuple[str, Query]],
    unanswerable: dict[str, tuple[str, Query]],
    relevant: set[str],
    problems: _Problems,
) -> None:
    first: dict[str, tuple[str, str]] = {}
    for id_, (place, query) in queries.items():
        before, other = first.setdefault(folded(query.text), (place, id_))
        if before != place:
            if (id_ in relevant) != (other in relevant):
                problems.error(place, f"the same query as at {before}, of which one has a relevant document only")
            else:
                problems.warning(place, f"the same query as at {before}; it counts twice")
        if id_ not in relevant and id_ not in unanswerable:
            problems.warning(
                place, f"query {id_!r} has no relevant document; it is not measured, or taken as unanswerable"
            )
    for id_, (place, query) in unanswerable.items():
        if id_ in relevant:
            problems.error(place, f"query {id_!r} is unanswerable here and has a relevant document in qrels/")
        if id_ in queries:
            if queries[id_][1] != query:
                problems.error(place, f'"_id" {id_!r} stands in {queries[id_][0]}, too, with other words')
            continue
        before, other = first.setdefault(folded(query.text), (place, id_))
        if before != place:
            if other in relevant:
                problems.error(place, f"the same query as at {before}, which has a relevant document")
            else:
                problems.warning(place, f"the same query as at {before}; it counts twice")


def _check_splits(
    queries: dict[str, tuple[str, Query]], relevant_in: dict[Path, set[str]], problems: _Problems
) -> None:
    """No question may be judged in two files of judgments: what was learnt on one would be tested on the other."""
    first: dict[str, tuple[Path, str]] = {}
    for file, relevant in relevant_in.items():
        for id_ in sorted(relevant & queries.keys()):
            before, other = first.setdefault(folded(queries[id_][1].text), (file, id_))
            if before != file:
                problems.error(queries[id_][0], f"query {id_!r} of {file.name} is {other!r} of {before.name}: leakage")


# --- leakage between sets


def _asked_of(location: Path) -> list[_Asked]:
    """The questions of another set, whose own faults are not the matter here. Raises DataSetError."""
    found: list[_Asked] = []
    if file := _question_file(location):
        for place, line in lines(file):
            question = gold_question(place, json_object(place, line))
            found.append(_Asked(place, question.question, tuple(map(normal, question.gold))))
        return found
    if claims := claims_file(location):
        return _asked_claims(claims)
    if not (location / "queries.jsonl").is_file():
        raise DataSetError(not_beir(location))
    for name in ("queries.jsonl", "unanswerable.jsonl"):
        if (location / name).is_file():
            for place, line in lines(location / name):
                found.append(_Asked(place, text_of(place, json_object(place, line), "text"), ()))
    return found


def _check_leakage(asked: Iterable[_Asked], other: list[_Asked], problems: _Problems) -> None:
    questions = {folded(one.text): one.place for one in reversed(other)}
    quotes = {quote: one.place for one in reversed(other) for quote in one.gold}
    for one in asked:
        if place := questions.get(folded(one.text)):
            problems.error(one.place, f"the same question as at {place}: leakage; keep it in one of the sets")
        for quote in one.gold:
            if place := quotes.get(quote):
                problems.error(one.place, f"the gold quote {_short(quote)} is that of {place}, too: leakage")


def folded(text: str) -> str:
    """What two questions have in common that differ in case, diacritics, script or punctuation only."""
    return " ".join(folded_words(text)) or normal(text)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _short(quote: str) -> str:
    return repr(quote if len(quote) <= _SHOWN else quote[:_SHOWN].rstrip() + "…")
