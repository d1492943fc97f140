"""The demo application's sessions: one table in memory, bounded, the longest unused forgotten first.

Each server keeps its own, on purpose: a client that lands on another server sees its session gone, which is how
the demo shows what sticky sessions are for.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

COOKIE = "demo_session"


@dataclass(slots=True)
class Session:
    """What a server knows of one visitor; `created` is ISO 8601 in UTC."""

    id: str
    created: str
    visits: int = 0
    client: object = None


class Sessions:
    """At most `size` sessions of the server `name`."""

    def __init__(self, name: str, size: int = 10_000) -> None:
        self._name = name
        self._size = size
        self._table: OrderedDict[str, Session] = OrderedDict()

    def visit(self, wanted: str, now: str) -> Session:
        """Return the session with this id ("" or an unknown one: a new one) and count the visit.

        An unknown id is taken over, so that a visitor keeps its name when a server starts anew.
        """
        key = wanted or f"{self._name}-{secrets.token_hex(8)}"
        session = self._table.pop(key, None) or Session(key, now)
        self._table[key] = session
        session.visits += 1
        while len(self._table) > self._size:
            self._table.popitem(last=False)
        return session

    def __len__(self) -> int:
        return len(self._table)


def session_id(cookies: str, header: str) -> str:
    """Return the id that a request names: its X-Session-Id header, else its cookie, else ""."""
    if _plain(header):
        return header
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE and _plain(value):
            return value
    return ""


def _plain(text: str) -> bool:
    return 0 < len(text) <= 128 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()
