"""`dragoman user`: who may ask a server."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from index.errors import SettingsError

_DESCRIPTION = """\
Give people a name and a password for a server: dragoman serve --auth FILE.
A password is asked for without showing it, and only a hash of it is kept (scrypt, each with a salt of its own). What is
changed holds from the next request on; the server need not be started again.
"""


def add_user(commands: Any) -> None:
    """Add `user` to the commands of `dragoman`."""
    parser = commands.add_parser(
        "user",
        help="say who may ask a server",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, what in (
        ("add", _add, "add a user, or give one another password"),
        ("list", _list, "list the users"),
        ("remove", _remove, "remove a user"),
    ):
        action = actions.add_parser(name, help=what, description=what.capitalize() + ".")
        action.set_defaults(run=run)
        if run is not _list:
            action.add_argument("name", metavar="NAME")
        action.add_argument("--auth", type=Path, required=True, metavar="FILE", help="the file of users")


def _add(options: argparse.Namespace) -> int:
    from ui.cli import DONE, complain
    from ui.users import add_user

    add_user(options.auth, options.name, _password(options.name))
    complain(f"{options.name} may ask: dragoman serve --auth {options.auth}")
    return DONE


def _list(options: argparse.Namespace) -> int:
    from ui.cli import DONE, printable
    from ui.users import Users

    for name in Users(options.auth).names():
        print(printable(name))
    return DONE


def _remove(options: argparse.Namespace) -> int:
    from ui.cli import DONE
    from ui.users import remove_user

    remove_user(options.auth, options.name)
    return DONE


def _password(name: str) -> str:
    """The password that is typed, twice at a terminal; or the first line of what is piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass(f"password of {name}: ")
    if getpass.getpass("once more: ") != password:
        raise SettingsError("the two are not the same; nothing was changed, try again")
    return password
