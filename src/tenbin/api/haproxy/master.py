"""The master CLI: what `-S` opens, in front of the runtime API.

Owns its few commands, and whom the others are for: `@1`, `@!PID` and `@master` before a command, or alone for all that
follow. HAProxy's worker is our data plane; there is one at a time, and its runtime API is the one of this process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Call, Command, Goodbye, Said, Table
from tenbin.api.haproxy.commands import TABLE, seats
from tenbin.api.haproxy.conversation import Conversation
from tenbin.api.haproxy.roster import version_of
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.port import Runtime
    from tenbin.model import RuntimeSocket

_SAYS_HOW_IT_WENT = (2, 7)
"""From this version on a reload is answered; before, the connection just ends."""
_COLUMN = 15


class MasterConversation(Conversation):
    """Speaks with one client of the master CLI."""

    def __init__(self, runtime: Runtime, place: RuntimeSocket) -> None:
        super().__init__(runtime, place)
        self._worker = False

    @property
    def prompt(self) -> str:
        """Who is spoken with."""
        return f"\n{os.getpid() if self._worker else 'master'}> "

    async def _carried_out(self, words: tuple[str, ...], payload: str) -> str:
        if not words[0].startswith("@"):
            return await self._by(words, payload, worker=self._worker)
        worker = await self._is_worker(words[0])
        if worker is None:
            return f"Can't find the target PID matching the prefix '{words[0]}'\n"
        if len(words) == 1:
            self._worker = worker
            return ""
        return await self._by(words[1:], payload, worker=worker)

    async def _by(self, words: tuple[str, ...], payload: str, *, worker: bool) -> str:
        self.table = TABLE if worker else MASTER
        return await super()._carried_out(words, payload)

    async def _is_worker(self, prefix: str) -> bool | None:
        """Whom a prefix means; None for nobody."""
        if prefix in ("@master", "@0"):
            return False
        if prefix == "@1":
            return True
        workers = {os.getpid(), await _worker(self._runtime)}
        number = prefix.removeprefix("@!")
        return True if number.isdigit() and number != prefix and int(number) in workers else None


async def show_processes(call: Call) -> str:
    """`show proc`: this process, and the data plane as its worker."""
    sight = await call.runtime.sight()
    version = _version()
    process = sight.status.process
    own, age = _age(), int(process.uptime) if process is not None else 0
    reloads = f"{call.runtime.reloads.done} [failed: {call.runtime.reloads.failed}]"
    lines = [
        _row("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>"),
        _row(str(os.getpid()), "master", reloads, _uptime(own), version),
        "# workers",
    ]
    if process is not None:
        lines.append(_row(str(process.pid), "worker", "0", _uptime(min(age, own)), version))
    lines.append("# programs")
    return "".join(f"{line}\n" for line in lines)


async def reload(call: Call) -> str:
    """`reload`: read the files again."""
    report = await call.runtime.operations.reload()
    if version_of(call.runtime.state.config) < _SAYS_HOW_IT_WENT:
        raise Goodbye
    said = report.problems if not report.ok else f"[NOTICE]   ({os.getpid()}) : Loading success."
    return f"Success={int(report.ok)}\n--\n{said}\n"


async def show_version(_call: Call) -> str:
    """`show version`."""
    return f"{_version()}\n"


async def show_help(call: Call) -> str:
    """`help [<command>]`, with whom a command may be for."""
    head, _, rest = MASTER.help(call.words[1:], call.seat.level).partition("\n")
    return f"{head}\n{_PREFIXES if not call.words[1:] else ''}{rest}"


async def sockets(_call: Call) -> str:
    """`show cli sockets`."""
    raise Said("The master CLI does not know other sockets: ask with @1.\n")


def _version() -> str:
    return os.environ.get("HAPROXY_STARTUP_VERSION", "")


def _row(*cells: str) -> str:
    return " ".join(f"{cell:<{_COLUMN}}" for cell in cells)


def _uptime(seconds: int) -> str:
    days, rest = divmod(max(seconds, 0), 86_400)
    hours, rest = divmod(rest, 3600)
    return f"{days}d{hours:02d}h{rest // 60:02d}m{rest % 60:02d}s"


def _age() -> int:
    """For how many seconds this process has run: the system knows when it began."""
    with Path("/proc/self/stat").open(encoding="ascii") as file:
        begun = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    with Path("/proc/uptime").open(encoding="ascii") as file:
        return int(float(file.read().split()[0]) - begun)


async def _worker(runtime: Runtime) -> int:
    process = (await runtime.sight()).status.process
    return process.pid if process is not None else 0


_PREFIXES = "".join(
    f"  {words:<40}: {what}\n"
    for words, what in (
        ("@!<pid>", "send a command to the <pid> process"),
        ("@<relative pid>", "send a command to the <relative pid> process"),
        ("@master", "send a command to the master process"),
    )
)

MASTER = Table(
    (
        Command(("show", "proc"), "show proc", "show processes status", Level.OPERATOR, show_processes),
        Command(("reload",), "reload", "reload the configuration", Level.OPERATOR, reload),
        Command(("hard-reload",), "hard-reload", "the same: nothing is left to end", Level.OPERATOR, reload),
        Command(("show", "version"), "show version", "show version of the current process", Level.USER, show_version),
        Command(("show", "cli", "sockets"), "show cli sockets", "where these commands are taken", Level.USER, sockets),
        Command(("help",), "help [<command>]", "list matching or all commands", Level.USER, show_help),
        *(row for row in seats.COMMANDS if row.words in {("prompt",), ("quit",), ("operator",), ("user",)}),
        Command(("show", "cli", "level"), "show cli level", "level of this connection", Level.USER, seats.show_level),
    )
)
