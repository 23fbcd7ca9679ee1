"""Articles searched, sorted and listed a page at a time; sources taken out; files read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.check import check
from index.embed import Embedder
from index.errors import IndexFolderError
from index.folder import Index
from index.forget import forget
from index.ingest import ingest
from index.listing import ListedArticle, Order, Wanted, list_articles

ROWS = [
    {"id": f"n{n}", "title": title, "text": f"The {title} is told of in part {n}. " * 6, "date": date, "outlet": outlet}
    for n, (title, date, outlet) in enumerate(
        [
            ("Паром вернулся в порт", "2024-03-01", "Порт"),
            ("Lamp over the harbour", "2023-01-31", "Gazette"),
            ("Şəhərdə yeni körpü", "", "Gazette"),
            ("Storm on Sunday", "2024-05", "gazette"),
            ("Apples and pears", "2022", "Market"),
        ]
    )
]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, hashing: Embedder) -> Path:
    base = tmp_path_factory.mktemp("listed")
    docs = base / "docs"
    docs.mkdir()
    (docs / "news.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    copied = "The ferry of the harbour is back in service after a long repair of its engine, and carries cars. " * 5
    (docs / "a.txt").write_text(f"A ferry is back\n\n1 June 2024\n\n{copied}")
    (docs / "b.txt").write_text(f"A ferry is back\n\n2 June 2024\n\n{copied}")
    ingest([docs], base / "index", embedder=hashing)
    return base / "index"


def all_of(folder: Path, wanted: Wanted) -> tuple[ListedArticle, ...]:
    return list_articles(folder, wanted, offset=0, limit=100).articles


def titles(folder: Path, wanted: Wanted) -> list[str]:
    return [article.title for article in all_of(folder, wanted)]


def test_what_is_known_of_an_article_is_listed(listed: Path) -> None:
    found = {article.title: article for article in all_of(listed, Wanted())}
    assert len(found) == 6  # the ferry twice
    bridge = found["Şəhərdə yeni körpü"]
    assert (bridge.source, bridge.outlet, bridge.date) == ("news.jsonl", "Gazette", "")
    assert (bridge.passages, bridge.pending, bridge.copies) == (1, 0, 0)
    assert "undated" in bridge.warnings
    assert found["A ferry is back"].copies == 1
    assert found["Storm on Sunday"].date == "2024-05"


def test_words_are_looked_for_in_titles_outlets_and_paths_whatever_their_case(listed: Path) -> None:
    assert titles(listed, Wanted(words="ПАРОМ порт")) == ["Паром вернулся в порт"]
    assert sorted(titles(listed, Wanted(words="GAZ"))) == [
        "Lamp over the harbour",
        "Storm on Sunday",
        "Şəhərdə yeni körpü",
    ]
    assert len(titles(listed, Wanted(words="news.jsonl"))) == len(ROWS)
    assert titles(listed, Wanted(words="%")) == []
    assert titles(listed, Wanted(words="lamp parom")) == []


def test_only_those_of_a_language_or_with_warnings_are_listed(listed: Path) -> None:
    assert titles(listed, Wanted(lang="ru")) == ["Паром вернулся в порт"]
    undated = all_of(listed, Wanted(doubtful=True))
    assert all(article.warnings for article in undated)
    assert len(undated) == sum(bool(article.warnings) for article in all_of(listed, Wanted()))


KEYS: dict[Order, Callable[[ListedArticle], object]] = {
    Order.TITLE: lambda article: article.title,
    Order.OUTLET: lambda article: article.outlet,
    Order.DATE: lambda article: article.date,
    Order.LANGUAGE: lambda article: article.lang,
    Order.PASSAGES: lambda article: article.passages,
    Order.COPIES: lambda article: article.copies,
    Order.WARNINGS: lambda article: len(article.warnings),
    Order.SOURCE: lambda article: article.source,
}


@given(order=st.sampled_from(Order), descending=st.booleans(), words=st.sampled_from(["", "a", "gazette"]))
def test_every_order_is_that_of_its_column(listed: Path, order: Order, descending: bool, words: str) -> None:
    found = all_of(listed, Wanted(words=words, order=order, descending=descending))
    keys = [KEYS[order](article) for article in found]
    assert keys == sorted(keys, reverse=descending)  # type: ignore[type-var]
    assert {a.id for a in found} == {a.id for a in all_of(listed, Wanted(words=words))}


@given(order=st.sampled_from(Order), descending=st.booleans(), step=st.integers(1, 9))
def test_pages_put_together_are_the_whole_list(listed: Path, order: Order, descending: bool, step: int) -> None:
    wanted = Wanted(order=order, descending=descending)
    whole = list_articles(listed, wanted, offset=0, limit=100)
    pages = [list_articles(listed, wanted, offset=at, limit=step) for at in range(0, whole.total + step, step)]
    assert tuple(article for page in pages for article in page.articles) == whole.articles
    assert {page.total for page in pages} == {len(whole.articles)} == {7}


def test_a_forgotten_source_is_nowhere_and_the_index_is_whole(tmp_path: Path, hashing: Embedder) -> None:
    docs, folder = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    for name, word in (("a.txt", "ferry"), ("b.txt", "lamp")):
        (docs / name).write_text(f"Of the {word}\n\nThe {word} of the harbour is told of here. " * 8)
    ingest([docs], folder, embedder=hashing)
    assert forget(["a.txt"], folder).removed == ["a.txt"]
    assert [article.source for article in all_of(folder, Wanted())] == ["b.txt"]
    assert check(folder).problems == ()
    with Index.open(folder) as index:
        assert index.catalog.stored_source("a.txt") is None
        stored = index.catalog.stored_source("b.txt")
        assert stored is not None
        assert [each.path for each in index.catalog.sources()] == [stored.path]
    assert (docs / "a.txt").exists()
    with pytest.raises(IndexFolderError, match=r"no source 'a\.txt'"):
        forget(["b.txt", "a.txt"], folder)
    assert [article.source for article in all_of(folder, Wanted())] == ["b.txt"]  # all or none
    report = ingest([docs], folder, embedder=hashing)
    assert (report.added, report.known) == (["a.txt"], report.passages)  # nothing was embedded twice


def test_a_source_is_read_anew_though_its_file_is_unchanged(tmp_path: Path, hashing: Embedder) -> None:
    docs, folder = tmp_path / "docs", tmp_path / "index"
    docs.mkdir()
    for name in ("a.txt", "b.txt"):
        (docs / name).write_text(f"{name} is here\n\nThe harbour of Sahilkend is told of in {name}. " * 8)
    ingest([docs], folder, embedder=hashing)
    report = ingest([docs], folder, embedder=hashing, anew=["b.txt"])
    assert (report.replaced, report.unchanged) == (["b.txt"], 1)
    assert ingest([docs / "b.txt"], folder, embedder=hashing, anew=["b.txt"]).replaced == ["b.txt"]
    assert ingest([docs], folder, embedder=hashing).unchanged == 2
