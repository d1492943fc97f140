"""Certificates as the status tells of them: who they are for, who uses them, and how long they last.

Owns the words for validity. A certificate that ends soon is a warning long before it is an outage: most outages
with certificates are renewals that nobody noticed had stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from tenbin.observe.sentences import Level, Sentence
from tenbin.observe.units import duration

DAY = 86_400.0
SOON = 14 * DAY
"""Seconds before the end from which on a certificate is told of; those who renew do so earlier."""


class Validity(StrEnum):
    """Whether clients take a certificate for its dates; `soon`: they do, but in two weeks they will not."""

    VALID = "valid"
    SOON = "soon"
    EXPIRED = "expired"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What stands in one chain, and where it is used: on `listeners`, or towards `servers` (`BACKEND/SERVER`).

    `file` and `position` (in the configuration) are for people. `key` such as `ecdsa P-256`; `fingerprint` is SHA-256.
    """

    file: str
    position: str
    listeners: tuple[str, ...]
    servers: tuple[str, ...]
    names: tuple[str, ...]
    subject: str
    issuer: str
    serial: str
    fingerprint: str
    key: str
    chain: int
    not_before: datetime
    not_after: datetime
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateStatus(CertificateFacts):
    """The same at one moment: `left` seconds until its end, negative after it."""

    validity: Validity
    left: float


def certificate_status(facts: CertificateFacts, now: datetime) -> CertificateStatus:
    """Return what `facts` mean at a moment."""
    left = round((facts.not_after - now).total_seconds(), 3)
    every = {name: getattr(facts, name) for name in CertificateFacts.__dataclass_fields__}
    return CertificateStatus(**every, validity=validity(facts, now), left=left)


def validity(facts: CertificateFacts, now: datetime) -> Validity:
    """Return whether a certificate's dates let it be used at a moment."""
    if now >= facts.not_after:
        return Validity.EXPIRED
    if now < facts.not_before:
        return Validity.EARLY
    return Validity.SOON if (facts.not_after - now).total_seconds() <= SOON else Validity.VALID


def words(status: CertificateStatus) -> str:
    """Say how long it lasts: `ends in 3d 4h`, `EXPIRED 2h 5m ago`."""
    if status.validity is Validity.EXPIRED:
        return f"EXPIRED {duration(-status.left)} ago"
    if status.validity is Validity.EARLY:
        return f"not valid before {status.not_before:%Y-%m-%d %H:%M} UTC"
    return f"ends in {duration(status.left)}"


def expiry(status: CertificateStatus) -> Sentence:
    """A certificate ends soon, or has."""
    names = ", ".join(status.names) or status.subject
    over = status.validity is not Validity.SOON
    because = "clients refuse it" if over else f"on {status.not_after:%Y-%m-%d %H:%M} UTC, and was not renewed"
    return Sentence(
        Level.ERROR if over else Level.WARNING,
        "certificate_expiry",
        f"certificate {status.file} ({names}) {words(status)}: {because}",
        (
            ("certificate", status.file),
            ("names", ",".join(status.names)),
            ("not_after", status.not_after.isoformat()),
            ("validity", str(status.validity)),
        ),
    )


def renewed(old: CertificateFacts, new: CertificateFacts) -> Sentence:
    """Another certificate is served from the same file."""
    return Sentence(
        Level.INFO,
        "certificate_renewed",
        f"certificate {new.file} ({', '.join(new.names) or new.subject}) is another one now: "
        f"it ends on {_date(new)}, the one before on {_date(old)}",
        (("certificate", new.file), ("not_after", new.not_after.isoformat()), ("fingerprint", new.fingerprint)),
    )


def renewal_refused(problems: str) -> Sentence:
    """Files of certificates changed, but what they hold now cannot be used; perhaps not all are written yet."""
    text = "certificates changed, but cannot be used; those in force stay, and the next change of a file is tried again"
    return Sentence(Level.WARNING, "renewal_refused", text, (), problems)


def _date(facts: CertificateFacts) -> str:
    return f"{facts.not_after:%Y-%m-%d}"


def at(seconds: int) -> datetime:
    """Return a unix time as a date; what no calendar has is the end of time."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
