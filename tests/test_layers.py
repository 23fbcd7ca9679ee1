"""Which module may import what, read from the sources: the house order, and one home for every heavy package."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {"index": set(), "rag": {"index"}, "eval": {"index", "rag"}, "ui": {"index", "rag", "eval"}}
HOMES = {
    "faiss": {"index/neighbours.py", "eval/scale.py"},
    "sentence_transformers": {"index/embed.py", "rag/cross.py"},
    "tantivy": {"index/lexical.py"},
    "pymilvus": {"index/milvus.py"},
    "milvus": {"eval/served.py"},
    "milvus_lite": {"eval/served.py"},
    "onnx": {"index/e5.py"},
    "onnxruntime": {"index/e5.py"},
    "tokenizers": {"index/e5.py", "eval/throughput.py"},
    "gradio": {"ui/app.py"},
    "fastapi": {"ui/api.py"},
    "uvicorn": {"ui/server.py"},
    "prometheus_client": {"ui/observe.py"},
    "opentelemetry": {"ui/observe.py"},
    "mcp": {"ui/mcp.py"},
    "httpx": {"rag/rewrite.py"},
    "trafilatura": {"index/formats/html.py", "eval/readers.py"},
    "readability": {"eval/readers.py"},
    "justext": {"eval/readers.py"},
    "watchfiles": {"index/follow.py"},
    "warcio": {"index/formats/warc.py"},
    "charset_normalizer": {"index/decode.py", "index/formats/markup.py"},
    "pypdfium2": {"index/formats/pdf.py"},
    "openpyxl": {"index/formats/tables.py"},
    "docx": set(),
    "pptx": set(),
    "sentencex": {"index/sentences.py"},
    "rensa": {"index/duplicates.py"},
    "pycld2": {"index/language.py"},
    "anyascii": {"index/fold.py"},
    "Stemmer": {"index/fold.py"},
    "babel": {"index/make_names.py"},
    "torch": set(),
    "transformers": set(),
    "langchain": {"rag/chat.py"},
    "langchain_tests": set(),
    "bibtexparser": set(),
    "langchain_openai": set(),  # imported by langchain
    "openai": {"rag/chat.py"},
    "tiktoken": {"rag/budget.py"},
    "langchain_community": {"eval/baselines.py", "eval/scale.py", "eval/throughput.py"},
    "langchain_core": {"eval/baselines.py", "eval/scale.py", "rag/chat.py", "rag/langchain.py"},
    "langchain_text_splitters": {"eval/throughput.py"},
    "llama_index": {"eval/throughput.py", "rag/llamaindex.py"},
    "chromadb": {"eval/scale.py", "eval/throughput.py"},
    "lancedb": {"eval/scale.py"},
    "bm25s": {"eval/baselines.py"},
    "ray": {"index/ray_crew.py"},
    "pyarrow": {"eval/scale.py", "index/parquet.py"},
    "matplotlib": {"eval/plot.py"},
}
MODULES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            found.add((node.module or "").partition(".")[0])
    return frozenset(found)


def test_there_is_something_to_read() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in MODULES}
    assert {home for homes in HOMES.values() for home in homes} <= found
    assert {path.parts[0] for path in map(Path, found)} == set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_one_way(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    ours = {name for name in imported(path) if name in LAYERS and name != layer}
    assert ours <= LAYERS[layer]


@pytest.mark.parametrize("package", HOMES)
def test_a_heavy_package_has_one_home(package: str) -> None:
    found = {path.relative_to(ROOT).as_posix() for path in MODULES if package in imported(path)}
    assert found == HOMES[package]


def test_measures_are_counted_in_eval_only() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in MODULES if "ir_measures" in imported(path)}
    assert found <= {"eval"}


def test_importing_rag_loads_nothing_heavy() -> None:
    heavy = [
        "torch",
        "gradio",
        "langchain",
        "openai",
        "tiktoken",
        "transformers",
        "sentence_transformers",
        "onnxruntime",
        "faiss",
        "tantivy",
        "ray",
    ]
    code = f"import sys, rag; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_our_import_names_are_ours_alone() -> None:
    distributions = importlib.metadata.packages_distributions()
    assert {package: set(distributions.get(package, ["dragoman"])) for package in LAYERS} == {
        package: {"dragoman"} for package in LAYERS
    }
