"""A question to a cited reply.

>>> from rag import Assistant
>>> assistant = Assistant.open("news.index")                             # doctest: +SKIP
>>> reply = assistant.ask("why did Armenia skip the Moscow meeting?")    # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.explain import Explanation
    from rag.receipt import Receipt
    from rag.reply import Abstention, Answer, Citation, Reply, Statement
    from rag.rewrite import Rewriter

__all__ = ["Abstention", "Answer", "Assistant", "Citation", "Explanation", "Receipt", "Reply", "Rewriter", "Statement"]


def __getattr__(name: str) -> Any:
    # Looked up when first asked for: whoever wants the types of a reply, or one module, need not wait for numpy.
    if name not in __all__:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    home = {
        "Assistant": "rag.assistant",
        "Explanation": "rag.explain",
        "Receipt": "rag.receipt",
        "Rewriter": "rag.rewrite",
    }
    return getattr(import_module(home.get(name, "rag.reply")), name)
