"""What was changed of the configuration at run time, beside what the overlay holds of each server.

Owns the changes in their order, so that they can be made again on a configuration with renewed certificates, and the
frontends that do not listen. A reload of the file forgets them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.model import Config


@dataclass(frozen=True, slots=True)
class Held:
    """A frontend that is not open: PAUSED or STOP."""

    state: str


class Amendments:
    """Changes on top of a file; `apply` puts a configuration in force."""

    def __init__(self, base: Config, apply: Callable[[Config], Awaitable[None]]) -> None:
        self._base = base
        self._apply = apply
        self._changes: list[Callable[[Config], Config]] = []
        self.frontends: dict[str, Held] = {}
        self.rates: dict[str, int] = {}

    def begin(self, base: Config, *, forget: bool) -> None:
        """Stand on another configuration; `forget`: it is a reload, which ends what was changed."""
        self._base = base
        if forget:
            self._changes.clear()
            self.frontends.clear()
            self.rates.clear()

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
            await self._apply(self.on(self._base))
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
            await self._apply(self.on(self._base))
        except BaseException:
            self.frontends = before
            raise
