"""The admin HTTP API: health and readiness, metrics, status, and runtime changes.

`create_app` makes the application, `AdminServer` serves it on a TCP address and on a unix socket. Importing this
package is cheap: the web framework is imported when the first application is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.operations import Operations, ReloadReport
from tenbin.api.server import AdminServer, Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tenbin.model import AdminEndpoint
    from tenbin.observe.journal import Journal

__all__ = ["AdminServer", "Limits", "Operations", "ReloadReport", "create_app"]


def create_app(operations: Operations, endpoint: AdminEndpoint | None, *, journal: Journal | None = None) -> FastAPI:
    """Make the application for one address; None: for the unix socket, where file permissions decide.

    Otherwise writes need the endpoint's token ("": none are allowed), and requests must name its host, one of its
    `hosts`, a loopback name or the address they came in on. `journal` feeds /api/v1/events.
    """
    from tenbin.api.app import make_app
    from tenbin.api.server import access_to

    return make_app(operations, access=access_to(endpoint, Limits()), journal=journal)
