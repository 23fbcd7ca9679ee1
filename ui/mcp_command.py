"""`dragoman mcp`: the archive for assistants that speak the Model Context Protocol."""

from __future__ import annotations

import argparse
from typing import Any

from index.errors import SettingsError

_DESCRIPTION = """\
Serve an index to an assistant by the Model Context Protocol over standard input and output, with three tools:
  ask          answers with citations, or declines
  search       lists passages
  open_source  shows a cited place in its article
It needs a package more: pip install 'dragoman[mcp]'
"""
_EPILOG = """\
An assistant starts this command itself. Tell it so, in the file where it keeps its servers:

  {"mcpServers": {"archive": {"command": "dragoman", "args": ["mcp", "--index", "/home/aysel/news.index"]}}}

The index is only read; what is ingested meanwhile is found.
"""


def add_mcp(commands: Any) -> None:
    """Add `mcp` to the commands of `dragoman`."""
    from ui.cli import add_index

    parser = commands.add_parser(
        "mcp",
        help="let an assistant use the archive (Model Context Protocol)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_mcp)
    add_index(parser)


def _mcp(options: argparse.Namespace) -> int:
    from rag import Assistant
    from ui.cli import DONE, complain
    from ui.pool import Assistants

    try:
        from ui.mcp import make_mcp
    except ImportError as error:
        raise SettingsError("the package mcp is missing; install it: pip install 'dragoman[mcp]'") from error
    first = Assistant.open(options.index, report=complain)
    try:
        assistants = Assistants(first, lambda: first, size=1)
        make_mcp(assistants).run("stdio")
    finally:
        first.close()
    return DONE
