"""Damaged files of every format: a few hundred here; `dragoman eval fuzz --mutations 10000` is the full run."""

from __future__ import annotations

from pathlib import Path

from eval.fuzz import fuzz, mutants, seed_files
from index.read import MEDIA_BY_SUFFIX

WRITTEN_ALIKE = {".tsv", ".rss", ".warc.gz"}  # read as others are, and shipped under those names only


def test_every_format_has_a_seed() -> None:
    assert set(MEDIA_BY_SUFFIX) - {file.suffix for file in seed_files()} <= WRITTEN_ALIKE


def test_the_same_seed_gives_the_same_mutants() -> None:
    first, again, other = (list(mutants(seed_files(), count=60, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert [mutant.data for mutant in first] != [mutant.data for mutant in other]
    shipped = {file.read_bytes() for file in seed_files()}
    assert sum(mutant.data in shipped for mutant in first) <= 6


def test_no_damaged_file_crashes_hangs_or_gets_lost(tmp_path: Path) -> None:
    report = fuzz(seed_files(), tmp_path, count=360, seed=7, processes=2, seconds_a_file=120)
    assert report.kept == ()
    assert report.total == 360
    ends = {end for counter in report.counts.values() for end in counter}
    assert ends == {"read", "refused"}
    assert list(tmp_path.iterdir()) == []
