"""What a server tells of itself: counts and times for Prometheus, lines of log, traces for OpenTelemetry.

No question and no word of a document is in any of them.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from index.errors import SettingsError
from rag.steps import Step, listening

LOG = logging.getLogger("dragoman.server")
METRICS_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # where processes that serve together add their counts up

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_EXPORTER_VARIABLE = "OTEL_TRACES_EXPORTER"
_ENDPOINT_VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Observer:
    """Counts, logs and traces of one process."""

    def __init__(self, *, tracing: Any = None) -> None:
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "dragoman_questions", "Questions, by what came of them", ["outcome"], registry=self._registry
        )
        self._steps = Histogram(
            "dragoman_step_seconds",
            "Time of each step of a question; question is all of them, rerank is a part of retrieve",
            ["step"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._requests = Counter(
            "dragoman_http_requests", "Requests, by status of the response", ["status"], registry=self._registry
        )
        self._tracing = tracing  # a TracerProvider
        self._tracer = tracing.get_tracer("dragoman") if tracing else None

    def metrics(self) -> bytes:
        """All counts and times in Prometheus' text format; of all processes, where several serve."""
        registry = self._registry
        if METRICS_FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)

    def answered(self, outcome: str) -> None:
        """A question has become an answer, an abstention or an error."""
        self._questions.labels(outcome).inc()

    def responded(self, *, method: str, path: str, status: int, seconds: float, user: str) -> None:
        """A request has been responded to."""
        self._requests.labels(str(status)).inc()
        LOG.info(
            "%s %s %d",
            method,
            path,
            status,
            extra={"told": {"method": method, "path": path, "status": status, "seconds": seconds, "user": user}},
        )

    def flush(self) -> None:
        """Send the traces that wait to be sent."""
        if self._tracing:
            self._tracing.force_flush()

    @contextmanager
    def question(self, kind: str) -> Iterator[None]:
        """Time and trace what is done inside for a question, and each step of it that this thread takes."""
        with self._timed("question", {"dragoman.kind": kind}), listening(self._step):
            yield

    def _step(self, name: Step) -> AbstractContextManager[object]:
        return self._timed(name, {})

    @contextmanager
    def _timed(self, name: str, attributes: dict[str, str]) -> Iterator[None]:
        span = self._tracer.start_as_current_span(name, attributes=attributes) if self._tracer else nullcontext()
        began = time.perf_counter()
        try:
            with span:
                yield
        finally:
            self._steps.labels(name).observe(time.perf_counter() - began)


def observer_from_environment() -> Observer:
    """An observer that traces if the standard variables of OpenTelemetry say where to. Raises SettingsError."""
    return Observer(tracing=_tracing(os.environ.get(_EXPORTER_VARIABLE, "")))


def _tracing(exporter: str) -> Any:
    wanted = exporter or ("otlp" if any(name in os.environ for name in _ENDPOINT_VARIABLES) else "none")
    if wanted == "none" or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if wanted not in ("otlp", "console"):
        raise SettingsError(f"{_EXPORTER_VARIABLE}={wanted}: no such exporter here; use otlp, console or none")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError as error:
        raise SettingsError(
            "traces are asked for by the environment (OTEL_…), and the packages for them are missing; "
            "install them: pip install 'dragoman[otel]', or set OTEL_SDK_DISABLED=true"
        ) from error
    provider = TracerProvider(
        resource=Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", "dragoman")})
    )
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter() if wanted == "otlp" else ConsoleSpanExporter(out=sys.stderr))
    )
    return provider


class _JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def log_to_stderr(form: str) -> None:
    """Log what goes wrong as "text", or with each request as lines of "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines() if form == "json" else logging.Formatter("dragoman: %(message)s"))
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.INFO if form == "json" else logging.WARNING)
