"""Texts of a script's steps that name variables and parts of the answer: `%[var(check.name)]`, `%[res.hdr(x-why)]`.

Owns what the sources of `tenbin.model.check.CHECK_SOURCES` are worth; anything else is the empty text, as a value that
is absent is.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.health.probe.script_expect import Heard

_HOLE = re.compile(r"%\[([^\]]*)\]|%%")
_CALL = re.compile(r"([a-z_.]+)(?:\(([^)]*)\))?\Z")
_CONSTANTS = frozenset({"str", "int", "bool", "bin"})


def value(expression: str, variables: dict[str, str], heard: Heard) -> str:
    """Evaluate one expression."""
    found = _CALL.match(expression.strip())
    name, argument = (found[1], found[2] or "") if found else ("", "")
    if name in _CONSTANTS:
        return bytes.fromhex(argument).decode("latin-1") if name == "bin" else argument.strip("'\"")
    if name == "var":
        return variables.get(argument, "")
    if name == "env":
        return os.environ.get(argument, "")
    if name == "hostname":
        return os.uname().nodename
    return _of_answer(name, argument, heard)


def filled(text: str, variables: dict[str, str], heard: Heard) -> str:
    """Return a log format with its holes filled."""
    return _HOLE.sub(lambda found: "%" if found[1] is None else value(found[1], variables, heard), text)


def _of_answer(name: str, argument: str, heard: Heard) -> str:
    if name in {"res.hdr", "res.fhdr"}:
        values = heard.values(argument.partition(",")[0])
        if name == "res.hdr":
            values = [part.strip() for one in values for part in one.split(",")]
        return values[-1] if values else ""
    if name == "status":
        return "" if heard.status is None else str(heard.status)
    if name == "res.body" and heard.answer is not None:
        return heard.answer.body.decode("latin-1")
    if name == "res.ver":
        return bytes(heard.data[5:8]).decode("latin-1")
    if name == "check.payload":
        start, _, size = argument.partition(",")
        data = bytes(heard.data)[int(start or 0) :]
        return (data[: int(size)] if size.strip("0") else data).decode("latin-1")
    return ""
