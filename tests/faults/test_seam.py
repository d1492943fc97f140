"""The seam itself: a snapshot is applied whole or not at all, and the refusal says where and why."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from tenbin.testing import fetch

if TYPE_CHECKING:
    from support.servers import Servers
    from tenbin.testing.client import Address


def good(address: Address, trio: Servers, generation: int = 1) -> dict[str, Any]:
    servers = {name: f"127.0.0.1:{port}" for name, port in trio.ports.items()}
    return snapshot(
        generation, {f"{address[0]}:{address[1]}": "web"}, [frontend("web", "app")], [backend("app", servers)]
    )


def test_a_snapshot_serves(plane: BareDataplane, address: Address, trio: Servers) -> None:
    assert plane.ask("apply", snapshot=good(address, trio))["ok"]
    assert {fetch(address, "/api/whoami").server for _ in range(3)} == {"server1", "server2", "server3"}


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("frontends", 0, "routes", 0, "action", "backend"), "nowhere", "frontends"),
        (("backends", 0, "servers", 0, "address"), "not an address", "backends"),
        (("listeners", 0, "frontend"), "nobody", "listeners"),
        (("backends", 0, "unknown"), 1, "backends"),
        (("backends", 0, "servers", 0, "weight"), 300, "backends"),
        (("backends", 0, "servers", 1, "name"), "server1", "backends"),
    ],
)
def test_a_broken_snapshot_is_refused_with_path_and_reason(
    plane: BareDataplane, address: Address, trio: Servers, path: tuple[Any, ...], value: object, named: str
) -> None:
    assert plane.ask("apply", snapshot=good(address, trio))["ok"]
    broken = copy.deepcopy(good(address, trio, 2))
    place: Any = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    answer = plane.ask("apply", snapshot=broken)
    assert answer["ok"] is False
    error = answer["error"]
    assert named in error["path"] or (error["path"] == "frame" and str(path[-1]) in error["reason"]), error
    assert error["reason"]
    assert {fetch(address, "/api/whoami").server for _ in range(3)} == {"server1", "server2", "server3"}
    assert plane.ask("get_stats")["stats"]["process"]["generation"] == 1


def test_patches_change_one_server(plane: BareDataplane, address: Address, trio: Servers) -> None:
    assert plane.ask("apply", snapshot=good(address, trio))["ok"]
    patch = [{"backend": "app", "server": "server1", "admin": "drain"}]
    assert plane.ask("patch", generation=2, servers=patch)["ok"]
    assert {fetch(address, "/api/whoami").server for _ in range(6)} == {"server2", "server3"}
