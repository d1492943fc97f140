"""A client that others wrote for HAProxy, haproxyadmin, steers Tenbin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from haproxyadmin import STATE_DISABLE, STATE_ENABLE, haproxy  # type: ignore[import-untyped]

from support.runtime_api import tenbin_on
from tenbin.testing.ports import lease

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:%d
  use_backend %%[path,map(%s)] if { path -f %s }
  default_backend app
backend app
  server s1 127.0.0.1:%d weight 3
  server s2 127.0.0.1:%d maxconn 10
"""


@pytest.fixture(scope="module")
def hap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("hap")
    (folder / "to.map").write_text("/a app\n")
    (folder / "list").write_text("/a\n")
    with lease(3) as leased:
        web, *servers = leased.ports
        with tenbin_on(TEXT % (web, folder / "to.map", folder / "list", *servers), folder, compat="2.6") as api:
            yield haproxy.HAProxy(socket_file=str(api.path), timeout=10)


def test_it_sees_what_there_is(hap: Any) -> None:
    assert [one.name for one in hap.frontends()] == ["web"]
    assert [one.name for one in hap.backends()] == ["app"]
    assert sorted(one.name for one in hap.servers()) == ["s1", "s2"]
    assert hap.version.startswith("2.6")
    assert int(hap.uptimesec) >= 0
    assert hap.frontend("web").status == "OPEN"
    assert hap.frontend("web").requests == 0


def test_it_steers_servers(hap: Any) -> None:
    server = hap.server("s1", backend="app")[0]
    assert server.setweight(7)
    assert int(server.weight) == 7
    assert server.setstate(STATE_DISABLE)
    assert server.status == "MAINT"
    assert server.setstate(STATE_ENABLE)
    assert server.status in {"UP", "no check"}
    server.address = "127.0.0.2"
    assert server.address == "127.0.0.2"


def test_it_changes_frontends_and_limits(hap: Any) -> None:
    frontend = hap.frontend("web")
    assert frontend.setmaxconn(200)
    assert frontend.maxconn == 200
    assert hap.setmaxconn(500)
    assert hap.maxconn == 500
    assert hap.setratelimitconn(900)
    assert hap.ratelimitconn == 900
    assert hap.setratelimitsess(800)
    assert hap.ratelimitsess == 800
    assert frontend.disable()
    assert frontend.status in {"STOP", "PAUSED"}
    assert frontend.enable()
    assert hap.clearcounters(all=True)


def test_it_changes_maps_and_lists(hap: Any) -> None:
    map_file = next(line.split("(")[1].split(")")[0] for line in hap.show_map() if "to.map" in line)
    assert hap.add_map(map_file, "/b", "app")
    assert any("/b app" in line for line in hap.show_map(map_file))
    assert hap.set_map(map_file, "/b", "other")
    assert hap.del_map(map_file, "/b")
    list_file = next(line.split("(")[1].split(")")[0] for line in hap.show_acl() if "list" in line)
    assert hap.add_acl(list_file, "/c")
    assert any("/c" in line for line in hap.show_acl(list_file))
    assert hap.del_acl(list_file, "/c")
    ((_, told),) = hap.errors()
    assert told[0].startswith("Total events captured")
