"""What commands take that a file could say, too: servers and expressions, read by the reader of files.

Owns the few lines of a file around them. Complaints are the reader's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Said
from tenbin.configfile.haproxy import reading
from tenbin.configfile.haproxy.preprocess import Text
from tenbin.errors import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.model import Backend, Config, Expression, Server


def server(backend: Backend, words: Sequence[str], version: tuple[int, int]) -> Server:
    """The server that these words of a `server` line describe, its check made explicit."""
    lines = (f"backend {_quoted(backend.name)}", f"  mode {backend.mode}", _line("server", words))
    found = _read(lines, version, end="\n").backends[0]
    made = found.servers[0]
    return made if made.unchecked or made.check is not None else replace(made, check=found.check)


def variable(name: str, words: Sequence[str], version: tuple[int, int], *, form: str) -> Expression:
    """The expression of a `set-var` line, or with `form` `set-var-fmt` the text that a format makes."""
    return _read(("global", _line(form, (name, *words))), version, end="").variables[0][1]


def _read(lines: Sequence[str], version: tuple[int, int], *, end: str) -> Config:
    """Read these lines; a complaint ends as HAProxy ends those of the command."""
    text = Text("command", "".join(f"{line}\n" for line in lines))
    read = reading.read([text], environment={}, directory=Path.cwd(), version=version)
    if read.config is None:
        wrong = next(problem for problem in read.problems if problem.severity is Severity.ERROR)
        raise Said(wrong.message.removeprefix("'server' : ").rstrip(".") + end)
    return read.config


def _line(first: str, words: Sequence[str]) -> str:
    return " ".join(("  " + first, *map(_quoted, words)))


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
