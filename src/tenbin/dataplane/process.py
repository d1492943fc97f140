"""The data plane as a process: started, attached to, asked, ended.

Owns the child process, where its control socket is, and how long each request may take. The port's semantics are in
`tenbin.dataplane.port`, the wire in `tenbin.dataplane.channel`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

from tenbin.dataplane import doors
from tenbin.dataplane.channel import Channel
from tenbin.errors import DataplaneError
from tenbin.plan import wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tenbin.clock import Clock
    from tenbin.model import Duration, Identity, ServerId

_START = 10.0
"""Seconds until a started data plane must answer; it takes some milliseconds."""

_QUICK = 5.0
_WHOLE = 30.0
_ENDING = 2.0
_STEP = 0.002


class ProcessDataplane:
    """A `tenbin-dataplane`, whether started by this process or by an earlier one; see `port.Dataplane`."""

    def __init__(self, channel: Channel, welcome: wire.Welcome, process: _Process, clock: Clock) -> None:
        self._channel = channel
        self._welcome = welcome
        self._process = process
        self._clock = clock

    @property
    def welcome(self) -> wire.Welcome:
        """Who it is and what it had when control was taken."""
        return self._welcome

    async def set_sockets(self, address: str, sockets: Sequence[socket.socket]) -> None:
        """Hand over duplicates of the listening sockets of one address."""
        request = wire.SetSockets(id=self._channel.next_id(), address=address, count=len(sockets))
        descriptors = [sock.fileno() for sock in sockets]
        await self._channel.ask(request, wire.Done, timeout=_QUICK, descriptors=descriptors)

    async def get_sockets(self, address: str) -> list[socket.socket]:
        """Get duplicates of the listening sockets of one address."""
        request = wire.GetSockets(id=self._channel.next_id(), address=address)
        answer = await self._channel.ask(request, wire.Sockets, timeout=_QUICK)
        return [socket.socket(fileno=descriptor) for descriptor in self._channel.take_descriptors(answer.count)]

    async def apply(self, snapshot: wire.Snapshot, *, salvage: bool = False) -> None:
        """Replace the snapshot, all or nothing."""
        request = wire.Apply(id=self._channel.next_id(), snapshot=snapshot, salvage=salvage)
        await self._channel.ask(request, wire.Done, timeout=_WHOLE)

    async def patch(self, generation: int, servers: Sequence[wire.ServerPatch]) -> None:
        """Change weight, admin state and health of servers."""
        request = wire.Patch(id=self._channel.next_id(), generation=generation, servers=tuple(servers))
        await self._channel.ask(request, wire.Done, timeout=_QUICK)

    async def stats(self) -> wire.Stats:
        """Everything counted so far."""
        request = wire.GetStats(id=self._channel.next_id())
        return (await self._channel.ask(request, wire.Counted, timeout=_QUICK)).stats

    async def restore(self, stats: wire.Stats) -> None:
        """Add the counters of an earlier data plane."""
        request = wire.Restore(id=self._channel.next_id(), stats=stats)
        await self._channel.ask(request, wire.Done, timeout=_WHOLE)

    async def table(self, query: wire.TableQuery) -> wire.TableAnswered:
        """Show, set or clear entries of a stick table."""
        request = wire.TableAsked(id=self._channel.next_id(), **dict(query))
        return await self._channel.ask(request, wire.TableAnswered, timeout=_WHOLE)

    async def clear_counters(self, *, everything: bool) -> None:
        """Begin to count anew."""
        request = wire.ClearCounters(id=self._channel.next_id(), everything=everything)
        await self._channel.ask(request, wire.Done, timeout=_QUICK)

    async def sessions(self, *, end: ServerId | None = None, session: int = 0) -> wire.Sessions:
        """What is in progress; with `end` or `session`, end it."""
        request = wire.AskSessions(
            id=self._channel.next_id(),
            action="close" if end is not None or session else "show",
            backend=end.backend if end is not None else "",
            server=end.server if end is not None else "",
            session=session,
        )
        return await self._channel.ask(request, wire.Sessions, timeout=_QUICK)

    async def live_list(self, query: wire.ListQuery) -> wire.Entries:
        """Read or change a map or a list of patterns."""
        request = wire.AskList(id=self._channel.next_id(), **query.model_dump())
        return await self._channel.ask(request, wire.Entries, timeout=_WHOLE)

    async def variable(self, name: str, value: wire.Expr | None = None) -> wire.Variable:
        """A variable of the process, set first if there is a value."""
        request = wire.AskVariable(id=self._channel.next_id(), name=name, value=value)
        return await self._channel.ask(request, wire.Variable, timeout=_QUICK)

    async def refused(self) -> wire.RefusedMessages:
        """The messages that could not be read."""
        request = wire.GetRefused(id=self._channel.next_id())
        return await self._channel.ask(request, wire.RefusedMessages, timeout=_QUICK)

    async def events(self) -> AsyncIterator[wire.Event]:
        """What the data plane says by itself, until it is gone."""
        while (event := await self._channel.events.get()) is not None:
            yield event

    async def drain(self, deadline: Duration, *, close_idle: bool) -> None:
        """Accept nothing more, and exit when the work is done."""
        request = wire.Drain(id=self._channel.next_id(), deadline=deadline.ms, close_idle=close_idle)
        await self._channel.ask(request, wire.Done, timeout=_QUICK)

    async def stop(self) -> None:
        """End it: by request, then by SIGKILL if it does not listen."""
        try:
            if not self._channel.closed:
                request = wire.Stop(id=self._channel.next_id())
                await self._channel.ask(request, wire.Done, timeout=_ENDING)
        except DataplaneError:
            # It may end before its answer is written, and one that hangs is killed below.
            pass
        await self._process.end(_ENDING)
        self._channel.close("stopped")

    async def gone(self) -> str:
        """Wait until it has ended; one that only closed the connection is ended, for nobody controls it any more."""
        process = asyncio.ensure_future(self._process.wait())
        connection = asyncio.ensure_future(self._channel.wait_closed())
        try:
            await asyncio.wait((process, connection), return_when=asyncio.FIRST_COMPLETED)
            if process.done():
                self._channel.close(process.result())
                return process.result()
            try:
                # The connection of a process that dies ends a moment before the process.
                return await asyncio.wait_for(asyncio.shield(process), _STEP * 50)
            except TimeoutError:
                await self._process.end(0)
                return f"{connection.result()}, and was killed"
        finally:
            process.cancel()
            connection.cancel()

    def detach(self) -> None:
        """Let go of it: it runs on with its last snapshot."""
        self._channel.close("detached")


async def spawn(
    binary: Path, control: Path, clock: Clock, user: Identity | None = None, *, leash: bool = False
) -> ProcessDataplane:
    """Start a data plane that serves its control connection at `control`, as `user` if root starts it.

    On a leash it ends with this process, however that ends.

    `DataplaneError` when it does not come up.
    """
    process = _start(binary, control, user, leash)
    try:
        sock = await _connect_when_ready(control, process, clock)
        return await _greet(sock, process, clock)
    except BaseException:
        await process.end(0)
        raise


async def attach(control: Path, clock: Clock) -> ProcessDataplane | None:
    """Take control of the data plane that runs at `control`; None when none does, or it speaks another protocol.

    `DataplaneError` when the socket is not one that only its owner can have put there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        doors.check_socket(control)
        sock.connect(str(control))
        pid = doors.check_peer(sock, control)
    except OSError:
        sock.close()
        return None
    except DataplaneError:
        sock.close()
        raise
    process = _Process(pid)
    try:
        return await _greet(sock, process, clock)
    except DataplaneError:
        await process.end(_ENDING)
        return None


def _start(binary: Path, control: Path, user: Identity | None, leash: bool) -> _Process:
    control.unlink(missing_ok=True)
    command = [str(binary), *(["--leash"] if leash else []), "--control", str(control)]
    if user is not None and os.geteuid() == 0:
        command += ["--run-as", f"{user.uid}:{user.gid}:{','.join(str(group) for group in user.groups)}"]
    try:
        # A session of its own: Ctrl-C on the terminal is for the control plane, which ends it in good order.
        child = subprocess.Popen(  # noqa: S603 - our own program
            command,
            # The end of a leash that is held here is closed in whatever else is started.
            stdin=subprocess.PIPE if leash else subprocess.DEVNULL,
            env=doors.environment(os.environ),
            start_new_session=True,
            close_fds=True,
        )
    except OSError as error:
        raise DataplaneError(f"{binary} cannot be started: {error.strerror}") from error
    return _Process(child.pid, child)


async def _connect_when_ready(control: Path, process: _Process, clock: Clock) -> socket.socket:
    deadline = clock.now() + _START
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            sock.connect(str(control))
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
        else:
            return sock
        if process.ended() is not None:
            raise DataplaneError(f"the data plane did not start: {process.ended()}")
        if clock.now() > deadline:
            raise DataplaneError(f"the data plane did not open {control} within {_START:g} s")
        await clock.sleep(_STEP)


async def _greet(sock: socket.socket, process: _Process, clock: Clock) -> ProcessDataplane:
    sock.setblocking(False)
    channel = Channel(sock, clock)
    hello = wire.Hello(id=channel.next_id(), protocol=wire.PROTOCOL, pid=os.getpid())
    try:
        welcome = await channel.ask(hello, wire.Welcome, timeout=_QUICK)
    except BaseException:
        channel.close()
        raise
    if welcome.protocol != wire.PROTOCOL:
        channel.close()
        raise DataplaneError(f"the data plane speaks protocol {welcome.protocol}, not {wire.PROTOCOL}")
    return ProcessDataplane(channel, welcome, process, clock)


class _Process:
    """A process that may not be our child, watched by a pidfd, which no other process can ever be mistaken for."""

    def __init__(self, pid: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self._pid = pid
        self._child = child
        self._how: str | None = None
        try:
            self._descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor, self._how = -1, "ended"

    def ended(self) -> str | None:
        """How it ended; None while it runs."""
        if self._how is None and self._child is not None and self._child.poll() is not None:
            self._finish()
        return self._how

    async def wait(self) -> str:
        """Wait for its end."""
        loop = asyncio.get_running_loop()
        if self.ended() is None:
            done: asyncio.Future[None] = loop.create_future()
            # A pidfd of its own for each waiter: a loop has one reader a descriptor.
            watched = os.dup(self._descriptor)
            loop.add_reader(watched, done.cancel)
            try:
                await asyncio.wait((done,))
            finally:
                loop.remove_reader(watched)
                os.close(watched)
            self._finish()
        return self._how or "ended"

    async def end(self, patience: float) -> str:
        """Wait `patience` seconds for its end, then kill it."""
        try:
            return await asyncio.wait_for(self.wait(), max(patience, 0.001))
        except TimeoutError:
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            return await self.wait()

    def _finish(self) -> None:
        if self._how is not None:
            return
        self._how = _ending(self._child.wait()) if self._child is not None else "ended"
        os.close(self._descriptor)
        self._descriptor = -1


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
