"""Systems that are compared, each in a process of its own: what one holds, loads or breaks is not another's."""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# What numeric libraries ask for how many threads to start.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS")


def run_alone(module: str, arguments: Sequence[str], *, environment: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object that a module of ours prints last, run with `arguments` as a process of its own.

    One that fails has {"skipped": why}.
    """
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**environment, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"skipped": f"{arguments[-1]} ended with code {done.returncode}: {last}"}
    return json.loads(done.stdout.splitlines()[-1])  # libraries print, too


def not_installed(error: ImportError) -> dict[str, Any]:
    """What a process tells whose system is not there."""
    return {"skipped": f"needs {error.name}; run: pip install 'dragoman[bench]'"}


def most_memory() -> float:
    """The most bytes that this process and those that it started and still has have held, each at its own time."""
    most = _status("self", "VmHWM")
    # Not ru_maxrss on Linux: a child starts with its parent's.
    if math.isnan(most):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.0
    return most + sum(_status(child, "VmHWM") for child in _children())


def memory() -> float:
    """The bytes that this process holds, what is mapped from files left out where that is known."""
    anonymous = _status("self", "RssAnon")
    return anonymous if not math.isnan(anonymous) else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.0


def resident_memory(process: int | str = "self") -> float:
    """The bytes of a process in memory, mapped files among them, or NaN where that is not known."""
    return _status(str(process), "VmRSS")


def cpu_seconds() -> float:
    """Processor time of this process and, where Linux tells it, those that it started and still has."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = sum(int(ticks) for stat in _children().values() for ticks in stat[11:13])
    return sum(os.times()[:2]) + ended.ru_utime + ended.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def _children() -> dict[str, list[str]]:
    """What Linux tells of each process that this one or its children started and still have, from its state on.

    See man proc.
    """
    running = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            stat = file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            running[file.parent.name] = stat
    found: dict[str, list[str]] = {}
    parents = {str(os.getpid())}
    while parents:
        children = {process: stat for process, stat in running.items() if stat[1] in parents}
        found |= children
        parents = children.keys()
    return found


def _status(process: str, name: str) -> float:
    """A figure of a process in bytes, as Linux tells it, or NaN."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.nan
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), math.nan)
