"""Files that a configuration names and the data plane reads: where they are, what they hold, when they change.

Owns paths, links, `stat`, and the look for PEM's marker lines in files of certificates. What stands between the markers
is nobody's business here, and files of keys are not opened at all.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.user import may_read
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.config import Identity

_LONGEST_LINE = 4096
_MOST_LINES = 100_000
_MOST_LINKS = 40
_MARKER = b"-----BEGIN "


@dataclass(frozen=True, slots=True)
class Pem:
    """Which kinds of objects a file holds; `encrypted`: the key needs a passphrase. `binary`: it looks like DER."""

    certificate: bool = False
    key: bool = False
    encrypted: bool = False
    revocations: bool = False
    binary: bool = False


@dataclass
class Files:
    """Collects the files of one configuration. `watched`: their paths, and those of links on the way to them."""

    directory: FilePath
    watched: set[FilePath] = field(default_factory=set)
    _names: dict[FilePath, frozenset[str]] = field(default_factory=dict)
    _straight: set[FilePath] = field(default_factory=set)
    _read: list[tuple[FilePath, Path]] = field(default_factory=list)

    def path(self, name: str) -> FilePath:
        """A path of the file, made absolute."""
        return FilePath(os.path.normpath(self.directory / name))

    def shown(self, path: FilePath) -> str:
        """A path as short as the configuration's directory allows."""
        return str(path.relative_to(self.directory)) if path.is_relative_to(self.directory) else str(path)

    def hint(self, path: FilePath) -> str:
        """What may have been meant by a file that is not there."""
        return did_you_mean(path.name, self.names_in(path.parent)) or f"paths are relative to {self.directory}"

    def names_in(self, directory: FilePath) -> frozenset[str]:
        """The names in a directory, as they were when they were asked for first; none when it cannot be read."""
        if directory not in self._names:
            try:
                self._names[directory] = frozenset(entry.name for entry in directory.iterdir())
            except OSError:
                self._names[directory] = frozenset()
        return self._names[directory]

    def watch(self, path: FilePath) -> None:
        """Note a file or directory whose change counts."""
        self.watched.update(self._steps(path))

    def use(self, path: FilePath, place: Path) -> None:
        """Note a file that the data plane reads, named at this place of the configuration."""
        self.watch(path)
        self._read.append((path, place))

    def check_rights(self, user: Identity, context: Context) -> None:
        """Tell of files that this user, as whom the data plane runs, cannot read."""
        barred: dict[Path, list[FilePath]] = {}
        for path, place in self._read:
            if not may_read(user, path):
                barred.setdefault(place, []).append(path)
        for place, paths in barred.items():
            which = self.shown(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
            message = f"the user {user.name}, as whom the data plane runs, may not read {which}"
            hint = f"let the group of {user.name} read it and search the directories on the way to it"
            context.error(place, message, hint=hint)

    def _steps(self, path: FilePath) -> Iterator[FilePath]:
        """The path, each link that is met on the way, and where they lead: a change of any of them changes the file."""
        for _ in range(_MOST_LINKS):
            yield path
            way = (path,) if path.parent in self._straight else (*reversed(path.parents), path)
            link = next((one for one in way if one.is_symlink()), None)
            if link is None:
                self._straight.add(path.parent)
                return
            yield link
            path = FilePath(os.path.normpath(link.parent / link.readlink() / path.relative_to(link)))


def stamp(*paths: FilePath) -> str:
    """A text that changes whenever one of these files does, also when a link leads to another one."""
    return ",".join(_stamp(path) for path in paths)


def look(path: FilePath) -> Pem:
    """Find out what a file holds by PEM's marker lines. Raises OSError, also for what is no plain file."""
    if not stat.S_ISREG(path.stat().st_mode):
        # A pipe would have to be waited for.
        raise OSError(errno.EINVAL, "it is not a file")
    found: set[bytes] = set()
    with path.open("rb") as file:
        binary = file.peek(1)[:1] == b"\x30"
        for _ in range(_MOST_LINES):
            line = file.readline(_LONGEST_LINE)
            if not line:
                break
            marker = line.strip()
            if not marker.startswith(_MARKER):
                continue
            label = marker[len(_MARKER) :].removesuffix(b"-----")
            found.add(label)
            if label.endswith(b"PRIVATE KEY") and b"CERTIFICATE" in found:
                break
    keys = [label for label in found if label.endswith(b"PRIVATE KEY")]
    return Pem(
        certificate=b"CERTIFICATE" in found,
        key=bool(keys),
        encrypted=b"ENCRYPTED PRIVATE KEY" in keys,
        revocations=b"X509 CRL" in found,
        binary=binary and not found,
    )


def reason(error: OSError) -> str:
    """Why a file cannot be used."""
    return (error.strerror or str(error)).lower()


def _stamp(path: FilePath) -> str:
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{about.st_mtime_ns}-{about.st_size}-{about.st_ino}"
