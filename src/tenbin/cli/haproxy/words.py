"""Lines as HAProxy writes them to stderr while it starts and runs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from tenbin.cli.haproxy.version import number

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABELS = {"info": "[NOTICE]  ", "warning": "[WARNING] ", "error": "[ALERT]   "}


class Words:
    """Says things on stderr, unless it is to be quiet; the first warning or alert is introduced by version and path."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._quiet = quiet
        self._stream = stream or sys.stderr
        self._introduced = False

    def say(self, level: str, text: str) -> None:
        """Write one line; `level` is info, warning or error."""
        if level != "info":
            self._introduce()
        self._write(level, text)

    def lines(self, rendered: str) -> None:
        """Write lines that are in this shape already."""
        if rendered:
            self._introduce()
        if not self._quiet:
            self._stream.write(rendered)
            self._stream.flush()

    def line(self, level: str, text: str) -> str:
        """A line without its end; "" where nothing is to be said."""
        return "" if self._quiet else f"{_LABELS[level]} ({os.getpid()}) : {text}"

    def _introduce(self) -> None:
        if not self._introduced:
            self._introduced = True
            self._write("info", f"haproxy version is {number()}")
            self._write("info", f"path to executable is {sys.argv[0]}")

    def _write(self, level: str, text: str) -> None:
        if line := self.line(level, text):
            self._stream.write(f"{line}\n")
            self._stream.flush()


def told(event: Mapping[str, object]) -> str:
    """The text of an event of the journal in HAProxy's words, where it has words for it."""
    if event.get("event") != "server_health":
        return str(event.get("text", ""))
    server = f"Server {event.get('backend')}/{event.get('server')}"
    health = str(event.get("health", "")).upper()
    return f"{server} is {health}, reason: {event.get('reason')}. {event.get('up')} active servers left."
