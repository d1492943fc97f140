"""Lines as HAProxy writes them to stderr while it starts and runs."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from tenbin.cli.haproxy.version import number

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

    def move(self, descriptor: int) -> None:
        """Say everything else there, and close where it was said."""
        before, self._stream = self._stream, os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
        if before is not sys.stderr:
            before.close()

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
