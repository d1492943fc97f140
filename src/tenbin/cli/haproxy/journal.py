"""The journal in HAProxy's shape: on stderr, what an operator of HAProxy would read there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tenbin.observe.haproxy import told
from tenbin.observe.journal import Journal

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from tenbin.cli.haproxy.words import Words
    from tenbin.clock import Clock


def quiet_journal(clock: Clock, words: Words) -> Journal:
    """A journal that says warnings, errors and what HAProxy would say, and keeps everything for whoever asks."""

    def render(_logger: object, _name: str, event: MutableMapping[str, object]) -> str:
        level, name = str(event["level"]), str(event["event"])
        said = told(name, event)
        if said:
            return "\n".join(filter(None, (words.line(one.label, one.text) for one in said)))
        if name == "reloaded":
            return words.line("info", "Loading success.")
        if name == "reload_refused":
            failure = words.line("warning", "Loading failure! The old configuration serves on.")
            return f"{event.get('details', '')}\n{failure}"
        if name == "config_warnings":
            # Told at the start and with each reload in HAProxy's shape already.
            return str(event.get("details", "")) if "[WARNING]" in str(event.get("details", "")) else ""
        return "" if level == "info" else words.line(level, str(event["text"]))

    return Journal(clock, sys.stderr, render=render)
