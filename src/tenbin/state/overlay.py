"""The overlay: runtime changes and findings per server, laid over the configuration.

Pure values and transitions; `tenbin.state.store` is the only writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from tenbin.model import Address, Admin, Health, ServerId


@dataclass(frozen=True, slots=True)
class ServerOverlay:
    """`weight` and `admin` None: as the file says. `address`: the resolved literal, None: not resolved yet.

    `since` is the monotonic second of the last change of health, `reason` the sentence that came with it.
    """

    weight: int | None = None
    admin: Admin | None = None
    health: Health = Health.UNKNOWN
    reason: str = ""
    since: float = 0.0
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """All servers' overlays; a server that is not in it has the default one."""

    servers: Mapping[ServerId, ServerOverlay] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, server: ServerId) -> ServerOverlay:
        """Return the overlay of one server."""
        return self.servers.get(server, ServerOverlay())

    def changed(self, server: ServerId, **fields: object) -> Overlay:
        """Return an overlay in which these fields of one server differ."""
        entry = replace(self.of(server), **fields)  # type: ignore[arg-type]
        return Overlay(MappingProxyType({**self.servers, server: entry}))
