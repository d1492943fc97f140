"""The journal: control-plane events on one stream, and the last of them in memory for the API.

Owns the two forms of a line (for people on a terminal, JSON otherwise), the escaping of what comes from outside and
the numbering of events. What is said is worded by `tenbin.observe.sentences`; writing to a stream whose reader has
stopped is the business of `tenbin.observe.writer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - pydantic reads the annotation
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from tenbin.model import LogFormat
from tenbin.observe import sentences
from tenbin.observe.escape import printable, printable_block
from tenbin.observe.sentences import Field, Level, Sentence
from tenbin.observe.writer import LineWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from structlog.typing import EventDict, WrappedLogger

    from tenbin.clock import Clock

KEPT = 1000

Render = Callable[["WrappedLogger", str, "EventDict"], str | bytes]
"""Makes a line of an event; "" for none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it was written: `number` counts from 1 without gaps, `time` is UTC; all texts are escaped."""

    number: int
    time: datetime
    level: Level
    event: str
    text: str
    fields: dict[str, Field]
    details: str


class Journal:
    """Writes sentences to `stream` and keeps the last 1000; for one event loop.

    `form` AUTO means human when the stream is a terminal; `render` takes its place. `close` when done: lines are
    written by a thread.
    """

    def __init__(
        self, clock: Clock, stream: TextIO, form: LogFormat = LogFormat.AUTO, render: Render | None = None
    ) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._number = 0
        self._render = render or _usual(stream, form)
        self._writer = LineWriter(stream, self._lost)

    def say(self, sentence: Sentence) -> Entry:
        """Write one event and remember it; never waits and never fails."""
        self._number += 1
        entry = self._entry(self._number, sentence)
        self._entries.append(entry)
        self._writer.line(self._line(entry))
        return entry

    def entries(self, *, after: int = 0, limit: int = KEPT) -> tuple[Entry, ...]:
        """Return the kept events with a number above `after`, oldest first, the newest `limit` of them."""
        skipped = len(self._entries) - min(limit, max(self._number - after, 0))
        return tuple(islice(self._entries, max(skipped, 0), None))

    @property
    def dropped(self) -> int:
        """How many lines were not written because nobody read the stream."""
        return self._writer.dropped

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, for at most `timeout` seconds, and end the thread."""
        self._writer.close(timeout)

    def _entry(self, number: int, sentence: Sentence) -> Entry:
        return Entry(
            number=number,
            time=self._clock.wall(),
            level=sentence.level,
            event=sentence.event,
            text=printable(sentence.text),
            fields={name: _escaped(value) for name, value in sentence.fields},
            details=printable_block(sentence.details),
        )

    def _lost(self, lines: int) -> str:
        return self._line(self._entry(0, sentences.journal_dropped(lines)))

    def _line(self, entry: Entry) -> str:
        return str(self._render(None, "line", {"event": entry.event, **_context(entry)}))


def _usual(stream: TextIO, form: LogFormat) -> Render:
    terminal = stream.isatty()
    if form is LogFormat.HUMAN or (form is LogFormat.AUTO and terminal):
        return _Human(color=terminal)
    # It takes a while to import, and not every journal has this form.
    from structlog.processors import JSONRenderer

    return JSONRenderer(ensure_ascii=False)


_COLORS = {Level.INFO: "", Level.WARNING: "\x1b[33m", Level.ERROR: "\x1b[1;31m"}
_WORDS = {Level.INFO: "    ", Level.WARNING: "WARN", Level.ERROR: "FAIL"}


class _Human:
    """Renders `12:00:00Z WARN text` with details indented below; the word says what the colour says."""

    def __init__(self, *, color: bool) -> None:
        self._color = color

    def __call__(self, _logger: WrappedLogger, _name: str, event: EventDict) -> str:
        level = Level(event["level"])
        head = f"{event['time'][11:19]}Z {_WORDS[level]} {event['text']}"
        lines = [head, *_indented(event.get("details", ""))]
        if not self._color or not _COLORS[level]:
            return "\n".join(lines)
        return "\n".join([f"{_COLORS[level]}{head}\x1b[0m", *lines[1:]])


def _indented(details: str) -> Iterable[str]:
    return (f"               {line}".rstrip() for line in details.splitlines())


def _context(entry: Entry) -> EventDict:
    details = {"details": entry.details} if entry.details else {}
    return {
        "time": entry.time.isoformat(timespec="milliseconds"),
        "level": str(entry.level),
        "text": entry.text,
        **entry.fields,
        **details,
    }


def _escaped(value: Field) -> Field:
    return printable(value) if isinstance(value, str) else value
