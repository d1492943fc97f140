"""A server that speaks HTTP/2 over plain TCP and does with each request exactly what a test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from support.scripted import Peer, Script

Headers = list[tuple[str, str]]


@dataclass
class Asked:
    """A request as it came; `trailers` and `ended` only once they did."""

    stream: int
    fields: Headers
    body: bytearray = field(default_factory=bytearray)
    trailers: Headers = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    def get(self, name: str) -> str:
        """Return a field's value, "" when there is none."""
        return next((value for key, value in self.fields if key == name), "")

    @property
    def path(self) -> str:
        """What was asked for."""
        return self.get(":path")


class Session:
    """One connection. `asked` holds its requests by stream."""

    def __init__(self, peer: Peer, settings: Mapping[SettingCodes, int] | None = None, *, window: bool = True) -> None:
        config = H2Configuration(
            client_side=False,
            header_encoding="latin-1",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.peer = peer
        self.window = window
        self.h2 = H2Connection(config)
        values = {SettingCodes.MAX_CONCURRENT_STREAMS: 100, **(settings or {})}
        self.h2.local_settings = Settings(client=False, initial_values=values)
        self.asked: dict[int, Asked] = {}
        self._pending: list[Event] = []
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Write what is due."""
        self.peer.send(self.h2.data_to_send())

    def events(self) -> Iterator[Event]:
        """Yield what the peer does, until it closes."""
        while True:
            while self._pending:
                yield self._pending.pop(0)
            if not self._read():
                return

    def _read(self) -> bool:
        data = self.peer.read()
        if not data:
            return False
        for event in self.h2.receive_data(data):
            self._note(event)
            self._pending.append(event)
        self.flush()
        return True

    def _note(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self.asked[event.stream_id] = Asked(event.stream_id, _texts(event.headers))
            case DataReceived():
                self.asked[event.stream_id].body += event.data
                if self.window:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case TrailersReceived():
                self.asked[event.stream_id].trailers = _texts(event.headers)
            case StreamEnded():
                self.asked[event.stream_id].ended = True
            case StreamReset():
                self.asked[event.stream_id].reset = event.error_code
            case _:
                pass

    def head(self, stream: int, status: int, *fields: tuple[str, str], ends: bool = False) -> None:
        """Send a head, interim or final."""
        self.h2.send_headers(stream, [(":status", str(status)), *fields], end_stream=ends)
        self.flush()

    def data(self, stream: int, body: bytes, *, ends: bool = False) -> None:
        """Send a body as far and as fast as the peer's windows let it."""
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(body))
            if room <= 0:
                if not self._read() or self.asked[stream].reset is not None:
                    return
                continue
            self.h2.send_data(stream, body[:room])
            body = body[room:]
            self.flush()
        if ends:
            self.h2.end_stream(stream)
            self.flush()

    def trailers(self, stream: int, *fields: tuple[str, str]) -> None:
        """Send trailers, which end the stream."""
        self.h2.send_headers(stream, list(fields), end_stream=True)
        self.flush()

    def answer(self, stream: int, body: bytes = b"ok", status: int = 200, *fields: tuple[str, str]) -> None:
        """Send a whole answer with its length."""
        self.head(stream, status, *fields, ("content-length", str(len(body))))
        self.data(stream, body, ends=True)

    def reset(self, stream: int, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Reset a stream."""
        self.h2.reset_stream(stream, code)
        self.flush()

    def go_away(self, last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say that streams above `last` were not looked at; the library would then refuse to go on, so by hand."""
        payload = last.to_bytes(4) + int(code).to_bytes(4)
        self.peer.send(len(payload).to_bytes(3) + b"\x07\x00" + bytes(4) + payload)


def serving(handle: Callable[[Session, Asked], None], settings: Mapping[SettingCodes, int] | None = None) -> Script:
    """Return a script that hands over every request once it is whole, or is a CONNECT."""

    def script(peer: Peer) -> None:
        session = Session(peer, settings)
        for event in session.events():
            if isinstance(event, StreamEnded):
                asked = session.asked[event.stream_id or 0]
                if asked.reset is None and asked.get(":method") != "CONNECT":
                    handle(session, asked)
            elif isinstance(event, RequestReceived):
                asked = session.asked[event.stream_id or 0]
                if asked.get(":method") == "CONNECT":
                    handle(session, asked)

    return script


def _texts(fields: Iterable[tuple[bytes | str, bytes | str]]) -> Headers:
    return [(_text(name), _text(value)) for name, value in fields]


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
