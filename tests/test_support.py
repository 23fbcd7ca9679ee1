"""The support score: what it is made of, what it is called, and that an NLI model may give it in its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.claims import JudgedClaim, load_judged_claims
from eval.sets import CorpusDocument, RetrievalSet
from eval.support import (
    CLAIMS,
    Case,
    Label,
    Ranking,
    claim_cases,
    fit,
    left_out,
    levels_of,
    made_cases,
    measure,
    reciprocal_rank,
)
from index.embed import Embedder
from index.errors import DataSetError, ModelError
from index.folder import Index
from index.tokens import MEAN_TEXTS, TokenCodec, TokenVectors
from rag import Answer, Assistant
from rag.abstain import CALIBRATION
from rag.facts import Quoted
from rag.nli import load_nli
from rag.reply import Support
from rag.support import (
    SUPPORT,
    Levels,
    Stated,
    SupportSignals,
    WordWeights,
    compare_tokens,
    numbers_hash,
    signals,
    stems,
)
from tests.test_claims import CLAIMS as CLAIM_ROWS
from tests.test_claims import write as write_claims
from tests.test_rerank import save_model

PAGE = (
    "The keeper of the lighthouse counted forty boats before noon.",
    "He wrote the number into his book at once.",
    "The harbour master never asked for the book.",
)
AZ = "Mayakın gözətçisi günortaya qədər qırx qayıq saydı."


@pytest.fixture(scope="module")
def stated(e5: Embedder) -> Callable[..., Stated]:
    mean = TokenCodec.fitted(e5.passage_tokens(list(MEAN_TEXTS))).mean

    def make(text: str, *quotes: str, lang: str = "en", of: str = "en") -> Stated:
        own, *others = e5.passage_tokens([text, *quotes])
        quoted = tuple(Quoted(quote, of, "") for quote in quotes)
        return Stated(text, lang, quoted, "\n".join(PAGE), compare_tokens(own, others, mean), WordWeights(PAGE))

    return make


def test_a_statement_that_is_its_quote(stated: Callable[..., Stated]) -> None:
    found = signals(stated(PAGE[0], PAGE[0]))
    assert (found.words, found.pairs, found.figures, found.names) == (1.0, 1.0, 0.0, 0.0)
    assert (found.centred, found.plain) == (pytest.approx(1.0, abs=1e-4), pytest.approx(1.0, abs=1e-4))


def test_what_the_quotes_have_not(stated: Callable[..., Stated]) -> None:
    found = signals(stated("By noon Kamran had counted 41 boats and 40 cars.", PAGE[0]))
    assert (found.figures, found.names) == (0.5, 1.0)
    assert 0 < found.words < 1


def test_rare_words_weigh_more() -> None:
    weights = WordWeights(["the lamp burns", "the bell rings", "the book is shut"])
    held = set(stems("the lamp"))
    assert weights.share(set(stems("the lamp rings")), held) > weights.share(set(stems("lamp bell rings")), held)
    assert weights.of("the") == pytest.approx(math.log(4 / 3.5))
    assert weights.of("lamp") == pytest.approx(math.log(4 / 1.5))


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_shares(wanted: set[str], held: set[str]) -> None:
    share = WordWeights(["a b", "b c", "d"]).share(wanted, held)
    assert 0 <= share <= 1
    assert (share == 1) == (bool(wanted) and wanted <= held)
    assert (share == 0) == (not wanted & held)


def test_scores_go_from_what_is_said_to_what_is_not(stated: Callable[..., Stated]) -> None:
    said = [
        stated("The lighthouse keeper counted forty boats before noon.", PAGE[0]),
        stated("The lighthouse keeper counted forty boats and wrote that down.", PAGE[0]),
        stated("The harbour was closed because of the ice.", PAGE[0]),
    ]
    judged = [SUPPORT.judge(each) for each in said]
    assert judged[0].score > judged[1].score > judged[2].score
    assert (judged[0].support, judged[2].support) == (Support.SUPPORTED, Support.NOT_CHECKED)


def test_across_languages(stated: Callable[..., Stated]) -> None:
    right, wrong = (
        stated(text, AZ, of="az")
        for text in ("The lighthouse keeper counted forty boats by noon.", "The harbour was shut because of the ice.")
    )
    assert right.is_across and not stated(PAGE[0], PAGE[1]).is_across
    assert SUPPORT.judge(right).score == SUPPORT.across.probability(signals(right))
    assert SUPPORT.judge(right).score > 0.6 > 0.2 > SUPPORT.judge(wrong).score
    assert SUPPORT.judge(wrong).support is Support.NOT_CHECKED


@pytest.mark.parametrize(
    ("score", "called"),
    [(0.9, Support.SUPPORTED), (0.899, Support.PARTLY), (0.5, Support.PARTLY), (0.49, Support.NOT_CHECKED)],
)
def test_levels(score: float, called: Support) -> None:
    assert Levels(supported=0.9, partly=0.5).of(score) is called


def test_a_statement_without_tokens(e5: Embedder) -> None:
    (quote,) = e5.passage_tokens(["The lamp burns."])
    nothing = TokenVectors((), quote.vectors[:0], quote.starts[:0])
    found = compare_tokens(quote, [nothing], quote.vectors[0])
    assert compare_tokens(nothing, [quote], quote.vectors[0]).nearness == 0.0
    assert (found.nearness, found.plain.tolist()) == (0.0, [0.0] * len(quote.tokens))


def test_hashes_tell_numbers_apart() -> None:
    other = replace(SUPPORT, within=replace(SUPPORT.within, intercept=0.0))
    assert numbers_hash(SUPPORT) == numbers_hash(replace(SUPPORT)) == SUPPORT.weights_hash
    assert numbers_hash(other) != SUPPORT.weights_hash


# Measuring and fitting


def case(label: Label, words: float, group: str, kind: str = CLAIMS) -> Case:
    seen = SupportSignals(words, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Case(kind, "en→en", group, label, None, seen)  # pyright: ignore[reportArgumentType] - not looked at


CASES = [case(Label(i % 3), (i % 3) / 2 + (i % 7) / 20, f"page {i}") for i in range(60)]


def test_the_claims_of_a_file(tmp_path: Path) -> None:
    found = load_judged_claims(write_claims(tmp_path / "made", CLAIM_ROWS[:3]))
    assert [(each.id, each.grade, sorted(each.supporting)) for each in found] == [
        ("c1", 2, [2, 3]), ("c2", 1, [1]), ("c3", 0, [])
    ]  # fmt: skip
    for groups in (None, [[7]], [["1"]], [[-1]]):
        broken = write_claims(tmp_path / "broken", [CLAIM_ROWS[0] | {"supporting_sentences": groups}])
        with pytest.raises(DataSetError, match=r'dev.jsonl:1: "supporting_sentences" is .*; want lists of numbers'):
            load_judged_claims(broken)


def test_a_claim_is_judged_by_the_sentences_that_come_closest(hashing: Embedder) -> None:
    claim = JudgedClaim("c", "The keeper counted forty boats.", (*PAGE, "Bees.", "Ice."), frozenset({0}), 2)
    [found], [ranking] = claim_cases([claim], hashing)
    assert found.label is Label.SUPPORTED
    assert found.stated.quotes[0].text == PAGE[0]
    assert len(found.stated.quotes) == 3
    assert ranking.right == (True, False, False, False, False)
    assert reciprocal_rank(ranking, [each.words for each in ranking.signals]) == 1.0


def test_what_is_made_of_texts_in_two_languages(hashing: Embedder) -> None:
    english = "The ferry, which was built in 1984, left the port in May 1999, when it was raining. Nobody came with it."
    russian = "Паром, построенный в 1984 году, вышел из порта в мае 1999 года под дождём. Никто на нём не приехал."
    sets = [
        RetrievalSet(f"s-{i}", (CorpusDocument("a.1#0", "", text),), (), {}, "")
        for i, text in enumerate((english, russian))
    ]
    cases = made_cases(sets, hashing, most=10)
    found = {(each.pair, each.kind): each for each in cases}
    assert {pair for pair, _ in found} == {"en→en", "ru→ru", "en→ru", "ru→en"}
    assert {each.group for each in cases} == {"a.1"}
    assert found["en→ru", "translated"].label is Label.SUPPORTED
    assert [quote.text for quote in found["en→ru", "next sentence"].stated.quotes] == ["Никто на нём не приехал."]
    assert found["en→ru", "translated, with the next"].stated.text == english
    assert found["en→ru", "number changed"].stated.text.startswith("The ferry, which was built in 2984, left")
    assert found["en→ru", "number changed"].signals.figures > found["en→ru", "translated"].signals.figures
    assert found["en→en", "cut short"].stated.text == "The ferry, which was built in 1984, left the port in May 1999"
    with pytest.raises(DataSetError, match="no document in two languages"):
        made_cases(sets[:1], hashing, most=10)


def test_the_fit_finds_what_supports() -> None:
    fitted = fit(CASES)
    assert fitted.weights.words > 1
    assert fitted.weights.pairs == 0
    with pytest.raises(DataSetError, match="no supported cases, or no others"):
        fit(CASES[2::3])


def test_what_is_measured_was_in_no_fit() -> None:
    ranking = Ranking("page 5", Label.SUPPORTED, (CASES[5].signals, CASES[3].signals), (True, False))
    scores, [ranked], others = left_out(CASES, [ranking], others=CASES[:3])
    whole = fit(CASES, [ranking])
    assert others == [whole.probability(each.signals) for each in CASES[:3]]
    turned = [replace(each, label=Label(2 - each.label)) if each.group == "page 5" else each for each in CASES]
    assert left_out(turned, [ranking])[0][5] == scores[5]
    assert ranked[0] == scores[5]


def test_levels_are_where_precision_is_lost() -> None:
    scored = [(case(Label.SUPPORTED if i < 36 else Label.NOT, 0.0, ""), 1 - i / 100) for i in range(80)]
    assert levels_of(scored) == Levels(supported=0.61, partly=0.64)  # 36 of 40, 36 of 37
    made = [(replace(each, kind="made", label=Label.PARTLY), score) for each, score in scored]
    assert levels_of([*scored, *made]).supported == 1.0
    by_name = {each.name: each.value for each in measure(scored, Levels(0.61, 0.61))}
    assert (by_name["supported is"], by_name["of supported"]) == (pytest.approx(0.9), 1.0)
    assert by_name["AUROC supported"] == 1.0


# In an answer


FILES: dict[str, str | bytes] = {"en.txt": f"The lamp\n\n12 May 2024\n\n{PAGE[0]} {PAGE[1]}\n"}


def nli_model(folder: Path, labels: list[str]) -> Path:
    import json

    model = save_model(folder, labels=len(labels))
    config = json.loads((model / "config.json").read_text())
    config |= {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    (model / "config.json").write_text(json.dumps(config))
    return model


def test_an_nli_model_scores_entailment(stated: Callable[..., Stated], tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    folder = nli_model(tmp_path / "nli", ["contradiction", "ENTAILMENT", "neutral"])
    model, said = load_nli(str(folder)), stated("The keeper counted forty boats.", PAGE[0], PAGE[1])
    own = CrossEncoder(str(folder)).predict([(f"{PAGE[0]} {PAGE[1]}", said.text)], apply_softmax=True)[0]
    judged = model.judge(said)
    assert judged.score == pytest.approx(float(own[1]), abs=1e-5)
    assert judged.support is model.levels.of(judged.score)
    assert len(model.weights_hash) == 64


@pytest.mark.parametrize("labels", [["neutral"], ["yes", "no"], ["entailment", "entailment 2", "n"]])
def test_a_model_that_tells_no_entailment(tmp_path: Path, labels: list[str]) -> None:
    folder = nli_model(tmp_path / "other", labels)
    with pytest.raises(ModelError, match="want one that is entailment, among others"):
        load_nli(str(folder))


def test_a_name_that_is_not_found(make_index: Callable[..., Index]) -> None:
    index = make_index(FILES)
    with pytest.raises(ModelError, match=r"NLI model './none': .*, or leave --nli away"):
        Assistant.open(index.folder, nli="./none")


def test_a_sentence_of_the_documents_is_no_estimate(make_index: Callable[..., Index]) -> None:
    reply = Assistant(make_index(FILES), calibration=replace(CALIBRATION, threshold=0.0)).ask("who counted the boats?")
    assert isinstance(reply, Answer)
    assert {(each.support, each.support_score) for each in reply.statements} == {(Support.QUOTED, 1.0)}
    assert (reply.searched.support, reply.searched.hashes.support) == ("", "")
