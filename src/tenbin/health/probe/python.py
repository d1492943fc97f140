"""The Python probe: calls `async def check(server) -> Result` of the operator's file.

Owns one thread a file to run the function in, so that one that blocks stalls the checks of its own file and nothing
else, and what follows when that happens. The thread itself, loading and measuring are in `runner`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tenbin.health.probe.runner import Runner
from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.health.target import CheckedServer

if TYPE_CHECKING:
    from tenbin.health.target import Target
    from tenbin.model import PythonCheck


class PythonProbe:
    """Calls checks in their files' threads; `close` ends the threads."""

    def __init__(self) -> None:
        self._runners: dict[str, Runner] = {}
        self._stuck: dict[str, list[Runner]] = {}

    async def __call__(self, target: Target, check: PythonCheck, within: float) -> Outcome:
        """Call the function for at most so many seconds: PROCOK, PROCERR, PROCTOUT, or the status that it chose.

        A call that could not go on because another one blocks the thread is SOCKERR: it says nothing of the server.
        """
        runner = self._runner(check.file)
        if runner is None:
            return Outcome(CheckStatus.SOCKERR, None, printable(f"{_MOST_STUCK} calls of {check.file} are stuck"))
        where = target.where
        server = CheckedServer(target.id.backend, target.id.server, where.host, where.port)
        call = runner.call(check.function, server, within)
        answer = asyncio.wrap_future(call.future)
        try:
            done, _ = await asyncio.wait({answer}, timeout=within + _GRACE)
        finally:
            answer.cancel()
        if done:
            return answer.result()
        self._give_up(check.file, runner)
        if runner.holder not in {call, None}:
            return Outcome(CheckStatus.SOCKERR, None, "another check of the same file blocks its thread")
        return Outcome(CheckStatus.PROCTOUT, None, "blocks its thread: use await instead of blocking calls")

    def close(self) -> None:
        """Let all threads end."""
        for runner in (*self._runners.values(), *(one for many in self._stuck.values() for one in many)):
            runner.close()
        self._runners.clear()
        self._stuck.clear()

    def _runner(self, file: str) -> Runner | None:
        runner = self._runners.get(file)
        if runner is None or not runner.alive:
            stuck = [one for one in self._stuck.pop(file, ()) if one.alive]
            if stuck:
                self._stuck[file] = stuck
            if len(stuck) >= _MOST_STUCK:
                return None
            runner = self._runners[file] = Runner(file)
        return runner

    def _give_up(self, file: str, runner: Runner) -> None:
        """Leave a blocked thread behind; the next call gets a fresh one."""
        if self._runners.get(file) is runner:
            del self._runners[file]
            runner.close()
            self._stuck.setdefault(file, []).append(runner)


# Seconds beyond the timeout after which a thread that did not report its own timeout counts as blocked.
_GRACE = 0.25
_MOST_STUCK = 4
