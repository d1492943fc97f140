"""The exec probe: runs a program and passes when it ends with 0.

Owns the program's environment, its first words, and its end: it runs in a process group of its own, and the whole group
is killed when the time is over, when the check is withdrawn, and when the program ended but left children behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.model import UnixAddress

if TYPE_CHECKING:
    from types import TracebackType

    from tenbin.health.target import Target
    from tenbin.model import Address, ExecCheck


async def probe(target: Target, check: ExecCheck, within: float) -> Outcome:
    """Run the program for at most so many seconds: PROCOK, PROCERR, PROCTOUT, or SOCKERR when it cannot start."""
    try:
        with _Output() as output:
            try:
                async with asyncio.timeout(within):
                    code = await _run((*check.command, *_arguments(target, check)), _environment(target, check), output)
            except TimeoutError:
                return Outcome(CheckStatus.PROCTOUT, None, _with_words("did not end in time", output.text()))
            return _judge(code, output.text())
    except OSError as failure:
        status = CheckStatus.SOCKERR if failure.errno in _SHORTAGES else CheckStatus.PROCERR
        return Outcome(status, None, printable(f"cannot start {check.command[0]}: {failure.strerror}"))


async def _run(command: tuple[str, ...], environment: dict[str, str], output: _Output) -> int:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output.writer,
        stderr=output.writer,
        start_new_session=True,
    )
    try:
        return await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _BURIAL)


def _judge(code: int, text: str) -> Outcome:
    if code == 0:
        return Outcome(CheckStatus.PROCOK, 0, text)
    ending = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return Outcome(CheckStatus.PROCERR, code, _with_words(ending, text))


def _with_words(ending: str, words: str) -> str:
    return printable(f"{ending}: {words}" if words else ending)


def _arguments(target: Target, check: ExecCheck) -> tuple[str, ...]:
    """The address and the port of the section's own listener and of the server."""
    if not check.places:
        return ()
    around = target.around
    return (*_place(around.proxy, _UNUSED), *_place(around.address, _UNUSED))


def _place(address: Address | UnixAddress | None, missing: str) -> tuple[str, str]:
    if address is None:
        return missing, missing
    if isinstance(address, UnixAddress):
        return address.path, missing
    return address.host, str(address.port)


def _environment(target: Target, check: ExecCheck) -> dict[str, str]:
    where, around = target.where, target.around
    proxy, proxy_port = _place(around.proxy, "")
    server, server_port = _place(around.address, "")
    return {
        **os.environ,
        **({"PATH": check.path} if check.path else {}),
        "TENBIN_BACKEND": target.id.backend,
        "TENBIN_SERVER": target.id.server,
        "TENBIN_ADDRESS": where.host,
        "TENBIN_PORT": str(where.port),
        # Programs that were written for HAProxy find what they look for.
        "HAPROXY_PROXY_NAME": target.id.backend,
        "HAPROXY_PROXY_ID": str(around.proxy_number),
        "HAPROXY_PROXY_ADDR": proxy,
        "HAPROXY_PROXY_PORT": proxy_port,
        "HAPROXY_SERVER_NAME": target.id.server,
        "HAPROXY_SERVER_ID": str(around.number),
        "HAPROXY_SERVER_ADDR": server,
        "HAPROXY_SERVER_PORT": server_port,
        "HAPROXY_SERVER_MAXCONN": str(around.max_connections),
        "HAPROXY_SERVER_CURCONN": str(around.current),
        "HAPROXY_SERVER_SSL": str(int(around.tls)),
        "HAPROXY_SERVER_PROTO": "h1",
    }


class _Output:
    """A pipe for the program's words: the first are kept, the rest is read and thrown away so that it never blocks.

    A pipe of our own, because asyncio's would wait for every child that inherited it.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(self.writer, True)
        self._kept = b""

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._reader, self._take)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)
        os.close(self.writer)

    def text(self) -> str:
        """Return the first line of what was said."""
        self._take()
        words = self._kept.decode(errors="replace").strip()
        return printable(words.splitlines()[0]) if words else ""

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._reader, _KEPT)
            self._kept += data[: _KEPT - len(self._kept)]


_KEPT = 4096
_UNUSED = "NOT_USED"
# Seconds to wait for a killed program to be gone; one that the kernel does not let go of must not hold up the checks.
_BURIAL = 1.0
_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
