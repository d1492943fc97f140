"""A request whose client went away before the answer is told in the log like any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from support.scripted import ScriptedServer
from tenbin.testing import Client, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.scripted import Peer


def test_a_client_that_goes_away_leaves_a_line(start_tenbin: StartTenbin, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.hold()

    file = tmp_path / "access.log"
    with ScriptedServer(script) as server:
        tenbin = start_tenbin(config_text({"only": server.port}, log={"access": str(file), "format": "json"}))
        with Client(tenbin.address) as client:
            client.send(request_bytes("POST", "/gone", [("Content-Length", "10")]) + b"hel")
            server.wait_peer()
        wait_for(lambda: file.exists() and file.read_text(), 5, "a line is there")
    line = json.loads(file.read_text().splitlines()[0])
    assert (line["target"], line["server"]) == ("/gone", "only")
    assert "status" not in line
