"""Where the configuration comes from: a file, or what the command line said.

Owns reading it again and knowing when the file changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tenbin import configfile
from tenbin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tenbin.model import Config, Identity


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what is doubtful in it (rendered, "" for nothing)."""

    config: Config
    warnings: str = ""


class Source(Protocol):
    """What a configuration is read from."""

    def load(self) -> Loaded:
        """Read it now; raises `ConfigError`."""

    def changes(self) -> AsyncIterator[None]:
        """Yield whenever it may have changed."""


class FileSource:
    """A configuration file."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._shown = path

    def load(self) -> Loaded:
        """Read the file."""
        outcome = configfile.examine(self._shown, environment=os.environ)
        if outcome.config is None:
            raise ConfigError(configfile.render(outcome.diagnostics), diagnostics=outcome.diagnostics)
        check_user(outcome.config.user)
        return Loaded(outcome.config, configfile.render(outcome.diagnostics))

    async def changes(self) -> AsyncIterator[None]:
        """Watch the directory: editors and Kubernetes replace a file rather than write it."""
        from watchfiles import awatch

        # Kubernetes replaces the link `..data` through which the file's own link leads.
        names = (f"{os.sep}{self._path.name}", f"{os.sep}..data")
        async for changes in awatch(self._path.parent, recursive=False, debounce=200, step=50):
            if any(name.endswith(names) for _, name in changes):
                yield None


def check_user(user: Identity | None) -> None:
    """Raise `ConfigError` when this process cannot start programs as this user."""
    own = os.geteuid()
    if user is not None and own not in (0, user.uid):
        message = f"only root may run the data plane as user {user.name}, and Tenbin runs as user {own}"
        raise ConfigError(f"{user.position}: error: {message}", hint="start Tenbin as root, or leave `user` out")


class FixedSource:
    """A configuration that was made of a command line."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def load(self) -> Loaded:
        """Return it."""
        return Loaded(self._config)

    async def changes(self) -> AsyncIterator[None]:
        """Never change."""
        for _ in ():
            yield None
