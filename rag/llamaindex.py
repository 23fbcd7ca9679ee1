"""An index in LlamaIndex: a retriever of its passages as nodes that say where they stand. `rag.langchain` finds them.

It needs a package more, `pip install 'dragoman[llama-index]'`, whose types a query engine or a tool are made with:

>>> from rag.llamaindex import DragomanRetriever                            # doctest: +SKIP
>>> retriever = DragomanRetriever.open("news.index", k=5)                   # doctest: +SKIP
>>> node = retriever.retrieve("why did Armenia skip the Moscow meeting?")[0]  # doctest: +SKIP
>>> node.metadata["source"], node.metadata["start"], node.metadata["end"]   # doctest: +SKIP
('0007.txt', 249, 387)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever  # pyright: ignore[reportMissingImports] - an extra
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode  # pyright: ignore[reportMissingImports]

from rag.langchain import DragomanRetriever as LangChainRetriever

# What tells a language model nothing of a passage.
_FOR_PROGRAMS = ["sha256", "passage", "score", "spelling", "readable"]


class DragomanRetriever(BaseRetriever):
    """The passages that `dragoman search` lists, as nodes with the metadata of `rag.langchain.DragomanRetriever`.

    The text of a node stands in its source as it is, from `start` to `end` in code points.
    """

    def __init__(self, found_by: LangChainRetriever) -> None:
        super().__init__()
        self._found_by = found_by

    @classmethod
    def open(cls, folder: str | Path, **fields: Any) -> DragomanRetriever:
        """The retriever of an index folder, by the fields of LangChain's. Raises IndexFolderError, ModelError."""
        return cls(LangChainRetriever.open(folder, **fields))

    def close(self) -> None:
        """Close the index."""
        self._found_by.close()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(
                    id_=found.id,
                    text=found.page_content,
                    metadata=found.metadata,
                    excluded_llm_metadata_keys=_FOR_PROGRAMS,
                ),
                score=found.metadata["score"],
            )
            for found in self._found_by.invoke(query_bundle.query_str)
        ]
