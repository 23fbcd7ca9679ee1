"""Copies and translations: which are linked and which are not, and that it never matters how the archive came about."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import duplicates
from index.catalog import BuiltWith, Catalog, Print, ReadySource, StoredBody
from index.duplicates import bring_forward, candidate_pairs, copy_score, make_print
from index.embed import EmbedderIdentity, Floats, unit
from index.folder import Index
from index.ingest import ingest
from index.neighbours import nearest
from index.passages import Chunking
from index.values import Cluster, Document, Link, LinkKind, Media, Passage, Source, Span
from tests import embedded

DIMENSION = 32
BUILT = BuiltWith(EmbedderIdentity("test", "none", DIMENSION, "", ""), Chunking())

FERRY = {
    "en": """The council of Sahilkend agreed on Tuesday to close the old ferry landing and to build a new one two \
kilometres further north. Work is to begin on 3 March and to take 14 months.

The landing, built in 1962, serves about 900 people a day. Engineers found cracks in 11 of its 26 piles last autumn, \
and since then only small boats may moor there.

"We have waited ten years for this," said Leyla Quliyeva, who runs the ticket office. Fishermen fear for their \
berths, but the mayor promised that each of the 40 boats will keep its place.

The new landing will cost 6.5 million manat, of which the ministry pays two thirds. A footpath along the shore will \
join it to the bus station.""",
    "az": """Sahilkənd şurası çərşənbə axşamı köhnə bərə körpüsünü bağlamağı və iki kilometr şimalda yenisini tikməyi \
qərara aldı. İşlər martın 3-də başlayacaq və 14 ay çəkəcək.

1962-ci ildə tikilmiş körpüdən gündə təxminən 900 nəfər istifadə edir. Mühəndislər keçən payız onun 26 dirəyindən \
11-də çat tapıblar və o vaxtdan bəri orada yalnız kiçik qayıqlar dayana bilir.

Kassanın müdiri Leyla Quliyeva "Biz bunu on il gözləmişik", – deyib. Balıqçılar yerlərini itirməkdən qorxurlar, lakin \
bələdiyyə sədri 40 qayığın hər birinin öz yerində qalacağına söz verib.

Yeni körpü 6,5 milyon manata başa gələcək, bunun üçdə ikisini nazirlik ödəyir. Sahil boyu piyada yolu onu \
avtovağzalla birləşdirəcək.""",
    "ru": """Совет Сахилкенда во вторник решил закрыть старый паромный причал и построить новый в двух километрах к \
северу. Работы начнутся 3 марта и продлятся 14 месяцев.

Причалом 1962 года постройки пользуются около 900 человек в день. Прошлой осенью инженеры нашли трещины в 11 из 26 \
его свай, и с тех пор там могут швартоваться только небольшие лодки.

«Мы ждали этого десять лет», – сказала Лейла Кулиева, заведующая кассой. Рыбаки боятся потерять свои места, но мэр \
пообещал, что каждая из 40 лодок останется на своём месте.

Новый причал обойдётся в 6,5 миллиона манатов, две трети суммы заплатит министерство. Пешеходная дорожка вдоль берега \
соединит его с автовокзалом.""",
}
# Each pair of words stands in the text and is what an editor puts in its place.
LIGHT_EDITS = {
    "en": [("agreed on Tuesday", "decided this week"), ("about 900", "some 900"), ("last autumn", "in the autumn")],
    "az": [("qərara aldı", "qərarlaşdırdı"), ("təxminən", "təqribən"), ("lakin", "amma")],
    "ru": [("во вторник решил", "принял решение"), ("около 900", "примерно 900"), ("обойдётся", "будет стоить")],
}
BOILERPLATE = {
    "en": "Reprinted with the kind consent of the Sahilkend Courier. Write to our office if you have seen a mistake.",
    "az": "Material Sahilkənd qəzetinin icazəsi ilə dərc olunur. Səhv görmüsünüzsə, redaksiyamıza yazın.",
    "ru": "Перепечатано с разрешения газеты «Сахилкенд». Если вы заметили ошибку, напишите в редакцию.",
}
# The same news by another hand, with the same names, numbers and quotation.
FERRY_ANEW = {
    "en": """A new ferry landing will be built north of Sahilkend, where the old one is falling to pieces. That is \
what councillors voted for this week after a long debate.

Passengers, some 900 of them every day, have had to do with a damaged jetty since experts saw that 11 piles out of 26 \
had cracked. It dates from 1962. "We have waited ten years for this," Leyla Quliyeva of the ticket office told us.

Two thirds of the price, 6.5 million manat, come from the ministry. Builders start on 3 March and should be ready in \
14 months. The owners of 40 fishing boats were told not to worry about where to moor. Those who arrive by bus are to \
get a path for walking.""",
    "az": """Sahilkənddən şimalda yeni bərə körpüsü salınacaq, çünki köhnəsi dağılmaqdadır. Uzun müzakirədən sonra \
şura üzvləri bu həftə buna səs veriblər.

Hər gün 900-ə yaxın sərnişin zədəli körpüdən keçir: mütəxəssislər 26 dirəkdən 11-nin çatladığını görüblər. Körpünün \
yaşı 1962-ci ildən hesablanır. Kassada işləyən Leyla Quliyeva bizə "Biz bunu on il gözləmişik" dedi.

Qiymətin, yəni 6,5 milyon manatın üçdə ikisi nazirlikdən gəlir. İnşaatçılar 3 martda işə başlayıb 14 aya \
qurtarmalıdır. 40 balıqçı qayığının sahibinə narahat olmamaq tövsiyə edilib. Avtobusla gələnlər üçün də yol \
çəkiləcək.""",
    "ru": """К северу от Сахилкенда появится новый паромный причал: прежний разрушается. За это после долгих споров \
проголосовали на этой неделе депутаты.

Ежедневно 900 пассажиров пользуются повреждённым пирсом, с тех пор как специалисты увидели, что треснули 11 свай из \
26. Он стоит с 1962 года. «Мы ждали этого десять лет», – рассказала нам Лейла Кулиева из кассы.

Две трети стоимости, то есть 6,5 миллиона манатов, даст министерство. Строители выйдут на объект 3 марта и должны \
управиться за 14 месяцев. Владельцев 40 рыбацких лодок просят не тревожиться. Для приезжающих автобусом проложат \
тропу.""",
}
MARKET = {
    "en": "Prices at the Sahilkend market today: tomatoes {} manat a kilogram, potatoes {}, onions {}, apples {}. A "
    "dozen eggs cost {} manat, a litre of milk {}. Lamb was sold for {} manat, beef for {}. Compared with last "
    "week greens have become cheaper, and fish has become dearer because of the wind on the bay. The market is "
    "open from {} to {} every day but Monday. Traders pay {} manat a day for a stall and can book it by "
    "telephone.",
    "az": "Bu gün Sahilkənd bazarında qiymətlər: pomidorun kilosu {} manat, kartof {}, soğan {}, alma {}. On yumurta "
    "{} manat, bir litr süd {} manatdır. Qoyun əti {} manata, mal əti {} manata satılıb. Keçən həftə ilə "
    "müqayisədə göyərti ucuzlaşıb, körfəzdəki küləyə görə balıq bahalaşıb. Bazar bazar ertəsindən başqa hər "
    "gün saat {}-dən {}-dək açıqdır. Satıcılar piştaxta üçün gündə {} manat ödəyir və onu telefonla götürə "
    "bilirlər.",
    "ru": "Цены на рынке Сахилкенда сегодня: помидоры {} маната за килограмм, картофель {}, лук {}, яблоки {}. "
    "Десяток яиц стоит {} маната, литр молока {}. Баранину продавали по {} манатов, говядину по {}. По "
    "сравнению с прошлой неделей зелень подешевела, а рыба из-за ветра на заливе подорожала. Рынок открыт с {} "
    "до {} ежедневно, кроме понедельника. Торговцы платят за прилавок {} манатов в день и могут заказать его "
    "по телефону.",
}
LANGUAGES = sorted(FERRY)


def printed(text: str) -> Print:
    return make_print(StoredBody(1, text, np.ones((1, DIMENSION), np.float16)))


def edited(lang: str) -> str:
    text = FERRY[lang]
    for old, new in LIGHT_EDITS[lang]:
        assert old in text
        text = text.replace(old, new)
    return text


def score(one: str, other: str) -> float:
    """The score of a pair, asked both ways round; what is linked must also be found by its signature."""
    a, b = printed(one), printed(other)
    assert copy_score(a, b) == copy_score(b, a)
    if copy_score(a, b):
        assert candidate_pairs(np.array([a.signature, b.signature])).tolist() == [[0, 1]]
    return copy_score(a, b)


@pytest.mark.parametrize("lang", LANGUAGES)
class TestNearCopies:
    def test_light_edits(self, lang: str) -> None:
        assert 0.7 < score(FERRY[lang], edited(lang)) < 1

    def test_the_last_paragraphs_cut(self, lang: str) -> None:
        paragraphs = FERRY[lang].split("\n\n")
        assert score(FERRY[lang], "\n\n".join(paragraphs[:-1])) == 1.0
        assert score(FERRY[lang], "\n\n".join(paragraphs[:2])) == 1.0

    def test_boilerplate_added(self, lang: str) -> None:
        assert score(FERRY[lang], f"{FERRY[lang]}\n\n{BOILERPLATE[lang]}") == 1.0

    def test_all_three(self, lang: str) -> None:
        cut = edited(lang).rpartition("\n\n")[0]
        assert score(FERRY[lang], f"{cut}\n\n{BOILERPLATE[lang]}") > 0.6

    def test_other_quotation_marks_case_and_line_breaks(self, lang: str) -> None:
        assert score(FERRY[lang], FERRY[lang].upper().replace('"', "»").replace(" ", "\n")) > 0.95


@pytest.mark.parametrize("lang", LANGUAGES)
class TestNoCopies:
    def test_half_of_it_shared(self, lang: str) -> None:
        old, new = FERRY[lang].split("\n\n"), FERRY_ANEW[lang].split("\n\n")
        assert score(FERRY[lang], "\n\n".join([*old[:2], *new[1:]])) == 0

    def test_the_same_news_written_anew(self, lang: str) -> None:
        assert score(FERRY[lang], FERRY_ANEW[lang]) == 0

    def test_reports_of_one_form(self, lang: str) -> None:
        monday = MARKET[lang].format(*["2.40", "0.80", "0.60", "1.90", "3.20", "1.70", "18", "16", "8", "19", "5"])
        tuesday = MARKET[lang].format(*["2.10", "0.85", "0.70", "2.20", "3.30", "1.75", "19", "15", "8", "19", "5"])
        assert score(monday, tuesday) == 0
        assert score(monday, monday + " " + BOILERPLATE[lang]) == 1.0

    def test_an_article_in_a_round_up_of_many(self, lang: str) -> None:
        assert score(FERRY[lang], "\n\n".join([*FERRY.values(), *FERRY_ANEW.values()])) == 0

    def test_in_another_language(self, lang: str) -> None:
        assert [score(FERRY[lang], FERRY[other]) for other in LANGUAGES if other != lang] == [0, 0]


def test_short_texts_need_to_be_almost_the_same() -> None:
    norway = (
        "The president received the ambassador of Norway on Friday. They spoke of trade, of fishing in the northern "
    )
    norway += "seas and of students. The ambassador ends his service in the country this summer."
    assert score(norway, norway.replace("Norway", "Chile")) > 0.8
    visit = (
        norway.replace("Norway", "Chile").replace("fishing in the northern seas", "mining").replace("Friday", "Monday")
    )
    assert score(norway, visit) == 0
    assert score("No trains will run on Sunday because of works.", "No trains will run on Sunday because of work.") == 0


VOCABULARY = ["river", "bridge", "mayor", "school", "1999", "12", "port", "ship", "bread", "rain"]
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=120)


@given(one=WORDS, other=WORDS)
def test_the_score_is_the_containment_of_the_shingles(one: list[str], other: list[str]) -> None:
    a, b = ({tuple(words[i : i + 3]) for i in range(len(words) - 2)} for words in (one, other))
    found = copy_score(printed(" ".join(one)), printed(" ".join(other)))
    if found:
        assert found == round(len(a & b) / min(len(a), len(b)), 4) >= 0.6
        assert len(a & b) / len(a | b) >= 0.3


@given(seed=st.integers(0, 10_000), count=st.integers(0, 9))
def test_candidates_are_the_rows_with_a_band_in_common(seed: int, count: int) -> None:
    # Of 12 values each, so that bands of three do meet; no more rows than one is compared with.
    signatures = np.random.default_rng(seed).integers(0, 12, (count, 192)).astype(np.uint32)
    bands = signatures.reshape(count, 64, 3)
    wanted = [[i, j] for i, j in combinations(range(count), 2) if (bands[i] == bands[j]).all(axis=1).any()]
    assert candidate_pairs(signatures).tolist() == wanted


def test_many_that_are_alike_are_not_compared_all_with_all() -> None:
    pairs = candidate_pairs(np.ones((3000, 192), np.uint32))
    assert len(pairs) < 8 * 3000
    assert set(pairs.ravel().tolist()) == set(range(3000))


# In a catalog


def ready(
    name: str,
    text: str,
    *,
    lang: str = "en",
    date: str = "",
    vector: Floats | None = None,
) -> ReadySource:
    """A source of one document that is called like it."""
    source = Source(name, Media.TEXT, text, text)
    span = Span(0, len(text))
    document = Document(f"{name}!", name, "", lang, date, (span,), (span,))
    passage = Passage(f"{name}!:0", document.id, name, span, text, text, source.spelling, lang, "", date)
    VECTORS[text] = direction(text) if vector is None else vector
    return ReadySource(source, f"/files/{name}", (document,), (), (passage,))


VECTORS: dict[str, Floats] = {}  # by the texts that were made ready last


def put(catalog: Catalog, sources: list[ReadySource], *, remove: list[str] | None = None) -> None:
    embedded.put(catalog, sources, lambda text: VECTORS.get(text, direction(text)), remove=remove or [])


def direction(text: str) -> Floats:
    """Of each text one that has nothing to do with those of others."""
    seed = int.from_bytes(text.encode()[:200], "little")
    return unit(np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32))


def in_language(meaning: Floats, lang: str) -> Floats:
    """A vector as a multilingual model has it: as much of its language as of its meaning."""
    return unit(direction(f"language {lang}") + meaning)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path, built_with=BUILT)


def test_exact_copies_have_one_hash_and_one_representative(catalog: Catalog) -> None:
    same = [
        ready("a", FERRY["en"]),
        ready("b", FERRY["en"].replace(" ", "\n "), date="2024-05-02"),
        ready("c", FERRY["en"].replace("quay", "quay\u00ad"), date="2024-05"),
        ready("d", FERRY["az"]),
    ]
    put(catalog, same)
    bring_forward(catalog)
    assert catalog.cluster_of("a!") == Cluster("b!", ("a!", "b!", "c!"))
    assert catalog.links("b!") == [Link("a!", LinkKind.EXACT, 1.0), Link("c!", LinkKind.EXACT, 1.0)]
    assert catalog.links("c!") == [Link("b!", LinkKind.EXACT, 1.0)]
    assert catalog.cluster_of("d!") == Cluster("d!", ("d!",))
    assert catalog.links("d!") == []
    assert catalog.cluster_of("none") == Cluster("none", ("none",))


def test_near_copies_are_linked_and_none_is_deleted(catalog: Catalog) -> None:
    cut = FERRY["ru"].rpartition("\n\n")[0]
    put(catalog, [ready("whole", FERRY["ru"], date="2024-05-01"), ready("cut", cut), ready("edited", edited("ru"))])
    bring_forward(catalog)
    assert catalog.counts() == (3, 3, 3)
    cluster = Cluster("whole!", ("cut!", "edited!", "whole!"))
    assert {catalog.cluster_of(f"{name}!") for name in ("whole", "cut", "edited")} == {cluster}
    assert catalog.links("whole!") == [
        Link("cut!", LinkKind.NEAR, 1.0),
        Link("edited!", LinkKind.NEAR, score(FERRY["ru"], edited("ru"))),
    ]


def test_the_earliest_represents(catalog: Catalog) -> None:
    dates = {"a": "2024-05-03", "b": "2024-05-02", "c": "2024-05-02", "d": "2024", "e": ""}
    put(catalog, [ready(name, FERRY["az"], date=date) for name, date in dates.items()])
    bring_forward(catalog)
    assert catalog.cluster_of("e!").representative == "b!"
    put(catalog, [], remove=["b", "c"])
    # Until links are brought forward there are fewer, but none to what is gone.
    assert catalog.links("a!") == []
    assert catalog.cluster_of("a!") == Cluster("a!", ("a!",))
    bring_forward(catalog)
    assert catalog.cluster_of("e!") == Cluster("a!", ("a!", "d!", "e!"))


def test_without_dates_the_longest_represents(catalog: Catalog) -> None:
    put(catalog, [ready("a", FERRY["en"].rpartition("\n\n")[0]), ready("b", FERRY["en"])])
    bring_forward(catalog)
    assert catalog.cluster_of("a!") == Cluster("b!", ("a!", "b!"))


def test_many_copies_are_one_cluster(catalog: Catalog) -> None:
    put(catalog, [ready(f"{i:03}", f"{FERRY['en']} {'Read on. ' * i}") for i in range(40)])
    bring_forward(catalog)
    assert len(catalog.cluster_of("000!").documents) == 40


def test_texts_without_words_are_no_copies(catalog: Catalog) -> None:
    put(catalog, [ready("a", "***"), ready("b", "***")])
    bring_forward(catalog)
    assert catalog.links("a!") == []


MEANINGS = [unit(np.eye(DIMENSION, dtype=np.float32)[i]) for i in range(10)]


def words(seed: str, count: int = 60) -> str:
    """A text that has no run of words in common with those of other seeds."""
    return " ".join(f"{seed}{number}" for number in range(count))


def test_translations_are_the_nearest_of_two_languages(catalog: Catalog) -> None:
    for lang in LANGUAGES:
        for i, meaning in enumerate(MEANINGS[:6]):
            day = f"2024-05-0{LANGUAGES.index(lang) + 1}"
            put(
                catalog,
                [ready(f"{lang}{i}", words(f"{lang}{i}"), lang=lang, date=day, vector=in_language(meaning, lang))],
            )
    one, two, none = MEANINGS[6:9]
    for name, lang, count, date, meaning in [
        ("en-late", "en", 60, "2024-06-01", one),
        ("ru-early", "ru", 60, "2024-05-01", one),
        ("en-long", "en", 200, "", two),
        ("ru-brief", "ru", 60, "", two),
        ("en-alone", "en", 60, "", none),
    ]:
        put(catalog, [ready(name, words(name, count), lang=lang, date=date, vector=in_language(meaning, lang))])
    bring_forward(catalog)
    for i in range(6):
        links = catalog.links(f"az{i}!")
        assert sorted(link.document for link in links) == [f"en{i}!", f"ru{i}!"]
        assert {link.kind for link in links} == {LinkKind.TRANSLATION}
        assert all(0.55 <= link.score <= 1 for link in links)
    for name in ("en-late", "ru-early", "en-long", "ru-brief", "en-alone"):
        assert catalog.links(f"{name}!") == []


def test_a_translation_has_to_be_the_nearest_both_ways_and_near_enough(catalog: Catalog) -> None:
    for i, meaning in enumerate(MEANINGS[:6]):
        put(catalog, [ready(f"en{i}", words(f"e{i}"), lang="en", vector=in_language(meaning, "en"))])
        put(catalog, [ready(f"ru{i}", words(f"r{i}"), lang="ru", vector=in_language(meaning, "ru"))])
    # Close to ru5, which has a nearer one.
    beside = unit(MEANINGS[5] + 0.4 * MEANINGS[9])
    put(catalog, [ready("en-beside", words("eb"), lang="en", vector=in_language(beside, "en"))])
    # Each other's nearest, but only since there is no other; the cosine is about 0.4.
    put(catalog, [ready("en-far", words("ef"), lang="en", vector=in_language(MEANINGS[7], "en"))])
    far = unit(MEANINGS[7] + 1.5 * MEANINGS[8])
    put(catalog, [ready("ru-far", words("rf"), lang="ru", vector=in_language(far, "ru"))])
    bring_forward(catalog)
    assert [link.document for link in catalog.links("en5!")] == ["ru5!"]
    assert [catalog.links(f"{name}!") for name in ("en-beside", "en-far", "ru-far")] == [[], [], []]


def test_undated_documents_are_translations_of_dated_ones(catalog: Catalog) -> None:
    for i, meaning in enumerate(MEANINGS):
        put(
            catalog,
            [
                ready(
                    f"en{i}", words(f"e{i}"), lang="en", date="" if i % 2 else "2024", vector=in_language(meaning, "en")
                ),
                ready(f"ru{i}", words(f"r{i}"), lang="ru", date="2024-05-01", vector=in_language(meaning, "ru")),
            ],
        )
    bring_forward(catalog)
    assert [[link.document for link in catalog.links(f"en{i}!")] for i in range(len(MEANINGS))] == [
        [f"ru{i}!"] for i in range(len(MEANINGS))
    ]


def test_translations_join_no_cluster_and_link_the_representative(catalog: Catalog) -> None:
    for lang in ("en", "az"):
        for i in range(1, 7):
            put(catalog, [ready(f"{lang}{i}", words(f"{lang}{i}"), lang=lang, vector=in_language(MEANINGS[i], lang))])
    for name, lang, date in [("copy", "en", ""), ("first", "en", "2024-05-01"), ("az", "az", "")]:
        put(catalog, [ready(name, FERRY[lang], lang=lang, date=date, vector=in_language(MEANINGS[0], lang))])
    bring_forward(catalog)
    assert [(link.document, link.kind) for link in catalog.links("az!")] == [("first!", LinkKind.TRANSLATION)]
    assert catalog.cluster_of("az!") == Cluster("az!", ("az!",))
    assert catalog.cluster_of("first!").documents == ("copy!", "first!")


@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_the_nearest_row_is_found_in_cells_as_by_looking_at_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = unit(random.standard_normal((300, DIMENSION)).astype(np.float32))
    queries = unit(rows[:40] + 0.02 * random.standard_normal((40, DIMENSION)).astype(np.float32))
    scores, places = nearest(queries, rows)
    assert np.array_equal(places, (queries.astype(np.float64) @ rows.T.astype(np.float64)).argmax(axis=1))
    # 16 of 17 cells are looked in, and each query lies beside its row.
    by_cells, in_cells = nearest(queries, rows[:290], exact_up_to=10)
    assert np.array_equal(in_cells, places)
    assert np.allclose(by_cells, scores, atol=1e-5)


def content(catalog: Catalog) -> dict[str, set[tuple[object, ...]]]:
    """All links and clusters, and the pairs of texts that were compared."""
    db = sqlite3.connect(catalog.location)
    try:
        links = db.execute(
            "SELECT d.id, o.id, l.kind, l.score FROM links l JOIN documents d ON d.key = l.document "
            "JOIN documents o ON o.key = l.other"
        )
        clusters = db.execute(
            "SELECT d.id, r.id FROM clusters c JOIN documents d ON d.key = c.document "
            "JOIN documents r ON r.key = c.representative"
        )
        return {
            # Which of two is called the other hangs on keys, which hang on history.
            "links": {(*sorted((one, other)), kind, score) for one, other, kind, score in links},
            "clusters": set(clusters),
            "compared": set(db.execute("SELECT text, other, score FROM compared")),
            "prints": set(
                db.execute("SELECT d.id, text, signature FROM prints p JOIN documents d ON d.key = document")
            ),
        }
    finally:
        db.close()


CONTENTS = [
    ready("", text, lang=lang, date=date, vector=in_language(MEANINGS[meaning], lang))
    for lang in LANGUAGES
    for meaning, (text, date) in enumerate(
        [
            (FERRY[lang], "2024-05-02"),
            (edited(lang), ""),
            (FERRY[lang].rpartition("\n\n")[0], "2024-05-01"),
            (FERRY_ANEW[lang], "2024-05-01"),
            (MARKET[lang].format(*range(11)), ""),
        ]
    )
]
CONTENT_VECTORS = dict(VECTORS)


def named(name: str, content: int) -> ReadySource:
    made, (document,), (passage,) = CONTENTS[content], CONTENTS[content].documents, CONTENTS[content].passages
    return ready(name, made.source.text, lang=document.lang, date=document.date, vector=CONTENT_VECTORS[passage.text])


STEPS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, len(CONTENTS) - 1), max_size=5),
        st.sets(st.sampled_from("abcdefgh"), max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40)
@given(steps=STEPS)
def test_history_does_not_matter(
    steps: list[tuple[dict[str, int], set[str], bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    held: dict[str, int] = {}
    with Catalog(tmp_path_factory.mktemp("grown"), built_with=BUILT) as grown:
        for added, remove, bring in steps:
            put(grown, [named(*item) for item in added.items()], remove=sorted(remove))
            held = {name: made for name, made in held.items() if name not in remove} | added
            if bring:
                bring_forward(grown)
        bring_forward(grown)
        with Catalog(tmp_path_factory.mktemp("anew"), built_with=BUILT) as anew:
            put(anew, [named(*item) for item in sorted(held.items(), reverse=True)])
            bring_forward(anew)
            assert content(grown) == content(anew)


def test_what_breaks_half_way_leaves_all_as_it_was(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    put(catalog, [ready("a", FERRY["en"]), ready("b", FERRY["en"])])
    bring_forward(catalog)
    before = content(catalog)
    put(catalog, [ready("c", FERRY["en"])])

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(duplicates, "translation_links", broken)
        with pytest.raises(KeyboardInterrupt):
            bring_forward(catalog)
    assert content(catalog) == before
    bring_forward(catalog)
    assert catalog.cluster_of("c!").documents == ("a!", "b!", "c!")


def test_what_another_version_made_is_made_again(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    put(catalog, [ready("a", FERRY["en"]), ready("b", edited("en"))])
    bring_forward(catalog)
    before = content(catalog)
    catalog.replace_duplicates({}, [], {}, made=catalog.duplicates_made)
    bring_forward(catalog)
    assert content(catalog)["links"] == set()  # what says that it is up to date is believed
    monkeypatch.setattr(duplicates, "_VERSION", 99)
    bring_forward(catalog)
    assert content(catalog) == before


def test_files_with_other_headlines(make_index: Callable[..., Index]) -> None:
    index = make_index(
        {
            "courier.txt": f"Sahilkend to get a new ferry landing\n\n2 May 2024\n\n{FERRY['en']}\n",
            "herald.txt": f"Old landing closes: 40 boats keep their place\n\n3 May 2024\n\n{FERRY['en']}\n",
        }
    )
    document_of = {s.path: s.documents[0].id for s in index.catalog.sources()}
    assert index.cluster_of(document_of["herald.txt"]).representative == document_of["courier.txt"]
    assert index.links(document_of["herald.txt"]) == [Link(document_of["courier.txt"], LinkKind.EXACT, 1.0)]


def test_opening_brings_forward_what_a_killed_writer_left(make_index: Callable[..., Index], tmp_path: Path) -> None:
    folder = tmp_path / "news.index"
    index = make_index({"a.txt": FERRY["az"], "b.txt": FERRY["ru"]})
    catalog = index.catalog
    (document,) = next(catalog.sources()).documents
    source = catalog.source("a.txt")
    assert source is not None
    copy = Source("c.txt", Media.TEXT, "c", source.text)
    span = document.spans
    copied = Document("copied", "c.txt", "", "az", "", span, document.body)
    put(catalog, [ReadySource(copy, "/files/c.txt", (copied,), (), ())])  # and no more: the writer is gone
    assert catalog.cluster_of("copied").documents == ("copied",)
    with Index.open(folder) as opened:
        assert opened.cluster_of("copied").documents == tuple(sorted(["copied", document.id]))


def test_files_that_go_take_their_links_along(make_index: Callable[..., Index], tmp_path: Path, hashing) -> None:
    index = make_index({"a.txt": FERRY["en"], "b.txt": edited("en"), "c.txt": FERRY["az"]})
    (kept,) = next(index.catalog.sources()).documents
    assert len(index.cluster_of(kept.id).documents) == 2
    (tmp_path / "docs" / "b.txt").unlink()
    ingest([tmp_path / "docs"], tmp_path / "news.index", embedder=hashing, prune=True)
    assert index.cluster_of(kept.id) == Cluster(kept.id, (kept.id,))
    assert index.links(kept.id) == []


def test_sources_says_what_is_a_copy_of_what(
    make_index: Callable[..., Index], tmp_path: Path, dragoman: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    index = make_index({"a.txt": FERRY["en"], "b.txt": FERRY["en"], "c.txt": FERRY["ru"]})
    a, b, c = (source.documents[0].id for source in index.catalog.sources())
    first, copy = sorted([a, b])
    with index.catalog.transaction():  # a guess, as a model would have it
        index.catalog._db.execute(
            "INSERT INTO links SELECT d.key, o.key, 'translation', 0.934 FROM documents d, documents o "
            "WHERE d.id = ? AND o.id = ?",
            (first, c),
        )
    plain = dragoman("sources", "--index", tmp_path / "news.index").stdout.splitlines()
    assert [line.strip() for line in plain if line.startswith("        ")] == [
        *([f"translated from or to {c}, a guess (0.93)"] if first == a else [f"copy of {first}"]),
        *([f"translated from or to {c}, a guess (0.93)"] if first == b else [f"copy of {first}"]),
        f"translated from or to {first}, a guess (0.93)",
    ]
    listed = json.loads(dragoman("sources", "--index", tmp_path / "news.index", "--json").stdout)
    documents = {document["id"]: document for source in listed for document in source["documents"]}
    assert [documents[id_]["representative"] for id_ in (first, copy, c)] == [first, first, c]
    assert documents[copy]["duplicates"] == [{"document": first, "kind": "exact", "score": 1.0}]
    assert documents[c]["duplicates"] == [{"document": first, "kind": "translation", "score": 0.934}]
