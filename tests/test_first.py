"""The path of a first-time user, in a real browser: start without an index, add files, ask, open a citation, export."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.catalog import Catalog
from index.embed import BUNDLED, Embedder, HashingEmbedder
from index.errors import IndexFolderError
from index.ingest import ingest, ingest_given
from tests.browsing import Page, ask, expect, marked_text
from ui.app import serve
from ui.server import Settings, start_api

FILES = {
    "ferry.txt": "The night ferry sails again from Sahilkend\n\n12 March 2024\n\n"
    "The night ferry between Sahilkend and the island of Duzan sails again after a pause of nine months. "
    "A ticket costs 14 manats, and children under six travel free. "
    "The captain, Rena Talibova, said that the new engine uses a third less fuel than the old one.\n",
    "kitabxana.txt": "Daşlıq kəndində yeni kitabxana açılıb\n\n3 aprel 2024\n\n"
    "Daşlıq kəndində şənbə günü yeni kitabxana açılıb. Kitabxanada 8200 kitab və uşaqlar üçün ayrıca otaq var. "
    "Müdir Səbinə Əliyarlı deyib ki, kitabxana bazar ertəsindən başqa hər gün saat doqquzdan altıya qədər işləyəcək.\n",
    "most.txt": "Старый мост в Каменке закрыли на ремонт\n\n20 мая 2024\n\n"
    "Старый мост через реку Каменку закрыли на ремонт до конца октября. "
    "Автобусы ходят в объезд через посёлок Луговой, и дорога занимает на двадцать минут больше. "
    "Ремонт моста обойдётся городу в 46 миллионов рублей.\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "news.index"


@pytest.fixture
def served(folder: Path, e5: Embedder) -> Iterator[str]:
    """The address of a page that was started where there is no index."""
    told: list[str] = []
    running = serve(Settings(folder, port=0), report=told.append, prevent_thread_lock=True)
    assert f"an empty one was made in {folder}; add files in the Library" in told[0]
    yield running.url
    running.close()


@pytest.fixture
def tab(served: str, tab: Page) -> Page:  # in this order, so that the page is left before its server
    tab.goto(served)
    expect(tab.get_by_role("region", name="Nothing to ask yet")).to_contain_text("Add your documents first")
    return tab


def test_from_nothing_to_a_saved_answer(tab: Page) -> None:
    card = tab.get_by_role("region", name="Nothing to ask yet")
    for nothing_to_do in (tab.get_by_label("Your question"), tab.locator(".welcome"), tab.locator(".filters")):
        expect(nothing_to_do).not_to_be_visible()
    tab.get_by_role("button", name="Lab", exact=True).click()  # there is nothing to compare either
    expect(tab.get_by_role("heading", name="Add your documents first")).to_be_visible()
    expect(tab.locator(".bench")).not_to_be_visible()
    tab.get_by_role("button", name="Add files").click()
    expect(tab.locator(".none")).to_have_text("Nothing is here yet. Add some files above.")
    expect(tab.locator(".health-line")).to_have_text("empty")
    tab.locator("input.files").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in FILES.items()]
    )
    expect(tab.locator(".job .job-detail")).to_have_text("3 files added")
    expect(tab.locator(".holdings")).to_contain_text("3 files · 3 articles")
    tab.get_by_role("button", name="Ask about it").click()

    expect(card).not_to_be_visible()
    expect(tab.locator(".examples .suggestion").first).to_be_visible()
    expect(tab.get_by_role("checkbox")).to_have_count(3)
    expect(ask(tab, "How much does a ticket for the night ferry cost?")).to_contain_text("A ticket costs 14 manats")
    expect(ask(tab, "Kitabxanada neçə kitab var?")).to_contain_text("8200 kitab")
    expect(ask(tab, "До какого месяца закрыт мост?")).to_contain_text("до конца октября")
    tab.locator(".statement", has_text="14 manats").locator(".chip").first.click()
    assert "A ticket costs 14 manats" in marked_text(tab)
    tab.get_by_role("button", name="Lab", exact=True).click()
    expect(tab.locator(".trial-languages input")).to_have_count(3)
    tab.get_by_label("A question to compare with").fill("How much does a ticket cost?")
    tab.get_by_role("button", name="Compare").click()
    expect(tab.locator(".ranking").first).to_contain_text("14 manats")
    tab.get_by_role("button", name="Ask", exact=True).first.click()
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save Markdown").click()
    exported = saved.value.path().read_text(encoding="utf-8")
    assert re.search(r"A ticket costs 14 manats.*\[\^1-1\]$", exported, re.MULTILINE)
    assert re.search(r"^\[\^1-1\]: “A ticket costs 14 manats.*” ferry\\.txt:", exported, re.MULTILINE)


def test_an_open_page_notices_what_is_added_elsewhere(tab: Page, folder: Path, e5: Embedder, tmp_path: Path) -> None:
    rows = [
        {"title": "The night ferry", "text": FILES["ferry.txt"].partition("2024")[2].strip(), "outlet": "Liman"},
        {"title": "A bridge", "text": "The old bridge is closed until the end of October.", "outlet": "Mayak"},
    ]
    (tmp_path / "news.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ingest([tmp_path / "news.jsonl"], folder, embedder=e5)
    expect(tab.get_by_role("region", name="Nothing to ask yet")).not_to_be_visible()
    expect(tab.get_by_role("checkbox", name="English")).to_be_visible()
    expect(ask(tab, "What does a ticket cost?")).to_contain_text("14 manats")
    tab.get_by_role("combobox", name="Outlet").fill("liman")
    expect(tab.locator("#dragoman-outlets option")).to_have_count(2)
    ask(tab, "What does a ticket cost?")
    expect(tab.locator(".searched").first).to_contain_text("Searched 2 articles")
    expect(tab.locator(".searched").last).to_contain_text("Searched 1 article")
    tab.get_by_role("button", name="Remove the filter: outlet: liman").click()
    expect(tab.get_by_role("combobox", name="Outlet")).to_have_value("")


def test_an_empty_index_is_of_the_default_model(folder: Path, e5: Embedder) -> None:
    start_api(Settings(folder, port=0)).close()
    with Catalog(folder) as catalog:
        assert catalog.counts() == (0, 0, 0)
        assert catalog.built_with.embedder.name == BUNDLED


def test_none_is_made_beside_another_one(tmp_path: Path, folder: Path) -> None:
    ingest_given([], folder, embedder=HashingEmbedder())
    wrong = tmp_path / "news.idnex"
    with pytest.raises(IndexFolderError, match=r"news\.idnex: no such index; beside it there is news\.index: name"):
        start_api(Settings(wrong, port=0))
    assert not wrong.exists()


def test_none_is_made_where_its_folder_is_missing(tmp_path: Path) -> None:
    wrong = tmp_path / "nowhere" / "news.index"
    with pytest.raises(IndexFolderError, match=r"no folder .*nowhere to make it in; make one: dragoman ingest"):
        start_api(Settings(wrong, port=0))
    assert not wrong.parent.exists()
