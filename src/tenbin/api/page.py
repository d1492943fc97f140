"""The page at `/`: what runs here and where to look. No script, no style sheet, everything escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tenbin.observe.certificates import words

if TYPE_CHECKING:
    from tenbin.observe.certificates import CertificateStatus
    from tenbin.observe.status import BackendStatus, Status

_LINKS = (
    ("/healthz", "the process lives"),
    ("/readyz", "a snapshot is applied and the data plane is attached"),
    ("/metrics", "figures for Prometheus"),
    ("/api/v1/status", "everything that is known, as JSON"),
    ("/api/v1/snapshot", "what the data plane was told"),
    ("/api/v1/events", "the last events"),
    ("/api/v1/openapi.json", "the description of this API"),
)


def render(status: Status, *, ready: bool) -> str:
    """Return the page."""
    links = "".join(f'<li><a href="{path}">{path}</a>: {escape(about)}</li>' for path, about in _LINKS)
    rows = "".join(_row(backend) for backend in status.backends)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Tenbin</title>'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>'
        f"<body><h1>Tenbin</h1><p>{escape(status.origin) or 'no file'}, generation {status.generation}, "
        f"{'ready' if ready else 'NOT READY'}</p>"
        "<table><caption>Backends</caption><thead><tr><th scope=col>Name</th><th scope=col>State</th>"
        f"<th scope=col>Usable servers</th></tr></thead><tbody>{rows}</tbody></table>{_certificates(status)}"
        f"<ul>{links}</ul></body></html>"
    )


def _row(backend: BackendStatus) -> str:
    usable = backend.active + backend.backups
    return (
        f"<tr><th scope=row>{escape(backend.name)}</th><td>{escape(backend.text)}</td>"
        f"<td>{usable} of {len(backend.servers)}</td></tr>"
    )


def _certificates(status: Status) -> str:
    if not status.certificates:
        return ""
    rows = "".join(_certificate(one) for one in status.certificates)
    return (
        "<table><caption>Certificates</caption><thead><tr><th scope=col>Names</th><th scope=col>File</th>"
        f"<th scope=col>Validity</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _certificate(one: CertificateStatus) -> str:
    names = ", ".join(one.names) or one.subject
    return (
        f"<tr><th scope=row>{escape(names)}</th><td>{escape(one.file)}</td>"
        f"<td>{escape('; '.join((words(one), *one.problems)))}</td></tr>"
    )
