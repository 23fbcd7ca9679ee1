"""Measures against formulas written out here and against pytrec_eval, and ours against examples worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from eval.answers import judge, report_judgments
from eval.figures import figure
from eval.gold import Gold, QuoteFinder, cites, covers, gold_run, locate, passage_golds
from eval.measures import (
    MEASURES,
    aurc,
    calibration_error,
    chrf,
    citation_precision,
    citation_recall,
    confusion,
    duplicate_share,
    f1_of_share,
    first_citation_right,
    index_recall,
    language_shares,
    measure,
    measured,
    p95,
    peak_memory_bytes,
    per_query,
    percentile,
    perfectly_reranked,
    quote_validity,
    recall_within_tokens,
    reliability,
    risk_coverage,
    throughput,
    token_f1,
)
from eval.runs import Run, by_rank
from eval.sets import CorpusDocument, GoldQuestion, GoldSpan, Query, RetrievalSet
from index.catalog import Extent
from index.embed import EmbedderIdentity
from index.folder import Filters, Index
from index.values import Media, Passage, Source, Span, Spelling
from rag.reply import Abstention, Answer, Citation, Reply, Searched, Statement

DOCUMENTS = [f"d{i}" for i in range(12)]
ASKED = (
    nDCG @ 10,
    nDCG @ 3,
    R @ 10,
    R @ 100,
    P @ 5,
    RR @ 10,
    RR @ 2,
    Success @ 1,
    Success @ 5,
    AP @ 100,
    AP @ 3,
    nDCG,
    AP,
)


def make_set(qrels: dict[str, dict[str, int]], more_queries: tuple[str, ...] = ()) -> RetrievalSet:
    queries = tuple(Query(id_, f"what of {id_}") for id_ in [*qrels, *more_queries])
    corpus = tuple(CorpusDocument(id_, "", f"text of {id_}") for id_ in DOCUMENTS)
    return RetrievalSet("made", corpus, queries, qrels, "0" * 64)


# --- the field's measures, from their definitions: nothing here comes from eval or from a library


def order_of(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda d: (-float(f"{scores[d]:.9g}"), d))


def dcg(gains: list[int]) -> float:
    return math.fsum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def by_definition(name: str, k: int, grades: dict[str, int], order: list[str]) -> float:
    relevant = {document for document, grade in grades.items() if grade > 0}
    top = order[:k]
    hits = [document in relevant for document in top]
    match name:
        case "nDCG":
            return dcg([grades.get(d, 0) for d in top]) / dcg(sorted(grades.values(), reverse=True)[:k])
        case "R":
            return sum(hits) / len(relevant)
        case "P":
            return sum(hits) / k
        case "RR":
            return next((1 / rank for rank, hit in enumerate(hits, start=1) if hit), 0.0)
        case "Success":
            return float(any(hits))
        case "AP":
            return math.fsum(sum(hits[:rank]) / rank for rank, hit in enumerate(hits, 1) if hit) / len(relevant)
    raise AssertionError(name)


# Few scores, so that ties are common; some that differ after the ninth digit, which are ties in a run file.
SCORES = st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-12, 0.5, 0.500000001, -3.0, 1e300, 1e-300, 16777217.0, 16777216.0])
QRELS = st.dictionaries(
    st.sampled_from(["q1", "q2", "q3", "q4"]),
    st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1, max_size=8),
    min_size=1,
)
RUNS = st.dictionaries(
    st.sampled_from(["q1", "q2", "q3", "q4", "not judged"]),
    st.dictionaries(
        st.sampled_from([*DOCUMENTS, "not in the corpus"]), st.one_of(SCORES, st.floats(-10, 10)), max_size=13
    ),
)


@given(qrels=QRELS, run=RUNS)
def test_measures_are_those_of_their_definitions(qrels: dict[str, dict[str, int]], run: Run) -> None:
    made = make_set(qrels)
    found = per_query(made, run, ASKED)
    judged = [query for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())]
    assert [query.id for query in made.judged] == judged
    for asked in ASKED:
        name, _, cutoff = str(asked).partition("@")
        assert list(found[str(asked)]) == judged
        for query in judged:
            order = order_of(run.get(query, {}))
            expected = by_definition(name, int(cutoff or 1000), qrels[query], order)
            assert found[str(asked)][query] == pytest.approx(expected, abs=1e-9), (asked, query)


@given(qrels=QRELS, run=RUNS)
def test_measures_are_those_of_pytrec_eval_and_ir_measures(qrels: dict[str, dict[str, int]], run: Run) -> None:
    made = make_set(qrels)
    judged = {query.id: qrels[query.id] for query in made.judged}
    found = per_query(made, run, ASKED)
    # Scores that are the negative rank in the documented order: no tie is left to either tool.
    plain = {q: {d: -float(i) for i, d in enumerate(order_of(s))} for q, s in run.items() if s and q in judged}
    names = {"ndcg_cut_10": "nDCG@10", "recall_10": "R@10", "P_5": "P@5", "success_1": "Success@1"}
    names |= {"map_cut_100": "AP@100", "map": "AP", "ndcg": "nDCG", "success_5": "Success@5"}
    theirs = pytrec_eval.RelevanceEvaluator(judged, set(names)).evaluate(plain) if judged else {}
    for query in judged:
        for name, ours in names.items():
            assert found[ours][query] == pytest.approx(theirs.get(query, {}).get(name, 0.0), abs=1e-9)
    if judged and plain:
        for metric in ir_measures.iter_calc(list(ASKED), judged, plain):
            assert found[str(metric.measure)][metric.query_id] == pytest.approx(metric.value, abs=1e-9)


@given(qrels=QRELS, run=RUNS, data=st.data())
def test_measures_do_not_depend_on_the_order_of_dictionaries(
    qrels: dict[str, dict[str, int]], run: Run, data: st.DataObject
) -> None:
    shuffled = {
        query: dict(data.draw(st.permutations(list(scores.items()))))
        for query, scores in data.draw(st.permutations(list(run.items())))
    }
    assert per_query(make_set(qrels), shuffled, ASKED) == per_query(make_set(qrels), run, ASKED)


def test_ties_are_broken_by_document_id_for_every_measure() -> None:
    # Left to themselves the tools disagree: trec_eval puts "d2" first, the one that counts RR@10 "d0".
    made = make_set({"q1": {"d1": 1}})
    found = per_query(made, {"q1": {"d2": 1.0, "d1": 1.0, "d0": 1.0}}, [RR @ 10, RR, nDCG @ 10, P @ 1, Success @ 1])
    assert found["RR@10"]["q1"] == found["RR"]["q1"] == 0.5
    assert found["nDCG@10"]["q1"] == pytest.approx(1 / math.log2(3))
    assert found["P@1"]["q1"] == found["Success@1"]["q1"] == 0.0


@pytest.mark.parametrize("run", [{}, {"q1": {}}, {"other": {"d1": 1.0}}], ids=["empty", "empty query", "another query"])
def test_judged_queries_that_are_not_in_the_run_have_nothing(run: Run) -> None:
    made = make_set({"q1": {"d1": 2}, "q2": {"d2": 1}, "q3": {"d3": 0}}, more_queries=("q4",))
    assert per_query(made, run) == {str(m): {"q1": 0.0, "q2": 0.0} for m in MEASURES}
    assert [(f.name, f.value, f.n) for f in measure(made, run, "s")] == [(str(m), 0.0, 2) for m in MEASURES]


def test_without_a_judged_query_there_is_no_figure() -> None:
    assert [f.n for f in measure(make_set({"q1": {"d1": 0}}), {"q1": {"d1": 1.0}}, "s")] == [0] * len(MEASURES)


@given(qrels=QRELS, run=RUNS)
def test_a_perfect_reranker_is_never_worse_and_finds_what_was_within_its_depth(
    qrels: dict[str, dict[str, int]], run: Run
) -> None:
    made = make_set(qrels)
    plain, best = per_query(made, run), per_query(made, perfectly_reranked(made, run))
    assert all(best[name][q] >= plain[name][q] - 1e-12 for name in plain for q in plain[name])
    assert best["R@100"] == plain["R@100"]
    shallow = perfectly_reranked(made, run, depth=2)
    assert {q: set(s) for q, s in shallow.items()} == {q: set(order_of(s)[:2]) for q, s in run.items()}


# --- gold places


def make_passage(start: int, end: int, text: str = "", *, source: str = "a.txt", lang: str = "en") -> Passage:
    return Passage(f"doc:{start}-{end}", "doc", source, Span(start, end), text, text, Spelling.PLAIN, lang, "", "")


def make_gold(start: int, end: int, *, id_: str = "gold:0", quote: str = "", source: str = "a.txt") -> Gold:
    return Gold(id_, quote, (GoldSpan(source, Span(start, end)),))


def make_citation(start: int, end: int, quote: str = "-", *, source: str = "a.txt") -> Citation:
    return Citation(Span(0, 1), source, "", start, end, quote, "", "en", "", "p")


@pytest.mark.parametrize(
    ("start", "end", "counts"), [(0, 100, True), (10, 15, True), (10, 14, False), (15, 20, True), (20, 40, False)]
)
def test_a_passage_counts_when_it_covers_half_of_the_place(start: int, end: int, counts: bool) -> None:
    gold = make_gold(10, 20)
    assert covers("a.txt", Span(start, end), gold) is counts
    assert passage_golds(make_passage(start, end), [gold]) == ({"gold:0"} if counts else set())
    assert cites(make_citation(start, end), gold) is counts
    assert not covers("b.txt", Span(start, end), gold)


def test_a_citation_counts_when_it_holds_the_words_wherever_they_stand() -> None:
    gold = make_gold(10, 20, quote='he said "no" again')
    assert cites(make_citation(900, 930, 'Then he\n said "no"  again.', source="b.txt"), gold)
    assert cites(make_citation(900, 930, r"Then he said \"no\"\nagain.", source="feed.jsonl"), gold)
    assert cites(make_citation(900, 930, r"Then he s\u0061id \"no\" again.", source="feed.jsonl"), gold)
    assert not cites(make_citation(900, 930, r"Then he said \"no\" again.", source="b.txt"), gold)
    assert not cites(make_citation(900, 930, "he said", source="b.txt"), gold)


def test_another_cut_of_the_same_text_is_judged_by_the_same_places() -> None:
    golds = [make_gold(10, 30), make_gold(70, 90, id_="gold:1")]
    found: dict[int, dict[str, dict[str, float]]] = {}
    for size in (25, 50, 100):
        qrels, run = gold_run([make_passage(i, i + size) for i in range(0, 100, size)], golds)
        found[size] = measured({"q": qrels}, {"q": run}, [R @ 10, RR @ 10])
        assert qrels == {"gold:0": 1, "gold:1": 1}
    assert found[25] == found[50] == found[100] == {"R@10": {"q": 1.0}, "RR@10": {"q": 1.0}}


def test_a_passage_that_repeats_a_place_finds_nothing_new() -> None:
    passages = [make_passage(0, 5), make_passage(10, 20), make_passage(12, 22), make_passage(40, 60)]
    qrels, run = gold_run(
        passages, [make_gold(10, 20), make_gold(40, 60, id_="gold:1"), make_gold(80, 90, id_="gold:2")]
    )
    order = sorted(run, key=lambda id_: -run[id_])
    assert order == ["passage:doc:0-5", "gold:0", "passage:doc:12-22", "gold:1"]
    assert measured({"q": qrels}, {"q": run}, [R @ 10])["R@10"]["q"] == pytest.approx(2 / 3)


TEXT = "One  sentence\nhere. Another one. One sentence here."


def test_quotes_are_found_wherever_they_stand_white_space_aside() -> None:
    source = Source("a.txt", Media.TEXT, "", TEXT)
    spans = QuoteFinder(source).find(" One sentence  here. ")
    assert [span.of(TEXT) for span in spans] == ["One  sentence\nhere.", "One sentence here."]
    assert QuoteFinder(source).find("one") == (Span(28, 31),) == (Span(TEXT.index("one"), TEXT.index("one") + 3),)
    assert QuoteFinder(source).find("nothing such") == QuoteFinder(source).find("  ") == ()


def test_quotes_in_json_are_found_as_they_are_read() -> None:
    text = '{"text": "He said \\"no\\"\\nand \\u0259gain."}\n'
    source = Source("a.jsonl", Media.JSONL, "", text, spelling=Spelling.JSON)
    (span,) = QuoteFinder(source).find('said "no" and əgain')
    assert span.of(text) == 'said \\"no\\"\\nand \\u0259gain'


@given(
    words=st.lists(st.sampled_from(["ab", "a", "b.", "ə"]), min_size=1, max_size=12),
    gaps=st.lists(st.sampled_from([" ", "\n", "  \t"]), min_size=12, max_size=12),
    start=st.integers(0, 11),
    count=st.integers(1, 4),
)
def test_every_quote_is_found_where_it_was_taken(words: list[str], gaps: list[str], start: int, count: int) -> None:
    text = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    quote = " ".join(words[start : start + count])
    found = [" ".join(span.of(text).split()) for span in QuoteFinder(Source("a", Media.TEXT, "", text)).find(quote)]
    assert set(found) == ({quote} if quote else set())
    assert len(found) == sum(" ".join(text.split()).startswith(quote, i) for i in range(len(text))) * bool(quote)


def test_a_gold_quote_has_every_place_that_its_file_holds_unless_one_is_given() -> None:
    source = Source("a.txt", Media.TEXT, "", TEXT)
    question = GoldQuestion("q", "en", "", "a.txt", "?", ("One sentence here.", "nowhere"), True)
    first, second = locate(question, {"a.txt": source}.get)
    assert [place.span for place in first.places] == [Span(0, 19), Span(33, 51)]
    assert (second.id, second.places) == ("gold:1", ())
    given_ = GoldQuestion(
        "q",
        "en",
        "",
        "a.txt",
        "?",
        ("One sentence here.",),
        True,
        (GoldSpan("a.txt", Span(33, 51)), GoldSpan("a.txt", Span(20, 32))),
    )
    golds = locate(given_, {"a.txt": source}.get)
    assert [(gold.id, gold.quote, [p.span for p in gold.places]) for gold in golds] == [
        ("gold:0", "One sentence here.", [Span(33, 51)]),
        ("gold:1", "Another one.", [Span(20, 32)]),
    ]
    assert locate(question, lambda path: None)[0].places == ()


def test_citation_precision_and_recall() -> None:
    golds = [make_gold(10, 20), make_gold(50, 60, id_="gold:1")]
    right, wrong = make_citation(0, 30), make_citation(30, 40)
    assert citation_precision([right, wrong, wrong, right], golds) == 0.5
    assert citation_recall([right, wrong, right], golds) == 0.5
    assert citation_recall([right, make_citation(50, 55)], golds) == 1.0
    assert citation_precision([right], []) == 0.0  # an answer to a question that has none
    assert citation_recall([], golds) == 0.0
    assert math.isnan(citation_precision([], golds))
    assert math.isnan(citation_recall([right], []))
    assert first_citation_right([wrong, right], golds)
    assert not first_citation_right([], golds)
    assert quote_validity(3, 4) == 0.75
    assert math.isnan(quote_validity(0, 0))


# --- knowing when not to answer


def test_abstention_by_hand() -> None:
    declined = [True, True, True, False, False, False]
    answerable = [False, False, True, False, True, True]
    counts = confusion(declined, answerable)
    assert (counts.precision, counts.recall, counts.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert math.isnan(confusion([False], [True]).f1)
    assert confusion([False], [False]).recall == confusion([False], [False]).f1 == 0.0
    assert math.isnan(confusion([False], [False]).precision)


@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_f1_is_that_of_the_share_at_stake(pairs: list[tuple[bool, bool]]) -> None:
    counts = confusion([declined for declined, _ in pairs], [answerable for _, answerable in pairs])
    at_stake = [declined and not answerable for declined, answerable in pairs if declined or not answerable]
    if at_stake:
        assert f1_of_share(sum(at_stake) / len(at_stake)) == pytest.approx(counts.f1, abs=1e-12)
        if counts.precision + counts.recall > 0:  # a comparison with NaN is false
            harmonic = 2 * counts.precision * counts.recall / (counts.precision + counts.recall)
            assert counts.f1 == pytest.approx(harmonic, abs=1e-12)
    else:
        assert math.isnan(counts.f1)


def test_risk_and_coverage_by_hand() -> None:
    points = risk_coverage([0.9, 0.1, 0.5, 0.7], [0, 1, 1, 0])
    assert [point.coverage for point in points] == [0.25, 0.5, 0.75, 1.0]
    assert [point.risk for point in points] == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert aurc([0.9, 0.1, 0.5, 0.7], [0, 1, 1, 0]) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert math.isnan(aurc([], []))


@given(cases=st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
def test_ties_of_confidence_have_the_risk_of_the_mean_of_all_orders(cases: list[tuple[float, bool]]) -> None:
    import itertools

    orders = [o for o in itertools.permutations(cases) if all(a[0] >= b[0] for a, b in itertools.pairwise(o))]
    areas = [np.mean([np.mean([loss for _, loss in order[:n]]) for n in range(1, len(order) + 1)]) for order in orders]
    assert aurc([c for c, _ in cases], [float(loss) for _, loss in cases]) == pytest.approx(float(np.mean(areas)))


def test_calibration_error_by_hand() -> None:
    confidences, outcomes = [0.95, 0.95, 0.91, 1.0, 0.15, 0.05], [True, True, False, True, False, True]
    bins = reliability(confidences, outcomes)
    assert [(b.low, b.n, b.accuracy) for b in bins] == [(0.0, 1, 1.0), (0.1, 1, 0.0), (0.9, 4, 0.75)]
    expected = (1 * 0.95 + 1 * 0.15 + 4 * abs(0.75 - (0.95 + 0.95 + 0.91 + 1.0) / 4)) / 6
    assert calibration_error(confidences, outcomes) == pytest.approx(expected)
    assert calibration_error([0.5, 0.5], [True, False]) == 0.0
    assert math.isnan(calibration_error([], []))
    with pytest.raises(ValueError, match=r"1\.2"):
        reliability([1.2], [True])


# --- words of an answer


# What sacrebleu 2.6.0 gives: CHRF().sentence_score(answer, [reference]).score / 100.
@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        ("the cat sat on the mat", "the cat is on the mat", 0.645779420625287),
        ("Ermənistan Moskvadakı görüşə getmədi", "Ermənistan Moskvadakı görüşə ona görə getmədi", 0.7963297885211685),
        ("abc", "xyz", 0.0),
        ("a", "a", 1.0),
        ("ab", "abc", 0.6363636363636362),
        ("", "abc", 0.0),
        ("Москва, 2022", "в Москве 2022 года", 0.33511110875049027),
        ("the the the", "the", 0.6149193548387096),
    ],
)
def test_chrf_is_that_of_sacrebleu(answer: str, reference: str, score: float) -> None:
    assert chrf(answer, reference) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize(
    ("answer", "reference", "lang", "score"),
    [
        ("The  Denver Broncos!", "denver broncos", "en", 1.0),
        ("a cat, the cat", "cat", "en", 2 / 3),
        ("a cat", "cat", "it", 2 / 3),
        ("IŞIQ", "ışıq", "az", 1.0),
        ("IT", "it", "en", 1.0),
        ("İl", "il", "tr", 1.0),
        ("«Москва», 2022", "москва 2022 года", "ru", 0.8),
        ("$5.50", "550", "en", 1.0),
        ("", "word", "en", 0.0),
        ("the", "", "en", 1.0),
    ],
)
def test_token_f1_by_hand(answer: str, reference: str, lang: str, score: float) -> None:
    assert token_f1(answer, reference, lang=lang) == pytest.approx(score)


# --- lists of passages, time and memory


def test_recall_within_a_budget_of_tokens() -> None:
    found, tokens = [{"a"}, set(), {"b", "x"}, {"c"}], [100, 50, 100, 10]
    assert [recall_within_tokens(found, tokens, {"a", "b", "c"}, budget=n) for n in (99, 100, 249, 250, 260)] == [
        0.0,
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
        1.0,
    ]
    assert math.isnan(recall_within_tokens(found, tokens, set(), budget=10))


def test_repeated_passages_are_told_by_their_words() -> None:
    texts = ["Paşinyan went to Moscow.", "pasinyan WENT to Moscow", "Nobody went to Baku.", "Paşinyan went to Moscow."]
    assert duplicate_share(texts, k=4) == 0.5
    assert duplicate_share(texts, k=1) == 0.0
    assert math.isnan(duplicate_share([], k=10))


def test_language_shares_are_of_the_first_passages() -> None:
    assert language_shares(["az", "en", "en", "ru"], k=3) == {"en": pytest.approx(2 / 3), "az": pytest.approx(1 / 3)}
    assert language_shares([], k=3) == {}


@given(values=st.lists(st.floats(0, 100), min_size=1, max_size=30), percent=st.integers(0, 100))
def test_percentiles_are_those_of_numpy(values: list[float], percent: int) -> None:
    assert percentile(values, percent) == pytest.approx(float(np.percentile(values, percent)), abs=1e-9)
    assert percentile(values, 95) == p95(values)


def test_time_and_memory() -> None:
    assert throughput(500, 2.0) == 250.0
    assert 20e6 < peak_memory_bytes() < 64e9  # bytes, not KiB: Python with numpy holds more than 20 MB
    assert math.isnan(percentile([], 50))


def test_index_recall_is_the_share_of_the_exhaustive_search(make_index: Callable[..., Index]) -> None:
    places = ("Baku", "Moscow", "Ankara", "Tbilisi", "Yerevan", "Shusha")
    index = make_index({f"{place}.txt": f"{place} had a storm on day {i}.\n" * 2 for i, place in enumerate(places)})
    questions = ["a storm in Baku", "Shusha", "what happened on day 3?"]
    stored = list(index.catalog.added_since(0))
    held = index.catalog.vectors()
    vectors = np.array([held[each.key] for each in stored], float)
    keys = np.array([each.key for each in stored])
    assert len({each.passage.lang for each in stored}) == 1
    for k in (1, 2, len(places), 50):
        expected = []
        for question in questions:
            query = index.embedder.embed_query(question)
            exact = index.dense.scores(query, keys.tolist())
            last = sorted(exact.values(), reverse=True)[:k][-1]
            nearest = keys[np.argsort(-(vectors @ query), kind="stable")][:k]  # as a flat index of one language has it
            expected.append(sum(exact[key] >= last for key in nearest.tolist()) / min(k, len(keys)))
        assert index_recall(index, questions, k=k) == pytest.approx(expected)
    assert index_recall(index, questions, k=50) == [1.0, 1.0, 1.0]


def test_a_figure_of_a_measure_is_the_mean_of_its_queries() -> None:
    made = make_set({"q1": {"d1": 1}, "q2": {"d2": 1}})
    found = {f.name: f for f in measure(made, {"q1": {"d1": 1.0}, "q2": {"d1": 2.0, "d2": 1.0}}, "s", [RR @ 10])}
    assert found == {"RR@10": figure("RR@10", [1.0, 0.5], "s")}
    assert by_rank({"q": {}}) == {"q": {}}


# --- the figures of an answer set, from replies made up here


def make_reply(question: str, citations: list[list[Citation]], *, confidence: float) -> Reply:
    identity = EmbedderIdentity("none", "", 1, "", "")
    searched = Searched(
        "", 1, Extent(0, (), "", ""), identity, "", "", question, (), Filters(), False, "", "", 0, False, (), 0.5
    )
    if not citations:
        return Abstention(question, "why", (), confidence, searched)
    statements = tuple(Statement(f"statement {i}", tuple(each)) for i, each in enumerate(citations))
    return Answer(question, statements, (), confidence, searched)


def test_an_answer_report_has_a_mean_over_pairs_and_the_worst_pair(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Right words here. Wrong words there.", encoding="utf-8")
    right, wrong = make_citation(0, 17, "Right words here."), make_citation(18, 36, "Wrong words there.")
    made_up = make_citation(0, 4, "Left")
    replies = {  # id: pair of languages, whether answerable, what is cited, confidence
        "both": ("en", "az", True, [[right], [wrong]], 0.9),
        "second": ("en", "az", True, [[wrong], [right]], 0.8),
        "declined": ("en", "az", True, [], 0.1),
        "rightly": ("en", "az", False, [], 0.2),
        "wrongly": ("ru", "az", False, [[wrong, made_up]], 0.7),
        "good": ("ru", "az", True, [[right]], 0.6),
    }
    judgments = []
    for seconds, (id_, (lang, doc_lang, answerable, citations, confidence)) in enumerate(replies.items()):
        gold = ("Right words here.",) if answerable else ()
        reference = "statement 0 statement 1" if id_ in ("both", "declined") else ""
        question = GoldQuestion(id_, lang, doc_lang, "a.txt", id_, gold, answerable, (), reference)
        reply = make_reply(id_, citations, confidence=confidence)
        judgments.append(judge(question, reply, lambda path: tmp_path / path, seconds=float(seconds)))
    report = report_judgments(judgments, "s")
    names = [f.name for f in report.overall]
    assert all([f.name for f in row] == names for row in (*report.by_pair.values(), report.macro))
    overall = {f.name: (f.value, f.n) for f in report.overall}
    assert overall == {
        "first citation": (0.5, 4),
        "first three": (0.75, 4),
        "wrongly declined": (0.25, 4),
        "rightly declined": (0.5, 2),
        "quotes that stand": (pytest.approx(6 / 7), 7),
        "citation precision": (pytest.approx((0.5 + 0.5 + 0.0 + 1.0) / 4), 4),
        "citation recall": (0.75, 4),
        "abstention precision": (0.5, 2),
        "abstention recall": (0.5, 2),
        "abstention F1": (pytest.approx(0.5), 3),
        # In order of confidence right, wrong, wrong, right, wrong, wrong.
        "AURC": (pytest.approx((0 + 1 / 2 + 2 / 3 + 2 / 4 + 3 / 5 + 4 / 6) / 6), 6),
        "calibration error": (pytest.approx((0.1 + 0.2 + 0.9 + 0.2 + 0.7 + 0.4) / 6), 6),
        "chrF": (pytest.approx((1.0 + 0.0) / 2), 2),
        "token F1": (pytest.approx((1.0 + 0.0) / 2), 2),
        "latency p50 s": (2.5, 6),
        "latency p95 s": (pytest.approx(4.75), 6),
    }
    assert list(report.by_pair) == ["en→az", "ru→az"]
    macro = {f.name: f.value for f in report.macro}
    assert macro["first citation"] == pytest.approx((1 / 3 + 1) / 2)
    assert macro["latency p50 s"] == pytest.approx((1.5 + 4.5) / 2)
    assert macro["abstention precision"] == 0.5  # of one pair: nothing was declined in the other
    worst = {f.name: (pair, f.value) for pair, f in report.worst}
    assert worst["first citation"] == ("en→az", pytest.approx(1 / 3))
    assert worst["rightly declined"] == ("ru→az", 0.0)
    assert worst["wrongly declined"] == ("en→az", pytest.approx(1 / 3))  # here more is worse
    assert worst["latency p95 s"] == ("ru→az", pytest.approx(4.95))
    assert math.isnan(judgments[2].precision)
    assert all(f.low <= f.value <= f.high for row in (report.overall, report.macro) for f in row if f.n)


def test_the_risk_of_a_declined_question_is_that_of_its_draft_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Right words here. Wrong words there.", encoding="utf-8")
    right, wrong = make_citation(0, 17, "Right words here."), make_citation(18, 36, "Wrong words there.")
    question = GoldQuestion("q", "en", "en", "a.txt", "?", ("Right words here.",), True)
    declined = make_reply("q", [], confidence=0.1)
    judged = {
        name: judge(question, declined, lambda path: tmp_path / path, draft=draft, seconds=1.0)
        for name, draft in {
            "right": make_reply("q", [[right]], confidence=0.1),
            "wrong": make_reply("q", [[wrong], [right]], confidence=0.1),
            "unknown": None,
        }.items()
    }
    figures = {
        name: {f.name: f.value for f in report_judgments([judgment], "s").overall} for name, judgment in judged.items()
    }
    assert [figures[name].pop("AURC") for name in ("right", "wrong", "unknown")] == [0.0, 1.0, 1.0]
    assert (
        repr(figures["right"]) == repr(figures["wrong"]) == repr(figures["unknown"])
    )  # NaN is not itself, but reads so
    assert (figures["right"]["first citation"], figures["right"]["wrongly declined"]) == (0.0, 1.0)
