"""What commands take that a file could say, too: servers and expressions, read by the reader of files.

Owns the few lines of a file around them. Complaints are the reader's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Said
from tenbin.api.haproxy.roster import version_of
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


def variable(name: str, words: Sequence[str], config: Config, *, form: str) -> Expression:
    """The expression of a `set-var` line, or with `form` `set-var-fmt` the text that a format makes.

    What it names of the configuration in force is there.
    """
    lines = ["global", _line(form, (name, *words))]
    for backend in config.backends:
        if any(backend.name in word for word in words):
            lines.append(f"backend {_quoted(backend.name)}")
            lines += [_line("server", (one.name, "127.0.0.1:1")) for one in backend.servers]
    for frontend in config.frontends:
        if any(frontend.name in word for word in words):
            lines.append(f"frontend {_quoted(frontend.name)}")
    return _read(lines, version_of(config), end="").variables[0][1]


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
