"""LangChain's own tests of a retriever and of a vector store, what they do not ask, and the examples of the docs."""

from __future__ import annotations

import asyncio
import doctest
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests
from pydantic import Field

import rag.langchain
from index.embed import Embedder
from index.errors import IndexMismatch, SettingsError
from index.folder import Index
from index.ingest import ingest
from rag import Assistant
from rag.langchain import DragomanRetriever, DragomanStore

FILES = {
    "en.txt": "The lamp\n\n12 May 2024\n\nThe keeper of the lighthouse counted forty boats before noon.\n",
    "az.txt": "Mayak\n\n13 may 2024\n\nMayakın gözətçisi Tural Əliyev günortaya qədər qırx qayıq saydı.\n",
    "ru.txt": "Маяк\n\n14 мая 2024\n\nСмотритель маяка насчитал сорок лодок и уехал в Москву.\n",
    "rows.jsonl": '{"title": "Rows", "text": "The keeper of the l\\u0259mp \\"rows\\" home when 40 boats are in."}\n',
}
QUESTION = "how many boats did the keeper count?"


class TestRetrieverStandard(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _assistant(self, make_index: Callable[..., Index]) -> None:
        self.assistant = Assistant(make_index(FILES))

    @property
    def retriever_constructor(self) -> type[DragomanRetriever]:
        return DragomanRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"assistant": self.assistant}

    @property
    def retriever_query_example(self) -> str:
        return QUESTION


class TestStoreStandard(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[DragomanStore]:
        store = DragomanStore(tmp_path / "store.index", self.get_embeddings())
        yield store
        store.close()


@pytest.fixture
def retriever(make_index: Callable[..., Index]) -> DragomanRetriever:
    return DragomanRetriever(assistant=Assistant(make_index(FILES)))


def sources(documents: list[Document]) -> set[str]:
    return {document.metadata["source"] for document in documents}


def test_a_document_says_where_it_stands(retriever: DragomanRetriever) -> None:
    documents = retriever.invoke(QUESTION)
    assert sources(documents) == set(FILES)
    index = retriever.assistant.index
    for document, hit in zip(documents, retriever.assistant.search(QUESTION, k=8), strict=True):
        told = document.metadata
        source = index.source(told["source"])
        assert source.text[told["start"] : told["end"]] == document.page_content
        assert (told["sha256"], told["title"], told["lang"], told["date"], told["score"], told["passage"]) == (
            source.sha256,
            hit.passage.title,
            hit.passage.lang,
            hit.passage.date,
            hit.score,
            document.id,
        )
        assert told["spelling"] == ("json" if told["source"] == "rows.jsonl" else "plain")
    row = next(document for document in documents if document.metadata["source"] == "rows.jsonl")
    assert "l\\u0259mp" in row.page_content
    assert row.metadata["readable"] == 'The keeper of the ləmp "rows" home when 40 boats are in.'


def test_filters_are_fields_and_may_be_said_anew_with_each_call(make_index: Callable[..., Index]) -> None:
    assistant = Assistant(make_index(FILES))
    retriever = DragomanRetriever(assistant=assistant, languages=frozenset(["az"]))
    assert sources(retriever.invoke(QUESTION)) == {"az.txt"}
    assert sources(retriever.invoke(QUESTION, languages=["ru"])) == {"ru.txt"}
    assert sources(retriever.invoke(QUESTION, languages=[], since="2024-05-13")) == {"az.txt", "ru.txt"}
    assert sources(retriever.invoke(QUESTION, languages=[], sources=["en.txt", "rows.jsonl"])) == {
        "en.txt",
        "rows.jsonl",
    }
    assert sources(asyncio.run(retriever.ainvoke(QUESTION, languages=[], until="2024-05-12"))) == {"en.txt"}
    assert sources(retriever.invoke('who "counted forty"', languages=[], exact=True)) == {"en.txt"}
    assert len(asyncio.run(retriever.ainvoke(QUESTION, languages=[], k=2))) == 2


def test_what_is_ingested_meanwhile_is_found(retriever: DragomanRetriever, tmp_path: Path, hashing: Embedder) -> None:
    (tmp_path / "docs" / "new.txt").write_text("The oar\n\nForty boats have eighty oars.\n")
    ingest([tmp_path / "docs"], tmp_path / "news.index", embedder=hashing)
    assert "new.txt" in sources(retriever.invoke("how many oars have forty boats?"))


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
METADATA = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS), max_size=3)


@settings(max_examples=12)
@given(st.lists(st.tuples(TEXTS, METADATA), max_size=5))
def test_texts_come_back_as_they_were_given(
    tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, dict[str, Any]]]
) -> None:
    folder = tmp_path_factory.mktemp("store") / "store.index"
    store = DragomanStore(folder, DeterministicFakeEmbedding(size=6))
    ids = store.add_texts([text for text, _ in texts], [metadata for _, metadata in texts])
    assert [(found.page_content, found.metadata) for found in store.get_by_ids(ids)] == texts
    assert store.add_texts([text for text, _ in texts], [metadata for _, metadata in texts]) == ids
    found = store.similarity_search("a question", k=10)
    assert {document.id for document in found} == {
        id_ for id_, (text, _) in zip(ids, texts, strict=True) if text.strip()
    }
    store.delete()
    assert store.get_by_ids(ids) == store.similarity_search("a question") == []
    store.close()


def test_a_long_text_is_found_once_and_whole(tmp_path: Path) -> None:
    long = "\n".join(f"On day {day} the keeper of the lighthouse counted {day + 40} boats." for day in range(60))
    store = DragomanStore.from_texts(
        [long, "A loaf of bread."],
        DeterministicFakeEmbedding(size=6),
        [{"date": "2024-05-12"}, {}],
        ids=["long", "bread"],
        folder=tmp_path / "store.index",
    )
    with Index.open(tmp_path / "store.index") as index:
        assert index.catalog.passage_count() > 5
    found = store.similarity_search_with_score("how many boats did the keeper count?", k=4)
    assert [document.id for document, _ in found] == ["long", "bread"]
    assert found[0][0].page_content == long
    assert found[0][1] > found[1][1]
    assert [document.id for document in store.similarity_search("bread", since="2024-05-01")] == ["long"]
    assert [document.id for document in store.similarity_search("boats", sources=["bread"])] == ["bread"]


def test_files_of_the_index_are_passages_and_stay(retriever: DragomanRetriever, tmp_path: Path) -> None:
    folder = tmp_path / "news.index"
    store = DragomanStore(folder)
    with pytest.raises(SettingsError, match=r"'en\.txt' is a file of this index"):
        store.add_texts(["another"], ids=["en.txt"])
    store.add_texts(["Forty boats have eighty oars."], ids=["oars"])
    store.delete(["en.txt"])
    store.delete()
    assert {document.metadata["source"] for document in store.similarity_search("boats", k=9)} == set(FILES)
    assert sources(retriever.invoke(QUESTION)) == set(FILES)


def test_an_index_is_one_of_its_embeddings(tmp_path: Path) -> None:
    DragomanStore(tmp_path / "store.index", DeterministicFakeEmbedding(size=6))
    with pytest.raises(IndexMismatch):
        DragomanStore(tmp_path / "store.index", DeterministicFakeEmbedding(size=8))


def test_metadata_must_be_json(tmp_path: Path) -> None:
    store = DragomanStore(tmp_path / "store.index", DeterministicFakeEmbedding(size=6))
    with pytest.raises(SettingsError, match=r"metadata of 'a text': .*want what JSON can hold"):
        store.add_texts(["a text"], [{"when": object()}])
    assert store.similarity_search("a text") == []


class ScriptedChat(GenericFakeChatModel):
    """Says what it was written to say; keeps what it was sent."""

    seen: list[str] = Field(default_factory=list)

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        assert [tool.name for tool in tools] == ["search_archive"]
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        self.seen.append(str(messages[-1].content))
        return super()._generate(messages, *args, **kwargs)


ASKED = "why did Armenia skip the Moscow meeting?"
SAID = "So as not to look weak [0007.txt:249-387]"


def test_the_examples_of_the_docs(sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = {"name": "search_archive", "args": {"question": ASKED}, "id": "1"}
    chat = ScriptedChat(messages=iter([AIMessage(SAID), AIMessage("", tool_calls=[call]), AIMessage(SAID)]))
    found: dict[str, Any] = {"chat": chat}
    monkeypatch.chdir(tmp_path)
    Path("news.index").symlink_to(sample_index)
    wanted = []
    for example in doctest.DocTestParser().get_examples(rag.langchain.__doc__ or ""):
        if example.want:
            wanted.append(example.want.strip())
            assert repr(eval(example.source, found)) == wanted[-1]
        else:
            exec(example.source, found)
    assert len(wanted) == 2
    assert len(chat.seen) == 3  # the chain's, the agent's question, what the tool gave it
    retriever = found["retriever"]
    assert isinstance(retriever, DragomanRetriever)
    passages = rag.langchain.show(retriever.invoke(ASKED))
    assert passages.startswith("[0007.txt:")
    assert passages in chat.seen[0]
    assert chat.seen[2] == passages
