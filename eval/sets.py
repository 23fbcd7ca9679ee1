"""Evaluation sets: answer sets of our own, retrieval sets in BEIR layout or of TREC files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from index.dates import stated_date
from index.errors import DataSetError
from index.language import LANGUAGES
from index.values import Span

TEST = "test"  # the split that nothing is fitted to
_INTEGER = re.compile(r"[-+]?\d+")
_TOPIC_TAG = re.compile(r"<(/?)(top|num|title|desc|narr)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """A place that answers: a piece of one source's text."""

    source: str  # path below the corpus folder
    span: Span


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
    spans: tuple[GoldSpan, ...] = ()  # where the quotes stand, or, without quotes, what answers
    reference: str = ""  # an answer in words of its own, to compare with; "" if the set has none


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
    lang: str = ""  # BCP 47; "" where the set does not say
    earlier: tuple[str, ...] = ()  # what was asked before it in a conversation, oldest first
    split: str = ""  # the part of its set that it is in, such as TEST; "" where the set does not say


@dataclass(frozen=True, slots=True)
class CorpusDocument:
    """A document of a retrieval set."""

    id: str
    title: str
    text: str
    date: str = ""  # on which it was published, ISO 8601, or "" where the set does not say


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents, queries, and which documents are relevant to which query, by grade."""

    name: str
    corpus: tuple[CorpusDocument, ...]
    queries: tuple[Query, ...]  # with and without judgments
    qrels: dict[str, dict[str, int]]  # query id to document id to grade, 0 or more
    sha256: str  # of its files

    @property
    def judged(self) -> tuple[Query, ...]:
        """The queries with at least one relevant document, which alone can be measured."""
        return tuple(query for query in self.queries if self._has_relevant(query))

    @property
    def unanswerable(self) -> tuple[Query, ...]:
        """The queries without a relevant document: what is asked is not in the corpus, as far as was judged."""
        return tuple(query for query in self.queries if not self._has_relevant(query))

    @property
    def parts(self) -> frozenset[str]:
        """The splits of its queries, where the set says them."""
        return frozenset(query.split for query in self.queries if query.split)

    def _has_relevant(self, query: Query) -> bool:
        return any(grade > 0 for grade in self.qrels.get(query.id, {}).values())


def sample_set() -> AnswerSet:
    """The answer set that is shipped with the package."""
    folder = Path(str(resources.files("eval"))) / "sample"
    return load_answer_set(folder / "questions.jsonl", corpus=folder / "corpus")


def load_answer_set(questions: Path, *, corpus: Path) -> AnswerSet:
    """Read a question file, a JSON object a line. Raises DataSetError.

    Each has `id lang question gold answerable`, and may have `doc_lang`, `file`, `spans` (a list of `source start
    end`, in code points of the text as read, end not included) and `reference`. What else it has is not looked at.
    """
    if not corpus.is_dir():
        raise DataSetError(f"{corpus}: no such folder; name the documents that the questions are about")
    digest = hashlib.sha256(_read(questions))
    for file in sorted(path for path in corpus.rglob("*") if path.is_file()):
        digest.update(file.relative_to(corpus).as_posix().encode() + b"\0" + file.read_bytes())
    found: dict[str, GoldQuestion] = {}
    for place, line in lines(questions):
        _add(found, place, "id", gold_question(place, json_object(place, line)))
    if not found:
        raise DataSetError(f"{questions}: no question in it")
    return AnswerSet(set_name(questions), corpus, tuple(found.values()), digest.hexdigest())


def set_name(questions: Path) -> str:
    """What a question file is called: by its folder if it has no name of its own."""
    return questions.resolve().parent.name if questions.stem in ("questions", "topics") else questions.stem


def number_of(key: str) -> int:
    """A number below 2^32 for a key, the same on every machine: by it questions and texts fall into folds."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")


def gold_question(place: str, row: Mapping[str, Any]) -> GoldQuestion:
    """The question that one line of an answer set holds. Raises DataSetError."""
    gold = row.get("gold", [] if row.get("spans") else None)
    if not isinstance(gold, list) or not all(isinstance(quote, str) and quote.strip() for quote in gold):
        raise DataSetError(f'{place}: "gold" is {gold!r}; want a list of quotes, [] if there is no answer')
    source = _optional(place, row, "file")
    spans = tuple(_gold_spans(place, row, source))
    answerable = row.get("answerable")
    if not isinstance(answerable, bool):
        raise DataSetError(f'{place}: "answerable" is {answerable!r}; want true or false')
    if answerable != bool(gold or spans):
        found = f"{len(gold)} gold quotes" + (f" and {len(spans)} spans" if spans else "")
        raise DataSetError(f'{place}: "answerable" is {answerable} with {found}; correct one of them')
    lang, doc_lang = text_of(place, row, "lang"), _optional(place, row, "doc_lang")
    for name, value in (("lang", lang), ("doc_lang", doc_lang)):
        if value and value not in LANGUAGES:
            raise DataSetError(f'{place}: "{name}" is {value!r}; want one of {" ".join(LANGUAGES)}')
    return GoldQuestion(
        id=text_of(place, row, "id"),
        lang=lang,
        doc_lang=doc_lang,
        source=source,
        question=text_of(place, row, "question"),
        gold=tuple(gold),
        answerable=answerable,
        spans=spans,
        reference=_optional(place, row, "reference"),
    )


def _gold_spans(place: str, row: Mapping[str, Any], source: str) -> Iterator[GoldSpan]:
    rows = row.get("spans") or []
    wanted = 'want a list of {"source": path, "start": number, "end": a larger number}'
    if not isinstance(rows, list):
        raise DataSetError(f'{place}: "spans" is {rows!r}; {wanted}')
    for span in rows:
        if not isinstance(span, dict):
            raise DataSetError(f'{place}: "spans" holds {span!r}; {wanted}')
        path, start, end = span.get("source") or source, span.get("start"), span.get("end")
        # type and not isinstance: True is an int.
        if not isinstance(path, str) or not path or type(start) is not int or type(end) is not int:
            raise DataSetError(f'{place}: "spans" holds {span!r}; {wanted}')
        if not 0 <= start < end:
            raise DataSetError(f'{place}: "spans" holds a span from {start} to {end}; {wanted}')
        yield GoldSpan(path, Span(start, end))


def load_beir(folder: Path, *, split: str = "") -> RetrievalSet:
    """Read a set in BEIR layout: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv. Raises DataSetError.

    Without `split` it is test.tsv, or the only file there is. Queries that only other splits judge are left out.
    Those of `unanswerable.jsonl`, if it is there, are queries without judgments. A query without judgments whose
    metadata say that it is answerable in part, or not clear enough to tell, is left out: it is neither.

    The language of a query is the `lang` of its metadata, or else the `query_lang` of a meta.json. The `history` of its
    metadata is a conversation before it, turn by turn: what was asked and what was said to it. Their `split` is the
    part of the set that the query is in. A document was published on the `date` of its metadata.
    """
    corpus_file, queries_file = folder / "corpus.jsonl", folder / "queries.jsonl"
    if not corpus_file.is_file() or not queries_file.is_file():
        raise DataSetError(not_beir(folder))
    qrels_file = qrels_of(folder, split=split)
    corpus = read_corpus(corpus_file)
    known: dict[str, Query] = {}
    unclear: set[str] = set()
    lang = lang_of_all_queries(folder)
    for place, line in lines(queries_file):
        row = json_object(place, line)
        query = _query(place, row, lang)
        _add(known, place, "_id", query)
        if _unclear(row):
            unclear.add(query.id)
    qrels = read_qrels(qrels_file, queries=known, documents=corpus)
    elsewhere: set[str] = set()
    for other in sorted((folder / "qrels").glob("*.tsv")):
        if other != qrels_file:
            elsewhere |= read_qrels(other, queries=known, documents=corpus).keys()
    left_out = (elsewhere | unclear) - qrels.keys()
    queries = {id_: query for id_, query in known.items() if id_ not in left_out}
    files = [corpus_file, queries_file, qrels_file]
    unanswerable_file = folder / "unanswerable.jsonl"
    if unanswerable_file.is_file():
        files.append(unanswerable_file)
        for place, line in lines(unanswerable_file):
            query = _query(place, json_object(place, line), lang)
            if query.id in qrels:
                raise DataSetError(f"{place}: {query.id!r} is unanswerable here and judged in {qrels_file}; choose one")
            if query.id in known and known[query.id].text == query.text:
                continue  # squad2 has its unanswerable questions in both files
            _add(queries, place, "_id", query)
    return RetrievalSet(
        folder.resolve().name, tuple(corpus.values()), tuple(queries.values()), qrels, _sha256_of(files)
    )


def _query(place: str, row: Mapping[str, Any], lang: str) -> Query:
    """The query of a line, in the language that its metadata name, else in `lang`."""
    metadata = row.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    own, history, split = told.get("lang"), told.get("history", []), told.get("split")
    if not isinstance(history, list) or not all(isinstance(turn, str) for turn in history):
        raise DataSetError(f'{place}: "history" is {history!r}; want a list of texts')
    return Query(
        text_of(place, row, "_id"),
        text_of(place, row, "text"),
        own if isinstance(own, str) and own else lang,
        tuple(history[::2]),
        split if isinstance(split, str) else "",
    )


def lang_of_all_queries(folder: Path) -> str:
    """What a folder's meta.json says of them, as sets of one language may; "" if nothing. Raises DataSetError."""
    file = folder / "meta.json"
    lang = json_object(str(file), _read(file)).get("query_lang") if file.is_file() else ""
    return lang if lang in LANGUAGES else ""


def _unclear(row: Mapping[str, Any]) -> bool:
    """Whether the metadata of a query say that it is neither answerable nor not, as those of MTRAG-UN do."""
    metadata = row.get("metadata")
    verdict = metadata.get("answerability") if isinstance(metadata, dict) else None
    return bool(verdict) and not {"ANSWERABLE", "UNANSWERABLE"} & set(verdict if isinstance(verdict, list) else [])


def not_beir(folder: Path) -> str:
    """Why a folder is no set in BEIR layout."""
    if not folder.is_dir():
        return f"{folder}: no such folder; name one with corpus.jsonl, queries.jsonl and qrels/test.tsv"
    found = " ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
    return f"{folder}: not in BEIR layout: it holds {found}; want corpus.jsonl, queries.jsonl and qrels/test.tsv"


def qrels_of(folder: Path, *, split: str = "") -> Path:
    """The judgments of a split of a BEIR folder; see `load_beir`. Raises DataSetError."""
    found = sorted((folder / "qrels").glob("*.tsv"))
    choice = " ".join(path.stem for path in found)
    if split:
        chosen = folder / "qrels" / f"{split}.tsv"
        if chosen not in found:
            raise DataSetError(f"{chosen}: no such file; the splits are: {choice or 'none'}")
        return chosen
    if (test := folder / "qrels" / "test.tsv") in found:
        return test
    if len(found) != 1:
        what = f"no test.tsv; name the split, one of: {choice}" if found else "no judgments; want test.tsv in it"
        raise DataSetError(f"{folder / 'qrels'}: {what}")
    return found[0]


def load_trec(corpus: Path, topics: Path, qrels: Path) -> RetrievalSet:
    """Read a set of TREC files. Raises DataSetError.

    `corpus` is JSON lines of `_id title text`. `topics` is `<top> <num> <title>` blocks, of which the title is the
    query, or lines of id and text parted by a tab. `qrels` is lines of topic, iteration, document and grade; grades
    below 0, which TREC gives to junk, are read as 0.
    """
    documents = read_corpus(corpus)
    queries = _read_topics(topics)
    judged = read_qrels(qrels, queries=queries, documents=documents)
    digest = _sha256_of([corpus, topics, qrels])
    return RetrievalSet(set_name(topics), tuple(documents.values()), tuple(queries.values()), judged, digest)


def read_corpus(file: Path) -> dict[str, CorpusDocument]:
    """The documents of a corpus.jsonl by id. Raises DataSetError."""
    found: dict[str, CorpusDocument] = {}
    for place, line in lines(file):
        _add(found, place, "_id", corpus_document(place, json_object(place, line)))
    if not found:
        raise DataSetError(f"{file}: no document in it")
    return found


def corpus_document(place: str, row: Mapping[str, Any]) -> CorpusDocument:
    """The document that one line of a corpus.jsonl holds. Raises DataSetError."""
    metadata = row.get("metadata")
    date = metadata.get("date") if isinstance(metadata, dict) else None
    return CorpusDocument(
        text_of(place, row, "_id"),
        _optional(place, row, "title"),
        _optional(place, row, "text"),
        stated_date(date) if isinstance(date, str) else "",
    )


def read_qrels(
    file: Path, *, queries: Mapping[str, object], documents: Mapping[str, object]
) -> dict[str, dict[str, int]]:
    """The grades of a file of BEIR (3 columns and a heading) or TREC (4 columns). Raises DataSetError.

    A grade below 0, which TREC gives to junk, is read as 0. Two grades for one document are an error.
    """
    qrels: dict[str, dict[str, int]] = {}
    for place, line in lines(file):
        if is_heading(place, line):
            continue
        query, document, grade = judgment(place, line)
        if query not in queries:
            raise DataSetError(f"{place}: query {query!r} is not in the set; correct the id")
        if document not in documents:
            raise DataSetError(f"{place}: document {document!r} is not in the corpus; correct the id")
        if (known := qrels.setdefault(query, {}).setdefault(document, grade)) != grade:
            raise DataSetError(f"{place}: document {document!r} has grade {known} above and {grade} here; keep one")
    return qrels


def is_heading(place: str, line: bytes) -> bool:
    """Whether a line is the one that names the columns, as the first line of BEIR's judgments does."""
    return place.endswith(":1") and not _INTEGER.fullmatch(decoded(place, line).split("\t")[-1].split()[-1])


def judgment(place: str, line: bytes) -> tuple[str, str, int]:
    """Query, document and grade of one line of judgments. Raises DataSetError."""
    text = decoded(place, line)
    # BEIR parts 3 columns by tabs, and ids may hold blanks; TREC parts 4 by white space.
    fields = [field.strip() for field in text.split("\t")]
    if len(fields) != 3 or not _INTEGER.fullmatch(fields[2]):
        fields = text.split()
    if len(fields) == 4:
        del fields[1]
    if len(fields) != 3 or not all(fields) or not _INTEGER.fullmatch(fields[2]):
        raise DataSetError(
            f"{place}: want query, document and grade parted by tabs, or query, 0, document and grade as TREC has "
            f"them, the grade a whole number; found {text!r}"
        )
    return fields[0], fields[1], max(0, int(fields[2]))


def _read_topics(file: Path) -> dict[str, Query]:
    rows = [(place, decoded(place, line)) for place, line in lines(file)]
    found: dict[str, Query] = {}
    if not any(_TOPIC_TAG.match(text.strip()) for _, text in rows):
        for place, text in rows:
            id_, tab, words = text.partition("\t")
            if not tab or not id_.strip() or not words.strip():
                raise DataSetError(f"{place}: want a topic's id, a tab and its text, or <top> blocks; found {text!r}")
            _add(found, place, "id", Query(id_.strip(), words.strip()))
        return found
    fields: dict[str, str] = {}
    field, begun = "", f"{file}:1"
    for place, text in [*rows, (f"{file}:{len(rows)}", "<top>")]:
        pieces = _TOPIC_TAG.split(text)
        if field:
            fields[field] += " " + pieces[0]
        for closing, tag, words in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            if tag.lower() == "top":
                if fields:
                    _add(found, begun, "<num>", _topic(begun, fields))
                fields, field, begun = {}, "", place
            elif closing:
                field = ""
            else:
                field = tag.lower()
                fields[field] = words
    return found


def _topic(place: str, fields: Mapping[str, str]) -> Query:
    number = re.sub(r"^\s*Number\s*:", "", fields.get("num", ""), flags=re.IGNORECASE).strip()
    title = re.sub(r"^\s*Topic\s*:", "", fields.get("title", ""), flags=re.IGNORECASE)
    if not number or not title.strip():
        raise DataSetError(f"{place}: a topic without {'<title>' if number else '<num>'}; want both")
    return Query(number, " ".join(title.split()))


def lines(file: Path) -> Iterator[tuple[str, bytes]]:
    """The place ("file:line") and bytes of each line that is not blank. Raises DataSetError."""
    for number, line in enumerate(_read(file).removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield f"{file}:{number}", line


def decoded(place: str, line: bytes) -> str:
    """A line as text, without what ends it. Raises DataSetError."""
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError as error:
        raise DataSetError(f"{place}: byte {error.start} is not UTF-8; convert the file") from error


def json_object(place: str, line: bytes) -> dict[str, Any]:
    """The JSON object that a line holds. Raises DataSetError."""
    try:
        row = json.loads(decoded(place, line))
    except (ValueError, RecursionError) as error:
        raise DataSetError(f"{place}: not JSON ({error}); correct the line") from error
    if not isinstance(row, dict):
        raise DataSetError(f"{place}: want a JSON object, found {type(row).__name__}")
    return row


def text_of(place: str, row: Mapping[str, Any], key: str) -> str:
    """A text that must be there. Raises DataSetError."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise DataSetError(f'{place}: "{key}" is {value!r}; want a text that is not empty')
    return value


def _optional(place: str, row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise DataSetError(f'{place}: "{key}" is {value!r}; want a text, or leave it out')
    return value or ""


def _add(found: dict[str, Any], place: str, key: str, item: Any) -> None:
    if item.id in found:
        raise DataSetError(f'{place}: "{key}" {item.id!r} stands twice; give each its own')
    found[item.id] = item


def _sha256_of(files: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(_read(file) for file in files)).hexdigest()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataSetError(
            f"{file}: {error.strerror}; a set in BEIR layout has corpus.jsonl, queries.jsonl and qrels/test.tsv, "
            "an answer set a file of questions"
        ) from error
