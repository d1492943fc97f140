"""`openssl s_client`: what a handshake agrees on, which certificate is served, and sessions that are resumed."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.certificates import OPENSSL

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.clients.conftest import Doors
    from tenbin.testing.client import Address

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")

REQUEST = b"GET /api/whoami HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def s_client(address: Address, *arguments: str, send: bytes = REQUEST) -> str:
    """Return all that it says of one connection on which a request is made."""
    # With nothing to send it is over after the handshake.
    until = ("-ign_eof",) if send else ()
    command = (OPENSSL or "openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", *until, *arguments)
    done = subprocess.run(command, input=send, capture_output=True, check=False, timeout=20)
    return (done.stdout + done.stderr).decode("latin-1")


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_a_handshake_is_verified(doors: Doors, version: str) -> None:
    said = s_client(doors.secure, f"-{version}", "-servername", "localhost", "-CAfile", str(doors.localhost))
    assert "Verify return code: 0 (ok)" in said
    assert f"New, TLSv1.{version[-1]}, Cipher is " in said
    assert "HTTP/1.1 200 OK" in said


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_old_versions_are_refused(doors: Doors, version: str) -> None:
    said = s_client(doors.secure, f"-{version}", "-cipher", "DEFAULT:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said
    assert "HTTP/1.1 200" not in said


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_sessions_are_resumed(doors: Doors, version: str, tmp_path: Path) -> None:
    """Any thread takes up what another one has begun."""
    session = tmp_path / "session"
    common = (f"-{version}", "-servername", "localhost", "-CAfile", str(doors.localhost))
    assert "\nNew, TLSv1." in s_client(doors.secure, *common, "-sess_out", str(session))
    for _ in range(8):
        said = s_client(doors.secure, *common, "-sess_in", str(session), "-sess_out", str(session))
        assert "\nReused, TLSv1." in said
        assert "HTTP/1.1 200 OK" in said


@pytest.mark.parametrize(
    ("name", "subject"), [("localhost", "localhost"), ("other.test", "other.test"), ("x.test", "localhost")]
)
def test_the_name_chooses_the_certificate(doors: Doors, name: str, subject: str) -> None:
    said = s_client(doors.secure, "-servername", name)
    assert re.search(rf"subject=CN ?= ?{re.escape(subject)}\n", said), said


@pytest.mark.parametrize(("offered", "chosen"), [("h2,http/1.1", "h2"), ("http/1.1", "http/1.1"), ("h2", "h2")])
def test_the_protocol_is_agreed_on(doors: Doors, offered: str, chosen: str) -> None:
    said = s_client(doors.secure, "-alpn", offered, send=b"")
    assert f"ALPN protocol: {chosen}" in said


def test_a_protocol_that_nobody_speaks_is_refused(doors: Doors) -> None:
    """RFC 7301, 3.2."""
    said = s_client(doors.secure, "-alpn", "spdy/3", send=b"")
    assert "alert no application protocol" in said.lower()


def test_a_certificate_of_the_client_is_wanted(doors: Doors) -> None:
    trusted = ("-servername", "localhost", "-CAfile", str(doors.localhost))
    said = s_client(doors.known, *trusted, "-cert", str(doors.client), "-key", str(doors.client))
    assert "X-Name: a client" in said or "x-name: a client" in said
    assert "Acceptable client certificate CA names" in said
    assert "HTTP/1.1 200" not in s_client(doors.known, *trusted)


def test_nothing_is_renegotiated(doors: Doors) -> None:
    said = s_client(doors.secure, "-tls1_2", send=b"R\n")
    assert "HTTP/1.1 200" not in said
    assert re.search(
        r"no renegotiation|handshake failure|unexpected message|write:errno|Secure Renegotiation IS", said
    ), said
