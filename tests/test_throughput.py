"""What is measured of taking texts in: every system embeds the same text, and ours what the encoder alone embeds."""

from __future__ import annotations

import importlib.util
import re
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import ui.throughput_command
from eval.alone import cpu_seconds, run_alone
from eval.sets import CorpusDocument, RetrievalSet
from eval.throughput import RAW, SYSTEMS, Took, compare_throughput, summarised
from index.e5 import packaged_weights
from index.errors import DataSetError, SettingsError
from ui.throughput_command import show_throughput

needs_model = pytest.mark.skipif(packaged_weights() is None, reason="the default model has no package here")
STORY = (
    "Keeper {0} of the lighthouse painted its {0} steps in spring. Ships pass the {0} rocks at night. "
    "Nobody but the dog of house {0} was awake when the storm came on day {0}."
)
RAW_ROUNDS = [Took(RAW, seconds, 20.0, 1.0, 100.0, 9.0, 0.5, 100, 18_000) for seconds in (10.0, 20.0)]


@pytest.fixture
def towns() -> RetrievalSet:
    corpus = tuple(CorpusDocument(str(i), "", STORY.format(i)) for i in range(60))
    return RetrievalSet("towns", corpus, (), {}, "")


@needs_model
def test_ours_embeds_what_the_encoder_alone_does(towns: RetrievalSet) -> None:
    found = compare_throughput([towns], ["dragoman"], passages=6, rounds=1)
    raw, ours = found.rows
    assert (raw.system, ours.system) == (RAW, "dragoman")
    assert (ours.skipped, ours.passages, ours.mean_tokens) == ("", raw.passages, raw.mean_tokens)
    assert (raw.of_raw, raw.of_raw_cpu) == (1.0, 1.0)
    assert 6 <= ours.passages <= 14
    assert (
        min(ours.passages_a_second, ours.of_raw, ours.cpu_ms, ours.start_seconds, ours.megabytes, ours.disk_megabytes)
        > 0
    )
    assert len(show_throughput(found).splitlines()) == 4


@needs_model
@pytest.mark.skipif(importlib.util.find_spec("llama_index") is not None, reason="llama-index is installed")
def test_a_system_that_is_not_installed_is_skipped(towns: RetrievalSet) -> None:
    rows = compare_throughput([towns], ["llama-index"], passages=1, rounds=1).rows
    assert rows[1].skipped == "needs llama_index; run: pip install 'dragoman[bench]'"


def test_systems_are_compared_by_tokens_and_round_by_round() -> None:
    """A round in which the machine was busy is one for both."""
    its = [replace(took, system="x", seconds=2 * took.seconds, tokens=9_000) for took in RAW_ROUNDS]
    row = summarised(its, RAW_ROUNDS)
    assert (row.of_raw, row.of_raw_cpu) == (0.25, 0.5)
    assert row.passages_a_second == statistics.median([50 / 20, 50 / 40])
    assert (row.cpu_ms, row.mean_tokens) == (400.0, 90.0)


def test_the_command_names_the_systems() -> None:
    assert re.split(", | or ", ui.throughput_command._SYSTEMS) == list(SYSTEMS)


def test_an_unknown_system_is_refused(towns: RetrievalSet) -> None:
    with pytest.raises(SettingsError, match="there is no system 'haystack'; choose one of onnxruntime, dragoman"):
        compare_throughput([towns], [*SYSTEMS, "haystack"], passages=1, rounds=1)


@needs_model
def test_nothing_is_made_of_no_sentences() -> None:
    with pytest.raises(DataSetError, match="there are no sentences"):
        compare_throughput([RetrievalSet("none", (), (), {}, "")], ["dragoman"], passages=1, rounds=1)


def test_a_process_that_fails_says_why() -> None:
    told = run_alone("eval.throughput", ["/nowhere", "/nowhere", "no such system"], environment={})
    assert told == {"skipped": "no such system ended with code 1: KeyError: 'no such system'"}


def test_processor_time_of_a_child_counts() -> None:
    busy = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint(flush=True); sys.stdin.read()"
    before = cpu_seconds()
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        running = cpu_seconds() - before
        child.stdin.close()
    assert running >= (0.28 if Path("/proc/self/stat").exists() else 0)
    assert cpu_seconds() - before >= max(0.3, running)
