"""Options of listening sockets: what is asked of the kernel, and what is told where it does not do it.

Owns which options there are and which of them an open socket can change. Opening sockets is the business of `binding`.
An option is set only where it is another one than the socket has: the kernel asks for rights also to set what is.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.model import SocketOptions

_IPV6_TRANSPARENT = 75
"""Of linux/in6.h; Python has no name for it."""
_NAME = 16
"""Room for the name of an interface, with its end (IFNAMSIZ)."""


class UntunableError(OSError):
    """The kernel does not give a socket an option; `hint` is what to do."""

    def __init__(self, error: OSError, reason: str, hint: str) -> None:
        super().__init__(error.errno or 0, reason)
        self.hint = hint


def prepare(sock: socket.socket, options: SocketOptions) -> None:
    """Set what must be known before a socket is bound."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not options.dual_stack)
    _transparent(sock, options)
    _interface(sock, options)


def tune(sock: socket.socket, options: SocketOptions, backlog: int) -> None:
    """Set what may change of a bound socket, which listens from now on if it did not; raises `UntunableError`."""
    if sock.family == socket.AF_UNIX:
        sock.listen(options.backlog or backlog)
        return
    _transparent(sock, options)
    _interface(sock, options)
    for one in _NUMBERS:
        wanted = one.wanted(options)
        if sock.getsockopt(socket.IPPROTO_TCP, one.option) != wanted:
            _set(sock, one, wanted)
    # Once more for a socket that listens already: what waits in its queue stays there.
    sock.listen(options.backlog or backlog)
    queue = (options.backlog or backlog) if options.fast_open else 0
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN) != queue:
        _set(sock, _FAST_OPEN, queue)


@dataclass(frozen=True, slots=True)
class _Number:
    """An option of TCP that is a number; `what` is how messages call it."""

    what: str
    option: int
    wanted: Callable[[SocketOptions], int]
    hint: str = ""


_FAST_OPEN = _Number("fast open", socket.TCP_FASTOPEN, lambda _: 0)
_NUMBERS = (
    _Number("deferred accept", socket.TCP_DEFER_ACCEPT, lambda options: int(options.defer_accept)),
    _Number("a user timeout", socket.TCP_USER_TIMEOUT, lambda options: options.user_timeout.ms),
    _Number(
        "this segment size", socket.TCP_MAXSEG, lambda options: options.max_segment, "Linux takes 88 to 32767 bytes"
    ),
)


def _set(sock: socket.socket, one: _Number, value: int) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, one.option, value)
    except OSError as error:
        raise UntunableError(
            error, f"the kernel refuses {one.what}: {os.strerror(error.errno or 0)}", one.hint
        ) from error


def _transparent(sock: socket.socket, options: SocketOptions) -> None:
    ipv6 = sock.family == socket.AF_INET6
    where = (socket.IPPROTO_IPV6, _IPV6_TRANSPARENT) if ipv6 else (socket.IPPROTO_IP, socket.IP_TRANSPARENT)
    if bool(sock.getsockopt(*where)) == options.transparent:
        return
    try:
        sock.setsockopt(*where, int(options.transparent))
    except PermissionError as error:
        reason = "`transparent` needs a right that this process has not got"
        hint = "run as root, or give CAP_NET_RAW or CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_RAW)"
        raise UntunableError(error, reason, hint) from error


def _interface(sock: socket.socket, options: SocketOptions) -> None:
    wanted = os.fsencode(options.interface)
    held = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _NAME).partition(b"\0")[0]
    if held == wanted:
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, wanted + b"\0")
    except PermissionError as error:
        reason = f"binding to the interface {options.interface or 'of all'} needs a right that this process has not got"
        hint = "run as root, or give CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW)"
        raise UntunableError(error, reason, hint) from error
    except OSError as error:
        reason = f"there is no interface {options.interface!r}"
        raise UntunableError(error, reason, "`ip link` lists those that are there") from error
