"""Listening sockets from one process to the next over HAProxy's `_getsocks`, so that not even a backlog is lost.

Owns what passes: the number of sockets, then at most 252 at a time with their namespaces, interfaces and options (which
are not used here), each batch acknowledged before the next. A HAProxy can stand on either side.
"""

from __future__ import annotations

import array
import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BATCH = 252
_PATIENCE = 5.0
_NUMBER = struct.Struct("=i")
_NOTHING_MORE = b"\0\0" + _NUMBER.pack(0)
"""No namespace, no interface, no options."""


def give(client: socket.socket, sockets: Sequence[socket.socket]) -> None:
    """Send these sockets to whoever asked; blocks for as long as they do not take them. Raises OSError."""
    client.settimeout(_PATIENCE)
    if not sockets:
        return
    client.sendall(_NUMBER.pack(len(sockets)))
    for start in range(0, len(sockets), _BATCH):
        batch = sockets[start : start + _BATCH]
        socket.send_fds(client, [_NOTHING_MORE * len(batch)], [one.fileno() for one in batch])
        client.recv(_NUMBER.size)


def take(path: str) -> list[socket.socket]:
    """Ask the process that listens there for its listening sockets; none where it has none to give. Raises OSError."""
    found: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.settimeout(_PATIENCE)
        server.connect(path)
        server.sendall(b"_getsocks\n")
        number = server.recv(_NUMBER.size, socket.MSG_WAITALL)
        if len(number) != _NUMBER.size:
            return []
        (wanted,) = _NUMBER.unpack(number)
        while len(found) < wanted:
            data, descriptors = _batch(server)
            if not data:
                break
            found += [socket.socket(fileno=descriptor) for descriptor in descriptors]
            with contextlib.suppress(OSError):
                server.sendall(_NUMBER.pack(len(found)))
    return found


def by_address(sockets: Sequence[socket.socket]) -> dict[str, list[socket.socket]]:
    """Sort them by the address that configurations name; what is no listening socket of TCP is closed."""
    found: dict[str, list[socket.socket]] = {}
    for one in sockets:
        if one.family not in (socket.AF_INET, socket.AF_INET6) or not one.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        ):
            one.close()
            continue
        one.setblocking(False)
        host, port = one.getsockname()[:2]
        found.setdefault(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", []).append(one)
    return found


def _batch(server: socket.socket) -> tuple[bytes, array.array[int]]:
    descriptors = array.array("i")
    data, ancillary, _, _ = server.recvmsg(
        1 << 16, socket.CMSG_LEN(_BATCH * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
    )
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
    return data, descriptors
