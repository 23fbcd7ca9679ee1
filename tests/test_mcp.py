"""The archive as tools of the Model Context Protocol, asked by the protocol's own client over a pipe."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import Client, StdioServerParameters

from index.embed import HashingEmbedder
from index.ingest import ingest

ROOT = Path(__file__).parents[1]
LIGHTHOUSE = """The lighthouse keeper of Sahilkend retires

12 March 2024

After forty-one years the keeper of the Sahilkend lighthouse handed his keys to the port. The harbour office thanked
him in front of the whole crew and gave him the old brass lamp as a present.
"""
QUESTION = "Who handed his keys to the port?"
T = TypeVar("T")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("mcp")
    (base / "files").mkdir()
    (base / "files" / "lighthouse.txt").write_text(LIGHTHOUSE)
    (base / "secret.txt").write_text("nobody may read this")
    ingest([base / "files"], base / "news.index", embedder=HashingEmbedder())
    return base / "news.index"


def with_client(index: Path, work: Callable[[Client], Awaitable[T]]) -> T:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ui.cli", "mcp", "--index", str(index)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    async def run() -> T:
        async with Client(server) as client:
            return await work(client)

    return asyncio.run(run())


def test_an_assistant_asks_searches_and_opens_what_is_cited(index: Path) -> None:
    async def work(client: Client) -> tuple[list[str], Any, Any, Any]:
        tools = (await client.list_tools()).tools
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        reply = (await client.call_tool("ask", {"question": QUESTION})).structured_content
        found = (await client.call_tool("search", {"question": QUESTION, "k": 1})).structured_content
        assert reply is not None
        cited = reply["statements"][0]["citations"][0]
        place = {name: cited[name] for name in ("source", "start", "end")}
        return (
            [tool.name for tool in tools],
            reply,
            found,
            (await client.call_tool("open_source", place)).structured_content,
        )

    tools, reply, found, opened = with_client(index, work)
    assert tools == ["ask", "search", "open_source"]
    cited = reply["statements"][0]["citations"][0]
    assert (reply["kind"], cited["source"]) == ("answer", "lighthouse.txt")
    assert LIGHTHOUSE[cited["start"] : cited["end"]] == cited["quote"] == opened["quote"]
    assert (opened["title"], opened["date"]) == ("The lighthouse keeper of Sahilkend retires", "2024-03-12")
    assert opened["sha256"] == cited["sha256"]
    assert all(LIGHTHOUSE[around["start"] : around["end"]] == around["text"] for around in opened["around"])
    assert any(cited["quote"] in around["text"] for around in opened["around"])
    [passage] = found["passages"]
    assert LIGHTHOUSE[passage["start"] : passage["end"]] == passage["text"]


WRONG = [
    ("ask", {"question": " "}, "the question is empty"),
    ("ask", {"question": "Who?", "since": "yesterday"}, "since yesterday: not a day"),
    ("ask", {"question": "Who?", "outlets": ["Liman"]}, "outlet Liman: no article in this index says"),
    ("search", {"question": "Who?", "outlets": ["Liman"]}, "outlet Liman: no article in this index says"),
    ("search", {"question": "Who?", "k": 0}, "greater than or equal to 1"),
    ("open_source", {"source": "../secret.txt", "start": 0, "end": 5}, "no such source"),
    ("open_source", {"source": "lighthouse.txt", "start": 5, "end": 5}, "no place 5 to 5"),
    ("open_source", {"source": "lighthouse.txt", "start": 0, "end": 10**9}, "no place 0 to"),
]


def test_what_cannot_be_done_is_told(index: Path) -> None:
    async def work(client: Client) -> list[Any]:
        return [await client.call_tool(tool, arguments) for tool, arguments, _ in WRONG]

    for result, (_, _, told) in zip(with_client(index, work), WRONG, strict=True):
        assert result.is_error
        assert told in result.content[0].text
        assert "nobody may read this" not in str(result)


def test_without_the_package_the_command_says_what_to_install(index: Path) -> None:
    program = "import sys; sys.modules['mcp'] = None; from ui.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "mcp", "--index", str(index)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "dragoman: the package mcp is missing; install it: pip install 'dragoman[mcp]'\n"
