"""A question to a cited reply.

>>> from rag import Assistant
>>> assistant = Assistant.open("news.index")                             # doctest: +SKIP
>>> reply = assistant.ask("why did Armenia skip the Moscow meeting?")    # doctest: +SKIP
"""

from rag.assistant import Assistant
from rag.reply import Abstention, Answer, Citation, Reply, Statement

__all__ = ["Abstention", "Answer", "Assistant", "Citation", "Reply", "Statement"]
