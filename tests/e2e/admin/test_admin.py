"""The admin endpoints: health, readiness, metrics, status, and who may change what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.traffic import get_bytes, parallel
from tenbin.testing import config_text, fetch, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers
    from tenbin.testing import Tenbin

TOKEN = "a-token-of-more-than-16"  # noqa: S105


def metrics(tenbin: Tenbin) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = fetch(tenbin.admin, "/metrics").body.decode()
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def total(tenbin: Tenbin, name: str, **labels: str) -> float:
    wanted = frozenset(labels.items())
    return sum(value for (key, have), value in metrics(tenbin).items() if key == name and wanted <= have)


def test_healthz_and_readyz(web: Tenbin) -> None:
    assert fetch(web.admin, "/healthz").status == 200
    assert fetch(web.admin, "/readyz").status == 200


def test_metrics_are_prometheus_and_count(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2)))
    parallel(tenbin.address, [get_bytes()] * 20 + [get_bytes("/api/error")] * 4)
    names = {name for name, _ in metrics(tenbin)}
    assert names
    assert all(name.startswith("tenbin_") for name in names), sorted(names)
    requests = [name for name in names if "server" in name and "requests_total" in name]
    assert requests, sorted(names)
    wait_for(lambda: total(tenbin, requests[0], backend="app") == 24, 5)


def test_statistics_tell_what_happened(start_tenbin: StartTenbin, trio: Servers) -> None:
    tenbin = start_tenbin(config_text(trio.first(2), {"check": {"http": "GET /health", "every": "300ms"}}))
    for target, count in (("/api/fast", 100), ("/api/slow", 20), ("/api/error", 20), ("/api/notfound", 10)):
        parallel(tenbin.address, [get_bytes(target)] * count)
    wait_for(lambda: tenbin.status()["frontends"][0]["traffic"]["requests"] == 150, 5)
    status = tenbin.status()
    frontend, backend = status["frontends"][0]["traffic"], status["backends"][0]
    responses = frontend["responses"]
    assert [responses[key] for key in ("2xx", "4xx", "5xx")] == [120, 10, 20]
    assert 0.4 < backend["traffic"]["phases"]["total"]["max"] < 3
    assert backend["traffic"]["phases"]["total"]["p50"] < 0.4
    for server in backend["servers"]:
        assert server["health"] == "up"
        assert server["check"]["passed_total"] > 0
        assert server["traffic"]["queue"] == 0
        assert server["traffic"]["requests"] == 75


def test_status_shows_the_last_checks(start_tenbin: StartTenbin, trio: Servers) -> None:
    check = {"http": "GET /health", "expect": 200, "every": "100ms", "rise": 1}
    tenbin = start_tenbin(config_text(trio.first(1), {"check": check}))
    wait_for(lambda: len(tenbin.server("app/server1")["check"]["history"]) == 20, 15)
    entry = tenbin.server("app/server1")["check"]["history"][0]
    assert (entry["status"], entry["code"]) == ("L7OK", 200)
    assert 0 < entry["duration"] < 1


@pytest.mark.parametrize(
    ("check", "result"),
    [
        ({"http": "GET /api/error"}, "L7STS"),
        ({"http": "GET /api/slow", "timeout": "100ms"}, "L7TOUT"),
        ({"http": "GET /health", "port": 1}, "L4CON"),
        ({"http": "GET /health", "expect": {"status": 200, "body": "no such text"}}, "L7"),
    ],
)
def test_failed_checks_say_how(start_tenbin: StartTenbin, trio: Servers, check: dict[str, object], result: str) -> None:
    tenbin = start_tenbin(config_text(trio.first(1), {"check": {**check, "every": "150ms", "fall": 2}}))
    tenbin.wait_health("app/server1", "down")
    assert tenbin.server("app/server1")["check"]["status"].startswith(result)
    assert tenbin.get().status == 503


def test_writes_over_tcp_need_the_token(start_tenbin: StartTenbin, trio: Servers) -> None:
    admin = {"address": "{admin}", "token": TOKEN}
    tenbin = start_tenbin(config_text(trio.first(1), admin=admin))
    path = "/api/v1/reload"
    json = ("Content-Type", "application/json")
    assert fetch(tenbin.admin, path, json, method="POST", body=b"{}").status in (401, 403)
    wrong = ("Authorization", f"Bearer {TOKEN}x")
    assert fetch(tenbin.admin, path, json, wrong, method="POST", body=b"{}").status in (401, 403)
    right = ("Authorization", f"Bearer {TOKEN}")
    assert fetch(tenbin.admin, path, json, right, method="POST", body=b"{}").status < 300


def test_without_a_token_tcp_only_reads(web: Tenbin) -> None:
    answer = fetch(web.admin, "/api/v1/reload", ("Content-Type", "application/json"), method="POST", body=b"{}")
    assert answer.status in (401, 403)


def test_a_foreign_host_is_refused(web: Tenbin) -> None:
    assert fetch(web.admin, "/api/v1/status", ("Host", "evil.test")).status in (400, 403, 421)


def test_admin_can_be_turned_off(start_tenbin: StartTenbin, trio: Servers) -> None:
    from tenbin.testing import Tenbin

    tenbin = Tenbin(config_text(trio.first(1)) + "admin: null\n", ready=False)
    try:
        tenbin.start()
        assert tenbin.process is not None
        tenbin.process.wait_ready(lambda: tenbin.get("/health").status == 200)
        assert "server1" in tenbin.run_cli("status")
    finally:
        tenbin.destroy()
