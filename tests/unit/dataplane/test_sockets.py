"""Binding: what can go wrong is told with its place, and a taken port is found."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.errors import BindError
from tenbin.model import Inherited, UnixAddress
from tenbin.testing import Lease
from unit.plan.samples import config, frontend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenbin.model import Config

SHAPE = Shape(threads=3, backlog=16)


@pytest.fixture
def port() -> Iterator[int]:
    lease = Lease(1)
    yield lease.ports[0]
    lease.release()


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    own = Listeners()
    yield own
    own.close()


def on(*addresses: str) -> Config:
    return config((frontend(listen=addresses),))


def test_a_socket_a_thread_on_one_port(listeners: Listeners, port: int) -> None:
    address = f"127.0.0.1:{port}"
    assert listeners.open(on(address), SHAPE) == [address]
    sockets = listeners.of(address)
    assert [sock.getsockname() for sock in sockets] == [("127.0.0.1", port)] * 3
    assert not any(sock.getblocking() or sock.get_inheritable() for sock in sockets)
    assert listeners.open(on(address), SHAPE) == []
    socket.create_connection(("127.0.0.1", port), 5).close()


def test_a_taken_port_is_told_with_its_place_even_when_it_would_be_shared(listeners: Listeners, port: int) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(BindError, match=rf"tenbin.yaml:3:11: cannot listen on 127.0.0.1:{port}: .*in use"):
            listeners.open(on(f"127.0.0.1:{port}"), SHAPE)
    assert listeners.addresses == ()


def test_all_problems_at_once_and_nothing_is_left_open(listeners: Listeners, port: int) -> None:
    with pytest.raises(BindError) as caught:
        listeners.open(on(f"127.0.0.1:{port}", "203.0.113.9:80", "example.test:81"), SHAPE)
    lines = caught.value.message.splitlines()
    assert lines[0].startswith("tenbin.yaml:4:11: cannot listen on 203.0.113.9:80: no interface")
    assert lines[1].startswith("tenbin.yaml:5:11: cannot listen on example.test:81: not an IP address")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 5)


def test_a_listener_may_widen_to_every_interface(listeners: Listeners, port: int) -> None:
    listeners.open(on(f"127.0.0.1:{port}"), SHAPE)
    listeners.open(on(f"0.0.0.0:{port}"), SHAPE)
    assert listeners.keep([f"0.0.0.0:{port}"]) == [f"127.0.0.1:{port}"]
    socket.create_connection(("127.0.0.1", port), 5).close()


def test_both_families_beside_each_other(listeners: Listeners, port: int) -> None:
    listeners.open(on(f"0.0.0.0:{port}", f"[::]:{port}"), SHAPE)
    assert listeners.addresses == (f"0.0.0.0:{port}", f"[::]:{port}")


def at(address: UnixAddress | Inherited) -> Config:
    before = on("127.0.0.1:1")
    [front] = before.frontends
    return replace(before, frontends=(replace(front, listeners=(replace(front.listeners[0], address=address),)),))


def test_a_unix_socket_has_its_access_rights_and_one_socket_for_all_threads(
    listeners: Listeners, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    assert listeners.open(at(UnixAddress(str(path), mode=0o640)), SHAPE) == [f"unix@{path}"]
    assert len(listeners.of(f"unix@{path}")) == 1
    assert path.stat().st_mode & 0o777 == 0o640
    listeners.close()
    assert path.exists()


def test_a_unix_socket_goes_with_its_listener(listeners: Listeners, tmp_path: Path) -> None:
    path = tmp_path / "s"
    listeners.open(at(UnixAddress(str(path))), SHAPE)
    listeners.keep(())
    assert not path.exists()


def test_a_file_that_is_no_socket_is_left_alone(listeners: Listeners, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(BindError, match="no socket"):
        listeners.open(at(UnixAddress(str(path))), SHAPE)
    assert path.read_text() == "mine"


def test_an_inherited_socket_is_taken_by_its_number(listeners: Listeners) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        listeners.open(at(Inherited(given.fileno())), SHAPE)
        [taken] = listeners.of(f"fd@{given.fileno()}")
        assert taken.getsockname() == given.getsockname()
        listeners.keep(())
        socket.create_connection(given.getsockname(), 5).close()


def test_what_is_inherited_must_listen(listeners: Listeners) -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(BindError, match=f"cannot listen on fd@{reader}: socket operation on non-socket"):
            listeners.open(at(Inherited(reader)), SHAPE)
    finally:
        os.close(reader)
        os.close(writer)
