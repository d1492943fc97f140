"""Lines for requests and connections: how they look and where they go."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression


class Envelope(StrEnum):
    """What a line is wrapped in."""

    RFC3164 = "rfc3164"
    RFC5424 = "rfc5424"
    LOCAL = "local"  # rfc3164 without a host name
    PRIORITY = "priority"
    SHORT = "short"
    TIMED = "timed"
    ISO = "iso"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Where lines go: `stdout`, `stderr`, `fd@N`, `udp@ip:port`, `unix@/path` (datagrams), or a file's path.

    `level` and `least` are syslog severities 0-7: lines above `level` are left out, those below `least` raised to it.
    `length` bytes of a line at most. Of every `sample` lines (0: all) those numbered in `ranges` are sent.
    """

    address: str
    envelope: Envelope = Envelope.RFC3164
    facility: int = 16
    level: int = 7
    least: int = 0
    length: int = 1024
    sample: int = 0
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class LogPart:
    r"""A piece of a line: a text (`value` a Const), or a value, written in one of the ways that a format asks for.

    `quote`: in double quotes, empty as `""`; `escape`: `"`, `\` and `]` with a backslash; `hex`: numbers and addresses
    in hexadecimal; `dash`: `-` where absent (mandatory fields); `json`, `cbor` are encodings of the whole line.
    """

    value: Expression
    quote: bool = False
    escape: bool = False
    hex: bool = False
    dash: bool = True
    key: str = ""


LogFormat = tuple[LogPart, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """A header of the request or answer that lines show, cut to `length` bytes."""

    answer: bool
    header: str
    length: int


@dataclass(frozen=True, slots=True)
class ProxyLog:
    """The lines of a frontend. `error` and `structured` () for none; `tag` stands before the process id.

    `null`: also connections that carried nothing; `normal`: also what went well; `early`: as soon as the answer's head
    is there; `raise_errors`: failures at least as errors. `cookie` is what the name of the one that %CC and %CS show
    begins with, of which `cookie_length` bytes are kept; empty: none.
    """

    targets: tuple[LogTarget, ...] = ()
    format: LogFormat = field(default=(), repr=False)
    error: LogFormat = field(default=(), repr=False)
    structured: LogFormat = field(default=(), repr=False)
    tag: str = "tenbin"
    host: str = ""
    null: bool = True
    normal: bool = True
    early: bool = False
    raise_errors: bool = False
    captures: tuple[Capture, ...] = ()
    cookie: str = ""
    cookie_length: int = 0
