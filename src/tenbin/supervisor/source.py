"""Where the configuration comes from: a file, or what the command line said.

Owns reading it again and knowing when the file changed. A configuration whose certificates cannot be used is refused
here like one with a mistake in its text.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tenbin import configfile
from tenbin.clock import SystemClock
from tenbin.configfile import reader
from tenbin.configfile.source import Source as Text
from tenbin.control import certificates
from tenbin.errors import ConfigError
from tenbin.supervisor.watch import Stamps, stamps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tenbin.configfile import Outcome
    from tenbin.model import Config, Identity
    from tenbin.observe.certificates import CertificateFacts


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what is doubtful in it (rendered, "" for nothing).

    `text` is what was read, `certificates` what stands in the files that it names, and `stamps` how those were.
    """

    config: Config
    warnings: str = ""
    text: Text = field(default=Text("", ""), repr=False)
    certificates: tuple[CertificateFacts, ...] = ()
    stamps: Stamps = field(default_factory=dict, repr=False)


class Source(Protocol):
    """What a configuration is read from."""

    def load(self) -> Loaded:
        """Read it now; raises `ConfigError`."""

    def renew(self, loaded: Loaded) -> Loaded:
        """Find the files anew that it names, in the same words: what was written into it since is not for now.

        Raises `ConfigError`.
        """

    def changes(self) -> AsyncIterator[None]:
        """Yield whenever it may have changed."""


class FileSource:
    """A configuration file."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._shown = path

    def load(self) -> Loaded:
        """Read the file."""
        return usable(configfile.examine(self._shown, environment=os.environ))

    def renew(self, loaded: Loaded) -> Loaded:
        """Read the text again that was read then."""
        text = loaded.text
        return usable(reader.examine_text(text.text, text.name, environment=os.environ, directory=self._path.parent))

    async def changes(self) -> AsyncIterator[None]:
        """Watch the directory: editors and Kubernetes replace a file rather than write it."""
        from watchfiles import awatch

        # Kubernetes replaces the link `..data` through which the file's own link leads.
        names = (f"{os.sep}{self._path.name}", f"{os.sep}..data")
        async for changes in awatch(self._path.parent, recursive=False, debounce=200, step=50):
            if any(name.endswith(names) for _, name in changes):
                yield None


def usable(outcome: Outcome) -> Loaded:
    """Judge what was read by the files that it names; raises `ConfigError`."""
    if outcome.config is None:
        raise ConfigError(configfile.render(outcome.diagnostics), diagnostics=outcome.diagnostics)
    config = outcome.config
    check_user(config.user)
    # Before they are read: what changes meanwhile is then another change.
    seen = stamps(config.watched)
    judged = certificates.judge(config, outcome.source, os.environ, SystemClock().wall())
    everything = (*outcome.diagnostics, *judged.diagnostics)
    if not judged.usable:
        raise ConfigError(configfile.render(everything), diagnostics=everything)
    return Loaded(config, configfile.render(everything), outcome.source, judged.certificates, seen)


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

    def renew(self, loaded: Loaded) -> Loaded:
        """Return the same: a command line names no files."""
        return loaded

    async def changes(self) -> AsyncIterator[None]:
        """Never change."""
        for _ in ():
            yield None
