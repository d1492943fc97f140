"""What HAProxy says of single lines, and what the reader of its language says: valid or not.

HAProxy is asked about each line in a file of its own, since it gives up after a few mistakes.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.context import Reading, Scope
from tenbin.configfile.haproxy.lexer import LexicalError, Word, split
from tenbin.model import Mode

CORPUS = Path(__file__).parent / "data" / "haproxy_lines.cfg"
PROGRAM = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

_AROUND = """defaults d
 mode http
 timeout client 1s
 timeout server 1s
 timeout connect 1s
frontend f from d
 bind 127.0.0.1:1
 acl known path /x
%s
backend b from d
 server s1 127.0.0.1:1
 acl known path /x
%s
backend t
 stick-table type ip size 1k store http_req_rate(10s)
"""
_OWN = "stick-table type string size 1k store http_req_rate(10s),gpc0,gpc1,gpt0,conn_rate(3s)"
_PHASES = {
    "tcp-request connection": "connection",
    "tcp-request session": "session",
    "tcp-request content": "content",
    "tcp-response content": "answer_content",
    "http-request": "request",
    "http-response": "answer",
    "http-after-response": "after",
}


_TABLE = split("type ip size 1k", "x", 1, {}).words


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the corpus. `differs`: why the two do not agree about it, "" where they do."""

    section: str
    text: str
    differs: str


def rows() -> list[Row]:
    """Read the corpus: sections in brackets, lines, and before a line `#` with the reason of a difference."""
    found, section, differs = [], "", ""
    for line in CORPUS.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith("#"):
            differs = line[1:].strip()
        elif line:
            found.append(Row(section, line, differs))
            differs = ""
    return found


def haproxy(row: Row, path: Path) -> bool:
    """Whether HAProxy takes a file with this line, which is written to `path`."""
    line = f" {row.text}"
    own = "" if row.text.startswith("stick-table") else f"{_OWN}\n"
    other = f" {_OWN}"
    lines = (f" {own}{line}", other) if row.section == "frontend" else (other, f" {own}{line}")
    path.write_text(_AROUND % lines, "utf-8")
    assert PROGRAM
    done = subprocess.run([PROGRAM, "-c", "-f", str(path)], capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def tenbin(row: Row, directory: Path) -> list[str]:
    """What the reader finds wrong with a line."""
    reading, scope = Reading(directory, {"HOME": "/"}, (2, 6)), Scope("f", "frontend", Mode.HTTP)
    if row.section == "backend":
        scope = Scope("b", "backend", Mode.HTTP)
    reading.backends = {"b": Scope("b", "backend"), "t": Scope("t", "backend")}
    reading.frontends, reading.servers = {"f": scope}, {"b": {"s1"}}
    table = phrases.stick_table(reading, scope, "t", _TABLE)
    assert table
    reading.tables = dict.fromkeys(("f", "b", "t"), table)
    phrases.acl(reading, scope, split("known path /x", "x", 1, {}).words)
    try:
        words = split(row.text, "x", 1, {}).words
    except LexicalError as error:
        return [error.message]
    two = " ".join(word.text for word in words[:2])
    directive = words[0].text
    if two in _PHASES:
        phrases.rule(reading, scope, _PHASES[two], words[2:])
    elif directive in _PHASES:
        phrases.rule(reading, scope, _PHASES[directive], words[1:])
    else:
        _other(reading, scope, directive, words)
    phrases.unresolved(reading)
    return [problem.message for problem in reading.problems if problem.severity == "error"]


def _other(reading: Reading, scope: Scope, directive: str, words: tuple[Word, ...]) -> None:
    """A directive whose words are all one phrase."""
    if len(words) < 2:
        reading.error(words[0], "nothing follows")
        return
    rest = words[1:]
    match directive:
        case "acl":
            phrases.acl(reading, scope, rest)
        case "use_backend":
            phrases.use_backend(reading, scope, rest)
        case "redirect":
            phrases.redirect(reading, scope, rest)
        case "stick-table":
            phrases.stick_table(reading, scope, scope.name, rest)
        case "stick":
            phrases.stick_rule(reading, scope, rest)
        case "use-server":
            phrases.use_server(reading, scope, rest)
        case _:
            phrases.persist(reading, scope, rest, force=directive == "force-persist")
