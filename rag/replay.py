"""A saved reply against what is answered now: the same question asked again of the same index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from index.errors import DataSetError
from rag.assistant import Assistant, Wishes
from rag.verify import load_reply

# A confidence may differ by rounding from one processor to another.
_SAME_CONFIDENCE = 0.005
# What of the numbers that decide takes part in a reply that is asked again.
_PARTS = {"reader": "the weights that sentences are chosen by", "calibration": "those of the decision to answer"}
_PLACE = ("source", "start", "end")


def replay(location: Path, assistant: Assistant) -> list[str]:
    """Ask again what the reply saved at `location` answers; what is otherwise now, a message each, or nothing.

    Raises DataSetError for a file that is no such reply, or one that a model chosen by its asker took part in, which
    need not say the same again.
    """
    saved = load_reply(location)
    if saved.get("written_by"):
        raise DataSetError(_not_asked_again(location, "a language model"))
    try:
        searched = saved["searched"]
        wishes = _wishes(searched, location)
        question = str(saved["question"])
        again = assistant.ask(question, **wishes).receipt().to_document()
        return [*_moved(searched, assistant), *_differences(saved, again)]
    except (KeyError, TypeError, ValueError) as error:
        raise DataSetError(
            f"{location}: {type(error).__name__} at {error}: it does not say how it was searched for, so it cannot be "
            "asked again; save it with `dragoman ask --json`"
        ) from error


def _wishes(searched: dict[str, Any], location: Path) -> Wishes:
    # Not done for whoever sends a file: it could name a model to be fetched, or a server to be told the question.
    for name, what in (("rewriter", "a language model"), ("reranker", "a cross-encoder")):
        if searched[name]:
            raise DataSetError(_not_asked_again(location, what))
    return Wishes(
        languages=[str(lang) for lang in searched["languages"]],
        since=str(searched["since"]),
        until=str(searched["until"]),
        sources=[str(path) for path in searched["sources"]],
        outlets=[str(name) for name in searched.get("outlets", [])],  # those kept before there were any have none
        exact=bool(searched["exact"]),
        today=str(searched["today"]),
        as_of=str(searched.get("as_of", "")),  # in no document that was saved before there was such a wish
        recent=bool(searched["recent"]),
        earlier=[str(each) for each in searched["earlier"]],
    )


def _not_asked_again(location: Path, what: str) -> str:
    return (
        f"{location}: {what} took part in this reply, so it is not asked again; its quotes can be verified without "
        "--replay"
    )


def _moved(searched: dict[str, Any], assistant: Assistant) -> Iterator[str]:
    """How the index is another than it was."""
    catalog = assistant.index.catalog
    if (embedder := asdict(catalog.built_with.embedder)) != searched["embedder"]:
        was, is_now = (f"{told['name']} {told['weights_hash'][:12]}" for told in (searched["embedder"], embedder))
        yield f"the index was embedded anew: by {was} then, by {is_now} now"
    hashes = asdict(assistant.hashes)
    for name, part in _PARTS.items():
        if (then := searched["hashes"][name]) != hashes[name]:
            yield f"{part} are others: {then[:12]} then, {hashes[name][:12]} now"
    if catalog.sequence != searched["sequence"]:
        yield f"the index has changed: its last batch was {searched['sequence']} then, it is {catalog.sequence} now"


def _differences(saved: dict[str, Any], again: dict[str, Any]) -> Iterator[str]:
    if saved["kind"] != again["kind"]:
        yield f"then: {saved['kind']}; now: {again['kind']}"
    for place in range(max(len(saved["statements"]), len(again["statements"]))):
        then, now = (
            [(each["text"], _places(each["citations"])) for each in told["statements"][place : place + 1]]
            for told in (saved, again)
        )
        if then != now:
            yield f"statement {place + 1}: {_said(then)} then, {_said(now)} now"
    # Context is in no document that was saved before statements had some.
    said = all("context" in each for each in saved["statements"]) and saved["kind"] == again["kind"]
    if said and _contexts(saved) != _contexts(again):
        yield "the sentences that say who is meant are others"
    if _sides(saved) != _sides(again):
        yield "what the sources are said to disagree on is otherwise"
    if _places(saved["evidence"]) != _places(again["evidence"]):
        yield "the passages that it was read from are others, or in another order"
    if abs(saved["confidence"] - again["confidence"]) > _SAME_CONFIDENCE:
        yield f"probability of an answer: {saved['confidence']:.2f} then, {again['confidence']:.2f} now"


def _contexts(told: dict[str, Any]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    contexts = (each["context"] for each in told["statements"])
    return [(context["text"], _places(context["citations"])) for context in contexts]


def _sides(told: dict[str, Any]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """What each side of a disagreement says, and where; none in documents from before they were looked for."""
    return [
        (side["says"], [place for statement in side["statements"] for place in _places(statement["citations"])])
        for each in told.get("disagreements", ())
        for side in each["sides"]
    ]


def _places(told: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in _PLACE) for each in told]


def _said(statements: list[tuple[str, list[tuple[Any, ...]]]]) -> str:
    if not statements:
        return "nothing"
    (text, places) = statements[0]
    return f"{text[:60]!r} from {', '.join(f'{source}:{start}-{end}' for source, start, end in places)}"
