"""Which backends there are and who uses them: named ones, and those that routes make of a list of servers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.suggest import did_you_mean
from tenbin.model.frontend import Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.native.document.backend import BackendDocument
    from tenbin.configfile.native.document.server import ServerDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Anonymous:
    """A backend that is nothing but a list of servers."""

    servers: Sequence[ServerDocument]
    path: Path


@dataclass
class Plan:
    """Collects backends and their uses while frontends are resolved."""

    context: Context
    named: dict[str, BackendDocument]
    anonymous: dict[str, Anonymous] = field(default_factory=dict)
    modes: dict[str, Mode] = field(default_factory=dict)

    def add(self, wanted: str, servers: Sequence[ServerDocument], path: Path) -> str:
        """Add a list of servers under a name like the wanted one, and return the name."""
        base = _NOT_IN_NAMES.sub("-", wanted).strip("-.")[:64] or "root"
        name, number = base, 1
        while name in self.anonymous or name in self.context.known_backends:
            number += 1
            name = f"{base}-{number}"
        self.anonymous[name] = Anonymous(servers, path)
        return name

    def use(self, name: str, mode: Mode, path: Path) -> None:
        """Note that a frontend of this mode sends to a backend; tell when that cannot be."""
        if name not in self.anonymous and name not in self.context.known_backends:
            known = sorted(self.context.known_backends)
            expected = f"one of {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}" if known else ""
            hint = did_you_mean(name, known) or ("" if known else "backends are named under `backends` at the top")
            self.context.error(path, f"there is no backend `{name}`", expected=expected, hint=hint)
            return
        document = self.named.get(name)
        written = Mode(document.mode) if document and document.mode else None
        before = written or self.modes.setdefault(name, mode)
        self.modes[name] = before
        if before is not mode:
            told = "is" if written else "is already used by a frontend"
            message = f"backend `{name}` {told} in mode {before}, and this frontend is in mode {mode}"
            self.context.error(path, message, hint="requests and connections need a backend each")

    def mode(self, name: str) -> Mode:
        """The mode of a backend: as written, as used, or http."""
        document = self.named.get(name)
        if document is not None and document.mode:
            return Mode(document.mode)
        return self.modes.get(name, Mode.HTTP)
