"""Certificates that were given over the runtime API and are not, or not yet, in force.

Owns the one transaction that there may be, and the certificates that no listener names. A reload forgets all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.model import Certificate, Config


@dataclass(slots=True)
class Vault:
    """`pending`: what was set and not committed; `unused`: what was made new, by its name."""

    pending: Certificate | None = None
    unused: dict[str, Certificate] = field(default_factory=dict)

    def forget(self) -> None:
        """Have nothing."""
        self.pending = None
        self.unused.clear()


def in_force(config: Config) -> Iterator[Certificate]:
    """Every use of a certificate: on listeners, then towards servers."""
    for frontend in config.frontends:
        for listener in frontend.listeners:
            if listener.tls is not None:
                yield from listener.tls.certificates
    for backend in config.backends:
        for server in backend.servers:
            if server.tls is not None and server.tls.certificate is not None:
                yield server.tls.certificate
