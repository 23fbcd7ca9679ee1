"""Evaluation sets: what is read of them, faults by file and line, and what `check_set` finds that loading lets pass."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from eval.check import Problem, Severity, check_set
from eval.fit_reader import holds_answer, load_answers
from eval.layouts import load_retrieval_set
from eval.sets import (
    TEST,
    GoldSpan,
    Query,
    load_answer_set,
    load_beir,
    load_trec,
    sample_set,
)
from index.errors import DataSetError
from index.values import Span

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "eval" / "sample"
WRITTEN = ROOT / "eval" / "written"
DEV = ROOT.parent / "shared" / "data" / "dev"

Rows = list[dict[str, Any]]


def write_json_lines(file: Path, rows: Rows) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


ARTICLE = (
    "A storm over Baku\n\nThe storm broke eleven windows in Baku on Friday night.  Nobody\nwas hurt, the city said.\n"
)
OTHER = "The ferry is late\n\nThe ferry from Aktau was three hours late on Monday because of fog at sea.\n"
FEED = [
    {
        "title": "Harbour news",
        "text": 'The master said "we wait" and \u0259lavə etdi ki, everyone waited at the harbour.',
    }
]
QUESTION = {
    "id": "q1",
    "lang": "en",
    "doc_lang": "en",
    "file": "storm.txt",
    "question": "How many windows broke?",
    "gold": ["The storm broke eleven windows in Baku on Friday night."],
    "answerable": True,
}


def with_(**changes: object) -> dict[str, Any]:
    return {**QUESTION, **changes}


def make_answer_set(folder: Path, rows: Rows) -> Path:
    corpus = folder / "corpus"
    (corpus / "sub").mkdir(parents=True)
    (corpus / "storm.txt").write_text(ARTICLE, encoding="utf-8")
    (corpus / "sub" / "ferry.txt").write_text(OTHER, encoding="utf-8")
    (corpus / "feed.jsonl").write_text(json.dumps(FEED[0]) + "\n", encoding="utf-8")  # ə as \u0259, " as \"
    return write_json_lines(folder / "questions.jsonl", rows)


CORPUS: Rows = [
    {"_id": "d1", "title": "One", "text": "First text."},
    {"_id": "d2", "title": "", "text": "Second text."},
    {"_id": "d3", "title": "", "text": "Third text."},
]
QUERIES: Rows = [
    {"_id": "q1", "text": "what is first?"},
    {"_id": "q2", "text": "what is second?"},
    {"_id": "q3", "text": "what is nowhere?"},
]
HEADING = "query-id\tcorpus-id\tscore\n"


def make_beir(folder: Path, *, corpus: Rows = CORPUS, queries: Rows = QUERIES, **qrels: str) -> Path:
    write_json_lines(folder / "corpus.jsonl", corpus)
    write_json_lines(folder / "queries.jsonl", queries)
    (folder / "qrels").mkdir(exist_ok=True)
    for split, lines in (qrels or {"test": HEADING + "q1\td1\t2\nq1\td2\t0\nq2\td2\t1\n"}).items():
        (folder / "qrels" / f"{split}.tsv").write_text(lines, encoding="utf-8")
    return folder


def problems_of(*arguments: Any, **options: Any) -> list[tuple[str, str]]:
    return [(Path(p.place).name, p.message) for p in check_set(*arguments, **options)]


# --- reading


def test_an_answer_set_has_spans_and_references(tmp_path: Path) -> None:
    start = ARTICLE.index("The storm")
    spans = [{"source": "storm.txt", "start": start, "end": start + 55}, {"start": 0, "end": 7}]
    rows = [
        with_(spans=spans, reference="Eleven.", history=["Was there a storm?"], of_no_interest={"a": 1}),
        {**{k: v for k, v in QUESTION.items() if k not in ("gold", "doc_lang")}, "id": "q2", "spans": spans[:1]},
        with_(id="q3", gold=[], answerable=False),
    ]
    found = load_answer_set(make_answer_set(tmp_path, rows), corpus=tmp_path / "corpus")
    first, second, third = found.questions
    assert first.spans == (GoldSpan("storm.txt", Span(start, start + 55)), GoldSpan("storm.txt", Span(0, 7)))
    assert (first.reference, first.gold, first.answerable) == ("Eleven.", tuple(QUESTION["gold"]), True)
    assert (second.gold, second.spans, second.doc_lang, second.answerable) == ((), first.spans[:1], "", True)
    assert (third.spans, third.reference, third.answerable) == ((), "", False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gold": "a text"}, '"gold" is'),
        ({"answerable": "yes"}, '"answerable" is'),
        ({"answerable": False}, "with 1 gold quotes"),
        ({"gold": [], "answerable": True}, "with 0 gold quotes"),
        ({"lang": "azeri"}, '"lang" is .azeri.; want one of az en'),
        ({"doc_lang": "xx"}, '"doc_lang" is .xx.'),
        ({"id": ""}, '"id" is'),
        ({"question": None}, '"question" is None'),
        ({"reference": 3}, '"reference" is 3'),
        ({"file": ["a"]}, '"file" is'),
        ({"spans": "all"}, '"spans" is'),
        ({"spans": [[1, 2]]}, '"spans" holds'),
        ({"spans": [{"start": 3, "end": 3}]}, "from 3 to 3"),
        ({"spans": [{"start": -1, "end": 3}]}, "from -1 to 3"),
        ({"spans": [{"start": True, "end": 3}]}, '"spans" holds'),
        ({"spans": [{"start": 0, "end": 3}], "file": ""}, '"spans" holds'),
    ],
)
def test_faults_of_an_answer_set_name_file_and_line(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = make_answer_set(tmp_path, [with_(id="q0"), with_(**changes)])
    with pytest.raises(DataSetError, match=message) as caught:
        load_answer_set(file, corpus=tmp_path / "corpus")
    assert str(caught.value).startswith(f"{file}:2: ")
    assert ("questions.jsonl:2", str(caught.value).removeprefix(f"{file}:2: ")) in problems_of(tmp_path)


def test_a_beir_set_keeps_grades_and_tells_judged_from_unanswerable(tmp_path: Path) -> None:
    found = load_beir(make_beir(tmp_path / "made"))
    assert found.name == "made"
    assert found.qrels == {"q1": {"d1": 2, "d2": 0}, "q2": {"d2": 1}}
    assert [query.id for query in found.judged] == ["q1", "q2"]
    assert found.unanswerable == (Query("q3", "what is nowhere?"),)


def test_a_document_has_the_date_and_a_query_the_part_that_their_metadata_name(tmp_path: Path) -> None:
    folder = make_beir(tmp_path)
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {document.date for document in load_beir(folder).corpus} == {""}
    dated = [{**row, "metadata": {"date": date}} for row, date in zip(rows, ("2024-05-17T18:05Z", "?"), strict=False)]
    write_json_lines(folder / "corpus.jsonl", dated)
    write_json_lines(folder / "queries.jsonl", [{**QUERIES[0], "metadata": {"split": "test"}}, *QUERIES[1:]])
    found = load_beir(folder)
    assert [document.date for document in found.corpus] == ["2024-05-17", ""]
    assert [query.split for query in found.queries] == [TEST, "", ""]


def test_a_query_is_in_the_language_that_its_metadata_name_or_else_the_sets(tmp_path: Path) -> None:
    folder = make_beir(tmp_path)
    write_json_lines(folder / "queries.jsonl", [{**QUERIES[0], "metadata": {"lang": "az"}}, *QUERIES[1:]])
    assert [query.lang for query in load_beir(folder).queries] == ["az", "", ""]
    (folder / "meta.json").write_text('{"query_lang": "ru"}')
    assert [query.lang for query in load_beir(folder).queries] == ["az", "ru", "ru"]
    write_json_lines(folder / "unanswerable.jsonl", [{**QUERIES[2], "metadata": {"lang": "tr"}}])
    assert [query.lang for query in load_beir(folder).queries] == ["az", "ru", "ru"]  # it is in both files, said once
    for several in ('{"query_lang": "az+en"}', "{}"):
        (folder / "meta.json").write_text(several)
        assert load_beir(folder).queries[1].lang == ""
    (folder / "meta.json").write_text("{query_lang: ru}")
    with pytest.raises(DataSetError, match=r"meta\.json: not JSON"):
        load_beir(folder)


def test_unanswerable_queries_have_a_file_of_their_own(tmp_path: Path) -> None:
    folder = make_beir(tmp_path)
    before = load_beir(folder).sha256
    write_json_lines(folder / "unanswerable.jsonl", [{"_id": "u1", "text": "what is this?"}, QUERIES[2]])
    found = load_beir(folder)
    assert [query.id for query in found.unanswerable] == ["q3", "u1"]
    assert found.sha256 != before
    write_json_lines(folder / "unanswerable.jsonl", [QUERIES[0]])
    with pytest.raises(DataSetError, match=r"unanswerable\.jsonl:1: 'q1' is unanswerable here and judged"):
        load_beir(folder)


def test_queries_that_are_neither_answerable_nor_not_are_left_out(tmp_path: Path) -> None:
    verdicts = {"q3": ["UNANSWERABLE"], "q4": ["PARTIAL"], "q5": ["UNDERSPECIFIED"], "q1": ["PARTIAL"]}
    rows = [
        {"_id": id_, "text": f"what of {id_}?", "metadata": {"answerability": verdicts.get(id_)}}
        for id_ in ("q1", "q2", "q3", "q4", "q5")
    ]
    found = load_beir(make_beir(tmp_path, queries=rows))
    assert [query.id for query in found.judged] == ["q1", "q2"]
    assert [query.id for query in found.unanswerable] == ["q3"]


def test_the_split_is_test_or_the_only_one_or_the_one_asked_for(tmp_path: Path) -> None:
    one, two = HEADING + "q1\td1\t1\n", HEADING + "q2\td2\t1\n"
    only = load_beir(make_beir(tmp_path / "only", dev=one))
    assert list(only.qrels) == ["q1"]
    both = make_beir(tmp_path / "both", dev=one, test=two)
    assert list(load_beir(both).qrels) == list(load_beir(both, split="test").qrels) == ["q2"]
    assert list(load_beir(both, split="dev").qrels) == ["q1"]
    # What only the other split judges is neither judged nor unanswerable here.
    assert [query.id for query in load_beir(both).queries] == ["q2", "q3"]
    unclear = make_beir(tmp_path / "unclear", dev=one, train=two)
    with pytest.raises(DataSetError, match="name the split, one of: dev train"):
        load_beir(unclear)
    with pytest.raises(DataSetError, match="the splits are: dev train"):
        load_beir(unclear, split="test")
    (tmp_path / "none").mkdir()
    for name in ("corpus.jsonl", "queries.jsonl"):
        shutil.copy(both / name, tmp_path / "none" / name)
    with pytest.raises(DataSetError, match="no judgments"):
        load_beir(tmp_path / "none")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q1\td1", "want query, document and grade"),
        ("q1 0 d1 1 x", "want query, document and grade"),
        ("q1\td1\tgood", "want query, document and grade"),
        ("q1\td1\t1.5", "want query, document and grade"),
        ("q1\t\t1", "want query, document and grade"),
        ("q9\td1\t1", "query 'q9' is not in the set"),
        ("q1\td9\t1", "document 'd9' is not in the corpus"),
        ("q1\td1\t3", "'d1' has grade 2 above and 3 here"),
    ],
)
def test_faults_of_judgments_name_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    folder = make_beir(tmp_path, test=f"{HEADING}q1\td1\t2\n\n{line}\n")
    with pytest.raises(DataSetError, match=message) as caught:
        load_beir(folder)
    assert str(caught.value).startswith(f"{folder}/qrels/test.tsv:4: ")
    assert "test.tsv:4" in [place for place, _ in problems_of(folder)]


@pytest.mark.parametrize("name", ["corpus", "queries"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"_id": "d1", "text": "x"}\n{"_id": "d1", "text": "y"}', "'d1' stands twice"),
        ('{"_id": "a", "text": "x"}\n{"_id": 7, "text": "y"}', '"_id" is 7'),
        ('{"_id": "a", "text": "x"}\n{"_id": "b", "text": 7}', '"text" is 7'),
        ('{"_id": "a", "text": "x"}\n[]', "want a JSON object, found list"),
        ('{"_id": "a", "text": "x"}\n{"_id": ', "not JSON"),
        ('{"_id": "a", "text": "x"}\n' + "[" * 100_000, "not JSON"),
    ],
)
def test_faults_of_documents_and_queries_name_file_and_line(name: str, line: str, message: str, tmp_path: Path) -> None:
    folder = make_beir(tmp_path)
    (folder / f"{name}.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataSetError, match=message) as caught:
        load_beir(folder)
    assert str(caught.value).startswith(f"{folder}/{name}.jsonl:2: ")
    assert f"{name}.jsonl:2" in [place for place, _ in problems_of(folder)]


def test_line_ends_and_byte_order_marks_of_windows_do_no_harm(tmp_path: Path) -> None:
    folder = make_beir(tmp_path)
    expected = load_beir(folder)
    for file in [*folder.glob("*.jsonl"), *folder.glob("qrels/*")]:
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    found = load_beir(folder)
    assert (found.corpus, found.queries, found.qrels) == (expected.corpus, expected.queries, expected.qrels)


def test_a_folder_that_is_no_beir_set_is_said_to_be_none(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "other" / "rows.jsonl", [{"claim": "x"}])
    for do in (load_beir, check_set):
        with pytest.raises(DataSetError, match=r"other: not in BEIR layout: it holds rows\.jsonl; want corpus\.jsonl"):
            do(tmp_path / "other")
        with pytest.raises(DataSetError, match="no such folder"):
            do(tmp_path / "nothing")


TOPICS = """<top>
<num> Number: 301
<title> Topic: International
Organized Crime

<desc> Description:
Identify organizations.
</top>

<top><num>302</num>
<title>Poliomyelitis &amp; Post-Polio</title>
<narr>None.</narr></top>
"""


def test_trec_files_are_read(tmp_path: Path) -> None:
    corpus = write_json_lines(tmp_path / "corpus.jsonl", CORPUS)
    (tmp_path / "qrels.txt").write_text("301 0 d1 2\n301 0 d2 -1\n302\tQ0\td3  1\n")
    (tmp_path / "crime.txt").write_text(TOPICS)
    found = load_trec(corpus, tmp_path / "crime.txt", tmp_path / "qrels.txt")
    assert found.name == "crime"
    assert found.queries == (
        Query("301", "International Organized Crime"),
        Query("302", "Poliomyelitis &amp; Post-Polio"),
    )
    assert found.qrels == {"301": {"d1": 2, "d2": 0}, "302": {"d3": 1}}
    (tmp_path / "topics.tsv").write_text("301\tcrime\n302\tpolio now\n")
    tabbed = load_trec(corpus, tmp_path / "topics.tsv", tmp_path / "qrels.txt")
    assert tabbed.queries == (Query("301", "crime"), Query("302", "polio now"))
    assert tabbed.name == tmp_path.name


@pytest.mark.parametrize(
    ("topics", "place", "message"),
    [
        ("301 crime\n", 1, "want a topic's id, a tab"),
        ("301\tcrime\n301\tpolio\n", 2, "'301' stands twice"),
        ("\n<top>\n<num> Number: 1\n</top>\n", 2, "a topic without <title>"),
        ("<top>\n<num>1 <title> a\n</top>\n<top>\n<title> b\n</top>\n", 4, "a topic without <num>"),
    ],
)
def test_faults_of_topics_name_file_and_line(topics: str, place: int, message: str, tmp_path: Path) -> None:
    corpus = write_json_lines(tmp_path / "corpus.jsonl", CORPUS)
    (tmp_path / "t.txt").write_text(topics)
    (tmp_path / "q.txt").write_text("301 0 d1 1\n")
    with pytest.raises(DataSetError, match=message) as caught:
        load_trec(corpus, tmp_path / "t.txt", tmp_path / "q.txt")
    assert str(caught.value).startswith(f"{tmp_path / 't.txt'}:{place}: ")


# --- checking


def test_the_sample_set_is_sound() -> None:
    assert check_set(SAMPLE) == []
    assert check_set(SAMPLE / "questions.jsonl", SAMPLE / "corpus") == []
    assert len(sample_set().questions) == 103


def test_the_written_set_is_sound() -> None:
    assert check_set(WRITTEN) == []
    found = load_retrieval_set(WRITTEN)
    assert (len(found.judged), len(found.unanswerable)) == (322, 192)
    texts = {document.id: document.text for document in found.corpus}
    answers = load_answers([WRITTEN])
    for query in found.judged:
        relevant = [texts[document] for document in found.qrels[query.id]]
        # Each of the sentences is enough by itself, and each article has one.
        assert all(any(holds_answer(text, [answer]) for text in relevant) for answer in answers[query.id])
        assert all(holds_answer(text, answers[query.id]) for text in relevant)


def test_no_file_has_questions_in_both_parts_of_the_written_set() -> None:
    rows = [
        json.loads(line)
        for name in ("queries.jsonl", "unanswerable.jsonl")
        for line in (WRITTEN / name).read_text(encoding="utf-8").splitlines()
    ]
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["metadata"]["file"], set()).add(row["metadata"]["split"])
    assert all(len(its) == 1 for its in parts.values())
    split = {row["_id"]: row["metadata"]["split"] for row in rows}
    assert {query.id: query.split for query in load_retrieval_set(WRITTEN).queries} == split
    assert sum(part == TEST for part in split.values()) == 197


def test_a_sound_set_has_no_problem(tmp_path: Path) -> None:
    text = (make_answer_set(tmp_path, []).parent / "corpus" / "feed.jsonl").read_text(encoding="utf-8")
    start = text.index("The master")
    end = text.index("the harbour.") + len("the harbour.")
    rows = [
        with_(gold=["eleven windows in Baku on Friday night. Nobody was hurt, the city said."]),
        with_(id="q2", question="Who waited?", file="feed.jsonl", gold=['said "we wait" and əlavə etdi']),
        with_(
            id="q3", question="Where?", file="feed.jsonl", gold=[FEED[0]["text"]], spans=[{"start": start, "end": end}]
        ),
        with_(id="q4", question="When is the next ferry?", file="sub/ferry.txt", gold=[], answerable=False),
        with_(id="q5", question="What is it called?", gold=["A storm over Baku"]),
    ]
    write_json_lines(tmp_path / "questions.jsonl", rows)
    assert check_set(tmp_path) == []
    assert check_set(make_beir(tmp_path / "beir", queries=QUERIES[:2])) == []


PLANTED = [
    ({"gold": ["The storm broke twelve windows"]}, "is not in 'storm.txt'; quote it letter by letter"),
    ({"gold": ["The ferry from Aktau"]}, "it stands in 'sub/ferry.txt'"),
    ({"file": "nowhere.txt"}, "\"file\" 'nowhere.txt' is not in the corpus"),
    ({"lang": "azeri"}, "\"lang\" is 'azeri'"),
    ({"doc_lang": "zz"}, "\"doc_lang\" is 'zz'"),
    ({"id": "q0"}, "\"id\" 'q0' stands in"),
    ({"question": "What, then, is SÓUND?"}, "the same question as at"),
    ({"question": "what then is sound", "gold": [], "answerable": False}, "says otherwise of its having an answer"),
    ({"spans": [{"start": 0, "end": 100_000}]}, "the text ends at"),
    ({"spans": [{"start": 0, "end": 10}]}, "'A storm ov' is none of the gold quotes"),
    ({"spans": [{"source": "gone.txt", "start": 0, "end": 10}]}, "no such file in the corpus"),
    ({"file": ""}, 'no "file"'),
]


@pytest.mark.parametrize(("changes", "message"), PLANTED)
def test_each_planted_fault_of_an_answer_set_is_found_at_its_line(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    sound = with_(id="q0", question="What then is sound?")
    make_answer_set(tmp_path, [sound, with_(**changes)])
    ((place, found),) = problems_of(tmp_path)
    assert place == "questions.jsonl:2"
    assert message in found


def test_a_quote_that_cleaning_drops_cannot_be_cited(tmp_path: Path) -> None:
    make_answer_set(tmp_path, [with_(file="page.txt", gold=["Share this story"])])
    (tmp_path / "corpus" / "page.txt").write_text(OTHER.replace("ferry", "train") + "\nShare this story\n")
    ((place, found),) = problems_of(tmp_path)
    assert (place, "cleaning leaves it out" in found) == ("questions.jsonl:1", True)


def test_faults_of_the_documents_are_found(tmp_path: Path) -> None:
    make_answer_set(tmp_path, [QUESTION])
    (tmp_path / "corpus" / "again.txt").write_text(ARTICLE.replace("  ", " "))
    (tmp_path / "corpus" / "empty.txt").write_text("")
    with (tmp_path / "corpus" / "feed.jsonl").open("a") as file:
        file.write("{not JSON\n")
    found = problems_of(tmp_path)
    assert [place for place, _ in found] == ["empty.txt", "feed.jsonl:2", "storm.txt:1"]
    assert "the same words as the document at" in found[2][1]


def test_leakage_between_answer_sets_is_found(tmp_path: Path) -> None:
    make_answer_set(
        tmp_path / "dev",
        [with_(id="d1"), with_(id="d2", question="And the ferry?", file="sub/ferry.txt", gold=["fog at sea."])],
    )
    rows = [
        with_(question="HOW many windows broke"),
        with_(id="q2", question="Why late?", file="sub/ferry.txt", gold=["fog  at sea."]),
        with_(id="q3", question="What of the master?", file="feed.jsonl", gold=["everyone waited"]),
    ]
    make_answer_set(tmp_path / "test", rows)
    assert check_set(tmp_path / "test") == []
    found = problems_of(tmp_path / "test", other=tmp_path / "dev")
    assert [(place, "same question" in message, "gold quote" in message) for place, message in found] == [
        ("questions.jsonl:1", True, False),
        ("questions.jsonl:1", False, True),
        ("questions.jsonl:2", False, True),
    ]
    assert all(problem.severity is Severity.ERROR for problem in check_set(tmp_path / "test", other=tmp_path / "dev"))
    beir = make_beir(tmp_path / "beir", queries=[*QUERIES[:2], {"_id": "x", "text": "Why late"}])
    assert [place for place, _ in problems_of(tmp_path / "test", other=beir)] == ["questions.jsonl:2"]
    with pytest.raises(DataSetError, match="not in BEIR layout"):
        check_set(tmp_path / "test", other=tmp_path)


def test_faults_of_a_beir_set_are_found(tmp_path: Path) -> None:
    folder = make_beir(
        tmp_path,
        corpus=[*CORPUS, {"_id": "d4", "title": "", "text": "Third text."}, {"_id": "d5", "text": " "}],
        queries=[*QUERIES, {"_id": "q4", "text": "What is FIRST"}, {"_id": "q5", "text": "what is second"}],
        test=HEADING + "q1\td1\t1\nq2\td2\t1\nq2\td2\t1\nq5\td2\t1\n",
        dev=HEADING + "q1\td3\t1\n",
    )
    write_json_lines(folder / "unanswerable.jsonl", [{"_id": "u1", "text": "what is second?!"}, QUERIES[0], QUERIES[2]])
    found = [(Path(p.place).name, p.severity.value, p.message) for p in check_set(folder)]
    expected = [
        ("corpus.jsonl:4", "warning", "the same words"),
        ("corpus.jsonl:5", "warning", "has no text"),
        ("test.tsv:4", "warning", "the same judgment"),
        ("queries.jsonl:4", "error", "of which one has a relevant document only"),
        ("queries.jsonl:4", "warning", "'q4' has no relevant document"),
        ("queries.jsonl:5", "warning", "it counts twice"),
        ("unanswerable.jsonl:1", "error", "which has a relevant document"),
        ("unanswerable.jsonl:2", "error", "'q1' is unanswerable here and has a relevant document"),
        ("queries.jsonl:1", "error", "'q1' of dev.tsv is 'q1' of test.tsv: leakage"),
    ]
    assert [(place, severity) for place, severity, _ in found] == [(place, severity) for place, severity, _ in expected]
    assert all(part in message for (_, _, message), (_, _, part) in zip(found, expected, strict=True))


def test_leakage_between_beir_sets_is_found(tmp_path: Path) -> None:
    one = make_beir(tmp_path / "one", queries=QUERIES[:2])
    two = make_beir(
        tmp_path / "two", queries=[{"_id": "q1", "text": "another"}, {"_id": "q2", "text": "What IS second"}]
    )
    assert [place for place, _ in problems_of(two, other=one)] == ["queries.jsonl:2"]


def test_a_problem_is_written_with_its_place() -> None:
    assert str(Problem("a.jsonl:3", "no text", Severity.WARNING)) == "a.jsonl:3: warning: no text"


# --- the sets on this machine


def dev_sets() -> list[Path]:
    return sorted(path for path in DEV.iterdir() if path.is_dir()) if DEV.is_dir() else []


@pytest.mark.skipif(not DEV.is_dir(), reason="the development sets are not on this machine")
def test_every_development_set_is_read_and_has_no_error() -> None:
    read = 0
    for folder in dev_sets():
        found = load_retrieval_set(folder)
        assert found.judged, folder
        assert {query.id for query in found.judged} <= found.qrels.keys()
        assert not {query.id for query in found.judged} & {query.id for query in found.unanswerable}
        assert [str(p) for p in check_set(folder) if p.severity is Severity.ERROR] == []
        read += 1
    assert read > 0


@pytest.mark.skipif(not (DEV / "squad2-500").is_dir(), reason="the development sets are not on this machine")
def test_unanswerable_queries_of_the_development_sets() -> None:
    squad, mtrag = load_beir(DEV / "squad2-500"), load_beir(DEV / "mtragun")
    assert (len(squad.judged), len(squad.unanswerable)) == (242, 258)
    assert (len(mtrag.judged), len(mtrag.unanswerable)) == (285, 97)
    assert len(load_beir(DEV / "ntrex-qa-en-az").unanswerable) == 15
