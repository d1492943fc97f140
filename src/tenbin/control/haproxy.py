"""What HAProxy's lines about servers say and the journal's own do not need: standings, results, what is left.

Owns these fields of sentences, for configurations in HAProxy's language only; `tenbin.observe.haproxy` words them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.health.result import CheckStatus
from tenbin.model import Admin, Health
from tenbin.observe import sentences
from tenbin.state.overlay import wanted_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.control.serving import Serving
    from tenbin.health import CheckResult
    from tenbin.health.target import CheckView
    from tenbin.model import Config, Proxy, ServerId
    from tenbin.observe.sentences import Field, Sentence
    from tenbin.plan import wire
    from tenbin.state import ServerOverlay, Store


class HaproxyWords:
    """Adds to sentences."""

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store = store
        self._serving = serving
        self.stats: Callable[[], wire.Stats | None] = lambda: None
        """What the data plane counted last."""
        self._proxies: dict[str, Proxy] = {}
        self._last: dict[tuple[ServerId, str], tuple[str, int]] = {}

    def follow(self, config: Config) -> None:
        """Take what this configuration wants told."""
        proxies = config.compat.proxies if config.compat is not None else ()
        self._proxies = {proxy.name: proxy for proxy in proxies if proxy.has_backend}

    def speaks(self, backend: str) -> bool:
        """Whether a backend is one of HAProxy's language."""
        return backend in self._proxies

    def checked(self, server: ServerId, result: CheckResult, view: CheckView, asked: str) -> Sentence | None:
        """Tell of a check, if that is wanted and it changed anything; `asked`: Health, or Agent."""
        proxy = self._proxies.get(server.backend)
        if proxy is None or not proxy.log_checks:
            return None
        key = (server, asked)
        before, self._last[key] = self._last.get(key), (result.status, view.value)
        if before == self._last[key]:
            return None
        fields: tuple[tuple[str, Field], ...] = (
            ("asked", asked),
            ("backup", self._store.server(server).backup),
            ("passed", result.status.passed),
            ("level", view.value),
            ("rise", view.rise),
            ("fall", view.fall),
            *_found(result),
        )
        return sentences.server_checked(server, result.status, fields)

    def met(self, sentence: Sentence, server: ServerId, before: ServerOverlay, found: CheckResult | None) -> Sentence:
        """Add to a change of health what is left of a backend, and what was found; without that it was an operator.

        HAProxy takes a server for up until a check says otherwise, and for up again from its first moment; it says
        nothing of one in maintenance.
        """
        proxy, after = self._proxies.get(server.backend), self._store.state.overlay.of(server)
        same = _standing(before) == _standing(after)
        if proxy is None or same or wanted_of(self._store.server(server), after) is Admin.MAINT:
            return sentence
        fields: tuple[tuple[str, Field], ...] = (
            ("by_hand", found is None),
            ("told_before", proxy.log_checks),
            *(_found(found) if found is not None else ()),
        )
        return replace(sentence, fields=(*sentence.fields, *self._facts(server, before, after), *fields))

    def wanted(self, sentence: Sentence, server: ServerId, before: ServerOverlay) -> Sentence:
        """Add to what somebody wants of a server what is left of its backend."""
        if server.backend not in self._proxies:
            return sentence
        facts = self._facts(server, before, self._store.state.overlay.of(server))
        return replace(sentence, fields=(*sentence.fields, *facts))

    def _facts(self, server: ServerId, before: ServerOverlay, after: ServerOverlay) -> tuple[tuple[str, Field], ...]:
        configured = self._store.server(server)
        backend = next((one for one in self._store.state.config.backends if one.name == server.backend), None)
        backups = {one.name for one in backend.servers if one.backup} if backend is not None else set()
        usable = self._serving.usable(server.backend)
        sessions, queue = self._at_work(server)
        return (
            ("backup", configured.backup),
            ("leader", str(configured.track or "")),
            ("active", len(usable - backups)),
            ("backups", len(usable & backups)),
            ("sessions", sessions),
            ("queue", queue),
            ("own_before", before.admin or configured.admin),
            ("own", after.admin or configured.admin),
            ("led_before", before.led),
            ("led", after.led),
            ("down_before", before.health is Health.DOWN),
            ("down", after.health is Health.DOWN),
            ("stopping_before", before.stopping),
        )

    def with_kind(self, sentence: Sentence, backend: str) -> Sentence:
        """Add what kind of section a backend is."""
        proxy = self._proxies.get(backend)
        if proxy is None:
            return sentence
        return replace(sentence, fields=(*sentence.fields, ("kind", "proxy" if proxy.has_frontend else "backend")))

    def _at_work(self, server: ServerId) -> tuple[int, int]:
        stats = self.stats()
        for backend in stats.backends if stats is not None else ():
            if backend.name == server.backend:
                queue = backend.queue
                return next((one.current for one in backend.servers if one.name == server.server), 0), queue
        return 0, 0


def _standing(entry: ServerOverlay) -> tuple[bool, bool]:
    return entry.health is Health.DOWN, entry.stopping


def suspicion(event: wire.SuspectEvent) -> str:
    """Return what requests have met, as the last word of a check."""
    return f"Detected {event.errors} consecutive errors, last one was: {_MET[event.last]}"


def stopped(config: Config, stats: wire.Stats | None, name: str = "") -> Iterator[Sentence]:
    """Tell of each section, or of the one with a name, that it accepts no more, and what it had."""
    fronts = {one.name: one.total for one in stats.frontends} if stats is not None else {}
    backs = {one.name: one.total for one in stats.backends} if stats is not None else {}
    for proxy in config.compat.proxies if config.compat is not None else ():
        if name not in ("", proxy.name):
            continue
        connections = fronts.get(proxy.name, 0) if proxy.has_frontend else 0
        sessions = backs.get(proxy.name, 0) if proxy.has_backend else 0
        yield sentences.proxy_stopped(proxy.name, connections, sessions)


def _found(result: CheckResult) -> tuple[tuple[str, Field], ...]:
    # HAProxy says nothing beyond the reason where a check of layer 4 passed.
    quiet = result.status.passed and result.status.startswith("L4") and result.text != "(tcp-check)"
    info = "" if quiet else result.text
    return (
        ("check", result.status.text),
        ("code", result.code or 0 if result.status in _WITH_CODES else ""),
        # What an agent said is told as it is.
        ("info", info if info.startswith("via agent : ") else info[:1].upper() + info[1:]),
        ("duration_ms", int(result.duration * 1000) if result.status is not CheckStatus.HANA else -1),
    )


_WITH_CODES = {
    CheckStatus.L7OK,
    CheckStatus.L7OKC,
    CheckStatus.L7STS,
    CheckStatus.PROCERR,
    CheckStatus.PROCTOUT,
    CheckStatus.PROCOK,
}
_MET = {
    "unreachable": "L4 unsuccessful connection",
    "wrong_status": "Wrong http response",
    "bad_head": "Invalid http response (headers)",
    "reset": "Read error (http)",
    "closed": "Close from server (http)",
    "late": "Read timeout (http)",
}
