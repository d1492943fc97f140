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

    from tenbin.observe.journal import Journal

__all__ = ["AdminServer", "Limits", "Operations", "ReloadReport", "create_app"]


def create_app(
    operations: Operations, *, token: str, trusted: bool, host: str = "", journal: Journal | None = None
) -> FastAPI:
    """Make the application for one address.

    `trusted`: the unix socket, where file permissions decide and writes need no token. Otherwise writes need
    `token` ("": none are allowed), and requests must name `host`, a loopback name or the address they came in on.
    `journal` feeds /api/v1/events.
    """
    from tenbin.api.app import make_app
    from tenbin.api.guard import Access

    access = Access(token=token, trusted=trusted, host=host, body_time=Limits().body_time)
    return make_app(operations, access=access, journal=journal)
