"""What the page asks of the conversations that are kept."""

from __future__ import annotations

import re
from dataclasses import asdict

from index.errors import SettingsError
from index.said import said, to_json
from ui.conversations import Conversations, Verdict
from ui.payload import Payload
from ui.request import number, text, told

LONGEST_WORDS = 4_000  # characters of feedback


class History:
    """The conversations of whoever has opened the page, for its list of them. Any thread may call."""

    def __init__(self, conversations: Conversations, *, unkept: str = "") -> None:
        """`unkept` is why they do not outlive the page, if they do not."""
        self._kept = conversations
        self._unkept = unkept
        self.functions = (
            self.conversations, self.conversation, self.rename, self.delete, self.export, self.feedback
        )  # fmt: skip

    def conversations(self, request: object, user: str = "") -> Payload:
        """Those that hold the words of {"text"}, all for "", newest first: {"conversations", "unkept"}."""
        return told(
            lambda: {
                "kind": "conversations",
                "conversations": [asdict(each) for each in self._kept.find(text(request, "text"), user=user)],
                "unkept": to_json(self._unkept),
            }
        )

    def conversation(self, request: object, user: str = "") -> Payload:
        """The turns of {"conversation"}: {"title", "turns"}, each with what was shown."""

        def open_() -> Payload:
            conversation = text(request, "conversation")
            turns = self._kept.turns(conversation, user=user)
            return {
                "kind": "conversation",
                "title": self._kept.title(conversation, user=user),
                "turns": [
                    {
                        "turn": turn.key,
                        "asked": turn.asked,
                        "question": turn.question,
                        "reply": turn.shown,
                        "feedback": turn.verdict,
                    }
                    for turn in turns
                ],
            }

        return told(open_)

    def rename(self, request: object, user: str = "") -> Payload:
        """Call {"conversation"} {"title"}: {"title"} as it is kept."""
        return told(
            lambda: {
                "kind": "renamed",
                "title": self._kept.rename(text(request, "conversation"), text(request, "title"), user=user),
            }
        )

    def delete(self, request: object, user: str = "") -> Payload:
        """Delete {"conversation"} for good."""

        def delete() -> Payload:
            self._kept.delete(text(request, "conversation"), user=user)
            return {"kind": "deleted"}

        return told(delete)

    def export(self, request: object, user: str = "") -> Payload:
        """{"conversation"} as a file in {"format"}, "markdown" or "json": {"name", "text"}."""

        def export() -> Payload:
            conversation, format_ = text(request, "conversation"), text(request, "format")
            match format_:
                case "markdown":
                    made, ending = self._kept.to_markdown(conversation, user=user), "md"
                case "json":
                    made, ending = self._kept.to_json(conversation, user=user), "json"
                case _:
                    other = "a conversation is not exported as {value!r}; want markdown or json"
                    raise SettingsError(said("load_again", other, value=format_))
            title = self._kept.title(conversation, user=user)
            name = "-".join(re.findall(r"\w+", title))[:60] or "conversation"
            return {"kind": "export", "name": f"{name}.{ending}", "text": made}

        return told(export)

    def feedback(self, request: object, user: str = "") -> Payload:
        """Keep {"verdict"} of the reply {"turn"}, and {"words"} of the documents that are right."""

        def keep() -> Payload:
            verdict, words = text(request, "verdict"), text(request, "words")
            if verdict not in list(Verdict):
                other = "{value!r} is no verdict; want one of: {words}"
                raise SettingsError(said("load_again", other, value=verdict, words=", ".join(Verdict)))
            if len(words) > LONGEST_WORDS:
                too_many = "{count} characters; quote the sentence that answers"
                raise SettingsError(said("words_long", too_many, count=len(words)))
            self._kept.give_feedback(number(request, "turn"), Verdict(verdict), words, user=user)
            return {"kind": "kept"}

        return told(keep)
