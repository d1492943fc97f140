"""Outages survive the control plane: they are kept in a file, as counters are kept in the data plane.

Owns `outages.json` in the runtime directory. It holds only while the data plane lives that it was counted with, for
counters that began anew must not stand beside downtimes that did not. Times in it are those of the wall clock, since
another process reads it; while no control plane lives, nothing changes a server, so what was out stays out.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tenbin.model import ServerId
from tenbin.observe.outage import Outages, Service
from tenbin.observe.sentences import Level, Sentence
from tenbin.state.persist import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tenbin.clock import Clock
    from tenbin.observe.outage import OutageBook

EVERY = 1.0
_FORMAT = 1
_NOTHING = Outages({}, {})


class OutageFile:
    """Keeps a book of outages in a file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._kept = _NOTHING

    def forget(self) -> None:
        """Remove what was counted with a data plane that is gone."""
        self._path.unlink(missing_ok=True)
        self._kept = _NOTHING

    def read(self) -> Outages:
        """Return what was counted; nothing when there is no file or it cannot be used, for it is figures only."""
        try:
            self._kept = self._parse(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            self._kept = _NOTHING
        return self._kept

    def write(self, outages: Outages) -> None:
        """Keep what is worth it, if that differs from what is kept already; raises OSError."""
        wanted = outages.worth_keeping
        if wanted != self._kept:
            # A loss of power ends the data plane too, and with it what this is for.
            replace_file(self._path, self._format(wanted).encode(), durable=False)
            self._kept = wanted

    async def keep(self, book: OutageBook, say: Callable[[Sentence], object]) -> None:
        """Write after changes, at most once a second, until cancelled; a disk that is full is told of once."""
        written, failing = -1, False
        while True:
            if book.version != written:
                try:
                    self.write(book.outages)
                    written, failing = book.version, False
                except OSError as error:
                    if not failing:
                        say(_not_kept(error))
                    failing = True
            await self._clock.sleep(EVERY)

    def _format(self, outages: Outages) -> str:
        now, wall = self._clock.now(), self._clock.wall()

        def entry(service: Service) -> dict[str, object]:
            since = wall - timedelta(seconds=max(now - service.since, 0.0))
            return {
                "serving": service.serving,
                "since": since.isoformat(),
                "downs": service.downs,
                "before": round(service.before, 3),
            }

        document = {
            "format": _FORMAT,
            "servers": [
                {"backend": name.backend, "server": name.server, **entry(service)}
                for name, service in sorted(outages.servers.items())
            ],
            "backends": [{"backend": name, **entry(service)} for name, service in sorted(outages.backends.items())],
        }
        return json.dumps(document, indent=1) + "\n"

    def _parse(self, text: str) -> Outages:
        document = json.loads(text)
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']} is not {_FORMAT}")
        now, wall = self._clock.now(), self._clock.wall()

        def service(item: dict[str, object]) -> Service:
            serving, downs, before = item["serving"], item["downs"], item["before"]
            if not isinstance(serving, bool) or not isinstance(downs, int) or not isinstance(before, int | float):
                raise TypeError("an outage is malformed")
            # A wall clock that was set back must not make an outage begin in the future.
            age = max((wall - datetime.fromisoformat(str(item["since"]))).total_seconds(), 0.0)
            return Service(serving, now - age, max(downs, 0), max(float(before), 0.0))

        return Outages(
            {ServerId(str(item["backend"]), str(item["server"])): service(item) for item in document["servers"]},
            {str(item["backend"]): service(item) for item in document["backends"]},
        )


def _not_kept(error: OSError) -> Sentence:
    text = f"downtimes will not survive a restart: {error.filename}: {error.strerror}"
    return Sentence(Level.WARNING, "outages_not_kept", text)
