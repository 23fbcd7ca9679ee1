"""Reading and embedding on Ray: the files and batches of one run, each a task for a core or a GPU of a cluster.

The run itself stays one process, which alone writes the index. Ray does again what a worker or a machine had in hand
that died; that changes nothing, for a text has the same embedding wherever it is made.

Tried with several workers on one machine without a GPU: several machines, and GPUs, nobody has tried here.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from index.crew import Making
from index.embed import BUNDLED, HASHING, EmbeddedPassage, Embedder, EmbedderIdentity, load_embedder
from index.errors import ClusterError, DragomanError, ModelError, ReadError, SettingsError
from index.tokens import TokenCodec
from index.workers import Job, ReadFile, read_files

# Ray reads these when it is imported.
_SILENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # that a worker died, which it would print on stdout in the midst of ours
}
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # what keeps a cluster to 127.0.0.1, and finds one there
_LOOPBACK_HOSTS = ("127.", "localhost:", "[::1]")

_ON_CPU = {BUNDLED, HASHING}  # embedders that have no use for a GPU
_AHEAD = 4  # files read before they are asked for, for each core
_BATCHES_A_CORE = 2  # one that is embedded and one that waits, so that no core does
_RETRIES = 5  # of what was lost with a worker; a batch that kills each of them is no accident
_SECONDS_TO_ANSWER = 5.0
_HOW = (
    "give HOST:PORT as `ray start --head` says it, on a machine of that cluster, with RAY_AUTH_MODE=token if it asks "
    "for one; or no address, and a cluster is started"
)


@contextmanager
def ray_crew(identity: EmbedderIdentity, *, address: str = "", cores: int = 0) -> Iterator[RayCrew]:
    """A crew of the cluster at `address`, or else of one on this machine, of so many `cores`, that ends with the crew.

    The machines of a cluster need this version of Dragoman, and the files at the same paths. Raises SettingsError
    without Ray, ClusterError if there is no cluster to be had.
    """
    os.environ |= _SILENT
    if not address or address.startswith(_LOOPBACK_HOSTS):
        os.environ |= _LOOPBACK
    if not address:
        # Others on this machine may not use it, nor does Ray write a token of its own into the user's home, which would
        # be asked for by clusters that are started later.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))
    try:
        import ray
    except ImportError as error:
        raise SettingsError("the package ray is missing; install it: pip install 'dragoman[ray]'") from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            _knock(address)
            ray.init(address=address, **quiet)
        else:
            ray.init(address="local", num_cpus=cores or os.cpu_count(), include_dashboard=False, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise ClusterError(f"{where}: {first_line.rstrip('.')}; {_HOW}") from error
    try:
        yield RayCrew(ray, identity)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError if nobody answers at HOST:PORT, which Ray would try for minutes to find out."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS_TO_ANSWER).close()


class RayCrew:
    """Tasks and not actors: what an actor has in hand waits for as long as there is no machine with room for it again,
    tasks go wherever there is room, also on machines that join later.
    """

    def __init__(self, ray: Any, identity: EmbedderIdentity) -> None:
        self._ray = ray
        self._identity = identity
        uses_gpu = identity.name not in _ON_CPU and ray.cluster_resources().get("GPU", 0) >= 1
        self._resource = "GPU" if uses_gpu else "CPU"
        core: dict[str, Any] = {"num_cpus": 1, "max_retries": _RETRIES}
        # By default a process ends after a task on a GPU, and the model would be loaded for each batch.
        gpu = {"num_gpus": 1, "max_calls": 0} if uses_gpu else {}
        self._read = ray.remote(**core)(read_one)
        self._embed = ray.remote(**core, **gpu)(embed_batch)

    def read(
        self, jobs: Iterable[Job], *, files: int, seconds_a_file: float
    ) -> Iterator[tuple[Job, ReadFile | ReadError]]:
        waiting: deque[tuple[Job, Any]] = deque()
        for job in jobs:
            waiting.append((job, self._read.remote(job, seconds_a_file)))
            if len(waiting) >= _AHEAD * self._count("CPU"):
                first, outcome = waiting.popleft()
                yield first, self._result(outcome)
        while waiting:
            first, outcome = waiting.popleft()
            yield first, self._result(outcome)

    def batches(self, *, while_reading: bool) -> int:
        if while_reading and self._resource == "CPU":
            return self._count("CPU") // 2  # text that can be found by its words comes first; the other half reads
        return _BATCHES_A_CORE * self._count(self._resource)

    def embed(self, texts: list[str], codec: TokenCodec) -> Making:
        batch = self._embed.remote(self._identity, texts, codec)

        def results() -> Iterator[EmbeddedPassage]:
            yield from self._result(batch)

        return Making(results(), is_done=lambda: bool(self._ray.wait([batch], timeout=0)[0]))

    def _count(self, resource: str) -> int:
        """How many there are in the cluster, which may grow and shrink."""
        return max(1, int(self._ray.cluster_resources().get(resource, 0)))

    def _result(self, task: Any) -> Any:
        try:
            return self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, DragomanError):
                raise error.cause from None  # as if it had been raised here
            raise
        except self._ray.exceptions.RayError as error:
            first_line = next(iter(str(error).splitlines()), type(error).__name__)
            raise ClusterError(
                f"Ray: {first_line}; what was committed is kept, run the same command to go on"
            ) from error


# What the workers do


def read_one(job: Job, seconds_a_file: float) -> ReadFile | ReadError:
    """Read a file in a process beside the worker, as everywhere: a parser that hangs or dies costs one file."""
    ((_, outcome),) = read_files([job], processes=1, seconds_a_file=seconds_a_file)
    return outcome


def embed_batch(identity: EmbedderIdentity, texts: list[str], codec: TokenCodec) -> list[EmbeddedPassage]:
    """Embed texts on one core, or on the GPU that the task has."""
    return list(_embedder(identity).embed_and_pack(texts, codec))


@cache
def _embedder(identity: EmbedderIdentity) -> Embedder:
    """The embedder on one core, loaded once for each worker."""
    embedder = load_embedder(identity.name, threads=1)
    if embedder.identity != identity:
        raise ModelError(
            f"{socket.gethostname()}: has other weights of {identity.name!r} than the machine that writes the index; "
            "install the same versions on all"
        )
    return embedder
