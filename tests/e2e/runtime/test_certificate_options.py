"""What holds for one certificate of a list alone: sessions, certificates given at run time, and reloads heed it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from support.runtime_api import Api, tenbin_on
from tenbin.testing import lease, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout client 10s
frontend web
  bind 127.0.0.1:%(port)d ssl crt-list %(list)s strict-sni
  http-request return status 200 content-type text/plain lf-string "%%[ssl_c_used]"
"""
OPEN, CLOSED = "open.example", "closed.example"


class Place:
    """A running Tenbin, with one host for everybody and one for clients that show a certificate."""

    def __init__(self, folder: Path, port: int) -> None:
        self.api = Api(folder / "api")
        self.port = port
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        for name in (OPEN, CLOSED):
            self.issue(name).write_to_path(folder / f"{name}.pem")
        self.list = folder / "list.txt"
        self.write("verify required")

    def issue(self, name: str) -> trustme.Blob:
        made = self.authority.issue_cert(name)
        return trustme.Blob(made.private_key_and_cert_chain_pem.bytes())

    def write(self, options: str) -> None:
        """Say what holds for the second host."""
        second = f"{self.folder / CLOSED}.pem [{options} ca-file {self.folder / 'ca.pem'}] {CLOSED}"
        self.list.write_text(f"{self.folder / OPEN}.pem\n{second}\n")

    def context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())
        context.check_hostname = False
        context.minimum_version = context.maximum_version = version
        return context

    @contextmanager
    def connected(
        self, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
    ) -> Iterator[ssl.SSLSocket]:
        with (
            socket.create_connection(("127.0.0.1", self.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=name, session=session) as secured,
        ):
            yield secured

    def ask(
        self, context: ssl.SSLContext, name: str, session: ssl.SSLSession | None = None
    ) -> tuple[str, bool, ssl.SSLSession | None]:
        """The answer, whether a session was resumed, and the one for the next time. Raises `OSError`."""
        with self.connected(context, name, session) as secured:
            secured.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while piece := secured.recv(4096):
                answer += piece
            return answer.decode().rpartition("\r\n")[2], bool(secured.session_reused), secured.session

    def gets_in(self, name: str) -> bool:
        """Whether a client without a certificate is served."""
        try:
            return bool(self.ask(self.context(ssl.TLSVersion.TLSv1_3), name)[0])
        except OSError:
            return False


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("co")
    with lease() as leased:
        made = Place(folder, leased.ports[0])
        with tenbin_on(TEXT % {"port": made.port, "list": made.list}, folder) as made.api:
            yield made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_of_the_open_host_does_not_open_the_closed_one(place: Place, version: ssl.TLSVersion) -> None:
    context = place.context(version)
    first = place.ask(context, OPEN)
    again = place.ask(context, OPEN, first[2])
    assert (first[:2], again[:2]) == (("0", False), ("0", True))
    with pytest.raises(OSError, match=r"(?i)alert|reset|EOF"):
        place.ask(context, CLOSED, first[2])
    place.issue("jane.example").write_to_path(place.folder / "jane.pem")
    context.load_cert_chain(place.folder / "jane.pem")
    assert place.ask(context, CLOSED, again[2])[:2] == ("1", False)


def test_a_certificate_that_is_given_at_run_time_keeps_its_options(place: Place) -> None:
    name = f"{place.folder / CLOSED}.pem"
    place.api(f"set ssl cert {name} <<\n{place.issue('*.example').bytes().decode()}")
    assert place.api(f"commit ssl cert {name}").endswith("Success!\n\n")
    assert "DNS:*.example" in place.api(f"show ssl cert {name}")
    assert (place.gets_in(OPEN), place.gets_in(CLOSED)) == (True, False)


def test_a_reload_applies_what_the_list_says_now(place: Place) -> None:
    assert (place.gets_in(OPEN), place.gets_in(CLOSED)) == (True, False)
    told = place.api("show info")
    place.write("verify optional")
    os.kill(int(told.partition("\nPid: ")[2].split("\n")[0]), signal.SIGHUP)
    wait_for(lambda: place.gets_in(CLOSED), 20, "the host is open")
