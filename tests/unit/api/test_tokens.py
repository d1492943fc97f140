"""What tokens open, how guessing them ends, and how much one source may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.api import Limits
from tenbin.api.pace import SOURCES, Pace, Rates
from tenbin.model import Address, AdminEndpoint
from tenbin.testing import wait_for
from unit.api.running import BEARER, JSON, TOKEN, Running, head, running, whole

if TYPE_CHECKING:
    from pathlib import Path

READ = "a token that only reads"
READER = {"Authorization": f"Bearer {READ}"}
GUESS = {"Authorization": "Bearer something else entirely", **JSON}
RELOAD = ("POST", "/api/v1/reload", b"")


def local(**settings: object) -> AdminEndpoint:
    return AdminEndpoint(Address("127.0.0.1", 0), **settings)  # type: ignore[arg-type]


def told(api: Running, event: str) -> list[str]:
    return [entry.text for entry in api.journal.entries() if entry.event == event]


def test_the_snapshot_needs_a_token_over_tcp(api: Running, tmp_path: Path) -> None:
    assert api.ask("GET", "/api/v1/snapshot").status == 401
    assert api.ask("GET", "/api/v1/snapshot", headers=BEARER).status == 200
    with running(tmp_path, endpoint=local(token="")) as without:
        answer = without.ask("GET", "/api/v1/snapshot")
        assert answer.status == 403
        assert "unix socket" in str(answer.json()["hint"])


def test_with_a_read_token_all_reads_but_health_need_one(tmp_path: Path) -> None:
    with running(tmp_path, endpoint=local(token=TOKEN, read_token=READ)) as api:
        for path in ("/healthz", "/readyz"):
            assert api.ask("GET", path).status == 200
        for path in ("/", "/metrics", "/api/v1/status", "/api/v1/snapshot", "/api/v1/events"):
            assert api.ask("GET", path).status == 401
            assert api.ask("GET", path, headers=READER).status == 200
            assert api.ask("GET", path, headers=BEARER).status == 200


def test_a_read_token_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path, endpoint=local(token=TOKEN, read_token=READ)) as api:
        answer = api.ask("POST", "/api/v1/stop", b"{}", {**READER, **JSON})
        assert (answer.status, answer.json()["error"]) == (403, "this token only reads")
        assert not api.process.stops
    with running(tmp_path, endpoint=local(token="", read_token=READ)) as api:
        assert api.ask("POST", "/api/v1/stop", b"{}", {**READER, **JSON}).status == 403
        assert not api.process.stops


def test_guessing_ends_in_429_also_for_the_right_token_and_the_socket_stays_open(api: Running) -> None:
    assert [api.ask(*RELOAD, GUESS).status for _ in range(12)] == [401] * 10 + [429] * 2
    answer = api.ask(*RELOAD, BEARER)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert api.ask("GET", "/api/v1/status").status == 200, "what needs no token is served"
    assert api.ask(*RELOAD, JSON, unix=True).status == 200
    assert told(api, "wrong_token") == [
        "admin API: 127.0.0.1 sent a wrong token 1 time",
        "admin API: 127.0.0.1 sent a wrong token 10 times, and is shut out for 60 s",
    ]


def test_after_the_window_tokens_are_looked_at_again(tmp_path: Path) -> None:
    limits = Limits(rates=Rates(guesses=2, window=0.5))
    with running(tmp_path, limits=limits) as api:
        assert [api.ask(*RELOAD, GUESS).status for _ in range(3)] == [401, 401, 429]
        wait = int(api.ask(*RELOAD, BEARER).headers["retry-after"])
        assert wait == 1
        wait_for(lambda: api.ask(*RELOAD, BEARER).status == 200, 5)


def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(rates=Rates(requests=0.5, burst=5))) as api:
        answers = [api.ask("GET", "/healthz") for _ in range(7)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
        assert answers[-1].headers["retry-after"] == "2"
        assert api.ask("GET", "/healthz", unix=True).status == 200


def test_names_of_the_configuration_are_called(tmp_path: Path) -> None:
    with running(tmp_path, endpoint=local(token=TOKEN, hosts=("lb", "*.example.org"))) as api:
        for host, status in (("lb:8404", 200), ("x.example.org", 200), ("example.org", 403), ("evil.test", 403)):
            assert api.ask("GET", "/healthz", headers={"Host": host}).status == status, host


def test_idle_connections_make_room(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(clients=5, room_after=0.05)) as api:
        slow = [api.raw() for _ in range(20)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        wait_for(lambda: api.ask("GET", "/healthz").status == 200, 5)
        for connection in slow:
            connection.close()


def test_a_connection_that_is_answered_is_not_the_one_that_makes_room(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(clients=1, room_after=0.0)) as api, api.raw() as busy:
        api.process.hang = True
        busy.sendall(head(b"Content-Length: 0"))
        wait_for(lambda: api.process.entered, 5)
        with api.raw() as second:
            assert whole(second).startswith(b"HTTP/1.1 503")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_what_counts_as_one_source(first: str, second: str, same: bool) -> None:
    pace = Pace(Rates(requests=1, burst=1))
    assert not pace.too_many(first, 0)
    assert bool(pace.too_many(second, 0)) is same


def test_any_number_of_sources_takes_bounded_memory() -> None:
    pace = Pace(Rates())
    for number in range(SOURCES * 3):
        pace.wrong_token(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1.0)
    assert len(pace._sources) == SOURCES


def test_a_burst_is_followed_by_the_rate() -> None:
    pace = Pace(Rates(requests=10, burst=20))
    passed = sum(not pace.too_many("a", step / 100) for step in range(200))
    assert passed == 39
