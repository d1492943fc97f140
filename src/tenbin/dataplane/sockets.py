"""The listening sockets: bound here, owned here, lent to the data plane.

Owns binding, the errors that it can bring, and which sockets belong to which listener. Each listener has one socket a
thread of the data plane, all on one address, among which the kernel spreads connections.
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.errors import BindError
from tenbin.plan.compile import listen_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tenbin.model import Config, Listener

_PRIVILEGED = 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """How listeners are opened: so many sockets each, with this accept backlog."""

    threads: int
    backlog: int


class Listeners:
    """All listening sockets of this instance, by address."""

    def __init__(self) -> None:
        self._sockets: dict[str, list[socket.socket]] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """What is listened on."""
        return tuple(self._sockets)

    def of(self, address: str) -> Sequence[socket.socket]:
        """Return the sockets of one address; empty when it is not open."""
        return self._sockets.get(address, ())

    def adopt(self, address: str, sockets: list[socket.socket]) -> None:
        """Take sockets that a running data plane gave back."""
        self._sockets[address] = sockets

    def open(self, config: Config, shape: Shape) -> list[str]:
        """Open what a configuration listens on and is not open yet; returns these addresses.

        Raises `BindError` with every address that cannot be bound; then nothing has changed.
        """
        opened: dict[str, list[socket.socket]] = {}
        problems: list[BindError] = []
        for frontend in config.frontends:
            for listener in frontend.listeners:
                address = listen_address(listener)
                if address in self._sockets or address in opened:
                    continue
                try:
                    opened[address] = self._bind(listener, shape)
                except BindError as error:
                    problems.append(error)
        if problems:
            _close(sock for sockets in opened.values() for sock in sockets)
            raise _all(problems)
        self._sockets |= opened
        return list(opened)

    def keep(self, addresses: Iterable[str]) -> list[str]:
        """Close all but these addresses; returns those that were closed."""
        kept = set(addresses)
        dropped = [address for address in self._sockets if address not in kept]
        for address in dropped:
            _close(self._sockets.pop(address))
        return dropped

    def close(self) -> None:
        """Close everything of ours; a data plane's duplicates go on."""
        self.keep(())

    def _bind(self, listener: Listener, shape: Shape) -> list[socket.socket]:
        try:
            family, target = _resolved(listener)
            if not self._on_port(listener.address.port):
                _probe(family, target)
        except OSError as error:
            raise _explained(listener, error) from error
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_listening(family, target, shape.backlog) for _ in range(shape.threads))
        except OSError as error:
            _close(sockets)
            raise _explained(listener, error) from error
        return sockets

    def _on_port(self, port: int) -> bool:
        """Whether a socket of ours has this port, so that it cannot be anybody else's."""
        return any(sockets and sockets[0].getsockname()[1] == port for sockets in self._sockets.values())


def _resolved(listener: Listener) -> tuple[socket.AddressFamily, tuple[str, int]]:
    host = "127.0.0.1" if listener.address.host == "localhost" else listener.address.host
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    found = socket.getaddrinfo(host, listener.address.port, type=socket.SOCK_STREAM, flags=flags)
    family, _, _, _, target = found[0]
    return family, (str(target[0]), int(target[1]))


def _socket(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted connections inherit it: no answer waits for an acknowledgement, and no connection needs a call for that.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def _probe(family: socket.AddressFamily, target: tuple[str, int]) -> None:
    """Fail when anybody listens here: with SO_REUSEPORT alone two instances would share a port unnoticed."""
    with _socket(family) as sock:
        sock.bind(target)


def _listening(family: socket.AddressFamily, target: tuple[str, int], backlog: int) -> socket.socket:
    sock = _socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(target)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _explained(listener: Listener, error: OSError) -> BindError:
    where = f"{listener.position}: " if listener.position else ""
    address = listener.address
    if isinstance(error, socket.gaierror):
        reason, hint = "not an IP address", "listen on an address of this machine, or on :PORT for all of them"
    elif error.errno == errno.EADDRINUSE:
        reason = "the port is in use by another program"
        hint = f"`ss -ltnp 'sport = :{address.port}'` shows which; a second Tenbin needs ports of its own"
    elif error.errno in (errno.EACCES, errno.EPERM) and address.port < _PRIVILEGED:
        reason = "permission denied"
        hint = (
            f"ports below {_PRIVILEGED} need a privilege: run as root, give CAP_NET_BIND_SERVICE (systemd: "
            "AmbientCapabilities=), or lower net.ipv4.ip_unprivileged_port_start"
        )
    elif error.errno == errno.EADDRNOTAVAIL:
        reason, hint = "no interface of this machine has this address", "`ip address` lists those that are there"
    else:
        reason, hint = (error.strerror or str(error)).lower(), ""
    return BindError(f"{where}cannot listen on {address}: {reason}", hint=hint)


def _all(problems: Sequence[BindError]) -> BindError:
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    return BindError("\n".join(problem.message for problem in problems), hint="; ".join(hints))
