"""Warnings about a configuration as a whole, as HAProxy gives them when it has read everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import Inherited, UnixAddress

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.model import Config

_TIMEOUTS = (("client", "frontend"), ("connect", "backend"), ("server", "backend"))


def doubts(reading: Reading, drafts: list[ProxyDraft], config: Config) -> None:
    """Tell what hardly means what it says."""
    for draft in drafts:
        if not draft.disabled:
            _no_timeouts(reading, draft)
            _modes(reading, draft, drafts)
    if not any(frontend.listeners for frontend in config.frontends) and drafts and not reading.failed:
        _no_listener(reading, drafts[0])
    _twice(reading, config)


def _no_timeouts(reading: Reading, draft: ProxyDraft) -> None:
    """Without timeouts a proxy keeps connections of those who are long gone."""
    missing = []
    for name, side in _TIMEOUTS:
        counts = bool(draft.binds) if side == "frontend" else draft.is_backend and bool(draft.servers)
        if counts and not draft.timeouts.get(name):
            missing.append(name)
    if missing:
        message = f"missing timeouts for {draft.kind} '{draft.name}'."
        names = " and ".join(f"`timeout {one}`" for one in missing)
        reading.warning(draft.head, message, f"connections of those who are gone are kept: set {names}")


def _modes(reading: Reading, draft: ProxyDraft, drafts: list[ProxyDraft]) -> None:
    """A frontend of requests cannot send them to a backend of connections."""
    word = draft.default_backend
    if word is None:
        return
    target = next((one for one in drafts if one.name == word.text and one.is_backend), None)
    if target is not None and target.mode != draft.mode and not (draft.mode == "tcp" and target.mode == "http"):
        message = (
            f"{draft.mode} {draft.kind} '{draft.name}' ({draft.head.file}:{draft.head.number}) tries to use "
            f"incompatible {target.mode} {target.kind} '{target.name}' ({target.head.file}:{target.head.number}) "
            "as its default backend (see 'mode')."
        )
        reading.error(word, message)


def _no_listener(reading: Reading, draft: ProxyDraft) -> None:
    message = "no <listener> can be started: nothing is listened on"
    reading.warning(draft.head, message, "an address stands in a `bind` line")


def _twice(reading: Reading, config: Config) -> None:
    """Two listeners of one address would share its connections."""
    seen: dict[str, str] = {}
    for frontend in config.frontends:
        for listener in frontend.listeners:
            if isinstance(listener.address, UnixAddress | Inherited):
                continue
            before = seen.setdefault(str(listener.address), listener.position)
            if before != listener.position:
                file, line, _ = listener.position.rsplit(":", 2)
                place = reading.line_at(file, int(line))
                message = f"{listener.address} is listened on twice"
                reading.error(place, message, f"the first time is at {before}")
