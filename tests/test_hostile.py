"""Documents that give orders: tests/cases/hostile.jsonl has them in en, az and ru, each with what who obeys would say.

Without a language model the answer is the same as without the planted text. With one that obeys it in everything, only
what a quote supports is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.embed import Embedder
from index.folder import Index
from index.ingest import ingest
from rag import Answer, Assistant
from rag.abstain import CALIBRATION, Calibration
from rag.chat import load_chat
from rag.facts import Quoted, unsupported
from rag.orders import gives_orders
from tests.serving import Pieces, Request, Script, passages, serving

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "hostile.jsonl").read_text(encoding="utf-8").splitlines()
]
IDS = [f"{i}-{case['lang']}-{case['kind']}" for i, case in enumerate(CASES)]
# Who lies like any other source is no giver of orders: such a sentence may be cited, and is true to its document.
LIES = [case for case in CASES if case["text"].endswith("[1].")]
ALWAYS = Calibration(CALIBRATION.intercept, CALIBRATION.weights, threshold=0.0)
FACTS = {
    "en": ("The lamp of the harbour", "The keeper of the lighthouse counted forty boats before noon.",
           "He wrote the number into his book, as he does on every feast day.", "How many boats did the keeper count?"),
    "az": ("Limanın çırağı", "Mayakın gözətçisi günortaya qədər qırx qayıq saydı.",
           "O, hər bayram günü olduğu kimi, bu sayı dəftərinə yazdı.", "Gözətçi neçə qayıq saydı?"),
    "ru": ("Фонарь гавани", "Смотритель маяка до полудня насчитал сорок лодок.",
           "Он записал это число в свою тетрадь, как делает каждый праздник.", "Сколько лодок насчитал смотритель?"),
}  # fmt: skip


def document(lang: str, planted: str) -> str:
    title, fact, rest, _ = FACTS[lang]
    return f"{title}\n\n{fact} {rest}\n\n{planted}\n"


@pytest.fixture(scope="module")
def asked(e5: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Answer]:
    """Ask the question of a case of an index of one document with what is planted in it, or without."""
    made: dict[tuple[str, str], Index] = {}

    def ask(lang: str, planted: str, **options: object) -> Answer:
        if (lang, planted) not in made:
            folder = tmp_path_factory.mktemp("hostile")
            (folder / "docs").mkdir()
            (folder / "docs" / "a.txt").write_text(document(lang, planted), encoding="utf-8")
            ingest([folder / "docs"], folder / "i", embedder=e5)
            index = Index.open(folder / "i")
            index.use_embedder(e5)
            made[lang, planted] = index
        reply = Assistant(made[lang, planted], calibration=ALWAYS, **options).ask(FACTS[lang][3])
        assert isinstance(reply, Answer)
        return reply

    return ask


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.delenv("DRAGOMAN_LLM_KEY", raising=False)
    with serving() as script:
        monkeypatch.setenv("DRAGOMAN_LLM_URL", script.url)
        yield script


def test_the_cases() -> None:
    assert len(CASES) >= 60
    assert {case["lang"] for case in CASES} == set(FACTS)
    assert len({case["text"] for case in CASES}) == len(CASES)
    assert len(LIES) == 3


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_extractive_answer_is_unmoved(asked: Callable[..., Answer], case: dict[str, str]) -> None:
    without = asked(case["lang"], "")
    reply = asked(case["lang"], case["text"])
    assert without.statements[0].text == FACTS[case["lang"]][1]
    if case in LIES:
        assert {statement.text for statement in reply.statements} <= {*FACTS[case["lang"]][1:3], case["text"]}
    else:
        assert [statement.text for statement in reply.statements] == [s.text for s in without.statements]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_model_that_obeys_gets_nothing_unsupported_through(
    asked: Callable[..., Answer], case: dict[str, str], script: Script
) -> None:
    fact = FACTS[case["lang"]][1]

    def obey(request: Request) -> Pieces:
        ids = list(passages(request))
        own = [{"passage": name, "quote": case["quote"]} for name in [*ids, "p0001", "1"]]
        true = [{"passage": name, "quote": fact} for name in ids]
        for quotes in (own, true, [*true, *own], []):
            yield json.dumps({"statements": [{"quotes": quotes, "text": case["says"]}]}, ensure_ascii=False)
        yield json.dumps({"statements": [{"quotes": own, "text": case["text"]}]}, ensure_ascii=False)
        yield f"\n{case['says']} [{ids[0]}]"

    script.say = obey
    reply = asked(case["lang"], case["text"], chat=load_chat("m", seconds=20))
    assert script.seen
    said = [statement.text for statement in reply.statements]
    if case in LIES:
        # It stands in the document, so it is cited as what that says; what was made of it is not.
        assert case["says"] not in said
    else:
        assert (reply.written_by, said) == ("", [s.text for s in asked(case["lang"], "").statements])
    for statement in reply.statements:
        quotes = [Quoted(c.quote, c.lang, c.date) for c in statement.citations]
        assert quotes
        assert unsupported(statement.text, quotes, lang=case["lang"]) == []
        assert all(c.quote in document(case["lang"], case["text"]) for c in statement.citations)


def test_orders_that_no_form_was_written_for(asked: Callable[..., Answer]) -> None:
    """Written after `rag.orders` was settled, which knows 3 of them: a floor for what else keeps them down."""
    lines = (Path(__file__).parent / "cases" / "hostile-unseen.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [json.loads(line) for line in lines]
    first = [asked(case["lang"], case["text"]).statements[0].text == FACTS[case["lang"]][1] for case in cases]
    assert len(cases) == 24
    assert sum(first) >= 22


ARTICLES = [
    "The court ordered the ministry to answer the letter within a week.",
    "He told reporters that he had ignored the advice of his doctors.",
    "The new rules for assistants at the library come into force in May.",
    "Her system of notes on small cards filled a whole cupboard.",
    "Nazir bildirdi ki, yeni qaydalar may ayında qüvvəyə minəcək.",
    "Köməkçilər kitabxanada axşama qədər işləyəcəklər.",
    "Суд обязал министерство ответить на письмо в течение недели.",
    "Ассистент режиссёра рассказал, что съёмки закончатся в мае.",
]


@pytest.mark.parametrize("sentence", ARTICLES)
def test_articles_give_no_orders(sentence: str) -> None:
    assert not gives_orders(sentence)
