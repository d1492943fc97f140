"""What HAProxy's lines about servers say and the journal's own do not need: standings, results, what is left.

Owns these fields of sentences, for configurations in HAProxy's language only; `tenbin.observe.haproxy` words them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.health.result import CheckStatus
from tenbin.model import Health
from tenbin.observe import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Set as AbstractSet

    from tenbin.health import Checker, CheckResult, HealthChange
    from tenbin.model import Config, Proxy, ServerId
    from tenbin.observe.sentences import Field, Sentence
    from tenbin.plan import wire
    from tenbin.state import Store


class HaproxyWords:
    """Adds to sentences."""

    def __init__(self, store: Store, checker: Checker) -> None:
        self._store = store
        self._checker = checker
        self.stats: Callable[[], wire.Stats | None] = lambda: None
        """What the data plane counted last."""
        self._proxies: dict[str, Proxy] = {}
        self._last: dict[ServerId, tuple[str, int]] = {}

    def follow(self, config: Config) -> None:
        """Take what this configuration wants told."""
        proxies = config.compat.proxies if config.compat is not None else ()
        self._proxies = {proxy.name: proxy for proxy in proxies if proxy.has_backend}

    def checked(self, server: ServerId, result: CheckResult) -> Sentence | None:
        """Tell of a check, if that is wanted and it changed anything."""
        proxy = self._proxies.get(server.backend)
        if proxy is None or not proxy.log_checks:
            return None
        view = self._checker.view(server)
        before, self._last[server] = self._last.get(server), (result.status, view.value)
        if before == self._last[server]:
            return None
        fields = (
            ("backup", self._store.server(server).backup),
            ("passed", result.status.passed),
            ("level", view.value),
            ("rise", view.rise),
            ("fall", view.fall),
            *_found(result),
        )
        return sentences.server_checked(server, result.status, fields)

    def with_standing(self, sentence: Sentence, change: HealthChange, usable: AbstractSet[str]) -> Sentence:
        """Add what is left of a backend whose server changed, and the check that changed it.

        HAProxy takes a server for up until a check says otherwise, and for up again from its first moment.
        """
        server = change.id
        proxy = self._proxies.get(server.backend)
        if proxy is None or (change.new is not Health.DOWN and change.old is not Health.DOWN):
            return sentence
        backend = next((one for one in self._store.state.config.backends if one.name == server.backend), None)
        backups = {one.name for one in backend.servers if one.backup} if backend is not None else set()
        followed = self._store.server(server).track
        results = self._checker.results(followed or server)
        sessions, queue = self._at_work(server)
        fields: tuple[tuple[str, Field], ...] = (
            ("backup", server.server in backups),
            ("active", len(usable - backups)),
            ("backups", len(usable & backups)),
            ("sessions", sessions),
            ("queue", queue),
            ("told_before", proxy.log_checks or not results),
            ("leader", str(followed) if followed is not None else ""),
            *(_found(results[0]) if results else ()),
        )
        return replace(sentence, fields=(*sentence.fields, *fields))

    def with_kind(self, sentence: Sentence, backend: str) -> Sentence:
        """Add what kind of section it is."""
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


def suspicion(event: wire.SuspectEvent) -> str:
    """Return what requests have met, as the last word of a check."""
    return f"Detected {event.errors} consecutive errors, last one was: {_MET[event.last]}"


def stopped(config: Config, stats: wire.Stats | None) -> Iterator[Sentence]:
    """Tell of each section that it accepts no more, and what it had."""
    fronts = {one.name: one.total for one in stats.frontends} if stats is not None else {}
    backs = {one.name: one.total for one in stats.backends} if stats is not None else {}
    for proxy in config.compat.proxies if config.compat is not None else ():
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
        ("info", info[:1].upper() + info[1:]),
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
