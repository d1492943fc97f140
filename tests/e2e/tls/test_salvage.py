"""A data plane that is started again comes up although certificate files no longer fit, without what they were for."""

from __future__ import annotations

import os
import signal
import ssl
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate, served
from support.scripted import ScriptedServer
from tenbin.testing import Client, Tenbin, config_text, fetch, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers

PATIENCE = 10.0
KEY = "-----BEGIN PRIVATE KEY-----"


def crash(tenbin: Tenbin) -> None:
    """Kill the data plane and wait for the next one."""
    old = tenbin.dataplane_pid
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: tenbin.dataplane_pids() not in ([], [old]), PATIENCE)


def halves(folder: Path) -> tuple[str, str]:
    """Make a certificate; return it and its key."""
    whole = make_certificate(folder / "whole.pem").read_text()
    certificate, _, key = whole.partition(KEY)
    return certificate, KEY + key


def refusal(tenbin: Tenbin) -> str:
    """Return why a handshake fails."""
    with pytest.raises((ssl.SSLError, OSError)) as failed:
        served(tenbin.address)
    return str(failed.value)


def test_half_of_a_renewal_and_a_crash_close_only_the_listener_that_it_was_for(trio: Servers, tmp_path: Path) -> None:
    certificate, key = tmp_path / "site.crt", tmp_path / "site.key"
    for file, text in zip((certificate, key), halves(tmp_path), strict=True):
        file.write_text(text)
    listen = ["{listen2}", {"address": "{listen}", "tls": str(certificate)}]
    with Tenbin(config_text(trio.first(1), None, {"listen": listen})) as tenbin:
        plain = tenbin.address_of("listen2")
        served(tenbin.address)
        new, secret = halves(tmp_path)
        certificate.write_text(new)
        wait_for(lambda: "renewal_refused" in tenbin.log(), PATIENCE)
        crash(tenbin)
        wait_for(lambda: "nobody gets in at" in tenbin.log(), PATIENCE)
        assert fetch(plain, "/api/whoami").status == 200
        assert "ALERT" in refusal(tenbin).upper()
        with Client(tenbin.address) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.read_response().status == 400, "never in plain text"
        (told,) = [line for line in tenbin.log().splitlines() if "nobody gets in at" in line]
        assert f"{key}:" in told
        assert "does not belong" in told
        # What needs a whole snapshot goes on meanwhile.
        crash(tenbin)
        assert "weight 7" in tenbin.run_cli("server", "weight", "app/server1", "7")
        key.write_text(secret)
        wait_for(lambda: new.split() == served_or_nothing(tenbin).split(), PATIENCE)
        assert fetch(plain, "/api/whoami").status == 200


def served_or_nothing(tenbin: Tenbin) -> str:
    try:
        return served(tenbin.address)
    except (ssl.SSLError, OSError):
        return ""


def test_a_server_whose_authority_is_gone_is_down_until_it_is_back(trio: Servers, tmp_path: Path) -> None:
    authority = make_certificate(tmp_path / "ca.pem")
    good = authority.read_text()
    with ScriptedServer(lambda peer: peer.reset()) as secured:
        servers = {
            "plain": next(iter(trio.first(1).values())),
            "secured": {"port": secured.port, "tls": {"ca": str(authority)}},
        }
        with Tenbin(config_text(servers)) as tenbin:
            authority.write_text("nothing\n")
            crash(tenbin)
            wait_for(lambda: "server app/secured counts as down" in tenbin.log(), PATIENCE)
            before = len(secured.peers)
            for _ in range(2):
                assert {fetch(tenbin.address, "/api/whoami").status for _ in range(6)} == {200}
                # A snapshot is applied that makes the file no better, and stands all the same.
                assert tenbin.reload().returncode == 1
            assert len(secured.peers) == before, "not in plain text either"
            authority.write_text(good)

            def is_asked() -> bool:
                fetch(tenbin.address, "/api/whoami")
                return len(secured.peers) > before

            wait_for(is_asked, PATIENCE)
