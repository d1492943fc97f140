"""The status as a person reads it on a terminal: `tenbin status`.

Owns which figures are shown and in which words. Every state is a word; colour only repeats it. On a narrow terminal
columns go, but never names, states, reasons or runtime changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.observe.certificates import Validity, words
from tenbin.observe.condition import Condition
from tenbin.observe.escape import printable
from tenbin.observe.grid import Column, Row, draw, paragraph
from tenbin.observe.units import count, duration, size

if TYPE_CHECKING:
    from rich.text import Text

    from tenbin.observe.figures import Times, Work
    from tenbin.observe.status import BackendStatus, FrontendStatus, ServerStatus, Status

STALE = 5.0
"""Seconds after which figures are said to be old."""

WIDTH = 120


def render(status: Status, *, width: int = WIDTH) -> Text:
    """Return the table for a terminal of `width` columns; print it with rich, or take `.plain`."""
    from rich.text import Text

    text = Text(no_wrap=True)
    _head(text, status, width)
    text.append("\n")
    draw(text, _FRONTEND_COLUMNS, [_frontend(entry) for entry in status.frontends], width)
    text.append("\n")
    rows = [row for backend in status.backends for row in _backend(backend)]
    draw(text, _BACKEND_COLUMNS, rows, width)
    text.rstrip()
    return text


_FRONTEND_COLUMNS = (
    Column("FRONTEND", right=False),
    Column("STATE", right=False),
    Column("LISTENS ON", rank=2, right=False),
    Column("CONN", rank=4),
    Column("REQUESTS", rank=5),
    Column("REQ/S", rank=1),
    Column("5XX", rank=3),
    Column("P50", rank=7),
    Column("P99", rank=6),
)
_BACKEND_COLUMNS = (
    Column("BACKEND / SERVER", right=False),
    Column("STATE", right=False),
    Column("WEIGHT", rank=2),
    Column("CONN", rank=5),
    Column("QUEUE", rank=9),
    Column("REQUESTS", rank=6),
    Column("REQ/S", rank=1),
    Column("ERRORS", rank=3),
    Column("P50", rank=8),
    Column("P99", rank=4),
    Column("LAST CHECK", rank=7, right=False),
)
_STYLES = {
    Condition.UP: "green",
    Condition.UNCHECKED: "green",
    Condition.UNKNOWN: "yellow",
    Condition.STARTING: "yellow",
    Condition.DRAIN: "blue",
    Condition.MAINT: "blue",
    Condition.EJECTED: "red",
    Condition.UNRESOLVED: "red",
    Condition.DOWN: "bold red",
}
_QUIET = frozenset({Condition.UP, Condition.UNCHECKED})
_NOTHING = "-"


def _head(text: Text, status: Status, width: int) -> None:
    paragraph(text, f"{printable(status.origin) or 'no file'}, generation {status.generation}", width, style="bold")
    process = status.process
    if process is None:
        paragraph(text, "THE DATA PLANE DOES NOT ANSWER: there are no figures", width, style="bold red")
        return
    about = (
        f"data plane {printable(process.version)}, process {process.pid}, up {duration(process.uptime)}, "
        f"{process.threads} threads, {size(process.resident)}"
    )
    paragraph(text, about, width)
    connections = f"{count(process.connections)} of {count(status.max_connections)} connections"
    paragraph(text, f"{connections}, {count(process.requests)} requests", width)
    if status.age > STALE:
        stale = f"THE FIGURES ARE {duration(status.age)} OLD: the data plane does not answer"
        paragraph(text, stale, width, style="bold red")
    for number, what in (
        (process.log_dropped, "access-log lines dropped, their reader is too slow or their disk full"),
        (process.accept_pauses, "times out of descriptors"),
        (process.memory_refused, "requests refused for want of memory"),
        (process.panics, "internal errors, each cost a connection"),
    ):
        if number:
            paragraph(text, f"note: {what}: {count(number)}", width, style="yellow")
    _certificates(text, status, width)


def _certificates(text: Text, status: Status, width: int) -> None:
    """Tell of those that need somebody; all of them are in the document."""
    for one in status.certificates:
        names = printable(", ".join(one.names) or one.subject)
        told = f"certificate {printable(one.file)} ({names})"
        if one.validity is not Validity.VALID:
            style = "yellow" if one.validity is Validity.SOON else "bold red"
            paragraph(text, f"{told} {words(one)}", width, style=style)
        for problem in one.problems:
            paragraph(text, f"{told}: {printable(problem)}", width, style="yellow")


def _frontend(frontend: FrontendStatus) -> Row:
    traffic = frontend.traffic
    listens = " ".join(entry.address for entry in frontend.listeners)
    style = "green" if traffic else "bold red"
    if traffic is None:
        return Row((printable(frontend.name), frontend.text, listens, *[_NOTHING] * 6), ((1, style),))
    own = ", ".join(f"{count(number)} {printable(reason)}" for reason, number in traffic.errors.items() if number)
    return Row(
        (
            printable(frontend.name),
            frontend.text,
            listens,
            count(traffic.current),
            count(traffic.requests),
            count(traffic.rate_requests),
            count(traffic.responses["5xx"]),
            *_percentiles(traffic.phases.total),
        ),
        ((1, style),),
        (f"answered or ended by Tenbin itself: {own}",) if own else (),
    )


def _backend(backend: BackendStatus) -> list[Row]:
    usable = backend.active + backend.backups
    head = Row(
        (
            f"{printable(backend.name)} ({backend.balance})",
            f"{backend.text} {usable} of {len(backend.servers)}",
            count(backend.weight),
            *_work(backend.traffic),
            "",
        ),
        ((0, "bold"), (1, "green" if backend.up else "bold red")),
        () if backend.up else ("NO SERVER UP: clients get 503",),
    )
    return [head, *(_server(server) for server in backend.servers)]


def _server(server: ServerStatus) -> Row:
    weight = count(server.weight)
    if server.weight != server.file_weight:
        weight = f"{weight} (file {server.file_weight})"
    return Row(
        (
            f"  {printable(server.name)}{' (backup)' if server.backup else ''}",
            server.text,
            weight,
            *_work(server.traffic),
            _check(server),
        ),
        ((1, _STYLES[server.condition]),),
        _notes(server),
    )


def _work(traffic: Work | None) -> tuple[str, ...]:
    if traffic is None:
        return (_NOTHING,) * 7
    errors = traffic.connect_errors + traffic.response_errors + traffic.responses["5xx"]
    return (
        count(traffic.current),
        count(traffic.queue),
        count(traffic.requests),
        count(traffic.rate),
        count(errors),
        *_percentiles(traffic.phases.total),
    )


def _percentiles(times: Times) -> tuple[str, str]:
    return (duration(times.p50), duration(times.p99)) if times.samples else (_NOTHING, _NOTHING)


def _check(server: ServerStatus) -> str:
    check = server.check
    if check is None:
        return _NOTHING
    code = "" if check.code is None else f" {check.code}"
    return f"{printable(check.status)}{code} {duration(check.duration)}"


def _notes(server: ServerStatus) -> tuple[str, ...]:
    notes = [f"changed at runtime: {change.removesuffix(' (runtime)')}" for change in server.overrides]
    if server.condition not in _QUIET and server.reason:
        since = "" if server.since is None else f", {duration(server.since)} ago"
        notes.append(f"{printable(server.reason)}{since}")
    if server.condition is Condition.UNRESOLVED:
        notes.append(f"{printable(server.address)} does not resolve")
    return tuple(notes)
