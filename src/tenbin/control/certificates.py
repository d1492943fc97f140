"""The certificates of a configuration: whether they can be used, and how long those in force still last.

Owns who uses which file, what is told at which place of the configuration, and the daily reminder. What stands in the
files, `tenbin.dataplane.certificates` finds out; the words of the status are `tenbin.observe.certificates`'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.errors import Diagnostic, Severity
from tenbin.model import ServerTls
from tenbin.observe.certificates import DAY, CertificateFacts, Validity, at, certificate_status, expiry, renewed, words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tenbin.clock import Clock
    from tenbin.configfile.source import Source
    from tenbin.dataplane.certificates import Certificate, Problem
    from tenbin.model import Certificate as Files
    from tenbin.model import ClientCertificates, Config
    from tenbin.observe.certificates import CertificateStatus
    from tenbin.observe.sentences import Sentence

EVERY = 3600.0
"""Seconds between two looks at the calendar."""

_POSITION = re.compile(r"(?P<file>.*):(?P<line>\d+):(?P<column>\d+)")
_TOKEN = re.compile(r"[^\s,\[\]{}]+")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with the files of a configuration, and what stands in those that can be used."""

    diagnostics: tuple[Diagnostic, ...] = ()
    certificates: tuple[CertificateFacts, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the data plane takes them."""
        return all(one.severity is not Severity.ERROR for one in self.diagnostics)


@dataclass
class _Use:
    """Who uses a certificate; `position` is where it was named first."""

    files: Files
    listeners: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)


def judge(config: Config, source: Source, environment: Mapping[str, str], now: datetime) -> Judgement:
    """Judge every file of TLS that a configuration names; `source` is the text that it was read from.

    A certificate that ends within two weeks is a warning.

    `DataplaneError` when there is no program to ask.
    """
    uses, authorities = _named(config)
    if not uses and not authorities:
        return Judgement()
    from tenbin.dataplane import binary, certificates

    told = certificates.examine(binary.find(environment), [use.files for use in uses], list(authorities))
    problems: list[tuple[str, Problem]] = []
    facts: list[CertificateFacts] = []
    for use, one in zip(uses, told.certificates, strict=True):
        problems += [(use.files.position, problem) for problem in one.problems]
        if one.not_after:
            facts.append(_facts(use, one))
            status = certificate_status(facts[-1], now)
            if status.validity is Validity.SOON:
                soon = certificates.Problem(Severity.WARNING, one.certificate, 0, f"the certificate {words(status)}")
                problems.append((use.files.position, soon))
    for position, authority in zip(authorities.values(), told.authorities, strict=True):
        problems += [(position, problem) for problem in authority.problems]
    return Judgement(tuple(_diagnostic(problem, position, source) for position, problem in problems), tuple(facts))


class Certificates:
    """The certificates in force, and a reminder of those that end soon; for one event loop."""

    def __init__(self, clock: Clock, say: Callable[[Sentence], object]) -> None:
        self._clock = clock
        self._say = say
        self._facts: tuple[CertificateFacts, ...] = ()
        self._told: dict[str, int | None] = {}

    def hold(self, facts: tuple[CertificateFacts, ...]) -> None:
        """Take those of a configuration that has come into force; that some end soon has been told with it."""
        before = {one.file: one for one in self._facts}
        self._facts = facts
        for one in self.status():
            if one.validity is Validity.SOON:
                self._told[one.fingerprint] = _day(one)
            old = before.get(one.file)
            if old is not None and old.fingerprint != one.fingerprint:
                self._say(renewed(old, one))
        self.remind()

    def replace(self, found: Certificate) -> None:
        """Another certificate is served in place of a file's."""
        self.hold(tuple(_instead(one, found) if one.file == found.certificate else one for one in self._facts))

    def status(self) -> tuple[CertificateStatus, ...]:
        """Return all of them as they are now."""
        now = self._clock.wall()
        return tuple(certificate_status(one, now) for one in self._facts)

    def remind(self) -> None:
        """Tell of those that end soon or have ended, each once a day."""
        told, self._told = self._told, {}
        for one in self.status():
            day = _day(one)
            if day is not None and told.get(one.fingerprint) != day:
                self._say(expiry(one))
            self._told[one.fingerprint] = day

    async def run(self) -> None:
        """Remind until cancelled."""
        while True:
            await self._clock.sleep(EVERY)
            self.remind()


def _day(status: CertificateStatus) -> int | None:
    """How many whole days are left, if they are few; None while nobody needs to know."""
    return int(status.left // DAY) if status.validity in (Validity.SOON, Validity.EXPIRED) else None


def _named(config: Config) -> tuple[list[_Use], dict[str, str]]:
    """Every certificate with who uses it, and the files of authorities with where they are named."""
    uses: dict[tuple[str, str, str], _Use] = {}
    authorities: dict[str, str] = {}

    def use(files: Files) -> _Use:
        return uses.setdefault((files.certificate, files.key, files.ocsp), _Use(files))

    def trust(tls: ClientCertificates | ServerTls | None) -> None:
        for file, position in zip((tls.ca, tls.crl), tls.positions, strict=True) if tls else ():
            if file:
                authorities.setdefault(file, position)

    for listener in (listener for frontend in config.frontends for listener in frontend.listeners):
        if listener.tls is None:
            continue
        for files in listener.tls.certificates:
            use(files).listeners.append(str(listener.address))
            trust(files.options.client if files.options else None)
        trust(listener.tls.client)
    for name, tls in _towards_servers(config):
        if tls.certificate is not None:
            by = use(tls.certificate).servers
            by += [name] if name else []
        trust(tls)
    return list(uses.values()), authorities


def _towards_servers(config: Config) -> Iterator[tuple[str, ServerTls]]:
    """TLS that is spoken to servers, and to which; "" for that of checks alone."""
    for backend in config.backends:
        for server in backend.servers:
            if server.tls is not None:
                yield f"{backend.name}/{server.name}", server.tls
        if backend.check is not None and isinstance(backend.check.tls, ServerTls):
            yield "", backend.check.tls


def _diagnostic(problem: Problem, position: str, source: Source) -> Diagnostic:
    """Place a problem of a file where the configuration names that file."""
    file = f"{problem.file}:{problem.line}: " if problem.line else f"{problem.file}: " if problem.file else ""
    text = f"{file}{problem.text}"
    place = _POSITION.fullmatch(position)
    if place is None:
        return Diagnostic(problem.level, source.name, 0, 0, 0, text)
    line, column = int(place["line"]), int(place["column"])
    shown = source.line_text(line)
    token = _TOKEN.match(shown, column - 1)
    width = token.end() - token.start() if token else 1
    return Diagnostic(problem.level, place["file"], line, column, width, text, source=shown)


def _facts(use: _Use, found: Certificate) -> CertificateFacts:
    return _told(found, use.files.position, tuple(use.listeners), tuple(use.servers))


def _instead(before: CertificateFacts, found: Certificate) -> CertificateFacts:
    return _told(found, before.position, before.listeners, before.servers)


def _told(found: Certificate, position: str, listeners: tuple[str, ...], servers: tuple[str, ...]) -> CertificateFacts:
    return CertificateFacts(
        file=found.certificate,
        position=position,
        listeners=listeners,
        servers=servers,
        names=found.names,
        subject=found.subject,
        issuer=found.issuer,
        serial=found.serial,
        fingerprint=found.fingerprint,
        key=found.key,
        chain=found.chain,
        not_before=at(found.not_before),
        not_after=at(found.not_after),
        problems=tuple(problem.text for problem in found.problems),
    )
