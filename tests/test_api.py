"""The HTTP API over a real server and a real index: what it answers, and what it never does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from index.embed import HashingEmbedder
from index.errors import IndexFolderError, SettingsError
from index.ingest import ingest
from rag.verify import load_citations
from ui import api_models as models
from ui.server import RunningApi, Settings, start_api

ROOT = Path(__file__).parents[1]
SECONDS = 120.0  # the machine may be busy; nothing here is about speed

LIGHTHOUSE = """The lighthouse keeper of Sahilkend retires

12 March 2024

After forty-one years the keeper of the Sahilkend lighthouse handed his keys to the port. The harbour office thanked
him in front of the whole crew and gave him the old brass lamp as a present.
"""
FERRY = """The ferry returns to Sahilkend

The ferry came back to the port of Sahilkend after a long repair. Its new engine burns half of the fuel.
"""
QUESTION = {"question": "Who handed his keys to the port?"}


def make(base: Path) -> Settings:
    (base / "files").mkdir()
    (base / "files" / "lighthouse.txt").write_text(LIGHTHOUSE)
    (base / "files" / "ferry.txt").write_text(FERRY)
    (base / "secret.txt").write_text("nobody may read this")
    ingest([base / "files"], base / "news.index", embedder=HashingEmbedder())
    return Settings(base / "news.index", port=0, ingest_from=(base / "files",))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    api = start_api(make(tmp_path_factory.mktemp("api")))
    yield api
    api.close()


@pytest.fixture
def client(running: RunningApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.url, timeout=SECONDS, trust_env=False) as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server of this test alone, whose index may be written."""
    api = start_api(make(tmp_path))
    with httpx.Client(base_url=api.url, timeout=SECONDS, trust_env=False) as client:
        yield client
    api.close()


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = re.findall(r"event: (\w+)\ndata: (.*)\n\n", text)
    assert text == "".join(f"event: {name}\ndata: {data}\n\n" for name, data in found)
    return [(name, json.loads(data)) for name, data in found]


def test_a_reply_is_the_document_of_a_receipt_and_can_be_verified(client: httpx.Client, tmp_path: Path) -> None:
    response = client.post("/api/ask", json=QUESTION)
    assert response.status_code == 200
    reply = response.json()
    models.Reply.model_validate(reply, strict=True)
    assert (reply["kind"], reply["question"]) == ("answer", QUESTION["question"])
    (tmp_path / "answer.json").write_bytes(response.content)
    citations, _ = load_citations(tmp_path / "answer.json")
    assert citations
    assert all(LIGHTHOUSE[c.start : c.end] == c.quote for c in citations if c.source == "lighthouse.txt")
    verified = client.post("/api/verify", json=reply).json()["quotes"]
    assert [row["stands"] for row in verified] == [True] * len(citations)


def test_a_quote_that_does_not_stand_is_told(client: httpx.Client) -> None:
    quotes = [("lighthouse.txt", 0, 3, "The"), ("lighthouse.txt", 0, 3, "the"), ("../secret.txt", 0, 3, "nob"),
              ("lighthouse.txt", -3, -1, LIGHTHOUSE[-3:-1]), ("lighthouse.txt", 3, 3, "")]  # fmt: skip
    citations = [dict(zip(("source", "start", "end", "quote"), quote, strict=True)) for quote in quotes]
    rows = client.post("/api/verify", json={"statements": [{"citations": citations}]}).json()["quotes"]
    assert [row["stands"] for row in rows] == [True, False, False, False, False]


def test_statements_come_as_events_and_then_the_reply_that_holds_them(client: httpx.Client) -> None:
    response = client.post("/api/ask/stream", json=QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    *statements, (last, reply) = events(response.text)
    assert last == "reply"
    assert [name for name, _ in statements] == ["statement"] * len(reply["statements"])
    assert [data for _, data in statements] == reply["statements"]
    assert reply["statements"] == client.post("/api/ask", json=QUESTION).json()["statements"]


def test_an_abstention_has_a_reason(client: httpx.Client) -> None:
    reply = client.post("/api/ask", json={"question": "Who?", "since": "2030-01-01"}).json()
    assert (reply["kind"], reply["statements"]) == ("abstention", [])
    assert reply["reason"] == "There is no passage under these filters to answer from."
    assert events(client.post("/api/ask/stream", json={"question": "Who?", "since": "2030-01-01"}).text) == [
        ("reply", reply)
    ]


def test_search_lists_passages_with_their_text(client: httpx.Client) -> None:
    found = client.post("/api/search", json={**QUESTION, "k": 1}).json()
    models.Found.model_validate(found, strict=True)
    [passage] = found["passages"]
    assert passage["source"] == "lighthouse.txt"
    assert passage["text"] == LIGHTHOUSE[passage["start"] : passage["end"]]


def test_sources_are_listed_a_page_at_a_time_and_articles_read(client: httpx.Client) -> None:
    first = client.get("/api/sources", params={"limit": 1}).json()
    models.Sources.model_validate(first, strict=True)
    assert ([source["path"] for source in first["sources"]], first["next"]) == (["ferry.txt"], "ferry.txt")
    second = client.get("/api/sources", params={"limit": 1, "after": first["next"]}).json()
    assert ([source["path"] for source in second["sources"]], second["next"]) == (["lighthouse.txt"], "")
    [listed] = second["sources"][0]["articles"]
    article = client.get(f"/api/articles/{listed['id']}").json()
    models.Article.model_validate(article, strict=True)
    assert (article["title"], article["date"]) == ("The lighthouse keeper of Sahilkend retires", "2024-03-12")
    assert [LIGHTHOUSE[span["start"] : span["end"]] for span in article["spans"]] == [
        span["text"] for span in article["spans"]
    ]


@pytest.mark.parametrize(
    ("request_", "status", "told"),
    [
        ({}, 422, "question: field required"),
        ({"question": ""}, 422, "question: string should have at least 1 character"),
        ({"question": "x" * 4001}, 422, "question: string should have at most 4000"),
        ({"question": 7}, 422, "question: input should be a valid string"),
        ({"question": "\ud800"}, 422, "question: "),
        ({"question": "Who?", "langages": ["az"]}, 422, "langages: extra inputs are not permitted"),
        ({"question": " "}, 400, "the question is empty; write one"),
        ({"question": "Who?", "since": "yesterday"}, 400, "since yesterday: not a day; write it as 2024-12-31"),
        ({"question": "Who?", "sources": ["nowhere"]}, 400, "source nowhere: no file or folder of that name"),
        ({"question": "Who?", "exact": True}, 400, "exact: the question has no words in quotes"),
        ({"question": "Who?", "translate": True}, 400, "translate: no language model is there"),
    ],
)
@pytest.mark.parametrize("path", ["/api/ask", "/api/ask/stream"])
def test_what_is_wrong_with_a_question_is_told(
    path: str, request_: dict[str, object], status: int, told: str, client: httpx.Client
) -> None:
    response = client.post(path, content=json.dumps(request_), headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert list(response.json()) in (["error"], ["error", "said"])
    assert response.json()["error"].startswith(told)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/api/ask", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        ("POST", "/api/ask", {"content": b'{"question": "Who?"}', "headers": {"Content-Type": "text/plain"}}, 422),
        ("POST", "/api/ask", {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/api/search", {"json": {"question": "Who?", "k": 0}}, 422),
        ("GET", "/api/sources?limit=0", {}, 422),
        ("GET", "/api/articles/none", {}, 404),
        ("GET", "/api/jobs/none", {}, 404),
        ("DELETE", "/api/jobs/none", {}, 404),
        ("DELETE", "/api/uploads/none.txt", {}, 404),
        ("GET", "/api/ask", {}, 405),
        ("GET", "/", {}, 404),
        ("GET", "/docs", {}, 404),
        ("POST", "/api/ask", {"content": b" " * (5 << 20)}, 413),
        ("POST", "/api/ask", {"content": iter([b" " * (1 << 20)] * 5)}, 413),
    ],
)
def test_what_cannot_be_done_is_told_without_how_it_came_about(
    method: str, path: str, options: dict[str, Any], status: int, client: httpx.Client
) -> None:
    response = client.request(method, path, **options)
    assert response.status_code == status
    assert list(response.json()) in (["error"], ["error", "said"])
    assert "Traceback" not in response.text


PLACES = ["../secret.txt", "..%2fsecret.txt", "%2e%2e%2fsecret.txt", "..%5csecret.txt", "%252e%252e%252fsecret.txt",
          "....//secret.txt", "{base}/secret.txt", "%2f{base}%2fsecret.txt", "secret.txt%00.txt", "~/secret.txt",
          "file=/etc/passwd", "..%c0%afsecret.txt", ".%2e/.%2e/.%2e/etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("under", ["/", "/api/articles/", "/api/uploads/", "/api/jobs/", "/api/sources/", "/assets/"])
def test_no_path_leads_out(place: str, under: str, running: RunningApi) -> None:
    """Sent as it is written: a client would mend the path."""
    base = running.serving.jobs.index.parent if running.serving.jobs else None
    host, port = running.url.removeprefix("http://").split(":")
    for method in ("GET", "DELETE"):
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            line = f"{method} {under}{place.format(base=base)} HTTP/1.1"
            connection.sendall(f"{line}\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        assert re.match(rb"HTTP/1.1 (400|404|405|307) ", said)
        assert b"nobody may read this" not in said
        assert b"root:" not in said
    assert base is not None
    assert (base / "secret.txt").exists()


def test_files_are_handed_in_ingested_asked_and_taken_out(own: httpx.Client) -> None:
    text = "The baker of Sahilkend\n\nThe baker of Sahilkend opened a second shop beside the old mill in autumn.\n"
    kept = own.put("/api/uploads/baker.txt", content=text.encode())
    assert (kept.status_code, kept.json()) == (201, {"name": "baker.txt", "bytes": len(text)})
    assert own.get("/api/uploads").json() == {"uploads": [{"name": "baker.txt", "bytes": len(text)}]}
    assert ended(own, own.post("/api/jobs", json={})).get("report", {}).get("added") == ["baker.txt"]
    found = own.post("/api/search", json={"question": "Where did the baker open a second shop?", "k": 1}).json()
    assert found["passages"][0]["source"] == "baker.txt"
    assert own.delete("/api/uploads/baker.txt").status_code == 200
    assert ended(own, own.post("/api/jobs", json={"forget_gone": True}))["report"]["removed"] == ["baker.txt"]
    assert [source["path"] for source in own.get("/api/sources").json()["sources"]] == ["ferry.txt", "lighthouse.txt"]


def ended(client: httpx.Client, started: httpx.Response) -> dict[str, Any]:
    assert started.status_code == 202, started.text
    give_up = time.monotonic() + SECONDS
    while (job := client.get(f"/api/jobs/{started.json()['id']}").json())["state"] in ("running", "stopping"):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    models.Job.model_validate(job)
    assert job["state"] == "done", job
    return job


def test_one_job_at_a_time_in_allowed_folders_only(own: httpx.Client, tmp_path: Path) -> None:
    refused = own.post("/api/jobs", json={"paths": [str(tmp_path)]})
    assert refused.status_code == 400
    assert "this server may not read there" in refused.json()["error"]
    rows = "".join(
        json.dumps({"title": f"Day {n}", "text": f"On day {n} the ferry left. " * 9}) + "\n" for n in range(3000)
    )
    (tmp_path / "files" / "days.jsonl").write_text(rows)
    started = own.post("/api/jobs", json={"paths": [str(tmp_path / "files")]})
    assert started.status_code == 202
    second = own.post("/api/jobs", json={})
    assert second.status_code == 409
    assert "cancel it" in second.json()["error"]
    assert own.post("/api/ask", json=QUESTION).status_code == 200
    cancelled = own.delete(f"/api/jobs/{started.json()['id']}")
    assert cancelled.json()["state"] in ("stopping", "cancelled")


@pytest.mark.parametrize("name", ["a%2fb.txt", "x.exe", "%2etxt"])
def test_an_upload_is_refused_with_the_reason(name: str, client: httpx.Client) -> None:
    response = client.put(f"/api/uploads/{name}", content=b"words")
    assert response.status_code == 400
    assert ";" in response.json()["error"]
    assert client.get("/api/uploads").json() == {"uploads": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_what_another_site_sends_is_refused(headers: dict[str, str], client: httpx.Client) -> None:
    assert client.post("/api/ask", json=QUESTION, headers=headers).status_code == 403


def test_what_our_own_page_sends_and_a_link_to_it_are_not(client: httpx.Client) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": str(client.base_url).rstrip("/")}):
        assert client.post("/api/ask", json=QUESTION, headers=headers).status_code == 200
    assert client.get("/api", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_another_name_for_this_machine_is_refused(client: httpx.Client) -> None:
    assert client.get("/api/sources", headers={"Host": "rebound.example"}).status_code == 400


def test_the_api_is_described_and_its_page_loads_nothing(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    assert {"/api/ask", "/api/ask/stream", "/api/search", "/api/sources", "/api/articles/{id}", "/api/jobs"} <= set(
        description["paths"]
    )
    asked = description["paths"]["/api/ask"]["post"]
    assert asked["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Reply"}
    page = client.get("/api")
    assert all(path in page.text for path in description["paths"])
    assert not re.search(r"<script|src=|@import|url\(|https://", page.text)
    assert "default-src 'self'" in page.headers["content-security-policy"]


def test_metrics_count_questions_by_outcome_and_time_their_steps(own: httpx.Client) -> None:
    own.post("/api/ask", json=QUESTION)
    own.post("/api/ask/stream", json=QUESTION)
    own.post("/api/ask", json={"question": "Who?", "since": "2030-01-01"})
    own.post("/api/ask", json={"question": "Who?", "since": "x"})
    own.post("/api/search", json=QUESTION)
    lines = own.get("/metrics").text.splitlines()
    counts = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
    asked = {
        outcome: counts[f'dragoman_questions_total{{outcome="{outcome}"}}']
        for outcome in ("answer", "abstention", "error")
    }
    assert asked == {"answer": 2, "abstention": 1, "error": 1}
    steps = {step: counts[f'dragoman_step_seconds_count{{step="{step}"}}'] for step in ("question", "read", "ground")}
    assert steps == {"question": 5, "read": 2, "ground": 2}
    assert counts['dragoman_http_requests_total{status="200"}'] == 4
    assert counts['dragoman_http_requests_total{status="400"}'] == 1


def test_many_ask_at_once_and_get_the_same(client: httpx.Client) -> None:
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: client.post("/api/ask", json=QUESTION), range(60)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1


def test_a_missing_index_and_a_taken_port_are_told(tmp_path: Path) -> None:
    with pytest.raises(IndexFolderError, match="dragoman ingest"):
        start_api(Settings(tmp_path, port=0))
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="another program has it"):
        start_api(Settings(tmp_path / "none", port=taken.getsockname()[1]))


@contextmanager
def serve(settings: Settings, *options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-m",
        "ui.cli",
        "serve",
        "--api",
        "--index",
        str(settings.index),
        "--port",
        "0",
        *options,
    ]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=subprocess.PIPE,
        text=True,
        # A shell may have told its background jobs to ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    told = re.search(r"API at (\S+)/api", process.stderr.readline())
    assert told
    with httpx.Client(trust_env=False) as client:
        give_up = time.monotonic() + SECONDS
        while True:
            try:
                assert client.get(f"{told[1]}/health", timeout=SECONDS).json() == {"status": "ok"}
                return told[1]
            except httpx.TransportError:
                assert time.monotonic() < give_up
                time.sleep(0.1)


def test_several_processes_serve_one_index_read_only_and_end_with_ctrl_c(tmp_path: Path) -> None:
    settings = make(tmp_path)
    with serve(settings, "--workers", "2") as process, httpx.Client(trust_env=False, timeout=SECONDS) as client:
        url = address(process)
        for _ in range(6):
            assert client.post(f"{url}/api/ask", json=QUESTION, headers={"Connection": "close"}).status_code == 200
        assert 'dragoman_questions_total{outcome="answer"} 6.0' in client.get(f"{url}/metrics").text
        assert client.post(f"{url}/api/jobs", json={}).status_code == 403
        assert client.put(f"{url}/api/uploads/a.txt", content=b"x").status_code == 403
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_a_line_of_json_for_each_request_and_a_trace_for_each_question(tmp_path: Path) -> None:
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    with serve(make(tmp_path), "--log", "json", **environment) as process:
        url = address(process)
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            client.post(f"{url}/api/ask/stream", json=QUESTION)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    collector.shutdown()
    collector.server_close()
    told = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert [(line["method"], line["path"], line["status"], line["user"]) for line in told] == [
        ("GET", "/health", 200, ""),
        ("POST", "/api/ask/stream", 200, ""),
    ]
    assert "keys" not in errors
    spans = [
        span
        for body in received
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    [question] = [span for span in spans if span.name == "question"]
    [retrieve] = [span for span in spans if span.name == "retrieve"]
    parents = {span.name: span.parent_span_id for span in spans}
    assert parents == {
        "question": b"",
        "retrieve": question.span_id,
        "rerank": retrieve.span_id,
        "read": question.span_id,
        "ground": question.span_id,
    }
    assert all(question.start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)


def test_the_api_alone_loads_no_gradio() -> None:
    program = "import sys, ui.server; sys.exit('gradio' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
