"""What a check found: status codes, results, and the value a user's Python check returns.

Owns the closed list of statuses and the bounding of texts that come from servers and programs. Does not know how a
check is made nor what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from tenbin.model import Admin

TEXT_LIMIT = 200


class CheckStatus(StrEnum):
    """HAProxy's names for what a check found (its management manual, section 9.1, `check_status`)."""

    UNK = "UNK"
    INI = "INI"
    CHECKED = "CHECKED"
    HANA = "HANA"
    SOCKERR = "SOCKERR"
    L4OK = "L4OK"
    L4TOUT = "L4TOUT"
    L4CON = "L4CON"
    L6OK = "L6OK"
    L6TOUT = "L6TOUT"
    L6RSP = "L6RSP"
    L7OK = "L7OK"
    L7OKC = "L7OKC"
    L7TOUT = "L7TOUT"
    L7RSP = "L7RSP"
    L7STS = "L7STS"
    PROCOK = "PROCOK"
    PROCERR = "PROCERR"
    PROCTOUT = "PROCTOUT"

    @property
    def passed(self) -> bool:
        """Whether the server is fit for work by this check."""
        return self in _PASSED

    @property
    def conclusive(self) -> bool:
        """Whether the check says anything of the server at all.

        SOCKERR does not: this machine ran out of descriptors, memory or ports, and that must not take servers down.
        """
        return self not in _SILENT

    @property
    def text(self) -> str:
        """HAProxy's long name, for people and for the CSV column `check_desc`."""
        return _TEXTS[self]


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent wants beside up and down; None and "" where it said nothing.

    `percent` is of the configured weight.
    """

    admin: Admin | None = None
    percent: int | None = None
    max_connections: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe saw: `code` is an HTTP status or an exit code, `text` the reason, bounded and printable.

    `said` is what an agent wants.
    """

    status: CheckStatus
    code: int | None = None
    text: str = ""
    said: Said | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One finished check: an outcome, how many seconds it took, and when it ended (UTC)."""

    status: CheckStatus
    code: int | None
    duration: float
    text: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.status} {self.text}".rstrip()


@dataclass(frozen=True, slots=True)
class Result:
    """What a Python check returns: made by `Result.passed()` or `Result.failed()`."""

    status: CheckStatus
    text: str = ""
    code: int | None = None

    @classmethod
    def passed(cls, text: str = "", *, status: CheckStatus = CheckStatus.PROCOK, code: int | None = None) -> Result:
        """The server is fit; raises ValueError for a status that does not pass."""
        if not status.passed:
            raise ValueError(f"{status} is not a status of a passed check")
        return cls(status, text, code)

    @classmethod
    def failed(cls, text: str, *, status: CheckStatus = CheckStatus.PROCERR, code: int | None = None) -> Result:
        """The server is not fit, for this reason; raises ValueError for a status that passes."""
        if status.passed:
            raise ValueError(f"{status} is not a status of a failed check")
        return cls(status, text, code)


def printable(text: str) -> str:
    """Return the text as one line of at most 200 printable characters; others are written as escapes."""
    line = text[: 2 * TEXT_LIMIT].strip()
    if not line.isprintable():
        line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 3] + "..."


_PASSED = frozenset(
    {CheckStatus.L4OK, CheckStatus.L6OK, CheckStatus.L7OK, CheckStatus.L7OKC, CheckStatus.PROCOK},
)
_SILENT = frozenset({CheckStatus.UNK, CheckStatus.INI, CheckStatus.CHECKED, CheckStatus.SOCKERR})
_TEXTS = {
    CheckStatus.UNK: "Unknown",
    CheckStatus.INI: "Initializing",
    CheckStatus.CHECKED: "No status change",
    CheckStatus.HANA: "Health analyze",
    CheckStatus.SOCKERR: "Socket error",
    CheckStatus.L4OK: "Layer4 check passed",
    CheckStatus.L4TOUT: "Layer4 timeout",
    CheckStatus.L4CON: "Layer4 connection problem",
    CheckStatus.L6OK: "Layer6 check passed",
    CheckStatus.L6TOUT: "Layer6 timeout",
    CheckStatus.L6RSP: "Layer6 invalid response",
    CheckStatus.L7OK: "Layer7 check passed",
    CheckStatus.L7OKC: "Layer7 check conditionally passed",
    CheckStatus.L7TOUT: "Layer7 timeout",
    CheckStatus.L7RSP: "Layer7 invalid response",
    CheckStatus.L7STS: "Layer7 wrong status",
    CheckStatus.PROCOK: "External check passed",
    CheckStatus.PROCERR: "External check error",
    CheckStatus.PROCTOUT: "External check timeout",
}
