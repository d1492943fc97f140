"""`show sess` tells of what is in progress, and `shutdown session(s)` ends it."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.runtime_api import Api, tenbin_on
from support.scripted import ScriptedServer
from tenbin.testing.client import Client, request_bytes
from tenbin.testing.ports import Lease
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  timeout connect 1s
  timeout client 30s
  timeout server 30s
frontend web
  mode http
  bind 127.0.0.1:%d
  default_backend app
backend app
  mode http
  server quiet 127.0.0.1:%d
frontend raw
  mode tcp
  bind 127.0.0.1:%d
  default_backend raws
backend raws
  mode tcp
  server quiet 127.0.0.1:%d
"""


@dataclass
class Site:
    api: Api
    web: int
    raw: int

    def sessions(self) -> dict[str, str]:
        """Return `fe be srv` by number."""
        lines = self.api("show sess").splitlines()
        found = [re.match(r"(0x[0-9a-f]+): proto=tcpv4 src=\S+ fe=(\S+) be=(\S+) srv=(\S+) ", line) for line in lines]
        return {match[1]: f"{match[2]} {match[3]} {match[4]}" for match in found if match}

    def only(self, text: str) -> str:
        """Wait until this is all there is, and return its number."""
        return wait_for(lambda: [name for name, row in self.sessions().items() if row == text])[0]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        lease = Lease(2)
        stack.callback(lease.release)
        web, raw = lease.ports
        server = stack.enter_context(ScriptedServer(_half))
        port = server.port
        api = stack.enter_context(tenbin_on(TEXT % (web, port, raw, port), tmp_path_factory.mktemp("sessions")))
        yield Site(api, web, raw)


def test_an_idle_connection_is_no_session(site: Site) -> None:
    with Client(("127.0.0.1", site.web)):
        assert site.sessions() == {}


@pytest.mark.parametrize("target", ["/never", "/half"])
@pytest.mark.parametrize("how", ["shutdown session {}", "shutdown sessions server app/quiet"])
def test_a_request_in_progress_is_shown_and_ended(site: Site, target: str, how: str) -> None:
    with Client(("127.0.0.1", site.web)) as client:
        client.send(request_bytes("GET", target, (("host", "a"),)))
        number = site.only("web app quiet")
        if target == "/half":
            assert client.socket.recv(1000)
        assert number in site.api(f"show sess {number}")
        assert site.api(how.format(number)).strip() == ""
        if target == "/half":
            assert _is_over(client)
        else:
            assert client.socket.recv(1000).startswith(b"HTTP/1.1 502 ")
    wait_for(lambda: not site.sessions())


@pytest.mark.parametrize("how", ["shutdown session {}", "shutdown sessions server raws/quiet"])
def test_a_connection_that_is_carried_is_shown_and_ended(site: Site, how: str) -> None:
    with Client(("127.0.0.1", site.raw)) as client:
        client.send(b"hello")
        number = site.only("raw raws quiet")
        site.api(how.format(number))
        assert _is_over(client)
    wait_for(lambda: not site.sessions())


def test_what_is_not_there_cannot_be_ended(site: Site) -> None:
    assert site.api("shutdown session 0x77").strip() == "No such session (use 'show sess')."


def _is_over(client: Client) -> bool:
    try:
        while client.socket.recv(1000):
            pass
    except ConnectionResetError:
        return True
    return True


def _half(peer: Peer) -> None:
    if b"/half" in peer.read():
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    peer.hold()
