"""Who may do what over TCP: the tokens and what they open. Pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

READS = frozenset({"GET", "HEAD", "OPTIONS"})
_ALWAYS_OPEN = frozenset({"/healthz", "/readyz"})
_NEVER_OPEN = frozenset({"/api/v1/snapshot"})
"""It holds what the file says about headers and answers, which may be more than names and figures."""


class Verdict(Enum):
    """What becomes of a request."""

    ALLOWED = auto()
    NO_TOKEN_SET = auto()
    TOKEN_MISSING = auto()
    TOKEN_WRONG = auto()
    TOKEN_ONLY_READS = auto()


@dataclass(frozen=True, slots=True)
class Tokens:
    """`full` opens everything, `read` all that changes nothing; "" is none, which opens nothing."""

    full: str = field(default="", repr=False)
    read: str = field(default="", repr=False)

    def open_to_all(self, method: str, path: str) -> bool:
        """Whether a request needs no token."""
        return method in READS and (path in _ALWAYS_OPEN or (not self.read and path not in _NEVER_OPEN))

    def judge(self, method: str, authorization: list[str]) -> Verdict:
        """Decide about a request that needs one."""
        reading = method in READS
        if not self.full and not (reading and self.read):
            return Verdict.NO_TOKEN_SET
        scheme, _, given = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            return Verdict.TOKEN_MISSING
        # Both are compared whatever the first says, so that the time it takes says nothing.
        full, read = _same(given, self.full), _same(given, self.read)
        if read and not full:
            return Verdict.ALLOWED if reading else Verdict.TOKEN_ONLY_READS
        return Verdict.ALLOWED if full else Verdict.TOKEN_WRONG


def _same(given: str, token: str) -> bool:
    """Compare in a time that depends on neither; nothing is the same as no token."""
    equal = hmac.compare_digest(sha256(given.encode()).digest(), sha256(token.encode()).digest())
    return equal and bool(token)
