"""Opening a listening socket: bound to an address, made in the file system, or inherited from whoever started us.

Owns what each kind needs and the errors that it can bring. Which sockets are open is the business of `sockets`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.dataplane import tuning
from tenbin.dataplane.tuning import UntunableError
from tenbin.errors import BindError, BindFailure
from tenbin.model import Inherited, SocketOptions, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tenbin.model import Listener

_PRIVILEGED = 1024

_Place = tuple[socket.AddressFamily, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How listeners are opened: so many sockets each, with this accept backlog."""

    threads: int
    backlog: int


def bind(listener: Listener, shape: Shape, is_ours: Callable[[int], bool]) -> list[socket.socket]:
    """Open the sockets of a listener; raises `BindError`. `is_ours` tells whether a port is open here already."""
    try:
        match listener.address:
            case UnixAddress() as address:
                return [_in_files(address, listener.options.backlog or shape.backlog)]
            case Inherited(fd):
                return [_inherited(fd, listener, shape)]
        place = _resolved(listener)
        if not is_ours(listener.address.port):
            _probe(place, listener.options)
        return _all(place, listener.options, shape)
    except OSError as error:
        raise _explained(listener, error) from error


def tune(listener: Listener, sockets: Sequence[socket.socket], shape: Shape) -> None:
    """Give open sockets the options of a listener, as far as they have others; raises `BindError`."""
    try:
        for sock in sockets:
            tuning.tune(sock, listener.options, shape.backlog)
    except OSError as error:
        raise _explained(listener, error) from error


def unchangeable(listener: Listener) -> BindError:
    """What is told when a change needs a socket of its own on the same address."""
    error = OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    reason = "whether it takes IPv4, too, cannot change while it is open"
    return _explained(listener, UntunableError(error, reason, "restart Tenbin for this"))


def remove(sockets: Sequence[socket.socket]) -> None:
    """Remove what these sockets are called in the file system, if anything."""
    for sock in sockets:
        if sock.family == socket.AF_UNIX and isinstance(path := sock.getsockname(), str) and path:
            with contextlib.suppress(OSError):
                Path(path).unlink()


def _in_files(address: UnixAddress, backlog: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if not address.abstract:
            _replace(address.path)
        sock.bind(address.name)
        # Before it listens nobody can connect, so that the access rights are never others than those that were meant.
        if not address.abstract:
            if address.uid != -1 or address.gid != -1:
                os.chown(address.path, address.uid, address.gid)
            if address.mode:
                Path(address.path).chmod(address.mode)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def _replace(path: str) -> None:
    """Remove a socket that nobody listens on; anything else there is somebody's."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(errno.EEXIST, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        if sock.connect_ex(path) in (0, errno.EAGAIN):
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    Path(path).unlink()


def _inherited(fd: int, listener: Listener, shape: Shape) -> socket.socket:
    # A duplicate of ours: what was handed to this process stays open for another start of the same listener.
    sock = socket.socket(fileno=os.dup(fd))
    if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.close()
        raise OSError(errno.EINVAL, "this descriptor is no listening socket")
    sock.setblocking(False)
    # Whoever opened it has set it up; what we are asked for is on top.
    if listener.options != SocketOptions():
        try:
            tuning.tune(sock, listener.options, shape.backlog)
        except OSError:
            sock.close()
            raise
    return sock


def _resolved(listener: Listener) -> _Place:
    host = "127.0.0.1" if listener.address.host == "localhost" else listener.address.host
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    found = socket.getaddrinfo(host, listener.address.port, type=socket.SOCK_STREAM, flags=flags)
    family, _, _, _, target = found[0]
    return family, (str(target[0]), int(target[1]))


def _all(place: _Place, options: SocketOptions, shape: Shape) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        sockets.extend(_listening(place, options, shape.backlog) for _ in range(shape.threads))
    except OSError:
        _close(sockets)
        raise
    return sockets


def _socket(family: socket.AddressFamily, options: SocketOptions) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it: no answer waits for an acknowledgement, and none needs a call for it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tuning.prepare(sock, options)
    except OSError:
        sock.close()
        raise
    return sock


def _probe(place: _Place, options: SocketOptions) -> None:
    """Fail when anybody listens here: with SO_REUSEPORT alone two instances would share a port unnoticed."""
    family, target = place
    with _socket(family, options) as sock:
        sock.bind(target)


def _listening(place: _Place, options: SocketOptions, backlog: int) -> socket.socket:
    family, target = place
    sock = _socket(family, options)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(target)
        tuning.tune(sock, options, backlog)
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
    if isinstance(error, UntunableError):
        reason, hint = error.strerror or "", error.hint
    elif isinstance(error, socket.gaierror):
        reason, hint = "not an IP address", "listen on an address of this machine, or on :PORT for all of them"
    elif isinstance(address, UnixAddress):
        reason, hint = _explained_file(address, error)
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
    failure = BindFailure(listener.position, "", str(address), error.strerror or str(error))
    return BindError(f"{where}cannot listen on {address}: {reason}", hint=hint, failures=(failure,))


def _explained_file(address: UnixAddress, error: OSError) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there", f"`ss -lxp src {address.path}` shows which"
    if error.errno == errno.ENOENT:
        return "there is no such directory", f"make it first: mkdir -p {Path(address.path).parent}"
    return (error.strerror or str(error)).lower(), ""
