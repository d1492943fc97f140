"""At which load a backend counts as full: HAProxy's `fullconn`, said or reckoned.

Limits that move with the load (`minconn`) are whole from there on. See HAProxy's manual, `fullconn`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import ToBackend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.model import Config


def full_connections(config: Config) -> Mapping[str, int]:
    """Return by backend what was said, else a tenth of the connections that frontends which lead to it admit."""
    process = config.compat.maxconn if config.compat is not None else 0
    total: dict[str, int] = {}
    for frontend in config.frontends:
        limit = frontend.limits.connections or process or config.limits.connections
        targets = (route.action for route in frontend.routes)
        for name in {target.backend for target in targets if isinstance(target, ToBackend)}:
            total[name] = total.get(name, 0) + limit
    found = {}
    for backend in config.backends:
        asked = max((server.full_connections for server in backend.servers), default=0)
        found[backend.name] = asked or max((total.get(backend.name, 0) + 9) // 10, 1)
    return found
