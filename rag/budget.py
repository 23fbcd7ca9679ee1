"""How much of the evidence a language model is sent, counted in tokens.

Counted by o200k_base, whatever the model: other tokenizers are within a third of it for these languages, which is near
enough for a limit. tiktoken itself would download the encoding; it is shipped.
"""

from __future__ import annotations

import base64
import gzip
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

# The pattern of o200k_base as tiktoken has it (openai_public.py, MIT).
_PIECE = "|".join(
    [
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?""",
        r"""\p{N}{1,3}""",
        r""" ?[^\s\p{L}\p{N}]+[\r\n/]*""",
        r"""\s*[\r\n]+""",
        r"""\s+(?!\S)""",
        r"""\s+""",
    ]
)


def count_tokens(text: str) -> int:
    """How many tokens a text is; what looks like a special token counts as text."""
    # Not `encode`, which raises on "<|endoftext|>" in a document.
    return len(_encoding().encode_ordinary(text))


def cut_to_tokens(text: str, most: int) -> str:
    """The beginning of a text, at most so many tokens, cut at white space where there is any."""
    tokens = _encoding().encode_ordinary(text)
    if len(tokens) <= most:
        return text
    kept = _encoding().decode(tokens[:most], errors="ignore")
    words, space, _ = kept.rpartition(" ")
    return words if space else kept


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding:
    import tiktoken

    lines = gzip.decompress(files("rag").joinpath("o200k_base.tiktoken.gz").read_bytes()).splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
    return tiktoken.Encoding("o200k_base", pat_str=_PIECE, mergeable_ranks=ranks, special_tokens={})
