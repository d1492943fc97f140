"""The proxies as HAProxy counts them: a `listen` section is one of them, a frontend and a backend of one name.

Owns their order and numbers. A configuration that is not in HAProxy's language has its frontends first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.model import Proxy
from tenbin.plan.fullness import full_connections

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenbin.api.haproxy.port import Sight
    from tenbin.model import Backend, Config, Frontend
    from tenbin.observe.status import BackendStatus, FrontendStatus

VERSION = (3, 2)
"""Of HAProxy, whose formats are used where the configuration names none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A proxy; `full_connections` is HAProxy's `fullconn`."""

    name: str
    number: int
    mode: str
    description: str
    frontend: Frontend | None
    backend: Backend | None
    frontend_status: FrontendStatus | None
    backend_status: BackendStatus | None
    full_connections: int


def version_of(config: Config) -> tuple[int, int]:
    """Return the version of HAProxy whose formats are used."""
    return config.compat.version if config.compat is not None else VERSION


def proxies_of(config: Config) -> tuple[Proxy, ...]:
    """Return the sections, numbered; a frontend and a backend of one name stand for one `listen`."""
    if config.compat is not None and config.compat.proxies:
        return tuple(proxy for proxy in config.compat.proxies if not proxy.disabled)
    return tuple(_numbered(config))


def roster(sight: Sight) -> tuple[Entry, ...]:
    """Return the proxies in order."""
    config, status = sight.config, sight.status
    frontends = {frontend.name: frontend for frontend in config.frontends}
    backends = {backend.name: backend for backend in config.backends}
    of_frontends = {one.name: one for one in status.frontends}
    of_backends = {one.name: one for one in status.backends}
    limits = full_connections(config)
    return tuple(
        Entry(
            name=proxy.name,
            number=proxy.number,
            mode=proxy.mode,
            description=proxy.description,
            frontend=frontends.get(proxy.name) if proxy.has_frontend else None,
            backend=backends.get(proxy.name) if proxy.has_backend else None,
            frontend_status=of_frontends.get(proxy.name),
            backend_status=of_backends.get(proxy.name),
            full_connections=limits.get(proxy.name, 1),
        )
        for proxy in proxies_of(config)
    )


def backend_ids(config: Config) -> Mapping[str, int]:
    """Return the numbers of the proxies that have servers."""
    return {proxy.name: proxy.number for proxy in proxies_of(config) if proxy.has_backend}


def _numbered(config: Config) -> Iterator[Proxy]:
    backends = {backend.name for backend in config.backends}
    frontends = {frontend.name for frontend in config.frontends}
    number = 2
    for frontend in config.frontends:
        yield Proxy(frontend.name, frontend.number or number, True, frontend.name in backends, str(frontend.mode))
        number += 1
    for backend in config.backends:
        if backend.name not in frontends:
            yield Proxy(backend.name, backend.number or number, False, True, str(backend.mode))
            number += 1
