"""Sockets in the file system on either side, abstract ones, and what is left of them."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from support.scripted import OK, Peer
from tenbin.model import UnixAddress
from tenbin.testing import Client, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import StartTenbin


@pytest.fixture(params=["unix", "abns"])
def app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server of HTTP on a unix socket that answers every request alike."""
    address = UnixAddress(str(tmp_path / "app"), abstract=request.param == "abns")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address.name)
        listening.listen()
        threading.Thread(target=_serve, args=(listening,), daemon=True).start()
        yield str(address)
        listening.shutdown(socket.SHUT_RDWR)


def _serve(listening: socket.socket) -> None:
    while True:
        try:
            peer, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(Peer(peer, 0),), daemon=True).start()


def _answer(peer: Peer) -> None:
    while peer.read_head():
        peer.send(OK)
    peer.socket.close()


def test_requests_go_from_one_unix_socket_to_another(start_tenbin: StartTenbin, app: str, tmp_path: Path) -> None:
    front = tmp_path / "front"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(front))  # nobody listens there: what a crash leaves behind
    check = {"check": {"http": "/", "every": "100ms"}}
    tenbin = start_tenbin(config_text({"a": app}, check, {"listen": ["{listen}", f"unix@{front}"]}))
    tenbin.wait_health("app/a", "up")
    assert tenbin.get("/").body == b"ok"
    with Client(front) as client:
        for _ in range(3):
            assert client.get("/").body == b"ok"
    tenbin.stop()
    assert not front.exists()


def test_connections_are_balanced_as_requests_are(start_tenbin: StartTenbin, app: str, tmp_path: Path) -> None:
    front = tmp_path / "front"
    tcp: dict[str, object] = {"mode": "tcp", "listen": [f"unix@{front}"]}
    start_tenbin(config_text({"a": app}, {}, tcp))
    with Client(front) as client:
        assert client.get("/").body == b"ok"


def test_the_socket_outlives_the_control_plane_and_not_its_listener(
    start_tenbin: StartTenbin, app: str, tmp_path: Path
) -> None:
    front = tmp_path / "front"
    text = config_text({"a": app}, {}, {"listen": ["{listen}", f"unix@{front}"]})
    tenbin = start_tenbin(text)
    assert tenbin.process is not None
    tenbin.process.kill()
    with Client(front) as client:
        assert client.get("/").body == b"ok"
    tenbin.start()
    with Client(front) as client:
        assert client.get("/").body == b"ok"
    assert tenbin.reload(config_text({"a": app})).returncode == 0
    wait_for(lambda: not front.exists(), 5, "the socket is gone")


def test_somebody_else_s_socket_is_left_alone(start_tenbin: StartTenbin, tmp_path: Path) -> None:
    front = tmp_path / "front"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(front))
        other.listen()
        with pytest.raises(RuntimeError, match="another program listens there"):
            start_tenbin(config_text({"a": 1}, {}, {"listen": [f"unix@{front}"]}))
        assert front.exists()
