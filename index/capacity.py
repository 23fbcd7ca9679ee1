"""What an index of so many passages takes, reckoned from what was measured at sizes that a machine could hold.

For the local folder the constants are of our own runs, each with the command that measures it again; they grow in line
with the size here, which was seen up to a million passages and is a guess beyond. Of Milvus nothing was measured: the
formulas are those of its makers' sizing tool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from index.estimate import ingest_bytes
from index.vectors import EXACT_UP_TO

# multilingual-e5-small, the default model.
_DIMENSION = 384
# dragoman eval throughput xquad-en-pool --passages 80000, which are 101,062 as cut: 14.0 kB a passage (14.1 of 10,069)
_DISK_BYTES = 14_000  # texts, vectors, token vectors, words
# dragoman eval scale --passages 1000000, vectors given, on one core
_BUILD_SECONDS = 34 * 60 / 1_000_000
_SEARCH_BYTES = 124  # a passage, the vectors left in their file
_EXACT_BYTES = 3 * _DIMENSION  # a passage where all vectors are looked at: 16 bits a number, and 8
_MODEL_BYTES = 363_000_000  # resident after a first question, beyond the libraries
# dragoman eval throughput xquad-en-pool --passages 20000: 57.3 a second of 180 tokens on two cores
_PASSAGES_A_CORE_SECOND = 28
_MOST_LOCAL = 10_000_000  # passages that a local folder is meant for
_DAY = 86_400
# Milvus's sizing tool, by default: edges of a node of HNSW's graph, and of DiskANN's; what a segment is while it loads
_HNSW_M, _DISKANN_DEGREE, _SEGMENT, _OVERHEAD = 30, 56, 512 * 2**20, 1.15
_LEAST_STORE = 30 * 2**30
_GIB = 2**30
_SCALE = "dragoman eval scale --passages 1000000 (vectors given, one core)"
_THROUGHPUT = "dragoman eval throughput --passages 20000: 57 passages of 180 tokens a second on two cores"
_DISK = "dragoman eval throughput --passages 80000: 1.42 GB for 101,062 passages of 180 tokens"
_MILVUS = (
    "Milvus's sizing tool, not measured here: milvus.io/tools/sizing (milvus-io/milvus.io, src/utils/sizingTool.ts)"
)


class Unit(StrEnum):
    """What a figure counts."""

    BYTES = "bytes"
    SECONDS = "seconds"
    MACHINES = "machines"


@dataclass(frozen=True, slots=True)
class Figure:
    """What is needed, how it was reckoned, and where the constants come from."""

    name: str
    value: float
    unit: Unit
    formula: str
    source: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """What so many passages take in a local folder, and their vectors in Milvus."""

    passages: int
    local: tuple[Figure, ...]
    milvus: tuple[Figure, ...]
    warnings: tuple[str, ...]  # whole sentences


def reckon(passages: int, *, cores: int, days: float) -> Capacity:
    """What `passages` take on machines of so many cores, if their texts are to be embedded in so many days."""
    embedding = passages / (_PASSAGES_A_CORE_SECOND * cores)
    local = (
        Figure("disk", passages * _DISK_BYTES, Unit.BYTES, f"passages × {_DISK_BYTES:,} bytes", _DISK),
        Figure(
            "memory, asking",
            _MODEL_BYTES + passages * _SEARCH_BYTES + min(passages, EXACT_UP_TO) * _EXACT_BYTES,
            Unit.BYTES,
            f"{_MODEL_BYTES / 1e6:.0f} MB for the model + passages × {_SEARCH_BYTES} bytes + {_EXACT_BYTES:,} for "
            f"each of the first {EXACT_UP_TO:,}, the most of one language whose vectors are all held; what of the "
            "files stays in the page cache comes on top and makes it quick",
            _SCALE,
        ),
        Figure(
            "memory, ingesting",
            ingest_bytes(passages, dimension=_DIMENSION, processes=cores),
            Unit.BYTES,
            "as dragoman ingest --estimate reckons, beyond what the program itself takes",
            "ingests of 10,000 texts",
        ),
        Figure(
            "embedding",
            embedding,
            Unit.SECONDS,
            f"passages / ({_PASSAGES_A_CORE_SECOND} a second and core × {cores} cores)",
            _THROUGHPUT,
        ),
        Figure(
            "writing",
            passages * _BUILD_SECONDS,
            Unit.SECONDS,
            f"passages × {_BUILD_SECONDS * 1000:.2f} ms, most of it while the next are embedded",
            _SCALE,
        ),
        Figure(
            "machines to embed",
            math.ceil(embedding / (days * _DAY)),
            Unit.MACHINES,
            f"embedding / {days:g} days, rounded up",
            _THROUGHPUT,
        ),
    )
    return Capacity(passages, local, _milvus(passages), tuple(_warnings(passages, local[-1].value)))


def _milvus(passages: int) -> tuple[Figure, ...]:
    raw = 4 * _DIMENSION * passages
    hnsw = ((1 + 2 * _HNSW_M / _DIMENSION) * raw + 2 * _SEGMENT) * _OVERHEAD
    disk_ann = raw / 4 * _OVERHEAD
    nodes, gigabytes = _query_nodes(hnsw)
    return (
        Figure("vectors", raw, Unit.BYTES, f"passages × {_DIMENSION} × 4 bytes", _MILVUS),
        Figure(
            "memory, HNSW",
            hnsw,
            Unit.BYTES,
            f"((1 + 2 × {_HNSW_M} / {_DIMENSION}) × vectors + 2 × 512 MiB) × {_OVERHEAD}",
            _MILVUS,
        ),
        Figure("memory, DiskANN", disk_ann, Unit.BYTES, f"vectors / 4 × {_OVERHEAD}", _MILVUS),
        Figure(
            "disk, DiskANN",
            (1 + _DISKANN_DEGREE / _DIMENSION) * raw,
            Unit.BYTES,
            f"(1 + {_DISKANN_DEGREE} / {_DIMENSION}) × vectors",
            _MILVUS,
        ),
        Figure(
            "object store",
            max(raw + hnsw, _LEAST_STORE),
            Unit.BYTES,
            "vectors + memory with HNSW, 30 GiB at least",
            _MILVUS,
        ),
        Figure("query nodes, HNSW", nodes, Unit.MACHINES, f"of {gigabytes} GiB each, by memory", _MILVUS),
    )


def _query_nodes(memory: float) -> tuple[int, int]:
    """How many query nodes hold so many bytes, and how many GiB each has."""
    needed = memory / _GIB
    if needed < 8:
        return 1, 8
    for most, each in ((96, 16), (512, 32), (2048, 64)):
        if needed < most:
            return math.ceil(needed / each), each
    return math.ceil(needed / 128), 128


def _warnings(passages: int, machines: float) -> list[str]:
    told = [
        "All grows in line with the size here: that was measured to a million passages, and is a guess beyond;"
        " embedding was measured on two cores.",
        "In Milvus are the vectors alone, here in a cluster of one replica; texts, token vectors and words stay in the"
        " folder beside it, unless the URL says words=server. Tried was one server on one machine, never a cluster.",
    ]
    if passages > _MOST_LOCAL:
        told.append(f"A local folder is meant for up to {_MOST_LOCAL:,} passages; this is more.")
    if machines > 1:
        told.append(
            "One machine at a time writes an index; others read and embed for it: dragoman ingest --ray HOST:PORT."
            " That was tried with several workers on one machine."
        )
    return told
