"""Conversations are kept whole, each for its user, and found again."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eval.sets import load_answer_set
from index.embed import HashingEmbedder
from index.errors import ConversationsError
from index.folder import Index
from index.ingest import ingest
from rag.assistant import Assistant
from rag.reply import Reply
from tests.browsing import always
from ui.conversations import Conversations, Verdict, conversations_file, open_conversations

TEXT = """The crane of Qumlu harbour is painted green

The crane of Qumlu harbour was painted green on Monday. The mayor Aygün Şahinova came to see it [^1] *twice*.
"""


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    base = tmp_path_factory.mktemp("kept")
    (base / "files").mkdir()
    (base / "files" / "crane.txt").write_text(TEXT, encoding="utf-8")
    ingest([base / "files"], base / "index", embedder=HashingEmbedder())
    with Assistant(Index.open(base / "index"), calibration=always(0.0)) as assistant:
        yield assistant


@pytest.fixture
def reply(assistant: Assistant) -> Reply:
    return assistant.ask("What colour is the crane of Qumlu harbour?")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept.sqlite"


@pytest.fixture
def kept(file: Path) -> Iterator[Conversations]:
    kept = Conversations(file)
    yield kept
    kept.close()


def test_what_is_kept_is_there_when_it_is_opened_again(file: Path, kept: Conversations, reply: Reply) -> None:
    conversation, turn = kept.add(reply, {"kind": "answer", "n": "ə"})
    with sqlite3.connect(file) as other:  # committed at once: nothing was closed
        assert other.execute("SELECT count(*) FROM turns").fetchone() == (1,)
    kept.close()
    again = Conversations(file)
    (found,) = again.find()
    (told,) = again.turns(conversation)
    assert (found.id, found.title) == (conversation, reply.question)
    assert (told.key, told.question, told.shown) == (turn, reply.question, {"kind": "answer", "n": "ə"})
    assert told.receipt == json.loads(reply.to_json())
    again.close()


def test_each_user_has_conversations_of_their_own(kept: Conversations, reply: Reply) -> None:
    conversation, turn = kept.add(reply, {}, user="ann")
    assert [each.id for each in kept.find(user="ann")] == [conversation]
    assert kept.find(user="bob") == kept.find() == []
    reaches: list[Callable[[], object]] = [
        lambda: kept.turns(conversation, user="bob"),
        lambda: kept.rename(conversation, "mine", user="bob"),
        lambda: kept.delete(conversation, user="bob"),
        lambda: kept.to_json(conversation, user="bob"),
        lambda: kept.to_markdown(conversation),
        lambda: kept.give_feedback(turn, Verdict.WRONG_ANSWER, user="bob"),
    ]
    for reach in reaches:
        with pytest.raises(ConversationsError):
            reach()
    theirs, _ = kept.add(reply, {}, conversation=conversation, user="bob")
    assert theirs != conversation
    assert len(kept.turns(conversation, user="ann")) == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", True),
        ("crane", True),
        ("PAINTED gre", True),  # of the answer; the beginning of a word
        ("rane", False),
        ("crane yellow", False),
        ("кран", False),
        ("Шахинова", False),  # neither asked nor said
        ("Qumlu", True),
        ("Кумлу", True),  # folded
        ("%", True),  # no word at all
    ],
)
def test_conversations_are_found_by_words(kept: Conversations, reply: Reply, words: str, found: bool) -> None:
    kept.add(reply, {})
    assert bool(kept.find(words)) == found


def test_another_name_is_kept_and_found(kept: Conversations, reply: Reply) -> None:
    conversation, _ = kept.add(reply, {})
    assert kept.rename(conversation, "  Green \n things ") == "Green things"
    assert [each.title for each in kept.find("things")] == ["Green things"]
    assert len(kept.rename(conversation, "x" * 500)) == 120
    with pytest.raises(ConversationsError, match="needs a name"):
        kept.rename(conversation, " \n ")


def test_what_is_deleted_is_gone_from_the_file(file: Path, kept: Conversations, reply: Reply) -> None:
    conversation, turn = kept.add(reply, {"said": "an unmistakable zebra"})
    kept.give_feedback(turn, Verdict.WRONG_ANSWER)
    kept.delete(conversation)
    assert (kept.find(), kept.feedback()) == ([], [])
    with pytest.raises(ConversationsError):
        kept.turns(conversation)
    kept.close()
    assert b"unmistakable zebra" not in b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*"))


def test_a_question_that_is_asked_again_replaces_what_came_after(kept: Conversations, reply: Reply) -> None:
    conversation, first = kept.add(reply, {"n": 1})
    for n in (2, 3):
        kept.add(reply, {"n": n}, conversation=conversation)
    other, _ = kept.add(reply, {"n": 9})
    kept.add(reply, {"n": 4}, conversation=conversation, replaces=first + 1)
    assert [turn.shown["n"] for turn in kept.turns(conversation)] == [1, 4]
    assert [turn.shown["n"] for turn in kept.turns(other)] == [9]


def test_a_conversation_that_is_gone_is_begun_anew(kept: Conversations, reply: Reply) -> None:
    conversation, _ = kept.add(reply, {})
    kept.delete(conversation)
    begun, _ = kept.add(reply, {}, conversation=conversation)
    assert begun != conversation
    assert [each.id for each in kept.find()] == [begun]


def test_markdown_has_a_footnote_for_each_mark_and_no_markup_of_a_document(
    kept: Conversations, assistant: Assistant
) -> None:
    conversation = ""
    for question in ("What colour is the crane of Qumlu harbour?", "What did the mayor come to see?"):
        conversation, _ = kept.add(assistant.ask(question), {}, conversation=conversation)
    kept.rename(conversation, "<b>Green</b> [^9]")
    text = kept.to_markdown(conversation)
    assert text.startswith("# \\<b\\>Green\\</b\\> \\[^9\\]\n")
    marks = re.findall(r"(?<!\\)\[\^([^\]]+)\](?!:)", text)
    notes = re.findall(r"(?m)^\[\^([^\]]+)\]:", text)
    assert marks == notes
    assert {mark.split("-")[0] for mark in marks} == {"1", "2"}
    assert len(set(notes)) == len(notes)
    assert "\\[^1\\] \\*twice\\*" in text


def test_json_has_every_receipt(kept: Conversations, reply: Reply) -> None:
    conversation, turn = kept.add(reply, {})
    kept.give_feedback(turn, Verdict.WRONG_CITATION)
    document = json.loads(kept.to_json(conversation))
    assert document["title"] == reply.question
    (told,) = document["turns"]
    assert (told["feedback"], told["reply"]) == ("wrong citation", json.loads(reply.to_json()))


def test_feedback_is_kept_once_a_reply(kept: Conversations, reply: Reply) -> None:
    conversation, turn = kept.add(reply, {})
    kept.give_feedback(turn, Verdict.WRONG_ANSWER)
    kept.give_feedback(turn, Verdict.MISSING_SOURCE, " painted green ")
    (told,) = kept.feedback()
    assert (told.question, told.verdict, told.words) == (reply.question, Verdict.MISSING_SOURCE, "painted green")
    assert kept.turns(conversation)[0].verdict == "missing source"


def test_many_threads_keep_all(kept: Conversations, reply: Reply) -> None:
    conversation, _ = kept.add(reply, {})
    threads = [
        threading.Thread(target=lambda: [kept.add(reply, {}, conversation=conversation) for _ in range(5)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept.turns(conversation)) == 21


def test_a_newer_file_is_told_and_left_alone(file: Path) -> None:
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(ConversationsError, match="format 99"):
        Conversations(file)


def test_where_nothing_can_be_kept_it_is_told(tmp_path: Path, reply: Reply) -> None:
    folder = tmp_path / "news.index"
    assert conversations_file(folder) == tmp_path / "news.index.conversations.sqlite"
    conversations_file(folder).write_bytes(b"this is no database, but words of somebody" * 100)
    kept, why = open_conversations(folder)
    assert "conversations.sqlite: conversations cannot be kept there" in why
    conversation, _ = kept.add(reply, {})
    assert len(kept.turns(conversation)) == 1  # while it runs
    assert conversations_file(folder).read_bytes().startswith(b"this is no database")


def test_feedback_becomes_questions_that_can_be_measured(
    tmp_path: Path, dragoman: Callable[..., subprocess.CompletedProcess[str]], assistant: Assistant
) -> None:
    folder = assistant.index.folder
    kept = Conversations(conversations_file(folder))
    said = [
        ("What colour is the crane of Qumlu harbour?", Verdict.WRONG_CITATION, "was painted green on Monday"),
        ("Who painted the bridge of Qumlu blue?", Verdict.SHOULD_HAVE_DECLINED, ""),
        ("When did the mayor come?", Verdict.WRONG_ANSWER, ""),
        ("Why did the mayor come?", Verdict.MISSING_SOURCE, "words that stand nowhere"),
    ]
    for question, verdict, words in said:
        _, turn = kept.add(assistant.ask(question), {})
        kept.give_feedback(turn, verdict, words)
    kept.close()
    listed = dragoman("feedback", "--index", folder)
    assert listed.stdout.splitlines()[:2] == [f"wrong citation: {said[0][0]}", "    right: was painted green on Monday"]
    file = tmp_path / "cases.jsonl"
    done = dragoman("feedback", "--index", folder, "--to", file)
    assert (done.returncode, done.stdout) == (1, f"{file}: added 2 of 4\n")
    assert "'When did the mayor come?' (wrong answer): nobody said what is right; choose it: dragoman eval add" in (
        done.stderr
    )
    assert "'Why did the mayor come?' (missing source): the quote" in done.stderr
    questions = load_answer_set(file, corpus=folder.parent / "files").questions
    assert [(each.question, each.gold, each.answerable) for each in questions] == [
        (said[0][0], ("was painted green on Monday",), True),
        (said[1][0], (), False),
    ]
