"""An index as a retriever of LlamaIndex."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from index.folder import Index

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed; pip install 'dragoman[llama-index]'")

from llama_index.core.schema import MetadataMode

from rag.langchain import DragomanRetriever as LangChainRetriever
from rag.llamaindex import DragomanRetriever

STORY = "The lighthouse of {0} has been run by a machine since the spring. The keeper of {0} has gone home."


def test_nodes_say_where_they_stand(make_index: Callable[..., Index], tmp_path: Path) -> None:
    files = {f"{name}.txt": STORY.format(name.title()) for name in ("sahilkend", "narlidere", "qizilcay")}
    make_index(files)
    retriever = DragomanRetriever.open(tmp_path / "news.index", k=2)
    question = "Where is the keeper of Narlidere?"
    nodes = retriever.retrieve(question)
    assert nodes[0].metadata["source"] == "narlidere.txt"
    for node in nodes:
        told = node.metadata
        assert files[told["source"]][told["start"] : told["end"]] == node.get_content(MetadataMode.NONE)
        assert told["sha256"] not in node.get_content(MetadataMode.LLM)
    retriever.close()
    expected = LangChainRetriever.open(tmp_path / "news.index", k=2)
    assert [(node.id_, node.score, node.metadata) for node in nodes] == [
        (document.id, document.metadata["score"], document.metadata) for document in expected.invoke(question)
    ]
    expected.close()
