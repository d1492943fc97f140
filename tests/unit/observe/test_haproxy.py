"""Which lines of HAProxy's log a change of a server makes; whole runs are compared with HAProxy itself elsewhere."""

from __future__ import annotations

import pytest

from tenbin.observe.haproxy import told

SERVER: dict[str, object] = {
    "backend": "app",
    "server": "s1",
    "backup": False,
    "leader": "",
    "active": 1,
    "backups": 0,
    "sessions": 2,
    "queue": 3,
    "own_before": "ready",
    "own": "ready",
    "led_before": "ready",
    "led": "ready",
    "down_before": False,
    "down": False,
    "stopping_before": False,
}


def admin(**fields: object) -> list[tuple[int, str]]:
    return [(one.severity, one.line) for one in told("server_admin", {**SERVER, **fields})]


@pytest.mark.parametrize(
    ("severity", "fields"), [(1, {}), (5, {"stopping_before": True}), (5, {"own_before": "drain"})]
)
def test_maintenance_is_an_alert_where_the_server_had_work(severity: int, fields: dict[str, object]) -> None:
    left = "1 active and 0 backup servers left. 2 sessions active, 0 requeued, 3 remaining in queue."
    assert admin(own="maint", **fields) == [(severity, f"Server app/s1 is going DOWN for maintenance. {left}")]


def test_a_server_that_leaves_maintenance_to_drain_is_told_twice() -> None:
    assert [line for _, line in admin(own_before="maint", own="drain")] == [
        "Server app/s1 is UP/DRAIN (leaving forced maintenance).",
        "Server app/s1 remains in forced drain mode.",
    ]


def test_a_follower_names_whom_it_follows() -> None:
    found = admin(led="maint", leader="lead/s1", down_before=True, backup=True)
    assert found == [(5, "Backup Server app/s1 was DOWN and now enters maintenance via lead/s1.")]
    assert admin(own_before="maint", led="maint", led_before="maint", leader="lead/s1") == [
        (5, "Server app/s1 is leaving forced maintenance but remains in maintenance via lead/s1.")
    ]


def test_sentences_of_other_languages_have_no_words() -> None:
    assert told("server_admin", {"backend": "app", "server": "s1", "old": "ready", "new": "maint"}) == ()


def test_frontends_are_paused_and_resumed() -> None:
    assert [one.line for one in told("frontend_paused", {"backend": "web"})] == ["Paused frontend web."]
    assert [one.line for one in told("frontend_resumed", {"backend": "web"})] == ["Resumed frontend web."]
