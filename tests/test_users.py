"""Names and passwords before the page and the API."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import HashingEmbedder
from index.errors import SettingsError
from index.ingest import ingest
from ui.app import serve
from ui.page import Desk
from ui.server import Settings, start_api
from ui.users import Users, add_user, remove_user

PASSWORD = "salt of the sea"
PATHS = [
    *("/", "/config", "/theme.css", "/gradio_api/component_server", "/gradio_api/heartbeat/x", "/nothing"),
    *("/api", "/api/sources", "/openapi.json", "/metrics"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    add_user(tmp_path / "users.json", "aysel", PASSWORD)
    return tmp_path / "users.json"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text(
        "The ferry is back\n\nThe ferry is back in the harbour of Sahilkend now.\n"
    )
    ingest([tmp_path / "files"], tmp_path / "news.index", embedder=HashingEmbedder())
    return tmp_path / "news.index"


@pytest.fixture(params=["page", "api"])
def url(request: pytest.FixtureRequest, index: Path, file: Path) -> Iterator[str]:
    settings = Settings(index, port=0, auth=file)
    running = serve(settings, prevent_thread_lock=True) if request.param == "page" else start_api(settings)
    yield running.url.rstrip("/")
    running.close()


def basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def test_only_users_are_let_in_by_any_path_and_anyone_sees_health(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert client.get("/health").json() == {"status": "ok"}
        for path in PATHS:
            for auth in (None, ("aysel", "salt of the see"), ("nobody", PASSWORD), ("aysel", "")):
                response = client.request("POST" if "component" in path else "GET", path, auth=auth)
                assert (response.status_code, list(response.json())) == (401, ["error"]), path
                assert response.headers["www-authenticate"].startswith("Basic ")
        auth = ("aysel", PASSWORD)
        assert client.get("/api/sources", auth=auth).json()["sources"][0]["path"] == "a.txt"
        assert client.post("/api/jobs", auth=auth, json={}).json()["user"] == "aysel"


def test_the_page_does_not_serve_what_it_does_not_need(index: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("nobody may read this")
    running = serve(Settings(index, port=0), prevent_thread_lock=True)
    secret = str(tmp_path / "secret.txt")
    paths = [
        *(f"/gradio_api/file{mark}{secret}" for mark in ("=", "%3D", "/")),
        *(f"/file={secret}", f"/gradio_api//file={secret}", f"/svelte/../file={secret}", f"/assets/{secret}"),
        *(f"/assets/..%2f..%2f..%2f..%2f..{secret}", f"/static/%2e%2e/%2e%2e{secret}", f"/static/..%5c..{secret}"),
        *("/gradio_api/upload", "/gradio_api/proxy=http://127.0.0.1", "/gradio_api/info", "/gradio_api/call/ask"),
        *("/gradio_api/queue/join", "/docs", "//etc/passwd"),
    ]
    try:
        with httpx.Client(base_url=running.url.rstrip("/"), trust_env=False, timeout=60) as client:
            assert client.get("/").status_code == 200
            for path in paths:
                for method in ("GET", "POST"):
                    response = client.request(method, path)
                    assert response.status_code in (403, 404, 405), (method, path)
                    assert "nobody may read this" not in response.text
            assert (
                client.post("/gradio_api/component_server", headers={"Origin": "http://a.example"}).status_code == 403
            )
    finally:
        running.close()


def test_the_name_reaches_what_a_page_calls(index: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    overview = Desk.overview

    def noting(desk: Desk, request: object = None, user: str = "") -> dict[str, object]:
        called.append(user)
        return overview(desk, request)

    noting.__name__ = "overview"  # by which it is called
    monkeypatch.setattr(Desk, "overview", noting)
    running = serve(Settings(index, port=0, auth=file), prevent_thread_lock=True)
    try:
        with httpx.Client(
            base_url=running.url.rstrip("/"), trust_env=False, timeout=60, auth=("aysel", PASSWORD)
        ) as client:
            config = client.get("/config").json()
            [component] = [each["id"] for each in config["components"] if each["type"] == "html"]
            call = {"session_hash": "x", "component_id": component, "fn_name": "overview", "data": None}
            response = client.post("/gradio_api/component_server", json=call)
            assert response.json()["kind"] == "overview"
            assert called == ["aysel"]
    finally:
        running.close()


def test_the_file_is_its_owners_and_holds_no_password(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    add_user(file, "vaqif", PASSWORD)
    secrets = json.loads(file.read_text())["users"]
    assert secrets["aysel"]["hash"] != secrets["vaqif"]["hash"]
    assert Users(file).names() == ["aysel", "vaqif"]


def test_what_is_changed_holds_at_once(file: Path) -> None:
    users = Users(file)
    assert users.name_of(basic("aysel", PASSWORD)) == "aysel"
    add_user(file, "aysel", "another password")
    assert users.name_of(basic("aysel", PASSWORD)) == ""
    assert users.name_of(basic("aysel", "another password")) == "aysel"
    remove_user(file, "aysel")
    assert users.name_of(basic("aysel", "another password")) == ""
    with pytest.raises(SettingsError, match="no such user"):
        remove_user(file, "aysel")


@given(st.text(max_size=40) | st.binary(max_size=30).map(lambda data: f"Basic {base64.b64encode(data).decode()}"))
def test_no_header_but_the_right_one_is_taken(tmp_path_factory: pytest.TempPathFactory, header: str) -> None:
    file = tmp_path_factory.mktemp("users") / "users.json"
    file.write_text('{"users": {}}')
    assert Users(file).name_of(header) == ""


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        ("", PASSWORD, "no name"),
        ("a:b", PASSWORD, "no colon"),
        ("a\nb", PASSWORD, "no name"),
        ("aysel", "short", "8 char"),
    ],
)
def test_what_cannot_be_a_user_is_told(name: str, password: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=why):
        add_user(tmp_path / "users.json", name, password)
    assert not (tmp_path / "users.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"users": {"a": {}}}', '{"users": []}', "\0"])
def test_a_file_that_is_none_of_users_is_told(content: str, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(content)
    with pytest.raises(SettingsError, match="dragoman user add"):
        Users(tmp_path / "users.json")


def test_the_command_adds_lists_and_removes(
    tmp_path: Path, dragoman: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    file = tmp_path / "users.json"
    assert dragoman("user", "add", "aysel", "--auth", file, input=f"{PASSWORD}\n").returncode == 0
    assert Users(file).name_of(basic("aysel", PASSWORD)) == "aysel"
    assert dragoman("user", "list", "--auth", file).stdout == "aysel\n"
    assert dragoman("user", "remove", "aysel", "--auth", file).returncode == 0
    assert dragoman("user", "list", "--auth", file).stdout == ""
    refused = dragoman("user", "add", "aysel", "--auth", file, input="short\n")
    assert (refused.returncode, "8 characters" in refused.stderr) == (2, True)
