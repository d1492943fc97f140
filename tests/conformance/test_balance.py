"""The same key goes to the same server as with HAProxy, and turns come in the same order.

One HAProxy is the servers (each says its name) and the judge: a lane, a listener and a backend, for each way to hash,
and beside it Tenbin's data plane with the same lanes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from support.reference import HAPROXY
from tenbin.testing import Client, Lease, Process, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

WEIGHTS = {"s1": 1, "s2": 3, "s3": 2, "s4": 2}
NUMBERS = {"s1": 0, "s2": 20, "s3": 0, "s4": 7}
FUNCTIONS = ("sdbm", "djb2", "wt6", "crc32")
METHODS = {"map-based": "haproxy_map", "consistent": "haproxy_tree"}
KEYS = 200


@dataclass(frozen=True)
class Lane:
    """One way to choose, in HAProxy's words and in the seam's."""

    name: str
    words: str
    balance: Mapping[str, object]
    weights: dict[str, int] = field(default_factory=lambda: WEIGHTS)


def hashed(words: str, form: Mapping[str, object], method: str, function: str, avalanche: str) -> Lane:
    name = f"{words} {method} {function} {avalanche}".strip().replace(" ", "-")
    text = f"balance {words}\n  hash-type {method} {function} {avalanche}"
    value = {"policy": "hash", "method": METHODS[method], "function": function, "avalanche": bool(avalanche), **form}
    return Lane(name, text, value)


FORMS: dict[str, dict[str, object]] = {
    "uri": {"form": "uri"},
    "uri len 8": {"form": "uri", "length": 8},
    "uri depth 2": {"form": "uri", "depth": 2},
    "uri whole": {"form": "uri", "whole": True},
    "uri path-only": {"form": "uri", "path_only": True},
    "url_param user": {"form": "parameter", "name": "user"},
    "hdr(X-Key)": {"form": "header", "name": "X-Key"},
    "hdr(Host) use_domain_only": {"form": "header", "name": "Host", "domain_only": True},
    "hash path": {"form": "sample", "key": {"op": "fetch", "name": "path"}},
}
HASHES = [
    *(hashed("uri", FORMS["uri"], m, f, a) for m in METHODS for f in FUNCTIONS for a in ("", "avalanche")),
    *(hashed(words, form, m, "sdbm", "") for words, form in FORMS.items() for m in METHODS if words != "uri"),
]
SOURCES = [hashed("source", {"form": "source"}, m, "sdbm", a) for m in METHODS for a in ("", "avalanche")]
TURNS = [
    Lane(
        f"{words}-{'-'.join(map(str, weights))}", f"balance {words}", balance, dict(zip(WEIGHTS, weights, strict=True))
    )
    for words, balance in (
        ("roundrobin", {"policy": "round_robin", "method": "haproxy_tree"}),
        ("static-rr", {"policy": "static_rr", "method": "haproxy_map"}),
        ("leastconn", {"policy": "least_conn", "method": "haproxy_tree"}),
        ("url_param none", {"policy": "hash", "method": "haproxy_map", "form": "parameter", "name": "none"}),
    )
    for weights in ((1, 1, 1, 1), (1, 2, 3, 4), (4, 3, 2, 1), (10, 1, 1, 5), (100, 30, 20, 7), (256, 1, 128, 3))
]
LANES = HASHES + SOURCES + TURNS


@dataclass(frozen=True)
class Pair:
    """Where each lane of either side listens."""

    haproxy: dict[str, int]
    tenbin: dict[str, int]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("balance")
    count = len(LANES)
    with Lease(len(WEIGHTS) + 2 * count) as lease:
        servers = dict(zip(WEIGHTS, lease.ports[: len(WEIGHTS)], strict=True))
        ours, theirs = (
            dict(zip((lane.name for lane in LANES), lease.ports[begin : begin + count], strict=True))
            for begin in (len(WEIGHTS), len(WEIGHTS) + count)
        )
        file = folder / "haproxy.cfg"
        file.write_text(_configuration(servers, theirs))
        with (
            Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process,
            BareDataplane() as plane,
        ):
            wait_for(lambda: _answers(theirs[LANES[-1].name]), 10, process.output)
            _apply(plane, servers, ours)
            yield Pair(theirs, ours)


def _configuration(servers: dict[str, int], ports: dict[str, int]) -> str:
    lines = ["global", "  nbthread 1", "defaults", "  mode http", *(f"  timeout {x} 5s" for x in ("client", "server"))]
    lines += ["  timeout connect 5s", "  http-reuse always"]
    for name, port in servers.items():
        lines += [f"frontend {name}", f"  bind 127.0.0.1:{port}"]
        lines += [f'  http-request return status 200 content-type text/plain string "{name}"']
    for number, lane in enumerate(LANES):
        lines += [f"listen lane{number}", f"  bind 127.0.0.1:{ports[lane.name]}", f"  {lane.words}"]
        for name, port in servers.items():
            given = f" id {NUMBERS[name]}" if NUMBERS[name] else ""
            lines += [f"  server {name} 127.0.0.1:{port} weight {lane.weights[name]}{given}"]
    return "\n".join(lines) + "\n"


def _apply(plane: BareDataplane, servers: dict[str, int], ports: dict[str, int]) -> None:
    places = {name: f"127.0.0.1:{port}" for name, port in servers.items()}
    for port in ports.values():
        plane.listen(("127.0.0.1", port), 1)
    backends = [
        backend(lane.name, places, balance=lane.balance)
        | {
            "servers": [
                {"name": name, "address": place, "weight": lane.weights[name], "cookie": name, "number": NUMBERS[name]}
                for name, place in places.items()
            ]
        }
        for lane in LANES
    ]
    fronts = [frontend(lane.name, lane.name) for lane in LANES]
    value = snapshot(1, {f"127.0.0.1:{port}": name for name, port in ports.items()}, fronts, backends)
    answer = plane.ask("apply", snapshot={**value, "threads": 1})
    assert answer["ok"], answer


def _answers(port: int) -> bool:
    with Client(("127.0.0.1", port)):
        return True


def _asked(port: int, requests: Sequence[tuple[str, tuple[tuple[str, str], ...]]], source: str = "") -> list[str]:
    with Client(("127.0.0.1", port), source=source) as client:
        return [client.get(target, *headers).body.decode() for target, headers in requests]


def _keys() -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [
        (
            f"/a{i}/b{i * 7}/c{i}?x=1&user=u{i * 31}&user=2",
            (("X-Key", f"key {i}, other"), ("Host", f"www.site{i % 50}.example{i % 30}.org")),
        )
        for i in range(KEYS)
    ]


@pytest.mark.parametrize("lane", HASHES, ids=lambda lane: lane.name)
def test_a_key_has_the_same_server(pair: Pair, lane: Lane) -> None:
    theirs, ours = (_asked(side[lane.name], _keys()) for side in (pair.haproxy, pair.tenbin))
    assert len(set(theirs)) > 1
    assert ours == theirs


@pytest.mark.parametrize("lane", SOURCES, ids=lambda lane: lane.name)
def test_an_address_has_the_same_server(pair: Pair, lane: Lane) -> None:
    sources = [f"127.{i % 5}.{i * 3}.{1 + i}" for i in range(80)]
    theirs, ours = (
        [_asked(side[lane.name], [("/", ())], source)[0] for source in sources] for side in (pair.haproxy, pair.tenbin)
    )
    assert ours == theirs


@pytest.mark.parametrize("lane", TURNS, ids=lambda lane: lane.name)
def test_turns_come_in_the_same_order(pair: Pair, lane: Lane) -> None:
    requests = [("/", ())] * 50
    theirs, ours = (_asked(side[lane.name], requests) for side in (pair.haproxy, pair.tenbin))
    assert " ".join(ours) == " ".join(theirs)
