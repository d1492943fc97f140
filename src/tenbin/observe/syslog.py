"""Lines of this process to the `log` targets of a configuration: syslog over UDP and unix sockets, descriptors, files.

Owns the heads of lines and one place for each target. Nothing here waits: what cannot be written now is lost, as it is
when HAProxy's logs meet a full buffer. Lines of requests are the data plane's, which wraps them in the same way.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from tenbin.model import Envelope

if TYPE_CHECKING:
    from datetime import datetime

    from tenbin.model import LogTarget

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def wrapped(target: LogTarget, severity: int, text: str, *, tag: str, host: str, at: datetime) -> str:
    """Return a line in the envelope of a target; "" where it is too unimportant for it. `at` is UTC."""
    if severity > target.level:
        return ""
    severity = max(severity, target.least)
    priority = target.facility * 8 + severity
    local = at.astimezone()
    date = f"{_MONTHS[local.month - 1]} {local.day:2} {local:%H:%M:%S}"
    iso = local.isoformat(timespec="microseconds")
    sender = f"{tag}[{os.getpid()}]: "
    head = {
        Envelope.RFC3164: f"<{priority}>{date} {host or 'localhost'} {sender}",
        Envelope.RFC5424: f"<{priority}>1 {iso} {host or '-'} {tag} {os.getpid()} - - ",
        Envelope.LOCAL: f"<{priority}>{date} {sender}",
        Envelope.PRIORITY: f"<{priority}>",
        Envelope.SHORT: f"<{severity}>",
        Envelope.TIMED: f"<{severity}>{iso} ",
        Envelope.ISO: f"{iso} ",
        Envelope.RAW: "",
    }[target.envelope]
    return f"{head}{text}"[: max(target.length - 1, 0)]


class Posts:
    """The open targets, by address."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def send(self, address: str, line: str) -> None:
        """Send one line, or lose it."""
        data = f"{line}\n".encode()
        with suppress(OSError, ValueError):
            if address.startswith(("udp@", "unix@")):
                self._datagram(address, data)
            else:
                _write(address, data)

    def close(self) -> None:
        """Close them."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()

    def _datagram(self, address: str, data: bytes) -> None:
        sock = self._sockets.get(address)
        if sock is None:
            sock = self._sockets[address] = _connected(address)
        try:
            sock.send(data)
        except OSError:
            # Who listened there may have been replaced by another.
            self._sockets.pop(address).close()
            sock = self._sockets[address] = _connected(address)
            sock.send(data)


def _connected(address: str) -> socket.socket:
    kind, _, place = address.partition("@")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        target: str | tuple[str, int] = place
    else:
        host, _, port = place.rpartition(":")
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        target = (host.strip("[]"), int(port))
    try:
        sock.connect(target)
    except OSError:
        sock.close()
        raise
    return sock


def _write(address: str, data: bytes) -> None:
    numbers = {"stdout": 1, "stderr": 2}
    if address in numbers:
        os.write(numbers[address], data)
    elif address.startswith("fd@"):
        os.write(int(address[3:]), data)
    else:
        descriptor = os.open(address, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
