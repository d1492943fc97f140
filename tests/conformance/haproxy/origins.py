r"""The servers of a case: they note what they are asked, and do what the case says for a path.

A line of `=== origin NAME` is a path (`/slow*` is a beginning, `*` any) and what is done, parts separated by ` ; `:

    wait 300ms | send BYTES | repeat COUNT BYTES | echo | early | hold | close | reset

`early` does not read the request's body first; `hold` waits until the proxy goes. What begins with `unseen ;` is not
noted, for checks come as often as they like. A line of `connect` says what is done
with each connection before anything is read. Where no line fits, the answer is 200 with the server's name as its body.
A line of `over` says how it is reached: `tls=b.pem` with this certificate of the case (and takes one of the client,
if it gets one), `proxy` after a PROXY header, `unix` at `{folder}/NAME.sock`.
Nothing behind the head is sent in answer to HEAD: the next answer on that connection would begin with it.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Self

from conformance.haproxy.layers import Layers
from conformance.haproxy.messages import Message, Stream, unescape
from support.scripted import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from support.scripted import Peer


@dataclass
class Seen:
    """A request as a server saw it, and what its connection said of itself before."""

    server: str
    message: Message
    over: str = ""


class Origins:
    """All servers of one side; `seen` is what they were asked, in this order."""

    def __init__(self, names: Sequence[str], scripts: Mapping[str, Sequence[str]], folder: Path) -> None:
        self.seen: list[Seen] = []
        self._origins = {name: _Origin(name, scripts.get(name, ()), self.seen, folder) for name in {*names, *scripts}}
        self._servers = {name: ScriptedServer(origin.serve, origin.path) for name, origin in self._origins.items()}

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
    def __init__(self, name: str, script: Sequence[str], seen: list[Seen], folder: Path) -> None:
        self._name = name
        self._seen = seen
        pairs = [line.split(None, 1) for line in script]
        self._by_path = dict(pairs)
        self._layers = Layers(self._by_path.pop("over", ""), folder)
        self.path = folder / f"{name}.sock" if self._layers.is_local else None

    def learn(self, path: str, script: str) -> None:
        self._by_path = {**self._by_path, path: script}

    def serve(self, peer: Peer) -> None:
        over = self._layers.enter(peer)
        try:
            if first := self._by_path.get("connect"):
                self._run(peer, first, peer.send)
            stream = Stream(lambda: peer.socket.recv(65536))
            while (message := stream.head()) is not None:
                self._answer(peer, stream, Seen(self._name, message, over))
        except _GoneError:
            pass

    def _answer(self, peer: Peer, stream: Stream, seen: Seen) -> None:
        message = seen.message
        method, _, target = message.line.partition(" ")
        path = target.split(" ")[0].split("?")[0]
        by_path = self._by_path.items()
        script = next((rest for first, rest in by_path if first != "connect" and fnmatchcase(path, first)), "")
        if not script.startswith("unseen"):
            self._seen.append(seen)
        if not script.startswith("early"):
            if "100-continue" in message.get("expect"):
                peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            stream.body(message, answer=False)
        if script:
            send = _Heads(peer).send if method == "HEAD" else peer.send
            self._run(peer, script.removeprefix("unseen ; ").removeprefix("early ; "), send)
        else:
            body = b"" if method == "HEAD" else self._name.encode()
            head = f"HTTP/1.1 200 OK\r\nX-Server: {self._name}\r\nContent-Length: {len(self._name)}\r\n\r\n"
            peer.send(head.encode() + body)

    def _run(self, peer: Peer, script: str, send: Callable[[bytes], None]) -> None:
        for part in script.split(" ; "):
            word, _, rest = part.partition(" ")
            match word:
                case "send":
                    send(unescape(rest))
                case "repeat":
                    count, _, text = rest.partition(" ")
                    send(unescape(text) * int(count))
                case "wait":
                    threading.Event().wait(int(rest.removesuffix("ms")) / 1000)
                case "echo":
                    while data := peer.read():
                        send(data)
                    raise _GoneError
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


class _Heads:
    """Sends no byte behind the final head of what a script says."""

    _END = re.compile(rb"(?:HTTP/1\.\d 1\d\d.*?\r\n\r\n)*HTTP/1\.\d [02-9].*?\r\n\r\n", re.DOTALL)

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._said = b""

    def send(self, data: bytes) -> None:
        before = len(self._said)
        self._said += data
        end = self._END.match(self._said)
        self._peer.send(self._said[before : end.end() if end else None])
