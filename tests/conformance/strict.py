"""A second reader of HTTP/1 (RFC 9112), written apart from the data plane's and stricter than h11.

h11 drives the recording server and takes bare line feeds, folded lines, control bytes in values and a length beside
a coding; this reader takes none of them. Owns: what a stream of bytes says, message by message, and why it says
nothing more. Does not own: what a proxy may change, see `conformance.meaning`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Fields = tuple[tuple[bytes, bytes], ...]

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(%s) ([!-~]+) HTTP/1\.([0-9])" % _TOKEN)
_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2}) ([\t -~\x80-\xff]*)")
NAME = re.compile(_TOKEN)
VALUE = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_FIELD = re.compile(rb"(%s):[ \t]*(%s)[ \t]*" % (_TOKEN, VALUE.pattern))
AUTHORITY = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~]+)(?::[0-9]{0,5})?")
PATH = re.compile(rb"/(?:[!\"$&-~]|%[0-9A-Fa-f]{2})*")
_URI = re.compile(rb"(?i:https?)://([^/?]+)((?:[/?](?:[!\"$&-~]|%[0-9A-Fa-f]{2})*)?)")
_CHUNK = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[\t -~\x80-\xff]*)?")
_BARE = re.compile(rb"\x00|\r(?!\n)|(?<!\r)\n")
_LONGEST = 2**63 - 1


class RefusedError(Exception):
    """The bytes are no message."""


class _MissingError(Exception):
    """The bytes end too early."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request (`method`, `target`) or an answer (`status`). Names of fields are in lower case."""

    minor: int
    fields: Fields
    body: bytes = b""
    trailers: Fields = ()
    method: bytes = b""
    target: bytes = b""
    status: int = 0
    head_only: bool = False
    """Only its head is valid, or there: its body is not."""

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of a field."""
        return [value for key, value in self.fields if key == name]

    @property
    def options(self) -> set[bytes]:
        """The options of Connection, in lower case."""
        return members(self.all(b"connection"))

    @property
    def persists(self) -> bool:
        """Whether another message may follow on the connection."""
        return b"close" not in self.options and (self.minor > 0 or b"keep-alive" in self.options)


@dataclass(slots=True)
class Reading:
    """What a stream says. The last message may be `head_only`; `refusal`: why there is nothing behind it."""

    messages: list[Message] = field(default_factory=list)
    refusal: str = ""
    rest: bytes = b""

    @property
    def whole(self) -> list[Message]:
        """The messages with their bodies."""
        return [message for message in self.messages if not message.head_only]


def members(values: Sequence[bytes]) -> set[bytes]:
    """Return what the lists of a field name, in lower case."""
    return {member.strip(b" \t").lower() for value in values for member in value.split(b",")} - {b""}


def bare(data: bytes) -> bytes:
    """Return the first NUL, CR without LF or LF without CR; b"" if there is none."""
    found = _BARE.search(data)
    return found[0] if found else b""


def read_requests(data: bytes) -> Reading:
    """Read requests one behind the other, as a server would that closes after the last one it may answer."""
    reading, at = Reading(), 0
    try:
        while at < len(data):
            while data.startswith(b"\r\n", at):
                at += 2
            if at == len(data):
                break
            head, start = _request_head(data, at)
            reading.messages.append(head)
            at = _take_body(reading, data, start, _request_framing(head))
            if not head.persists:
                break
    except RefusedError as refusal:
        reading.refusal = str(refusal)
    except _MissingError:
        reading.refusal = "incomplete"
    reading.rest = data[at:]
    return reading


def read_answer(data: bytes, method: bytes = b"GET", *, ended: bool = True) -> Reading:
    """Read the answer to one request: interim answers and the final one; `ended`: nothing more comes."""
    reading, at = Reading(), 0
    try:
        while not reading.messages or reading.messages[-1].status < 200:
            head, start = _answer_head(data, at)
            reading.messages.append(head)
            at = _take_body(reading, data, start, _answer_framing(head, method, ended))
    except RefusedError as refusal:
        reading.refusal = str(refusal)
    except _MissingError:
        reading.refusal = "incomplete"
    reading.rest = data[at:]
    return reading


# Heads -----------------------------------------------------------------------------------------------------------


def _lines(data: bytes, at: int) -> tuple[list[bytes], int]:
    """The lines up to the empty one, and where it ends."""
    end = data.find(b"\r\n\r\n", at)
    if data.startswith(b"\r\n", at):
        return [], at + 2
    head = data[at:] if end < 0 else data[at:end]
    if found := bare(head.removesuffix(b"\r") if end < 0 else head):
        raise RefusedError(f"bare {found!r}")
    if end < 0:
        raise _MissingError
    return head.split(b"\r\n"), end + 4


def _fields(lines: Sequence[bytes]) -> Fields:
    found = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise RefusedError(f"field line {line[:80]!r}")
        found.append((match[1].lower(), match[2]))
    return tuple(found)


def _request_head(data: bytes, at: int) -> tuple[Message, int]:
    lines, start = _lines(data, at)
    match = _REQUEST_LINE.fullmatch(lines[0])
    if match is None:
        raise RefusedError(f"request line {lines[0][:80]!r}")
    head = Message(int(match[3]), _fields(lines[1:]), method=match[1], target=match[2], head_only=True)
    hosts = head.all(b"host")
    if len(hosts) > 1 or (not hosts and head.minor > 0):
        raise RefusedError(f"{len(hosts)} Host fields")
    if any(AUTHORITY.fullmatch(host) is None for host in hosts):
        raise RefusedError(f"host {hosts[0]!r}")
    _check_target(head, hosts)
    return head, start


def _check_target(head: Message, hosts: Sequence[bytes]) -> None:
    """RFC 9112, 3.2: which form goes with which method, and that an absolute one agrees with Host."""
    target = head.target
    if head.method == b"CONNECT":
        if AUTHORITY.fullmatch(target) is None or not re.search(rb":[0-9]+$", target):
            raise RefusedError(f"target {target[:80]!r}")
    elif (uri := _URI.fullmatch(target)) is not None:
        if AUTHORITY.fullmatch(uri[1]) is None or (hosts and not _same_host(uri[1], hosts[0], target)):
            raise RefusedError("the target names another host")
    elif PATH.fullmatch(target) is None and not (target == b"*" and head.method == b"OPTIONS"):
        raise RefusedError(f"target {target[:80]!r}")


def _same_host(one: bytes, other: bytes, target: bytes) -> bool:
    port = b":443" if target[:6].lower() == b"https:" else b":80"
    plain = [host.lower().removesuffix(b":").removesuffix(port) for host in (one, other)]
    return plain[0] == plain[1]


def _answer_head(data: bytes, at: int) -> tuple[Message, int]:
    lines, start = _lines(data, at)
    match = _STATUS_LINE.fullmatch(lines[0]) if lines else None
    if match is None:
        raise RefusedError(f"status line {lines[:1]!r}")
    return Message(int(match[1]), _fields(lines[1:]), status=int(match[2]), head_only=True), start


# Bodies ----------------------------------------------------------------------------------------------------------


def _declared(head: Message) -> int | None:
    """The length of the body, -1 for chunks, None when nothing is said."""
    lengths, codings = head.all(b"content-length"), head.all(b"transfer-encoding")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
        raise RefusedError(f"codings {codings!r}")
    if codings and (lengths or head.minor == 0):
        raise RefusedError("a coding beside a length, or in HTTP/1.0")
    if codings:
        return -1
    if not lengths:
        return None
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]+", lengths[0]) or int(lengths[0][-40:]) > _LONGEST:
        raise RefusedError(f"lengths {lengths!r}")
    return int(lengths[0])


def _request_framing(head: Message) -> int:
    declared = _declared(head)
    return 0 if declared is None else declared


def _answer_framing(head: Message, method: bytes, ended: bool) -> int:
    """As `_declared`; -2 for everything until the end."""
    declared = _declared(head)
    if head.status < 200 or head.status in (204, 304) or method == b"HEAD":
        return 0
    if declared is None and not ended:
        raise _MissingError
    return -2 if declared is None else declared


def _take_body(reading: Reading, data: bytes, start: int, length: int) -> int:
    """Put the body to the last message; return where it ends."""
    trailers: Fields = ()
    if length == -1:
        body, trailers, end = _chunks(data, start)
    else:
        end = len(data) if length == -2 else start + length
        body = data[start:end]
        if len(data) < end:
            raise _MissingError
    head = reading.messages[-1]
    reading.messages[-1] = Message(
        head.minor, head.fields, body, trailers, head.method, head.target, head.status, head_only=False
    )
    return end


def _chunks(data: bytes, at: int) -> tuple[bytes, Fields, int]:
    body = bytearray()
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise _MissingError
        match = _CHUNK.fullmatch(data, at, end)
        if match is None or int(match[1], 16) > _LONGEST:
            raise RefusedError(f"chunk size {data[at : at + 40]!r}")
        size, at = int(match[1], 16), end + 2
        if size == 0:
            break
        body += data[at : at + size]
        at += size
        if not b"\r\n".startswith(data[at : at + 2]):
            raise RefusedError(f"after a chunk {data[at : at + 2]!r}")
        at += 2
    lines, end = _lines(data, at)
    return bytes(body), _fields(lines), end
