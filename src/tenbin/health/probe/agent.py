"""The agent probe: one line from a program beside the server, which knows better than a check how the server is.

Owns the words of that line and the texts in which its verdict is told, which are HAProxy's. What follows from the words
is decided elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.health.probe.asking import ask
from tenbin.health.result import CheckStatus, Outcome, Said, printable
from tenbin.model import Admin

if TYPE_CHECKING:
    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.target import Target
    from tenbin.model import AgentCheck

_LIMIT = 16_384


async def probe(dialer: Dialer, target: Target, check: AgentCheck) -> Outcome:
    """Ask: L7OK, L7STS, CHECKED, L7RSP, L7TOUT, or what hindered the connection."""

    async def judged(channel: Channel) -> Outcome:
        if check.send:
            await channel.send(check.send.encode())
        data = b""
        while b"\n" not in data and b"\r" not in data and len(data) < _LIMIT:
            more = await channel.receive()
            if not more:
                return Outcome(CheckStatus.CHECKED, None, _CUT) if data else Outcome(CheckStatus.L7RSP, None, _EMPTY)
            data += more
        return verdict(re.split(rb"[\r\n]", data, maxsplit=1)[0].decode(errors="replace"))

    outcome = await ask(dialer, target, (), judged)
    if outcome.status is CheckStatus.L7TOUT:
        return replace(outcome, text="")
    return replace(outcome, text=outcome.text[:1].upper() + outcome.text[1:]) if outcome.said is None else outcome


def verdict(line: str) -> Outcome:
    """Judge a line: of several words of a kind the last one counts, what stands behind a word's `#` is for people."""
    words, _, description = _REMARK.sub("\n", line, count=1).partition("\n")
    health, strange = "", ""
    said = Said()
    warning = ""
    for word in re.findall(r"[^ \t,]+", words):
        lower = word.lower()
        if lower in _HEALTH:
            health = word
        elif lower in _ADMIN:
            said = replace(said, admin=_ADMIN[lower])
        elif found := _WEIGHT.fullmatch(word):
            said = replace(said, percent=int(found[1]))
        elif lower.startswith("maxconn:"):
            limit = word[len("maxconn:") :]
            if limit.isascii() and limit.isdigit():
                said = replace(said, max_connections=int(limit))
            else:
                warning = "maxconn string empty or preceded by garbage"
        else:
            strange = strange or word
    return _told(health, description.strip(), (strange, warning), said)


def _told(health: str, description: str, doubts: tuple[str, str], said: Said) -> Outcome:
    strange, warning = doubts
    if health:
        passed = health.lower() == "up"
        note = (strange or warning or description) if passed or not description else description
        text = f"via agent : {health}{f' ({note})' if note else ''}"
        return Outcome(CheckStatus.L7OK if passed else CheckStatus.L7STS, 0, printable(text), said)
    if strange:
        return Outcome(CheckStatus.CHECKED, None, printable(f"agent reports an error : {strange}"), said)
    return Outcome(CheckStatus.CHECKED, None, printable(f"agent warns : {warning}") if warning else "", said)


_HEALTH = frozenset({"up", "down", "stopped", "fail"})
_ADMIN = {"ready": Admin.READY, "drain": Admin.DRAIN, "maint": Admin.MAINT}
_REMARK = re.compile(r"(?:(?<=[ \t,])|\A)#")
_WEIGHT = re.compile(r"([0-9]{1,9})%")
_CUT = "Ignoring incomplete line from agent"
_EMPTY = "TCPCHK got an empty response at step 2"
