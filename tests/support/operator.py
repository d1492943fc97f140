"""What an operator does, over the admin API: quicker than a command a step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tenbin.testing import fetch

if TYPE_CHECKING:
    from tenbin.testing import Response, Tenbin

TOKEN = "a-token-of-more-than-16"  # noqa: S105 - for one test on this machine
ADMIN = {"address": "{admin}", "token": TOKEN}
"""The setting `admin` with which the functions here work."""


def change(tenbin: Tenbin, server: str, **values: object) -> None:
    """Set `weight` or `admin` of the server `backend/server`; it holds when this returns."""
    answer = _send(tenbin, "PATCH", f"/api/v1/servers/{server}", values)
    assert answer.status == 200, answer


def reload(tenbin: Tenbin, config: str) -> Response:
    """Write this configuration and reload it."""
    tenbin.write(config)
    return _send(tenbin, "POST", "/api/v1/reload", {})


def _send(tenbin: Tenbin, method: str, path: str, body: object) -> Response:
    headers = (("Content-Type", "application/json"), ("Authorization", f"Bearer {TOKEN}"))
    return fetch(tenbin.admin, path, *headers, method=method, body=json.dumps(body).encode())
