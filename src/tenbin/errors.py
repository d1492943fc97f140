"""The closed error catalogue: every error that Tenbin's control plane raises on purpose.

Owns the exception types and their exit codes; where an error stands in a configuration file is told by
`tenbin.configfile.diagnostics`.
"""

from __future__ import annotations


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
    """The configuration cannot be used; the message lists every problem with its position."""


class BindError(TenbinError):
    """A listener's address cannot be bound; names the address and the system's reason."""


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
