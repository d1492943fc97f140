"""Who may change what, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.api import ReloadReport
from tenbin.model import Admin, ServerId
from unit.api.running import BEARER, JSON, TOKEN, Running, running

if TYPE_CHECKING:
    from pathlib import Path

WRITES = [
    ("POST", "/api/v1/reload", b""),
    ("POST", "/api/v1/stop", b'{"now": false}'),
    ("POST", "/api/v1/upgrade", b""),
    ("PATCH", "/api/v1/servers/app/server1", b'{"weight": 1}'),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_writes_over_tcp_need_the_token(api: Running, method: str, path: str, body: bytes) -> None:
    for wrong in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \xe9\xff"},
    ):
        answer = api.ask(method, path, body, {**JSON, **wrong})
        assert answer.status == 401, wrong
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not api.process.stops
    assert not api.process.changes
    assert api.ask(method, path, body, BEARER).status in {200, 202}


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_without_a_token_tcp_is_read_only(tmp_path: Path, method: str, path: str, body: bytes) -> None:
    with running(tmp_path, token="") as api:
        for headers in (JSON, {**JSON, "Authorization": "Bearer "}):
            answer = api.ask(method, path, body, headers)
            assert answer.status == 403
            assert "token" in str(answer.json()["hint"])
        assert api.ask(method, path, body, JSON, unix=True).status in {200, 202}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("unix", [False, True])
def test_what_a_form_can_send_is_no_write(api: Running, kind: str, unix: bool) -> None:
    headers = {**BEARER, "Content-Type": kind}
    assert api.ask("POST", "/api/v1/stop", b'{"now": true}', headers, unix=unix).status == 415
    assert not api.process.stops


def test_a_server_is_changed(api: Running) -> None:
    path = "/api/v1/servers/app/server1"
    answer = api.ask("PATCH", path, b'{"weight": 7, "admin": "drain"}', BEARER)
    assert answer.json() == {"result": "server app/server1 changed"}
    assert api.ask("PATCH", path, b'{"admin": "maint"}', JSON, unix=True).status == 200
    server = ServerId("app", "server1")
    assert api.process.changes == [(server, 7, Admin.DRAIN), (server, None, Admin.MAINT)]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"weight": 257}', 422, "weight"),
        (b'{"weight": -1}', 422, "weight"),
        (b'{"weight": "5"}', 422, "weight"),
        (b'{"weight": true}', 422, "weight"),
        (b'{"admin": "off"}', 422, "admin"),
        (b'{"wieght": 5}', 422, "wieght"),
        (b"{}", 422, "nothing to change"),
        (b"", 422, "body"),
        (b"[1]", 422, "body"),
        (b'{"weight": ', 400, "JSON"),
        (b"\xff\xfe", 400, ""),
        (b"[" * 20_000, 400, ""),
    ],
)
def test_a_wrong_change_is_refused_with_its_reason(api: Running, body: bytes, status: int, told: str) -> None:
    answer = api.ask("PATCH", "/api/v1/servers/app/server1", body, BEARER)
    assert answer.status == status
    assert told in str(answer.json()["error"])
    assert not api.process.changes


def test_an_unknown_server_is_not_found(api: Running) -> None:
    answer = api.ask("PATCH", "/api/v1/servers/app/server9", b'{"weight": 5}', BEARER)
    assert answer.status == 404
    assert answer.json() == {"error": "there is no server app/server9", "hint": "did you mean app/server1?"}


def test_stop_is_graceful_unless_told_otherwise(api: Running) -> None:
    for body in (b"", b"{}", b'{"now": true}'):
        assert api.ask("POST", "/api/v1/stop", body, BEARER).status == 202
    assert api.process.stops == [False, False, True]


def test_a_reload_tells_what_changed_or_what_is_wrong(api: Running) -> None:
    answer = api.ask("POST", "/api/v1/reload", b"", BEARER)
    assert answer.json() == {"ok": True, "generation": 9, "summary": "generation 8 → 9: ~1 timeout", "problems": ""}
    api.process.reload_report = ReloadReport(False, 9, "", "tenbin.yaml:3:1: no\n  ^")
    answer = api.ask("POST", "/api/v1/reload", b"", BEARER)
    assert answer.status == 422
    assert answer.json()["problems"] == "tenbin.yaml:3:1: no\n  ^"


def test_changes_leave_a_trace_without_the_token(api: Running) -> None:
    api.ask("PATCH", "/api/v1/servers/app/server1", b'{"weight": 5}', BEARER)
    api.ask("POST", "/api/v1/reload", b"", JSON, unix=True)
    first, second = (entry.text for entry in api.journal.entries())
    assert first == "admin API: set server app/server1 by 127.0.0.1: server app/server1 changed"
    assert second == "admin API: reload by the unix socket: generation 9"
    assert TOKEN not in first + second
