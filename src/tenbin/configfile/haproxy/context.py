"""What is known while a configuration is read, and what is told about it.

Owns the problems and the report, the names that expressions may refer to, and the files that were read. The parts of
the reader share one `Reading`; expressions are read within a `Scope`, which is one section.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.lexer import Word, split
from tenbin.configfile.haproxy.secrets import conceal
from tenbin.errors import Diagnostic, Severity
from tenbin.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenbin.configfile.haproxy.draft import Parts
    from tenbin.configfile.haproxy.lexer import Line
    from tenbin.model import Answer, Bandwidth, Capture, Expression, LiveList, Table

NEWEST = (3, 4)
"""The version of HAProxy whose behaviour is meant unless the configuration is read with another one."""


class Standing(StrEnum):
    """What becomes of a directive."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """A directive of the report: `directive` are its words, without secrets; `why` is "" where it is exact."""

    standing: Standing
    file: str
    line: int
    section: str
    directive: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in HAProxy's words; `line` 0: of the configuration as a whole."""

    severity: Severity
    file: str
    line: int
    message: str
    diagnostic: Diagnostic
    excerpt: tuple[str, int] | None = None


@dataclass(slots=True)
class Scope:
    """The section in which expressions stand, as far as they need to know it.

    `kind` is global, defaults, frontend, backend or listen. `acls` belongs to the reader of ACLs: what it knows of each
    name. `captures` are declared ones, then those of rules, in order; `parent` are the defaults that are inherited.
    `limits` are bandwidth limits by name; `shared_limits` those that a table holds: the word that names it, the limit,
    and what its key is.
    """

    name: str
    kind: str
    mode: Mode = Mode.TCP
    acls: dict[str, Expression] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)
    parent: Scope | None = None
    limits: dict[str, Bandwidth] = field(default_factory=dict)
    shared_limits: list[tuple[Word, str, str]] = field(default_factory=list)
    becomes_http: bool = False
    """Connections may turn out to be ones of HTTP: what needs requests is of use in a section of connections, too."""

    @property
    def reads_requests(self) -> bool:
        """Whether there are requests."""
        return self.mode is Mode.HTTP or self.becomes_http

    @property
    def is_frontend(self) -> bool:
        """Whether clients arrive here."""
        return self.kind in ("frontend", "listen", "defaults")

    @property
    def is_backend(self) -> bool:
        """Whether servers are chosen here."""
        return self.kind in ("backend", "listen", "defaults")


@dataclass(frozen=True, slots=True)
class Content:
    """A file that the configuration names: its absolute `path`, what was in it, and a `stamp` of that."""

    path: Path
    data: bytes
    stamp: str


class Reading:
    """One reading of a configuration: all that was found wrong, and all that is known so far.

    `wanted` are names that expressions ask for, each with where it stands and its kind (table, backend, frontend,
    server, userlist): what they name may be declared later. `http_errors` are the sections of that kind, with their
    answers by status. `stores` are the certificates of crt-stores, by the names that `crt` knows them by.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], version: tuple[int, int] = NEWEST) -> None:
        self.directory = directory
        self.environment = dict(environment)
        self.version = version
        self.problems: list[Problem] = []
        self.section = ""
        self.texts: dict[str, Sequence[str]] = {}
        self.frontends: dict[str, Scope] = {}
        self.backends: dict[str, Scope] = {}
        self.tables: dict[str, Table] = {}
        self.userlists: set[str] = set()
        self.resolvers: set[str] = set()
        self.lists: dict[str, LiveList] = {}
        self.files: dict[Path, Content] = {}
        self.servers: dict[str, set[str]] = {}
        self.wanted: list[tuple[Word, str, str]] = []
        self.stores: dict[str, tuple[Word, Parts]] = {}
        self.http_errors: dict[str, dict[int, Answer]] = {}
        self._standings: dict[tuple[str, int], Entry] = {}

    def error(self, place: Word | Line, message: str, hint: str = "") -> None:
        """Note what keeps the configuration from being used; `place` is the word that is wrong, or its line."""
        self._problem(Severity.ERROR, place, message, hint)

    def warning(self, place: Word | Line, message: str, hint: str = "") -> None:
        """Note what hardly means what it says."""
        self._problem(Severity.WARNING, place, message, hint)

    def exact(self, line: Line) -> None:
        """A directive is carried out as HAProxy does it. Later words about the same line outweigh this one."""
        self._stand(line, Standing.EXACT, "")

    def approximated(self, place: Word | Line, why: str) -> None:
        """A directive is carried out, but not quite as HAProxy does it."""
        self._stand(place, Standing.APPROXIMATED, why)

    def ignored(self, place: Word | Line, why: str) -> None:
        """A directive, or a word of it, has no effect."""
        self._stand(place, Standing.IGNORED, why)

    def refused(self, place: Word | Line, why: str, hint: str = "") -> None:
        """A directive cannot be carried out, and going on without it would mean something else: an error, too."""
        self._stand(place, Standing.REFUSED, why)
        self.error(place, why, hint)

    def line_of(self, word: Word) -> Line:
        """The whole line in which a word stands, split anew."""
        return split(self._text_of(word.file, word.line), word.file, word.line, self.environment)

    def line_at(self, file: str, number: int) -> Line:
        """A line by its number."""
        return split(self._text_of(file, number), file, number, self.environment)

    def read_file(self, name: str) -> Content:
        """Read a file that the configuration names, once. Raises `OSError`."""
        path = Path(self.directory, name).absolute()
        known = self.files.get(path)
        if known is None:
            data = path.read_bytes()
            known = self.files[path] = Content(path, data, hashlib.sha256(data).hexdigest()[:16])
        return known

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(one.severity is Severity.ERROR for one in self.problems)

    @property
    def report(self) -> tuple[Entry, ...]:
        """Every directive, in the order of the files."""
        return tuple(self._standings.values())

    def _problem(self, severity: Severity, place: Word | Line, message: str, hint: str) -> None:
        word = place if isinstance(place, Word) else place.words[0] if place.words else None
        number = place.line if isinstance(place, Word) else place.number
        text = conceal(self._text_of(place.file, number))
        column, width = (word.column, max(word.end - word.start, 1)) if word else (1, 1)
        shown = Diagnostic(severity, place.file, number, column, width, message, hint=hint, source=text)
        self.problems.append(Problem(severity, place.file, number, message, shown))
        if severity is Severity.ERROR:
            self._stand(place, Standing.REFUSED, message)

    def _stand(self, place: Word | Line, standing: Standing, why: str) -> None:
        number = place.line if isinstance(place, Word) else place.number
        key = (place.file, number)
        known = self._standings.get(key)
        if known is not None and _WEIGHT[known.standing] >= _WEIGHT[standing]:
            if why and known.standing is standing and why not in known.why:
                self._standings[key] = replace(known, why=f"{known.why}; {why}" if known.why else why)
            return
        directive = " ".join(conceal(self._text_of(place.file, number)).split())
        self._standings[key] = Entry(standing, place.file, number, self.section, directive, why)

    def _text_of(self, file: str, number: int) -> str:
        lines = self.texts.get(file, ())
        return lines[number - 1] if 0 < number <= len(lines) else ""


_WEIGHT = {standing: weight for weight, standing in enumerate(Standing)}
