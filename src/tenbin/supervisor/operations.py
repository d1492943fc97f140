"""What may be asked of a running instance: the admin API's operations.

Owns the wording of answers and the order of steps; carried out by the parts that an instance is made of.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from tenbin.api.haproxy.port import Reloads
from tenbin.api.operations import ReloadReport
from tenbin.dataplane import doors
from tenbin.errors import TenbinError
from tenbin.observe import sentences, status
from tenbin.observe.certificates import renewal_refused
from tenbin.observe.sentences import Level, Sentence
from tenbin.plan.compile import effective_weight
from tenbin.supervisor.amendments import Amendments
from tenbin.supervisor.orders import Order
from tenbin.supervisor.watch import Watch

if TYPE_CHECKING:
    from tenbin.control.reconcile import Changed
    from tenbin.dataplane import Dataplane
    from tenbin.model import Admin, Config, ServerId
    from tenbin.observe.status import Status
    from tenbin.plan import wire
    from tenbin.supervisor.parts import Parts
    from tenbin.supervisor.source import Loaded, Source


_QUIET = 2.0
"""Seconds without a change after which half a renewal is no longer one that goes on."""
_LONGEST = 20.0
"""Seconds after which it is told in any case."""


class InstanceOperations:
    """See `tenbin.api.operations.Operations`."""

    def __init__(self, parts: Parts, source: Source, loaded: Loaded) -> None:
        self._parts = parts
        self._source = source
        self._reloading = asyncio.Lock()
        self._loaded = loaded
        self.reloads = Reloads()
        self.amendments = Amendments(loaded.config, self._amend)
        self._watch = Watch(lambda: self._loaded.config.watched, loaded.stamps, parts.clock)

    async def status(self) -> Status:
        """Return what is known now."""
        parts = self._parts
        await parts.figures.freshen()
        state = parts.store.state
        return status.build(
            state.config,
            state.overlay,
            parts.figures.current,
            status.Watched(
                parts.health.summary,
                parts.health.book.server,
                parts.health.book.backend,
                parts.certificates.status(),
                parts.health.agent,
            ),
            now=parts.clock.now(),
            age=parts.figures.age,
        )

    async def compat_metrics(self) -> str:
        """Return figures under HAProxy's names where its language is spoken."""
        if self._parts.store.state.config.compat is None:
            return ""
        from tenbin.api.haproxy import exporter
        from tenbin.supervisor.steering import Steering

        return exporter.render(await Steering(self._parts, self, self.amendments, self.reloads).sight())

    def snapshot(self) -> wire.Snapshot:
        """Return the snapshot that is applied."""
        return self._parts.reconciler.snapshot()

    def ready(self) -> bool:
        """Return whether traffic is served and not about to end."""
        return self._parts.reconciler.plane is not None and self._parts.orders.order is Order.RUN

    async def reload(self) -> ReloadReport:
        """Read the configuration again and apply it."""
        async with self._reloading:
            self.reloads.done += 1
            try:
                loaded = await asyncio.to_thread(self._source.load)
                changed = await self._put_in_force(loaded, loaded.config, fresh=loaded.config.compat is not None)
            except TenbinError as error:
                self.reloads.failed += 1
                return self._refused(error)
            self.amendments.begin(loaded.config, forget=True)
            self._tell_of_threads(loaded.config)
            if remark := user_stays(loaded.config, self._parts.reconciler.plane):
                self._parts.say(remark)
            self._parts.say(sentences.reloaded(changed.generation, f"generation {changed.generation} is in force"))
            return ReloadReport(ok=True, generation=changed.generation, summary=changed.summary, problems="")

    async def renew(self) -> None:
        """Wait until certificates change, and serve them; what cannot be used is told, and changes nothing.

        It is told once nothing has changed for a while: a certificate and its key are two files, and slow to write.
        """
        await self._watch.changed()
        begun, since = self._parts.clock.now(), self._loaded
        problems = await self._renewed()
        while problems and self._parts.clock.now() - begun < _LONGEST and await self._watch.changed_within(_QUIET):
            problems = await self._renewed()
        if problems and self._loaded is since:
            self._parts.say(renewal_refused(problems))

    async def set_server(self, server: ServerId, *, weight: int | None = None, admin: Admin | None = None) -> str:
        """Change a server until its next change; survives reloads and restarts."""
        parts = self._parts
        configured, before = parts.store.server(server), parts.store.state.overlay.of(server)
        after = parts.store.set_server(server, weight=weight, admin=admin).overlay.of(server)
        said = parts.health.steered(server, before)
        self._persist()
        await parts.reconciler.in_force()
        if not said:
            now = after.admin or configured.admin
            return (
                f"nothing changes: server {server} is {now} with weight {effective_weight(configured, after)} already"
            )
        return "; ".join(sentence.text for sentence in said)

    async def stop(self, *, now: bool) -> None:
        """Begin to stop."""
        self._parts.orders.give(Order.STOP if now else Order.DRAIN)

    async def upgrade(self) -> str:
        """Hand over to a new data plane."""
        await self._parts.figures.take()
        return await self._parts.keeper.upgrade(self._parts.store.state.config.drain)

    async def _renewed(self) -> str:
        """Serve the certificates that are there now; return why they cannot be used, "" when they can."""
        async with self._reloading:
            try:
                loaded = await asyncio.to_thread(self._source.renew, self._loaded)
                if loaded.config == self._loaded.config:
                    # Another file in one of the directories, or the same one once more.
                    self._read(loaded)
                    return ""
                changed = await self._put_in_force(loaded, self.amendments.on(loaded.config), fresh=False)
            except TenbinError as error:
                return _problems(error)
            self.amendments.begin(loaded.config, forget=False)
            self._parts.say(sentences.reloaded(changed.generation, f"generation {changed.generation} is in force"))
            return ""

    async def _amend(self, config: Config) -> None:
        """Put what was changed over HAProxy's runtime API in force."""
        async with self._reloading:
            await self._parts.reconciler.change(config, kept=self._parts.figures.connections(config))

    async def _put_in_force(self, loaded: Loaded, config: Config, *, fresh: bool) -> Changed:
        parts = self._parts
        await parts.figures.take()
        changed = await parts.reconciler.change(config, kept=parts.figures.connections(config), fresh=fresh)
        self._read(loaded)
        parts.certificates.hold(loaded.certificates)
        if loaded.warnings:
            parts.say(doubtful(loaded.warnings))
        return changed

    def _read(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._watch.read(loaded.stamps)

    def _persist(self) -> None:
        if self._loaded.config.compat is not None:
            # HAProxy's users expect a restart to begin with what the file says.
            return
        try:
            self._parts.state_file.write(self._parts.store.state.overlay)
        except OSError as error:
            text = f"changes of servers will not survive a restart: {error.filename}: {error.strerror}"
            self._parts.say(Sentence(Level.WARNING, "state_not_kept", text))

    def _refused(self, error: TenbinError) -> ReloadReport:
        problems = _problems(error)
        generation = self._parts.store.state.generation
        self._parts.say(sentences.reload_refused(generation, problems))
        return ReloadReport(ok=False, generation=generation, summary="nothing was changed", problems=problems)

    def _tell_of_threads(self, config: Config) -> None:
        threads = self._parts.reconciler.shape.threads
        if config.threads != threads:
            text = f"threads stay {threads} until Tenbin is stopped and started; the file says {config.threads}"
            self._parts.say(Sentence(Level.WARNING, "threads_stay", text))


def _problems(error: TenbinError) -> str:
    return f"{error.message}\n    hint: {error.hint}" if error.hint else error.message


def user_stays(config: Config, plane: Dataplane | None) -> Sentence | None:
    """What to say when the data plane that runs is not the user's that is configured; None when it is."""
    wanted = config.user.uid if config.user is not None else os.geteuid()
    found = doors.user_of(plane.welcome.pid) if plane is not None else None
    if found is None or found == wanted:
        return None
    text = f"the data plane runs as user {found} until the next `tenbin upgrade`; the file says {wanted}"
    return Sentence(Level.WARNING, "user_stays", text)


def doubtful(warnings: str) -> Sentence:
    """A configuration was taken that has warnings, given as text."""
    return Sentence(Level.WARNING, "config_warnings", "the configuration is used, but parts are doubtful", (), warnings)
