"""What was changed of the configuration at run time, beside what the overlay holds of each server.

Owns the changes in their order, so that they can be made again on a configuration with renewed certificates, and the
frontends that do not listen. A reload of the file forgets them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.model import Certificate, Config, Frontend, Listener, Server


@dataclass(frozen=True, slots=True)
class Held:
    """A frontend that is not open: PAUSED or STOP."""

    state: str


class Amendments:
    """Changes on top of a file; `apply` puts a configuration in force."""

    def __init__(self, base: Config, apply: Callable[[Config], Awaitable[None]]) -> None:
        self.base = base
        self._apply = apply
        self._changes: list[Callable[[Config], Config]] = []
        self.frontends: dict[str, Held] = {}
        self.vault = Vault()

    def begin(self, base: Config, *, forget: bool) -> None:
        """Stand on another configuration; `forget`: it is a reload, which ends what was changed."""
        self.base = base
        if forget:
            self._changes.clear()
            self.frontends.clear()
            self.vault.forget()

    def on(self, config: Config) -> Config:
        """Return a configuration with all changes made on it."""
        for change in self._changes:
            config = change(config)
        closed = set(self.frontends)
        if not closed:
            return config
        frontends = (replace(one, listeners=()) if one.name in closed else one for one in config.frontends)
        return replace(config, frontends=tuple(frontends))

    async def add(self, change: Callable[[Config], Config]) -> None:
        """Make one more change; when it cannot be, nothing has changed."""
        self._changes.append(change)
        try:
            await self._apply(self.on(self.base))
        except BaseException:
            self._changes.remove(change)
            raise

    async def hold(self, name: str, state: str) -> None:
        """Let a frontend listen (OPEN) or not (PAUSED, STOP)."""
        before = dict(self.frontends)
        self.frontends.pop(name, None)
        if state != "OPEN":
            self.frontends[name] = Held(state)
        try:
            await self._apply(self.on(self.base))
        except BaseException:
            self.frontends = before
            raise


def with_certificate(config: Config, changed: Certificate) -> Config:
    """Return a configuration with the texts of a certificate wherever its file is named."""

    def one(before: Certificate) -> Certificate:
        if before.certificate != changed.certificate:
            return before
        return replace(
            before,
            ocsp=changed.ocsp,
            staple=changed.staple,
            chain_text=changed.chain_text,
            key_text=changed.key_text,
        )

    def listener(before: Listener) -> Listener:
        if before.tls is None:
            return before
        return replace(before, tls=replace(before.tls, certificates=tuple(map(one, before.tls.certificates))))

    def server(before: Server) -> Server:
        tls = before.tls
        if tls is None or tls.certificate is None:
            return before
        return replace(before, tls=replace(tls, certificate=one(tls.certificate)))

    def frontend(before: Frontend) -> Frontend:
        return replace(before, listeners=tuple(map(listener, before.listeners)))

    backends = (replace(backend, servers=tuple(map(server, backend.servers))) for backend in config.backends)
    return replace(config, frontends=tuple(map(frontend, config.frontends)), backends=tuple(backends))
