"""Telling servers who the client is: `option forwardfor`, `originalto` and `forwarded`.

Owns how they are read. The rules that they become are made by `build.around`, behind all rules of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import Arguments
from tenbin.configfile.haproxy.draft import ForwardDraft, ForwardedDraft

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line

_OWN = {
    "host": "req.hdr(host)",
    "by": "dst",
    "by_port": "dst_port",
    "for": "src",
    "for_port": "src_port",
}
"""The parts of `option forwarded`, and the samples that they are made of where no other is named."""


def _forwardfor(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    draft.forward = _forward(reading, line, ForwardDraft("x-forwarded-for"), if_none=True)


def _originalto(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    draft.original = _forward(reading, line, ForwardDraft("x-original-to"), if_none=False)


def _forward(reading: Reading, line: Line, made: ForwardDraft, *, if_none: bool) -> ForwardDraft:
    arguments = Arguments(reading, line, 2)
    while arguments:
        word = arguments.text()
        if word == "except":
            made.except_for = arguments.text()
        elif word == "header":
            made.header = arguments.text()
        elif word == "if-none" and if_none:
            made.if_none = True
        else:
            message = f"'{line.words[1].text}' only supports 'except', 'header'{' and if-none' if if_none else ''}"
            reading.error(arguments.last, f"{message}, not '{word}'.")
    return made


def _forwarded(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """Without an argument it tells `proto` and `for`."""
    arguments = Arguments(reading, line, 2)
    parts = {} if arguments else {"for": _OWN["for"]}
    made = ForwardedDraft(line, proto=not arguments)
    while arguments:
        word = arguments.text()
        part = word.removesuffix("-expr")
        if word == "proto":
            made.proto = True
        elif part in _OWN:
            parts[part] = arguments.text() if part != word else _OWN[part]
        else:
            known = ", ".join(f"'{name}', '{name}-expr'" for name in _OWN)
            reading.error(arguments.last, f"'option forwarded' only supports 'proto', {known}, not '{word}'.")
    for name in ("by", "for"):
        if f"{name}_port" in parts and name not in parts:
            message = f"'option forwarded' : '{name}_port' is ignored because '{name}' and '{name}-expr' are unset."
            reading.warning(line, message)
    made.host = parts.get("host", "")
    made.by, made.by_port = parts.get("by", ""), parts.get("by_port", "")
    made.of, made.of_port = parts.get("for", ""), parts.get("for_port", "")
    draft.forwarded = made


def _no_forwarded(draft: ProxyDraft) -> None:
    draft.forwarded = None


OPTIONS: dict[str, Callable[[Reading, ProxyDraft, Line], None]] = {
    "forwardfor": _forwardfor,
    "originalto": _originalto,
    "forwarded": _forwarded,
}
NEGATED: dict[str, Callable[[ProxyDraft], None]] = {"forwarded": _no_forwarded}
