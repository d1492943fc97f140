r"""The servers of a case: they note what they are asked, and do what the case says for a path.

A line of `=== origin NAME` is a path (`/slow*` is a beginning, `*` any) and what is done, parts separated by ` ; `:

    wait 300ms | send BYTES | repeat COUNT BYTES | early | hold | close | reset

`early` does not read the request's body first; `hold` waits until the proxy goes. What begins with `unseen ;` is not
noted, for checks come as often as they like. A line of `connect` says what is done
with each connection before anything is read. Where no line fits, the answer is 200 with the server's name as its body.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from conformance.haproxy.messages import Message, Stream, unescape
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.scripted import Peer


@dataclass
class Seen:
    """A request as a server saw it."""

    server: str
    message: Message


class Origins:
    """All servers of one side; `seen` is what they were asked, in this order."""

    def __init__(self, names: Sequence[str], scripts: Mapping[str, Sequence[str]]) -> None:
        self.seen: list[Seen] = []
        self._origins = {name: _Origin(name, scripts.get(name, ()), self.seen) for name in names}
        self._servers = {name: ScriptedServer(origin.serve) for name, origin in self._origins.items()}

    @property
    def ports(self) -> dict[str, int]:
        """Where each listens."""
        return {name: server.port for name, server in self._servers.items()}

    def learn(self, name: str, path: str, script: str) -> None:
        """Have a server do something else for a path from now on."""
        self._origins[name].learn(path, script)

    def close(self) -> None:
        """End all."""
        for server in self._servers.values():
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _GoneError(Exception):
    """The script ended the connection."""


class _Origin:
    def __init__(self, name: str, script: Sequence[str], seen: list[Seen]) -> None:
        self._name = name
        self._seen = seen
        pairs = [line.split(None, 1) for line in script]
        self._by_path = dict(pairs)

    def learn(self, path: str, script: str) -> None:
        self._by_path = {**self._by_path, path: script}

    def serve(self, peer: Peer) -> None:
        try:
            if first := self._by_path.get("connect"):
                self._run(peer, first)
            stream = Stream(lambda: peer.socket.recv(65536))
            while (message := stream.head()) is not None:
                self._answer(peer, stream, message)
        except _GoneError:
            pass

    def _answer(self, peer: Peer, stream: Stream, message: Message) -> None:
        method, _, target = message.line.partition(" ")
        path = target.split(" ")[0].split("?")[0]
        by_path = self._by_path.items()
        script = next((rest for first, rest in by_path if first != "connect" and fnmatchcase(path, first)), "")
        if not script.startswith("unseen"):
            self._seen.append(Seen(self._name, message))
        if not script.startswith("early"):
            if "100-continue" in message.get("expect"):
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            stream.body(message, answer=False)
        if script:
            self._run(peer, script.removeprefix("unseen ; ").removeprefix("early ; "))
        else:
            body = b"" if method == "HEAD" else self._name.encode()
            head = f"HTTP/1.1 200 OK\r\nX-Server: {self._name}\r\nContent-Length: {len(self._name)}\r\n\r\n"
            peer.send(head.encode() + body)

    def _run(self, peer: Peer, script: str) -> None:
        for part in script.split(" ; "):
            word, _, rest = part.partition(" ")
            match word:
                case "send":
                    peer.send(unescape(rest))
                case "repeat":
                    count, _, text = rest.partition(" ")
                    peer.send(unescape(text) * int(count))
                case "wait":
                    threading.Event().wait(int(rest.removesuffix("ms")) / 1000)
                case "hold":
                    peer.hold()
                    raise _GoneError
                case "reset":
                    peer.reset()
                    raise _GoneError
                case "close":
                    raise _GoneError
                case _:
                    raise AssertionError(f"an origin cannot {part!r}")
