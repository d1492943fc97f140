"""Names to addresses: looked up again every 10 seconds, keeping the last answer when a lookup fails.

Owns the schedule, the back-off and the comparison of answers; `lookup` asks the system. Never raises for a bad name:
what is wrong with a name is told by `problems`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tenbin.discovery.lookup import LookupFailedError, Lookups
from tenbin.model import Address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from tenbin.clock import Clock


class Resolver:
    """Resolves a set of names and calls `found` with a name and its addresses whenever these changed.

    Addresses that stay keep their order, new ones follow in the system's: a name server that rotates its answers
    changes nothing. Used from one event loop only. `lookup` asks for one name, and is another one only in tests.
    """

    def __init__(
        self,
        clock: Clock,
        found: Callable[[str, tuple[str, ...]], None],
        *,
        lookup: Callable[[str], Awaitable[tuple[str, ...]]] | None = None,
    ) -> None:
        self._clock = clock
        self._found = found
        self._lookups = Lookups()
        self._lookup = lookup or self._lookups.addresses
        self._names: dict[str, _Name] = {}
        self._changed = asyncio.Event()

    def replace(self, hosts: Iterable[str]) -> None:
        """Resolve exactly these names from now on; known ones keep their answers and schedule.

        A host that is an IP address needs no lookup: it is found as itself, once.
        """
        wanted = set(hosts)
        for host in self._names.keys() - wanted:
            self._names.pop(host).stop()
        for host in wanted - self._names.keys():
            self._names[host] = _Name(host)
        self._changed.set()

    async def run(self) -> None:
        """Resolve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._changed.clear()
                    for name in self._names.values():
                        if name.task is None:
                            name.task = group.create_task(self._follow(name))
                    await self._changed.wait()
        finally:
            self._lookups.close()

    async def resolve_now(self, hosts: Iterable[str], timeout: float) -> Mapping[str, tuple[str, ...]]:  # noqa: ASYNC109
        """Return what is found of these names within `timeout` seconds; () for one that is not. Never raises.

        What is found of a name that is being resolved is remembered, and `found` is called as for any lookup.
        """
        tasks = {host: asyncio.ensure_future(self._attempt(host)) for host in dict.fromkeys(hosts)}
        late = asyncio.ensure_future(self._clock.sleep(timeout))
        everything = asyncio.gather(*tasks.values())
        try:
            await asyncio.wait((late, everything), return_when=asyncio.FIRST_COMPLETED)
            return {host: task.result() if task.done() else () for host, task in tasks.items()}
        finally:
            late.cancel()
            everything.cancel()

    def addresses(self, host: str) -> tuple[str, ...]:
        """Return the last answer of a name that is being resolved; () while there is none."""
        name = self._names.get(host)
        return name.addresses if name else ()

    def problems(self) -> Mapping[str, str]:
        """Return the names whose last lookup failed, each with the system's reason."""
        return {host: name.problem for host, name in self._names.items() if name.problem}

    async def _follow(self, name: _Name) -> None:
        if Address(name.host, 1).is_literal:
            self._learn(name, (name.host,))
            return
        while True:
            try:
                answer = await self._lookup(name.host)
            except LookupFailedError as failure:
                name.fail(failure.message)
            else:
                self._learn(name, answer)
            await self._clock.sleep(name.delay() * (1 + self._clock.jitter(_JITTER)))

    async def _attempt(self, host: str) -> tuple[str, ...]:
        if Address(host, 1).is_literal:
            return (host,)
        name = self._names.get(host)
        try:
            answer = await self._lookup(host)
        except LookupFailedError as failure:
            if name is None:
                return ()
            name.fail(failure.message)
        else:
            if name is None or self._names.get(host) is not name:
                return answer
            self._learn(name, answer)
        return name.addresses

    def _learn(self, name: _Name, answer: tuple[str, ...]) -> None:
        if name.learn(answer):
            self._found(name.host, name.addresses)


class _Name:
    """A name, its last good answer, and what is wrong with it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.addresses: tuple[str, ...] = ()
        self.problem = ""
        self.task: asyncio.Task[None] | None = None
        self._failures = 0

    def learn(self, answer: tuple[str, ...]) -> bool:
        """Take an answer; return whether the set of addresses changed."""
        self.problem, self._failures = "", 0
        if set(answer) == set(self.addresses):
            return False
        stay = tuple(address for address in self.addresses if address in answer)
        self.addresses = stay + tuple(address for address in answer if address not in stay)
        return True

    def fail(self, reason: str) -> None:
        """Note a failed lookup; the last good answer stays."""
        self.problem = reason
        self._failures += 1

    def delay(self) -> float:
        """Return the seconds to the next lookup: 1, 2, 4, 8, 10 after failures, 10 otherwise."""
        return min(2.0 ** min(self._failures - 1, 10), _EVERY) if self._failures else _EVERY

    def stop(self) -> None:
        """Look the name up no more."""
        if self.task is not None:
            self.task.cancel()
            self.task = None


_EVERY = 10.0
_JITTER = 0.1
