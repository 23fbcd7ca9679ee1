"""An index written out and made again is the same index: ids, texts, places, embeddings, and what it finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.catalog import Catalog
from index.check import check
from index.embed import Embedder
from index.errors import DataSetError, IndexFolderError
from index.folder import Index
from index.ingest import GivenDocument, ingest, ingest_given
from index.rules import load_rules
from index.transfer import Layout, export_index, import_index
from rag import Answer, Assistant
from rag.verify import SavedCitation, verify
from ui.cli import main

Content = Callable[[Path], dict[str, list[tuple[object, ...]]]]

FILES: dict[str, str | bytes] = {
    "en.txt": "The lamp\n\n12 May 2024\n\nThe keeper of the lighthouse counted forty boats before noon.\nShare\n",
    "deep/az.txt": "Mayak\n\n13 may 2024\n\nMayakın gözətçisi Tural Əliyev günortaya qədər qırx qayıq saydı.\n",
    "rows.jsonl": '{"title": "Rows", "text": "The keeper of the l\\u0259mp \\"rows\\" home."}\n',
}
QUESTIONS = ["how many boats did the keeper count?", "qırx qayıq", "who rows home?"]


def written(place: Path) -> dict[str, Any]:
    """All that an export says, by file; tables as rows."""
    if place.is_file():
        return {place.name: place.read_text(encoding="utf-8")}
    found: dict[str, Any] = {}
    for file in sorted(place.iterdir()):
        if file.suffix == ".parquet":
            import pyarrow.parquet as pq

            table = pq.read_table(file)
            found[file.name] = (table.schema.metadata, table.to_pylist())
        else:
            found[file.name] = file.read_text(encoding="utf-8")
    return found


def found(folder: Path, embedder: Embedder) -> list[list[tuple[str, float]]]:
    with Assistant.open(folder) as assistant:
        assistant.index.use_embedder(embedder)
        return [[(hit.passage.id, hit.score) for hit in assistant.search(q, k=10)] for q in QUESTIONS]


@pytest.fixture
def folder(make_index: Callable[..., Index], tmp_path: Path, hashing: Embedder) -> Path:
    make_index(FILES).close()
    (tmp_path / "rules.toml").write_text('[[drop]]\npattern = "Share"\nreason = "ours"\n')
    rules = load_rules(tmp_path / "rules.toml")
    ingest([tmp_path / "docs"], tmp_path / "news.index", embedder=hashing, rules=rules)
    return tmp_path / "news.index"


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("embeddings", [True, False], ids=["embeddings", "texts"])
def test_an_index_comes_back_the_same(
    folder: Path, tmp_path: Path, hashing: Embedder, content: Content, layout: Layout, embeddings: bool
) -> None:
    out, again, copy = tmp_path / "out.x", tmp_path / "again.x", tmp_path / "copy.index"
    assert export_index(folder, out, layout=layout, embeddings=embeddings) == 3
    sources, articles, passages = import_index(out, copy)
    with Catalog(folder) as catalog:
        assert (sources, articles, passages) == catalog.counts()
        files, rules = catalog.files(), catalog.rules
    with Catalog(copy) as catalog:
        assert catalog.files() == files
        assert catalog.rules == rules
    assert content(copy) == content(folder)
    assert check(copy).problems == ()
    assert found(copy, hashing) == found(folder, hashing)
    export_index(copy, again, layout=layout, embeddings=embeddings)
    assert list(written(again).values()) == list(written(out).values())
    # Nothing is read again: the files are those of the index that was exported.
    assert ingest([tmp_path / "docs"], copy, embedder=hashing).unchanged == 3


def test_citations_of_an_import_stand_in_the_files(folder: Path, tmp_path: Path, hashing: Embedder) -> None:
    export_index(folder, tmp_path / "out", layout=Layout.JSONL, embeddings=True)
    import_index(tmp_path / "out", tmp_path / "copy.index")
    with Assistant.open(tmp_path / "copy.index") as assistant:
        assistant.index.use_embedder(hashing)
        reply = assistant.draft(QUESTIONS[0])
        assert isinstance(reply, Answer)
        citations = [
            SavedCitation(c.source, c.start, c.end, c.quote, c.sha256) for s in reply.statements for c in s.citations
        ]
        assert citations
        assert [verdict.problem for verdict in verify(citations, assistant.index.catalog.location_of)] == [""] * len(
            citations
        )


def test_what_came_with_embeddings_is_not_embedded_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_index(folder, tmp_path / "out", layout=Layout.JSONL, embeddings=True)

    def load(name: str) -> Embedder:
        raise AssertionError(f"{name} was loaded")

    monkeypatch.setattr("index.transfer.load_embedder", load)
    import_index(tmp_path / "out", tmp_path / "copy.index")
    with Catalog(tmp_path / "copy.index") as catalog:
        assert catalog.pending_count() == 0


def test_a_run_that_was_stopped_is_exported_as_far_as_it_came(
    tmp_path: Path, hashing: Embedder, content: Content
) -> None:
    folder = tmp_path / "news.index"
    ingest_given([GivenDocument("a", "", "Forty boats.")], folder, embedder=hashing)
    with Index.open(folder) as index:  # text is committed, and nothing embeds it
        ready = next(index.catalog.ready_sources())
    ingest_given([GivenDocument("b", "", "Eighty oars.")], tmp_path / "other.index", embedder=hashing)
    with Catalog(tmp_path / "other.index") as other, Index.open(folder) as index:
        index.commit(list(other.ready_sources()), remove=[])
    assert ready.source.path == "a"
    export_index(folder, tmp_path / "out", layout=Layout.PARQUET, embeddings=True)
    import_index(tmp_path / "out", tmp_path / "copy.index")
    ingest_given([], folder, embedder=hashing)
    assert content(tmp_path / "copy.index") == content(folder)


def test_the_corpus_is_as_beir_has_it(folder: Path, tmp_path: Path) -> None:
    export_index(folder, tmp_path / "out", layout=Layout.BEIR)
    rows = [json.loads(line) for line in (tmp_path / "out" / "corpus.jsonl").read_text("utf-8").splitlines()]
    with Index.open(folder) as index:
        ids = index.catalog.passage_keys(row["_id"] for row in rows)
        assert len(ids) == index.catalog.passage_count() == len(rows) == 3
        for row, stored in zip(rows, index.passages(ids.values()).values(), strict=True):
            assert (row["title"], row["text"]) == (stored.passage.title, stored.passage.readable)
            assert row["metadata"]["source"] == stored.passage.source_path


@pytest.mark.parametrize("layout", list(Layout))
def test_a_stopped_export_or_import_leaves_nothing(folder: Path, tmp_path: Path, layout: Layout) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())

    def stop(what: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_index(folder, tmp_path / "out", layout=layout, on_progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    export_index(folder, tmp_path / "out", layout=layout)
    with pytest.raises(KeyboardInterrupt):
        import_index(tmp_path / "out", tmp_path / "copy.index", on_progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*before, "out"])
    with pytest.raises(IndexFolderError, match="is there already"):
        export_index(folder, tmp_path / "out", layout=layout)
    with pytest.raises(IndexFolderError, match="is there already"):
        import_index(tmp_path / "out", folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text.replace("forty boats before", "fifty boats before", 1), "en.txt"),
        (lambda text: "".join(text.splitlines(keepends=True)[:-1]), "2 of 3 sources are there"),
        (lambda text: text[:-20], "out:4"),
        (lambda text: "{}\n", "no export of an index"),
        (lambda text: "", "no export of an index"),
        (lambda text: text.replace('"body":', '"bodies":', 1), "KeyError"),
    ],
    ids=["a word", "a source", "an end", "another file", "all", "a field"],
)
def test_what_is_damaged_is_not_imported(folder: Path, tmp_path: Path, damage: Callable[[str], str], told: str) -> None:
    out = tmp_path / "out"
    export_index(folder, out, layout=Layout.JSONL)
    out.write_text(damage(out.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataSetError, match=told):
        import_index(out, tmp_path / "copy.index")
    assert not (tmp_path / "copy.index").exists()


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)


@settings(max_examples=10)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6, unique_by=lambda each: each[0]), st.sampled_from(list(Layout))
)
def test_whatever_is_in_it_it_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    hashing: Embedder,
    content: Content,
    texts: list[tuple[str, str, str]],
    layout: Layout,
) -> None:
    folder = tmp_path_factory.mktemp("transfer")
    documents = [GivenDocument(f"id {name}", title, text, beside="{}") for name, title, text in texts]
    ingest_given(documents, folder / "a.index", embedder=hashing)
    export_index(folder / "a.index", folder / "out", layout=layout, embeddings=True)
    import_index(folder / "out", folder / "b.index")
    assert content(folder / "b.index") == content(folder / "a.index")
    export_index(folder / "b.index", folder / "again", layout=layout, embeddings=True)
    assert list(written(folder / "again").values()) == list(written(folder / "out").values())
    shutil.rmtree(folder)


def test_the_commands(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, copy = str(tmp_path / "out"), str(tmp_path / "copy.index")
    assert main(["export", "--index", str(folder), "--to", "jsonl", "--embeddings", out]) == 0
    assert main(["import", out, "--index", copy]) == 0
    assert main(["import", out, "--index", copy]) == 1
    assert main(["import", out, "--index", f"{copy}.2", "--json"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        f"3 sources in {out}",
        f"3 sources, 3 articles, 3 passages in {copy}",
        '{"sources": 3, "articles": 3, "passages": 3}',
    ]
    assert "is there already; name another folder" in told.err


def test_the_sample_finds_the_same(sample_index: Path, tmp_path: Path, e5: Embedder) -> None:
    export_index(sample_index, tmp_path / "out", layout=Layout.JSONL, embeddings=True)
    import_index(tmp_path / "out", tmp_path / "copy.index")
    assert found(tmp_path / "copy.index", e5) == found(sample_index, e5)
