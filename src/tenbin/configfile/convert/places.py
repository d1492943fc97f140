"""Where in a haproxy.cfg the parts of a configuration stand, as far as its report knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model import Backend, Frontend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.haproxy import Entry

_KINDS = {Frontend: ("frontend", "listen"), Backend: ("backend", "listen")}


class Places:
    """Answers with `file:line`; `file` alone stands for what has no place."""

    def __init__(self, report: Sequence[Entry], file: str) -> None:
        self.file = report[0].file if report else file
        self._report = report
        self._sections = {entry.section: f"{entry.file}:{entry.line}" for entry in reversed(report)}

    def of(self, found: Frontend | Backend) -> str:
        """The section of a frontend or backend."""
        names = (f"{kind} {found.name}" for kind in _KINDS[type(found)])
        return next((self._sections[name] for name in names if name in self._sections), self.file)

    def directive(self, section: str, word: str) -> str:
        """The first directive of a section that begins with a word; otherwise the section."""
        for entry in self._report:
            if entry.section == section and entry.directive.split()[:1] == [word]:
                return f"{entry.file}:{entry.line}"
        return self._sections.get(section, self.file)

    def near(self, holders: Sequence[object]) -> str:
        """The innermost of some objects that knows where it stands."""
        for one in reversed(holders):
            position = getattr(one, "position", "") or getattr(one, "resolve_position", "")
            if position:
                return str(position)
            if isinstance(one, Frontend | Backend):
                return self.of(one)
        return self.file
