"""The values of HAProxy's language: times, sizes, numbers, addresses. Each is parsed once, to a narrow type.

What cannot be parsed raises `ValueError` with HAProxy's words for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.model import Address, Inherited, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREVER = 0
"""A time of 0 never ends."""

_TIME = re.compile(r"(\d+)(us|ms|s|m|h|d)?\Z")
_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST = (1 << 31) - 1
_SIZE = re.compile(r"(\d+)([kmgKMG]?)\Z")
_SHIFTS = {"": 0, "k": 10, "m": 20, "g": 30}
_NUMBER = re.compile(r"-?\d+\Z")
_VARIABLE = re.compile(r"\$(?:\{([^}]*)\}|(\w+))")
_FAMILIES = ("ipv4@", "ipv6@", "tcp4@", "tcp6@", "tcp@", "stream+ip@", "stream+ipv4@", "stream+ipv6@")
_UNSUPPORTED = (
    "sockpair@",
    "abnsz@",
    "quic4@",
    "quic6@",
    "udp@",
    "udp4@",
    "udp6@",
    "dgram+",
    "rev@",
    "rhttp@",
    "mptcp",
)
_PORT = re.compile(r"(?P<host>.*):(?P<sign>[+-]?)(?P<low>\d*)(?:-(?P<high>\d+))?\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen or to connect, before it is known which of them are meant.

    `host` "" for any address; `low` to `high` are ports, 0 for none; `relative`: the port is added to the client's.
    """

    host: str
    low: int
    high: int
    relative: bool = False


Place = Ports | UnixAddress | Inherited


def milliseconds(text: str, unit: str = "ms") -> int:
    """Parse a time; a number alone is in `unit`. Microseconds become a millisecond at least."""
    found = _TIME.match(text)
    if not found:
        raise ValueError(f"unexpected character '{_stray(text)}'" if text else "no value")
    value = int(found[1]) * _UNITS[found[2] or unit]
    if value > _LONGEST:
        raise ValueError("timer overflow")
    return max(int(value), 1) if value else 0


def size(text: str) -> int:
    """Parse a size in bytes, with a suffix of k, m or g."""
    found = _SIZE.match(text)
    if not found:
        raise ValueError(f"unexpected character '{_stray(text)}'")
    return int(found[1]) << _SHIFTS[found[2].lower()]


def number(text: str, low: int, high: int = _LONGEST) -> int:
    """Parse a whole number between two others."""
    if not _NUMBER.match(text):
        raise ValueError(f"'{text}' is not a number")
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{value} is not between {low} and {high}")
    return value


def place(text: str, environment: Mapping[str, str]) -> Place:
    """Parse an address: `host:port`, `:port`, `*:1000-2000`, `unix@path`, `/path`, `abns@name`, `fd@N`."""
    text = _VARIABLE.sub(lambda found: environment.get(found[1] or found[2], ""), text)
    if text.startswith(_UNSUPPORTED):
        raise ValueError(f"Tenbin does not speak '{text.partition('@')[0]}'")
    for prefix in ("unix@", "uxst@", "uxdg@", "uxst+", "/"):
        if text.startswith(prefix):
            return _unix(text if prefix == "/" else text[len(prefix) :])
    if text.startswith("abns@"):
        return UnixAddress(text[5:], abstract=True)
    if text.startswith("fd@"):
        digits = text[3:]
        if not digits.isdigit():
            raise ValueError(f"file descriptor '{digits}' is not an integer")
        return Inherited(int(digits))
    family = next((prefix for prefix in _FAMILIES if text.startswith(prefix)), "")
    host, ports = _host_and_ports(text[len(family) :])
    if not host and "6" in family:
        host = "::"
    return Ports(host, *ports)


def address(where: Ports, port: int = 0) -> Address:
    """The address of one port."""
    return Address(where.host or "0.0.0.0", port or where.low)  # noqa: S104 - what the file says


def _unix(path: str) -> UnixAddress:
    if not path or len(path.encode()) > 107:
        raise ValueError("socket path too long (max 97)" if path else "no path")
    return UnixAddress(path)


def _host_and_ports(text: str) -> tuple[str, tuple[int, int, bool]]:
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1], (0, 0, False)
    found = _PORT.match(text)
    if not found:
        if ":" in text:
            raise ValueError(f"missing port number: '{text}'")
        return _host(text), (0, 0, False)
    low, high = found["low"], found["high"]
    if not low and high:
        raise ValueError(f"invalid port range in '{text}'")
    first = int(low or 0)
    last = int(high or first)
    if found["sign"]:
        return _host(found["host"]), (first if found["sign"] == "+" else -first, last, True)
    if first > 65535 or last > 65535 or (low and not first):
        raise ValueError(f"invalid port '{low}'")
    if last < first:
        raise ValueError(f"invalid port range '{low}-{high}'")
    return _host(found["host"]), (first, last, False)


def _host(text: str) -> str:
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return "" if host == "*" else host


def _stray(text: str) -> str:
    digits = re.match(r"\d*", text)
    return text[digits.end() if digits else 0 :][:1]
