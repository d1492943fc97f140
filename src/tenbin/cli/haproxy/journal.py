"""The journal in HAProxy's shape: on stderr, what an operator of HAProxy would read there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tenbin.cli.haproxy.words import Words, told
from tenbin.observe.journal import Journal

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from tenbin.clock import Clock


def quiet_journal(clock: Clock, words: Words) -> Journal:
    """A journal that says warnings and errors, and keeps everything for the API."""

    def render(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
        level = str(event["level"])
        if level == "info" and event.get("event") != "server_health":
            return ""
        return words.line("warning" if level == "info" else level, told(event))

    return Journal(clock, sys.stderr, render=render)
