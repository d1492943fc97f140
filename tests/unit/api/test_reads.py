"""What anyone may read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tenbin.model import Address
from tenbin.observe import jsonform, sentences
from unit.api.running import BEARER, SECRET, Running
from unit.observe import samples

if TYPE_CHECKING:
    from pathlib import Path

OPEN = ("/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/events")
READS = (*OPEN, "/api/v1/snapshot")


@pytest.mark.parametrize(("path", "unix"), [*((path, False) for path in OPEN), *((path, True) for path in READS)])
def test_reads_need_no_token(api: Running, path: str, unix: bool) -> None:
    answer = api.ask("GET", path, unix=unix)
    assert answer.status == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_secret_is_never_told(api: Running) -> None:
    snapshot = api.ask("GET", "/api/v1/snapshot", unix=True)
    assert snapshot.json()["generation"] == 8
    assert snapshot.json()["secret"] == ""
    assert all(SECRET.encode() not in api.ask("GET", path).body for path in READS)


def test_ready_tells_why_not(api: Running) -> None:
    api.process.is_ready = False
    answer = api.ask("GET", "/readyz")
    assert (answer.status, answer.json()["error"]) == (503, "not ready")
    assert api.ask("GET", "/healthz").status == 200


def test_the_status_is_the_document_that_can_be_read_back(api: Running) -> None:
    assert jsonform.load(api.ask("GET", "/api/v1/status").body) == api.process.known()


def test_metrics_are_prometheus_text(api: Running) -> None:
    answer = api.ask("GET", "/metrics")
    names = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert {"tenbin_server_up", "tenbin_frontend_requests", "tenbin_process_cpu_seconds"} <= names
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_events_can_be_followed(api: Running) -> None:
    for generation in range(1, 6):
        api.journal.say(sentences.reloaded(generation, f"generation {generation}"))
    answer = api.ask("GET", "/api/v1/events?after=2&limit=2").body
    assert b'"number":4' in answer
    assert b'"number":5' in answer
    assert b'"number":3' not in answer
    assert api.ask("GET", "/api/v1/events?after=5").body == b"[]"
    assert api.ask("GET", "/api/v1/events?after=x").status == 422


def test_names_cannot_break_the_page(api: Running) -> None:
    api.process.config = samples.config(samples.backend("<script>alert(1)</script>", (samples.server("a"),)))
    page = api.ask("GET", "/").body.decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_links_what_there_is(api: Running) -> None:
    page = api.ask("GET", "/").body.decode()
    for path in (*READS[1:], "/api/v1/openapi.json"):
        assert f'href="{path}"' in page
        assert api.ask("GET", path, headers=BEARER).status == 200


def test_head_is_answered_like_get_without_a_body(api: Running) -> None:
    answer = api.ask("HEAD", "/healthz")
    assert (answer.status, answer.body) == (200, b"")


def test_a_checker_without_host_gets_an_answer(api: Running) -> None:
    with api.raw() as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/api/v1/reload", 405), ("GET", "/docs", 404)]
)
def test_errors_are_json(api: Running, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path)
    assert answer.status == status
    assert set(answer.json()) == {"error", "hint"}


def test_openapi_describes_the_api(api: Running) -> None:
    document = api.ask("GET", "/api/v1/openapi.json").json()
    paths = document["paths"]
    assert isinstance(paths, dict)
    assert {"/api/v1/status", "/api/v1/reload", "/api/v1/servers/{backend}/{server}", "/metrics"} <= set(paths)


def test_a_bug_costs_one_request(api: Running) -> None:
    api.process.broken = True
    answer = api.ask("GET", "/api/v1/status")
    assert (answer.status, answer.json()["error"]) == (500, "internal error")
    assert b"bug" not in answer.body
    assert api.ask("GET", "/healthz").status == 200
    told = api.journal.entries()[-1]
    assert told.event == "internal_error"
    assert "RuntimeError: bug" in told.details


def test_server_names_from_outside_are_json_escaped(api: Running, tmp_path: Path) -> None:
    odd = replace(samples.server("a"), address=Address('x"\n\x1b', 1))
    api.process.config = samples.config(samples.backend("app", (odd,)))
    body = api.ask("GET", "/api/v1/status").body
    assert b"\x1b" not in body
    assert b"\n" not in body
