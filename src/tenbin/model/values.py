"""Narrow values: durations, rates and addresses, parsed once and never strings again."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

_ABSTRACT = 107
"""Room for the name of an abstract socket (unix(7))."""


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in whole milliseconds, 0 or more; 0 means "none" or "no limit" where a setting says so."""

    ms: int

    @property
    def seconds(self) -> float:
        """The same length in seconds."""
        return self.ms / 1000

    def __str__(self) -> str:
        for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
            if self.ms and self.ms % size == 0:
                return f"{self.ms // size}{unit}"
        return f"{self.ms}ms"


NO_TIME = Duration(0)


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """`size` bytes, or `percent` of what the control group or the machine has; both 0 for no limit."""

    size: int
    percent: int


@dataclass(frozen=True, slots=True)
class Rate:
    """So many, 1 or more, in a window of time."""

    count: int
    window: Duration

    def __str__(self) -> str:
        return f"{self.count}/{self.window}"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where to listen or to connect: a host (IP literal or name, never empty) and a port 1-65535.

    An IPv6 literal is kept without brackets. A listener on every interface has the host "0.0.0.0" or "::".
    """

    host: str
    port: int

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address and needs no name lookup."""
        try:
            ip_address(self.host)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, order=True)
class UnixAddress:
    """A socket in the file system; with `abstract` in the abstract namespace, where `path` is its name."""

    path: str
    abstract: bool = False
    mode: int = 0
    uid: int = -1
    gid: int = -1

    @property
    def name(self) -> bytes:
        """What the system calls it; abstract names fill their room, as everybody's do who speaks of `abns@`."""
        return b"\0" + self.path.encode().ljust(_ABSTRACT, b"\0") if self.abstract else self.path.encode()

    @property
    def host(self) -> str:
        """What stands where others have a host: the whole address, which no host looks like."""
        return str(self)

    @property
    def port(self) -> int:
        """0: it has none."""
        return 0

    @property
    def is_literal(self) -> bool:
        """No name lookup is ever needed."""
        return True

    def __str__(self) -> str:
        return f"{'abns' if self.abstract else 'unix'}@{self.path}"


@dataclass(frozen=True, slots=True, order=True)
class Inherited:
    """A listening socket that was open before this process started, by its number."""

    fd: int

    @property
    def host(self) -> str:
        """What stands where others have a host."""
        return str(self)

    @property
    def port(self) -> int:
        """0: which one it has is the business of whoever opened it."""
        return 0

    def __str__(self) -> str:
        return f"fd@{self.fd}"
