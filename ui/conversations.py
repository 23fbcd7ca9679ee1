"""Conversations that are kept: what was asked, what was said with its citations, and what a person says of it.

They are in a file beside the index folder, `news.index.conversations.sqlite`, not in it: "delete the index and ingest
again" mends an index, a snapshot put in its place is another index, and an index may be read only; what a person has
asked must outlive all that. Every change is committed at once.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any

from index.errors import ConversationsError
from index.fold import folded_words
from index.said import said
from rag.reply import Abstention, Answer, Reply

FORMAT_VERSION = 1
LONGEST_TITLE = 120  # characters
MOST_LISTED = 200

_SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,             -- whose it is; "" where nobody has to say who they are
    title TEXT NOT NULL,
    words TEXT NOT NULL,            -- of the title, folded, each with a space before it
    changed TEXT NOT NULL           -- ISO 8601, UTC
) WITHOUT ROWID;
CREATE INDEX conversations_by_user ON conversations (user, changed);
CREATE TABLE turns (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    asked TEXT NOT NULL,            -- ISO 8601, UTC
    question TEXT NOT NULL,
    shown TEXT NOT NULL,            -- JSON: the reply as the page shows it
    receipt TEXT NOT NULL,          -- JSON: the reply as `dragoman ask --json` prints it
    markdown TEXT NOT NULL,         -- the reply with footnotes
    words TEXT NOT NULL             -- of question and reply, likewise
);
CREATE INDEX turns_by_conversation ON turns (conversation);
CREATE TABLE feedback (
    turn INTEGER PRIMARY KEY REFERENCES turns ON DELETE CASCADE,
    verdict TEXT NOT NULL,
    words TEXT NOT NULL             -- of the documents, that are right; or ""
);
"""
_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#+\-.!|~&$]")
_FOOTNOTE = re.compile(r"\[\^(\d+)\]")


class Verdict(StrEnum):
    """What may be wrong with a reply."""

    WRONG_ANSWER = "wrong answer"
    WRONG_CITATION = "wrong citation"
    MISSING_SOURCE = "missing source"
    SHOULD_HAVE_DECLINED = "should have declined"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation in a list of them."""

    id: str
    title: str
    changed: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its reply."""

    key: int
    asked: str  # ISO 8601, UTC
    question: str
    shown: dict[str, Any]
    receipt: dict[str, Any]
    verdict: str  # "" if nothing was said of it


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said of a reply."""

    question: str
    receipt: dict[str, Any]
    verdict: Verdict
    words: str  # of the documents, that are right; or ""


def conversations_file(index_folder: Path) -> Path:
    """Where the conversations about an index are kept."""
    folder = index_folder.resolve()
    return folder.with_name(f"{folder.name}.conversations.sqlite")


def open_conversations(index_folder: Path) -> tuple[Conversations, str]:
    """The conversations about an index; if they cannot be kept, some that are not, and why."""
    try:
        return Conversations(conversations_file(index_folder)), ""
    except ConversationsError as error:
        return Conversations(None), error.told


class Conversations:
    """The conversations in a file, each of one user. Any thread and any number of processes may use them.

    An id of another user's conversation is one that is not there.
    """

    def __init__(self, location: Path | None) -> None:
        """Open or make the file; without one nothing outlives this object. Raises ConversationsError."""
        self._name = str(location or "conversations")
        self._lock = Lock()
        try:
            self._db = sqlite3.connect(
                location or ":memory:", isolation_level=None, timeout=30, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")  # what is deleted is not to be read in the file
            self._make_tables()
        except sqlite3.Error as error:
            raise _unkept(self._name, error) from error

    def _make_tables(self) -> None:
        with self._writing() as db:
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found == 0:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
            elif found != FORMAT_VERSION:
                newer = (
                    "{file}: format {format}, this Dragoman reads {ours}; use the newer Dragoman, or move the file away"
                )
                raise ConversationsError(
                    said("conversations_newer", newer, file=self._name, format=found, ours=FORMAT_VERSION)
                )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise _unkept(self._name, error) from error
                raise

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def find(self, text: str = "", *, user: str = "") -> list[Conversation]:
        """The conversations in whose title, questions or replies each word of `text` begins a word, newest first.

        Words are compared folded: another script or missing diacritics find the same.
        """
        wanted = _folded(text).split()
        holds = (
            " AND (instr(c.words, ?) > 0 OR EXISTS "
            "(SELECT 1 FROM turns t WHERE t.conversation = c.id AND instr(t.words, ?) > 0))"
        )
        rows = self._rows(
            f"SELECT id, title, changed FROM conversations c WHERE user = ?{holds * len(wanted)} "
            "ORDER BY changed DESC, id LIMIT ?",
            user,
            *(f" {word}" for word in wanted for _ in range(2)),
            MOST_LISTED,
        )
        return [Conversation(*row) for row in rows]

    def turns(self, conversation: str, *, user: str = "") -> list[Turn]:
        """The turns of a conversation, oldest first. Raises ConversationsError if there is none of this id."""
        self.title(conversation, user=user)
        rows = self._rows(
            "SELECT t.key, t.asked, t.question, t.shown, t.receipt, coalesce(f.verdict, '') FROM turns t "
            "LEFT JOIN feedback f ON f.turn = t.key WHERE t.conversation = ? ORDER BY t.key",
            conversation,
        )
        return [
            Turn(key, asked, question, json.loads(shown), json.loads(receipt), verdict)
            for key, asked, question, shown, receipt, verdict in rows
        ]

    def add(
        self, reply: Reply, shown: dict[str, Any], *, conversation: str = "", replaces: int = 0, user: str = ""
    ) -> tuple[str, int]:
        """Keep a reply and what the page shows of it; returns the conversation's id and the turn's key.

        It begins a conversation if that is "" or gone meanwhile. The turn `replaces` and those after it are taken out.
        """
        now, folded = _now(), _folded("\n".join([reply.question, *_texts_of(reply)]))
        with self._writing() as db:
            known = db.execute("SELECT 1 FROM conversations WHERE id = ? AND user = ?", (conversation, user)).fetchone()
            if not known:
                conversation = uuid.uuid4().hex
                title = _shortened(reply.question)
                db.execute(
                    "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)", (conversation, user, title, _folded(title), now)
                )
            if replaces:
                db.execute("DELETE FROM turns WHERE conversation = ? AND key >= ?", (conversation, replaces))
            receipt = reply.receipt()
            turn = db.execute(
                "INSERT INTO turns (conversation, asked, question, shown, receipt, markdown, words) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    conversation,
                    now,
                    reply.question,
                    json.dumps(shown, ensure_ascii=False),
                    receipt.to_json(),
                    receipt.to_markdown(is_plain=True),
                    folded,
                ),
            ).lastrowid
            db.execute("UPDATE conversations SET changed = ? WHERE id = ?", (now, conversation))
        return conversation, int(turn or 0)

    def rename(self, conversation: str, title: str, *, user: str = "") -> str:
        """Give a conversation another title, which is returned as it is kept. Raises ConversationsError."""
        self.title(conversation, user=user)
        if not (kept := _shortened(title)):
            raise ConversationsError(said("name_empty", "a conversation needs a name; write one"))
        with self._writing() as db:
            db.execute(
                "UPDATE conversations SET title = ?, words = ? WHERE id = ?", (kept, _folded(kept), conversation)
            )
        return kept

    def delete(self, conversation: str, *, user: str = "") -> None:
        """Delete a conversation for good. Raises ConversationsError if there is none of this id."""
        self.title(conversation, user=user)
        with self._writing() as db:
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    def to_markdown(self, conversation: str, *, user: str = "") -> str:
        """A conversation as one text with footnotes, numbered through. Raises ConversationsError."""
        title = self.title(conversation, user=user)
        rows = self._rows("SELECT markdown FROM turns WHERE conversation = ? ORDER BY key", conversation)
        # What a document says is escaped in it, so "[^1]" is always a footnote of ours.
        parts = [_FOOTNOTE.sub(rf"[^{n}-\1]", text) for n, (text,) in enumerate(rows, start=1)]
        heading = _MARKUP.sub(r"\\\g<0>", title)
        return "\n".join([f"# {heading}\n", *parts])

    def to_json(self, conversation: str, *, user: str = "") -> str:
        """A conversation as one JSON document with the receipt of each reply. Raises ConversationsError."""
        title = self.title(conversation, user=user)
        turns = [
            {"asked": turn.asked, "feedback": turn.verdict, "reply": turn.receipt}
            for turn in self.turns(conversation, user=user)
        ]
        return json.dumps({"title": title, "turns": turns}, ensure_ascii=False, indent=2) + "\n"

    def give_feedback(self, turn: int, verdict: Verdict, words: str = "", *, user: str = "") -> None:
        """Keep what is wrong with a reply, in place of what was said of it before. Raises ConversationsError."""
        known = self._rows(
            "SELECT 1 FROM turns t JOIN conversations c ON c.id = t.conversation WHERE t.key = ? AND c.user = ?",
            turn,
            user,
        )
        if not known:
            raise ConversationsError(said("turn_gone", "this reply is in no conversation any more; ask again"))
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO feedback VALUES (?, ?, ?)", (turn, verdict.value, words.strip()))

    def feedback(self) -> list[Feedback]:
        """What was said of replies, by whomever, oldest first."""
        rows = self._rows(
            "SELECT t.question, t.receipt, f.verdict, f.words FROM feedback f JOIN turns t ON t.key = f.turn "
            "ORDER BY t.key"
        )
        return [
            Feedback(question, json.loads(receipt), Verdict(verdict), words)
            for question, receipt, verdict, words in rows
        ]

    def title(self, conversation: str, *, user: str = "") -> str:
        """What a conversation is called. Raises ConversationsError if there is none of this id."""
        rows = self._rows("SELECT title FROM conversations WHERE id = ? AND user = ?", conversation, user)
        if not rows:
            gone = "this conversation is gone: it was deleted meanwhile; begin a new one"
            raise ConversationsError(said("conversation_gone", gone))
        return str(rows[0][0])


def _unkept(name: str, error: sqlite3.Error) -> ConversationsError:
    told = (
        "{file}: conversations cannot be kept there ({why}); "
        "free some of the disk, get the right to write there, or move the file away"
    )
    return ConversationsError(said("unkept", told, file=name, why=str(error)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TITLE else f"{words[: LONGEST_TITLE - 1]}…"


def _folded(text: str) -> str:
    """The folded words of a text, each with a space before it."""
    return "".join(f" {word}" for word in folded_words(text))


def _texts_of(reply: Reply) -> Iterator[str]:
    match reply:
        case Answer():
            yield from (statement.text for statement in reply.statements)
            yield from (citation.quote for statement in reply.statements for citation in statement.citations)
        case Abstention():
            yield reply.reason
