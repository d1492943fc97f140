"""One request over HTTP/2 and its answer, without a socket (RFC 9113); framing and HPACK are the h2 package's.

Owns what a server may cost: frames, heads, interim answers and body are bounded, and each frame is read on its own.
What is against the protocol raises GarbageError, as in `answer`. Does not judge the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

from tenbin.health.probe.answer import BODY_LIMIT, GarbageError, Head

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from h2.events import Event

Fields = tuple[tuple[str, str], ...]


class Exchange:
    """Makes bytes to send (`outgoing`) and takes bytes as they come (`feed`).

    `head` and `fields` appear with the head, then `body` grows until `done` or 64 KiB; `trailers` came behind it. With
    `bodiless`, the answer to a HEAD, the head is all. Names of fields are in lower case; of several, the last counts.
    """

    def __init__(self, request: Iterable[tuple[str, str]], body: bytes = b"", *, bodiless: bool = False) -> None:
        self.head: Head | None = None
        self.fields: dict[str, str] = {}
        self.body = bytearray()
        self.trailers: dict[str, str] = {}
        self.done = False
        self._bodiless = bodiless
        self._interim = self._frames = 0
        self._buffer = b""
        self._connection = _connection()
        self._connection.initiate_connection()
        self._connection.send_headers(_STREAM, list(request), end_stream=not body)
        if body:
            self._connection.send_data(_STREAM, body, end_stream=True)

    def outgoing(self) -> bytes:
        """Return what is to be sent now."""
        return self._connection.data_to_send()

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises GarbageError."""
        self._buffer += data
        for frame in self._whole_frames():
            if self.done:
                return
            if not _is_farewell(frame):
                self._take(frame)

    def end(self) -> None:
        """The server closed; raises GarbageError when that cuts the answer short."""
        if not self.done:
            raise GarbageError("closed in the middle of the answer" if self._frames else "closed without an answer")

    def _whole_frames(self) -> Iterator[bytes]:
        while len(self._buffer) >= _FRAME_HEAD:
            size = _FRAME_HEAD + int.from_bytes(self._buffer[:3], "big")
            if not self._frames and self._buffer[3] != _SETTINGS:
                raise GarbageError("not HTTP/2")
            if size > _FRAME_HEAD + _FRAME_LIMIT:
                raise GarbageError("frame longer than 16 KiB")
            if len(self._buffer) < size:
                return
            self._frames += 1
            if self._frames > _MOST_FRAMES:
                raise GarbageError(f"more than {_MOST_FRAMES} frames")
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            yield frame

    def _take(self, frame: bytes) -> None:
        try:
            events = self._connection.receive_data(frame)
        except Exception as failure:  # noqa: BLE001 - what h2 and its parts raise for bad bytes is no closed list
            raise GarbageError(f"against HTTP/2: {str(failure) or type(failure).__name__}") from None
        for event in events:
            self._heed(event)

    def _heed(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self._take_head(_fields(event.headers))
            case InformationalResponseReceived():
                self._interim += 1
                if self._interim > _INTERIM_LIMIT or (b":status", b"101") in event.headers:
                    raise GarbageError("unexpected interim answer")
            case DataReceived():
                self._connection.acknowledge_received_data(event.flow_controlled_length, _STREAM)
                self.body += event.data[: BODY_LIMIT - len(self.body)]
                self.done = self.done or len(self.body) >= BODY_LIMIT
            case TrailersReceived():
                self.trailers = _fields(event.headers)
            case StreamEnded():
                self.done = True
            case StreamReset():
                raise GarbageError(f"the server reset the stream: {_error_name(event.error_code)}")

    def _take_head(self, fields: dict[str, str]) -> None:
        status = fields.pop(":status", "")
        if len(status) != 3 or not status.isascii() or not status.isdigit() or not "200" <= status <= "599":
            raise GarbageError("bad status")
        self.head = Head(int(status), "", chunked=False, length=None)
        self.fields = fields
        self.done = self._bodiless


_STREAM = 1
_FRAME_HEAD = 9
_FRAME_LIMIT = 16_384
_SETTINGS, _GOAWAY = 4, 7
_HEAD_LIMIT = 32_768
_FIELDS_LIMIT = 100
_INTERIM_LIMIT = 8
# An honest answer of 64 KiB is a few dozen.
_MOST_FRAMES = 512
_ERRORS = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip


def _connection() -> H2Connection:
    connection = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    connection.local_settings = Settings(
        client=True,
        initial_values={
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.MAX_CONCURRENT_STREAMS: 1,
            SettingCodes.MAX_HEADER_LIST_SIZE: _HEAD_LIMIT,
        },
    )
    connection.decoder.max_header_list_size = _HEAD_LIMIT
    return connection


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found = [(name.decode("latin-1"), text.decode("latin-1")) for name, text in headers]
    if len(found) > _FIELDS_LIMIT:
        raise GarbageError(f"more than {_FIELDS_LIMIT} fields")
    return dict(found)


def _is_farewell(frame: bytes) -> bool:
    """Whether a server takes leave but will still answer; raises GarbageError for one that will not."""
    if frame[3] != _GOAWAY or len(frame) < _FRAME_HEAD + 8:
        return False
    last = int.from_bytes(frame[_FRAME_HEAD : _FRAME_HEAD + 4], "big") & 0x7FFF_FFFF
    error = int.from_bytes(frame[_FRAME_HEAD + 4 : _FRAME_HEAD + 8], "big")
    if error or last < _STREAM:
        raise GarbageError(f"the server went away: {_error_name(error)}")
    return True


def _error_name(code: int) -> str:
    return _ERRORS[code] if code < len(_ERRORS) else f"error {code}"
