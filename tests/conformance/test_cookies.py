"""Cookies for persistence are read and written as by HAProxy: who sees which, and what clients are told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from support.reference import HAPROXY
from tenbin.testing import Client, Lease, Process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

SERVERS = ("s1", "s2")
LANES: dict[str, dict[str, object]] = {
    "insert": {"indirect": False},
    "insert indirect": {},
    "insert indirect nocache": {"no_cache": True},
    "insert indirect postonly": {"post_only": True},
    "insert indirect preserve": {"preserve": True},
    "insert indirect httponly secure domain .x.org attr SameSite=Lax": {
        "attributes": "; path=/; domain=.x.org; HttpOnly; Secure; SameSite=Lax"
    },
    "insert indirect maxidle 1h": {"max_idle": 3_600_000},
    "insert indirect maxidle 1h maxlife 8h": {"max_idle": 3_600_000, "max_life": 28_800_000},
    "rewrite": {"mode": "rewrite", "indirect": False},
    "prefix": {"mode": "prefix", "indirect": False},
    "insert indirect dynamic": {"dynamic_key": "secret"},
}
COOKIES = (
    "",
    "SID=s2",
    "a=b; SID=s2; c=d",
    "SID=s2~own; c=d",
    "SID=unknown",
    "SID=",
    "SID=s2|AAAAB",
    "SID=s2|ZZZZZ|ZZZZZ",
    "other=1",
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
    folder = tmp_path_factory.mktemp("cookies")
    with Lease(len(SERVERS) + 2 * len(LANES)) as lease:
        ports = list(lease.ports)
        servers = {name: ports.pop() for name in SERVERS}
        theirs, ours = ({lane: ports.pop() for lane in LANES} for _ in range(2))
        file = folder / "haproxy.cfg"
        file.write_text(_configuration(servers, theirs))
        with (
            Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process,
            BareDataplane() as plane,
        ):
            wait_for(lambda: Client(("127.0.0.1", theirs["prefix"])) is not None, 10, process.output)
            _apply(plane, servers, ours)
            yield theirs, ours


def _configuration(servers: dict[str, int], ports: dict[str, int]) -> str:
    lines = ["global", "  nbthread 1", "defaults", "  mode http", "  timeout client 5s", "  timeout server 5s"]
    lines += ["  timeout connect 5s"]
    for name, port in servers.items():
        lines += [f"frontend {name}", f"  bind 127.0.0.1:{port}"]
        text = f'{name} "%[req.hdr(cookie)]"'.replace('"', '\\"').replace(" ", "\\ ")
        lines += [f"  http-request return status 200 content-type text/plain lf-string {text} hdr Set-Cookie b=1"]
        lines[-1] += " hdr ETag x hdr Set-Cookie SID=own if { path /set }"
        lines += [f"  http-request return status 200 content-type text/plain lf-string {text}"]
    for number, (words, port) in enumerate(ports.items()):
        key = "\n  dynamic-cookie-key secret" if "dynamic" in words else ""
        lines += [f"listen l{number}", f"  bind 127.0.0.1:{port}", f"  cookie SID {words}{key}"]
        for name, place in servers.items():
            lines += [f"  server {name} 127.0.0.1:{place}" + ("" if key else f" cookie {name}")]
    return "\n".join(lines) + "\n"


def _apply(plane: BareDataplane, servers: dict[str, int], ports: dict[str, int]) -> None:
    for port in ports.values():
        plane.listen(("127.0.0.1", port), 1)
    places = {name: f"127.0.0.1:{port}" for name, port in servers.items()}
    backends = []
    for lane, flags in LANES.items():
        sticky = {
            "kind": "cookie",
            "name": "SID",
            "plain": True,
            "attributes": "; path=/",
            "max_idle": 0,
            "max_life": 0,
        }
        value = backend(
            lane, places, sticky=sticky | flags, balance={"policy": "round_robin", "method": "haproxy_tree"}
        )
        if "dynamic_key" in flags:
            value["servers"] = [
                {"name": name, "address": place, "weight": 1, "cookie": ""} for name, place in places.items()
            ]
        backends.append(value)
    fronts = [frontend(lane, lane) for lane in LANES]
    whole = snapshot(1, {f"127.0.0.1:{port}": name for name, port in ports.items()}, fronts, backends)
    answer = plane.ask("apply", snapshot={**whole, "threads": 1})
    assert answer["ok"], answer


def _told(port: int, target: str, cookie: str, method: str) -> tuple[str, list[str], str]:
    headers = [("Cookie", cookie)] if cookie else []
    with Client(("127.0.0.1", port)) as client:
        answer = client.request(method, target, headers, b"" if method == "POST" else None)
    fields = [(name.lower(), value) for name, value in answer.headers]
    # Dates of this moment are a digit apart at most.
    told = sorted(re.sub(r"\|(?!Z)\w{4}[\w+/]", "|DATE", value) for name, value in fields if name == "set-cookie")
    return answer.body.decode(), told, dict(fields).get("cache-control", "")


@pytest.mark.parametrize("cookie", COOKIES)
@pytest.mark.parametrize("lane", LANES)
def test_a_cookie_is_what_haproxy_makes_of_it(
    pair: tuple[dict[str, int], dict[str, int]], lane: str, cookie: str
) -> None:
    for target in ("/", "/set"):
        for method in ("GET", "POST"):
            theirs, ours = (_told(side[lane], target, cookie, method) for side in pair)
            assert ours == theirs, (target, method)
