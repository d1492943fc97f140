"""`tenbin demo`: three servers behind a Tenbin, and a short tour that breaks things while requests go on.

Owns the story and what is printed; the processes are `tenbin.demo.stage`, the requests `tenbin.demo.traffic`.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from tenbin.clock import SystemClock
from tenbin.demo.stage import SERVERS, Stage, StageError
from tenbin.demo.traffic import Traffic, redirected

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 100
"""Requests a second during the tour."""


def run(keep: bool, port: int = 8080, admin: int = 8404, secure: int | None = None) -> int:
    """Give the tour with Tenbin on `port` and its admin endpoints on `admin`, both on loopback.

    With a port `secure` it is given over HTTPS there. `keep` leaves everything running until Ctrl-C. Returns 0, or 1
    when anything failed in the tour or a port is taken. Nothing is left behind, however it ends.
    """
    console = Console(highlight=False, soft_wrap=True)
    # Even where a shell has it ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return asyncio.run(_main(console, keep, Stage(port, admin, secure)))
    except StageError as error:
        console.print(f"[red]tenbin demo:[/] {escape(str(error))}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped; nothing is left behind.")
        return 0


async def _main(console: Console, keep: bool, stage: Stage) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        async with stage:
            failed = await Tour(console, stage).give()
            _summary(console, stage, keep=keep)
            if keep:
                console.print("\nEverything keeps running. [bold]Ctrl-C[/] ends it.")
                await asyncio.Event().wait()
            return 1 if failed else 0
    except asyncio.CancelledError:
        if task.cancelling() and not keep:
            raise KeyboardInterrupt from None
        console.print("\nStopped; nothing is left behind.")
        return 0


class Tour:
    """The scenes, one after the other; each says what happens and checks that it did."""

    def __init__(self, console: Console, stage: Stage) -> None:
        self._console = console
        self._stage = stage
        self._clock = SystemClock()
        self._traffic = Traffic(stage.secure or stage.port, RATE, self._clock, stage.trusting())
        self._problems: list[str] = []

    async def give(self) -> int:
        """Give the whole tour and return how many things went wrong."""
        if self._stage.secure:
            await self._secured()
        await self._alternate()
        async with self._traffic:
            await self._kill()
            await self._return()
            await self._drain()
        self._judge()
        return len(self._problems)

    async def _secured(self) -> None:
        self._title(f"HTTPS with a certificate made for localhost: {self._stage.url}")
        location = await redirected(self._stage.port, "/api/whoami")
        self._console.print(f"  GET http://127.0.0.1:{self._stage.port}/api/whoami  →  {escape(location)}")
        self._expect(location == f"{self._stage.url}/api/whoami", "plain HTTP is sent to HTTPS")

    async def _alternate(self) -> None:
        self._title("Three servers, requests in turn")
        answers = [await self._traffic.ask() for _ in range(6)]
        for number, server in enumerate(answers, 1):
            self._console.print(f"  GET /api/whoami  #{number}  →  {_coloured(server)}")
        counts = Counter(answers)
        self._expect(all(counts[name] == 2 for name in SERVERS), f"each server answers two of six: {dict(counts)}")

    async def _kill(self) -> None:
        self._title(f"server2 is killed (kill -9) while {RATE} requests a second go on")
        await self._traffic.some(RATE)
        before, failed = self._traffic.counts(), self._traffic.failed
        self._stage.kill("server2")
        await self._until(self._is_down, 10, "server2 is seen DOWN")
        reason = self._stage.reason("server2")
        self._console.print(f"  server2 is [bold red]DOWN[/]: {escape(reason)}")
        await self._traffic.some(RATE)
        self._tell(before, failed)

    async def _return(self) -> None:
        self._title("server2 comes back")
        await self._stage.start("server2")
        await self._until(self._is_up, 10, "server2 is seen UP")
        before, failed = self._traffic.counts(), self._traffic.failed
        await self._traffic.some(RATE)
        self._tell(before, failed)
        share = self._since(before)["server2"]
        self._expect(share >= RATE // 5, f"server2 gets its share again: {share} of the last {RATE}")

    async def _drain(self) -> None:
        self._title("server1 is drained: its work ends, new work goes elsewhere")
        await self._stage.tenbin("server", "drain", "app/server1")
        await self._traffic.some(RATE // 10)
        before, failed = self._traffic.counts(), self._traffic.failed
        await self._traffic.some(RATE)
        self._tell(before, failed)
        self._expect(not self._since(before)["server1"], "server1 gets nothing new")
        await self._stage.tenbin("server", "ready", "app/server1")

    async def _is_down(self) -> bool:
        return await self._stage.health("server2") == "down"

    async def _is_up(self) -> bool:
        return await self._stage.health("server2") == "up"

    async def _until(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        begin = self._clock.now()
        while not await condition():  # type: ignore[misc]
            if self._clock.now() - begin > seconds:
                self._expect(False, what)
                return
            await self._clock.sleep(0.05)
        self._expect(True, f"{what} after {self._clock.now() - begin:.1f} s")

    def _since(self, before: Counter[str]) -> Counter[str]:
        return self._traffic.counts() - before

    def _tell(self, before: Counter[str], failed: int) -> None:
        counts = self._since(before)
        shown = "  ".join(f"{_coloured(name)} {counts[name]}" for name in SERVERS)
        self._console.print(f"  {counts.total()} requests meanwhile: {shown}  failed {self._traffic.failed - failed}")

    def _judge(self) -> None:
        done, failed = self._traffic.counts().total(), self._traffic.failed
        self._title("The end")
        self._expect(failed == 0, f"{done} requests, {failed} failed{self._traffic.first_failure()}")

    def _title(self, text: str) -> None:
        self._console.print(f"\n[bold]{text}[/]")

    def _expect(self, holds: bool, text: str) -> None:
        mark = "[green]✓[/]" if holds else "[bold red]✗[/]"
        self._console.print(f"  {mark} {text}")
        if not holds:
            self._problems.append(text)


def _coloured(server: str) -> str:
    colour = {"server1": "cyan", "server2": "magenta", "server3": "yellow"}.get(server, "white")
    return f"[{colour}]{server}[/]"


def _summary(console: Console, stage: Stage, *, keep: bool) -> None:
    console.print("\n[bold]Try next[/]")
    again = (
        ""
        if keep
        else f"tenbin demo --keep {'--tls' if stage.secure else '     '}      # then, in another terminal:\n  "
    )
    trusted = ("--cacert " + str(stage.certificate) if keep else "-k") + " " if stage.secure else ""
    prefix = f"TENBIN_RUNTIME_DIR={stage.runtime_directory} " if keep else ""
    console.print(
        f"  {again}curl -i {trusted}{stage.url}/api/whoami\n"
        f"  curl -s http://127.0.0.1:{stage.admin}/metrics | head\n"
        f"  {prefix}tenbin status\n"
        "  tenbin init && tenbin run tenbin.yaml    # your own servers",
        markup=False,
    )
