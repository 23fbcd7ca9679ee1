"""Retrieval sets by folder, whichever layout a folder is in."""

from __future__ import annotations

from pathlib import Path

from eval.claims import claims_file, load_claims
from eval.sets import RetrievalSet, load_beir


def load_retrieval_set(folder: Path) -> RetrievalSet:
    """Read the set in a folder: claims if there is a file of them, else BEIR layout. Raises DataSetError."""
    claims = claims_file(folder)
    return load_claims(claims) if claims else load_beir(folder)
