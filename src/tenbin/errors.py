"""The closed error catalogue: every error that Tenbin's control plane raises on purpose.

Owns the exception types, their exit codes, and the value that says where in a configuration a problem stands; how
that is shown to a person is the matter of `tenbin.configfile.diagnostics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`error`: the configuration cannot be used; `warning`: it can, but hardly means what it says."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem of a configuration and where it stands.

    `line` and `column` count from 1 (0: the file as a whole); `width` is the length of the marked text in
    characters; `source` is the text of that line. `found`, `expected` and `hint` are "" where there is nothing to say.
    """

    severity: Severity
    file: str
    line: int
    column: int
    width: int
    message: str
    found: str = ""
    expected: str = ""
    hint: str = ""
    source: str = ""

    @property
    def position(self) -> str:
        """`file:line:column`, or the file alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class TenbinError(Exception):
    """Base of all errors that are reported to a person without a traceback.

    `hint` is one sentence on what to do next; `exit_code` is the process's exit status (1 config or
    runtime error, 2 usage).
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(TenbinError):
    """The configuration cannot be used; the message shows every problem with its position.

    `diagnostics` holds the same problems, warnings among them, one by one in the order of the file.
    """

    def __init__(self, message: str, *, hint: str = "", diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.diagnostics = diagnostics


@dataclass(frozen=True, slots=True)
class BindFailure:
    """One address that cannot be bound: where it stands, whose it is, and the system's reason."""

    position: str
    frontend: str
    address: str
    reason: str


class BindError(TenbinError):
    """A listener's address cannot be bound; names the address and the system's reason, each in `failures`."""

    def __init__(self, message: str, *, hint: str = "", failures: tuple[BindFailure, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.failures = failures


class DataplaneError(TenbinError):
    """The data plane cannot be started, reached, or answered with a protocol error."""


class SnapshotRejectedError(DataplaneError):
    """The data plane refused a snapshot as a whole; `path` is the offending place in it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"snapshot refused at {path}: {reason}")
        self.path = path
        self.reason = reason


class AlreadyRunningError(TenbinError):
    """Another control plane owns the runtime directory."""


class NotRunningError(TenbinError):
    """No control plane answers in the runtime directory."""


class UnknownObjectError(TenbinError):
    """A backend or server that is named does not exist."""
