"""The application behind the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from tenbin.api.operations import Operations
    from tenbin.observe.journal import Journal


def make_app(operations: Operations, *, token: str, trusted: bool, host: str, journal: Journal | None) -> FastAPI:
    """Make the application for one address."""
    raise NotImplementedError
