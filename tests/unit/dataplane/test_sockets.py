"""Binding: what can go wrong is told with its place, and a taken port is found."""

from __future__ import annotations

import os
import select
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.errors import BindError
from tenbin.model import Address, Duration, Inherited, SocketOptions, UnixAddress
from tenbin.testing import Lease
from unit.plan.samples import config, frontend

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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


def tuned(port: int, options: SocketOptions, host: str = "127.0.0.1") -> Config:
    before = on(f"{host}:{port}")
    [front] = before.frontends
    listener = replace(front.listeners[0], address=Address(host, port), options=options)
    return replace(before, frontends=(replace(front, listeners=(listener,)),))


def asked(sock: socket.socket) -> tuple[int, ...]:
    """What the kernel says of a socket of TCP."""
    wanted = (socket.TCP_DEFER_ACCEPT, socket.TCP_USER_TIMEOUT, socket.TCP_FASTOPEN)
    return tuple(sock.getsockopt(socket.IPPROTO_TCP, one) for one in wanted)


def test_options_are_set_change_and_go_while_connections_live(listeners: Listeners, port: int) -> None:
    options = SocketOptions(7, True, True, Duration(9000), 700, "lo")
    listeners.open(tuned(port, SocketOptions()), SHAPE)
    with socket.create_connection(("127.0.0.1", port), 5) as before:
        assert listeners.open(tuned(port, options), SHAPE) == []
        assert {asked(one) for one in listeners.of(f"127.0.0.1:{port}")} == {(1, 9000, 7)}
        before.sendall(b"?")
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 700
            client.sendall(b"!")
            came = sorted(accepted(listeners.of(f"127.0.0.1:{port}"), 2), key=lambda one: one.recv(1))
            assert [one.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for one in came] == [9000, 0]
            for one in came:
                one.close()
        listeners.open(tuned(port, SocketOptions()), SHAPE)
        assert {asked(one) for one in listeners.of(f"127.0.0.1:{port}")} == {(0, 0, 0)}
        assert before.recv(1) == b""


def accepted(sockets: Sequence[socket.socket], count: int) -> list[socket.socket]:
    found: list[socket.socket] = []
    while len(found) < count:
        ready, _, _ = select.select(sockets, (), (), 5)
        assert ready
        for sock in ready:
            one, _ = sock.accept()
            one.settimeout(5)
            found.append(one)
    return found


def test_what_the_kernel_refuses_is_told_with_its_place_and_changes_nothing(listeners: Listeners, port: int) -> None:
    listeners.open(tuned(port, SocketOptions(user_timeout=Duration(5000))), SHAPE)
    place = rf"tenbin.yaml:3:11: cannot listen on 127.0.0.1:{port}"
    with pytest.raises(BindError, match=rf"{place}: there is no interface 'nosuch0'") as caught:
        listeners.open(tuned(port, SocketOptions(user_timeout=Duration(6000), interface="nosuch0")), SHAPE)
    assert "ip link" in caught.value.hint
    with pytest.raises(BindError, match=rf"{place}: the kernel refuses this segment size: Invalid argument"):
        listeners.open(tuned(port, SocketOptions(user_timeout=Duration(6000), max_segment=9)), SHAPE)
    assert {asked(one) for one in listeners.of(f"127.0.0.1:{port}")} == {(0, 5000, 0)}


def test_options_are_those_of_before_when_they_are_restored(listeners: Listeners, port: int) -> None:
    listeners.open(tuned(port, SocketOptions(user_timeout=Duration(5000))), SHAPE)
    listeners.open(tuned(port, SocketOptions(defer_accept=True)), SHAPE)
    listeners.restore(SHAPE)
    assert {asked(one) for one in listeners.of(f"127.0.0.1:{port}")} == {(0, 5000, 0)}


def test_one_socket_for_both_families_and_only_a_restart_divides_them(listeners: Listeners, port: int) -> None:
    listeners.open(tuned(port, SocketOptions(dual_stack=True), "::"), SHAPE)
    socket.create_connection(("127.0.0.1", port), 5).close()
    socket.create_connection(("::1", port), 5).close()
    with pytest.raises(BindError, match="cannot change while it is open") as caught:
        listeners.open(tuned(port, SocketOptions(), "::"), SHAPE)
    assert "restart" in caught.value.hint


def test_a_socket_for_ipv6_takes_no_ipv4_unless_it_is_asked_to(listeners: Listeners, port: int) -> None:
    listeners.open(tuned(port, SocketOptions(), "::"), SHAPE)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 5)


def test_transparent_listens_on_what_is_not_here_or_tells_which_right_is_missing(
    listeners: Listeners, port: int
) -> None:
    config = tuned(port, SocketOptions(transparent=True), "203.0.113.9")
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1)
        except PermissionError:
            with pytest.raises(BindError, match="`transparent` needs a right") as caught:
                listeners.open(config, SHAPE)
            assert "CAP_NET_RAW" in caught.value.hint
            return
    assert listeners.open(config, SHAPE) == [f"203.0.113.9:{port}"]


def test_adopted_sockets_are_tuned_and_inherited_ones_left_alone(listeners: Listeners) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        given.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 3000)
        config = at(Inherited(given.fileno()))
        listeners.open(config, SHAPE)
        listeners.open(config, SHAPE)
        assert asked(given) == (0, 3000, 0)
        listeners.adopt(f"127.0.0.1:{port}", [given.dup()])
        listeners.open(tuned(port, SocketOptions(user_timeout=Duration(4000))), SHAPE)
        assert asked(given) == (0, 4000, 0)
