"""The listening sockets: bound here, owned here, lent to the data plane.

Owns which sockets belong to which listener, and the errors that opening them can bring; how one is opened is the
business of `binding`. A listener of an IP address has one socket a thread of the data plane, all on one address, among
which the kernel spreads connections; a unix socket or an inherited one is shared by all threads.
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.dataplane import binding
from tenbin.dataplane.binding import Shape
from tenbin.errors import BindError
from tenbin.model import Inherited, SocketOptions
from tenbin.plan.compile import listen_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tenbin.model import Config, Listener

__all__ = ["Listeners", "Shape"]


class Listeners:
    """All listening sockets of this instance, by address.

    Not `exclusive`: also at addresses that a program of the same user shares, as HAProxy does to take over from it.
    """

    def __init__(self, *, exclusive: bool = True) -> None:
        self._exclusive = exclusive
        self._sockets: dict[str, list[socket.socket]] = {}
        self._options: dict[str, SocketOptions] = {}
        """What is known of open sockets; nothing of those that were adopted, until they are tuned."""
        self._retuned: list[Listener] = []
        """What those were that the last `open` tuned."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """What is listened on."""
        return tuple(self._sockets)

    def of(self, address: str) -> Sequence[socket.socket]:
        """Return the sockets of one address; empty when it is not open."""
        return self._sockets.get(address, ())

    def adopt(self, address: str, sockets: list[socket.socket]) -> None:
        """Take sockets that a running data plane gave back."""
        self._sockets[address] = sockets
        self._options.pop(address, None)

    def open(self, config: Config, shape: Shape) -> list[str]:
        """Open what a configuration listens on and is not open yet; returns these addresses.

        What is open gets the options that it asks for. Raises `BindError` with every address that cannot be bound or
        tuned; then nothing has changed.
        """
        opened: dict[str, list[socket.socket]] = {}
        problems: list[BindError] = []
        self._retuned.clear()
        for frontend in config.frontends:
            for listener in frontend.listeners:
                address = listen_address(listener)
                if address in opened:
                    continue
                try:
                    if address in self._sockets:
                        self._tune(listener, shape)
                    else:
                        opened[address] = binding.bind(listener, shape, self._on_port)
                        self._options[address] = listener.options
                except BindError as error:
                    error.failures = tuple(replace(one, frontend=frontend.name) for one in error.failures)
                    problems.append(error)
        if problems:
            _close(sock for sockets in opened.values() for sock in sockets)
            self.restore(shape)
            raise _all(problems)
        self._sockets |= opened
        return list(opened)

    def restore(self, shape: Shape) -> None:
        """Give sockets the options back that they had before the last `open`."""
        for listener in self._retuned:
            with contextlib.suppress(BindError):
                self._set(listener, shape)
        self._retuned.clear()

    def keep(self, addresses: Iterable[str]) -> list[str]:
        """Close all but these addresses, for good; returns those that were closed."""
        kept = set(addresses)
        dropped = [address for address in self._sockets if address not in kept]
        for address in dropped:
            sockets = self._sockets.pop(address)
            binding.remove(sockets)
            _close(sockets)
        return dropped

    def close(self) -> None:
        """Close everything of ours; a data plane's duplicates go on."""
        for sockets in self._sockets.values():
            _close(sockets)
        self._sockets.clear()

    def end(self) -> None:
        """Close everything; nobody listens here any more."""
        self.keep(())

    def _tune(self, listener: Listener, shape: Shape) -> None:
        """Give an open socket other options; whoever opened one that was inherited has set it up."""
        held = self._options.get(listen_address(listener))
        if held == listener.options:
            return
        if held is not None:
            if held.dual_stack != listener.options.dual_stack:
                raise binding.unchangeable(listener)
            self._retuned.append(replace(listener, options=held))
        if held is not None or listener.options != SocketOptions() or not isinstance(listener.address, Inherited):
            self._set(listener, shape)

    def _set(self, listener: Listener, shape: Shape) -> None:
        address = listen_address(listener)
        binding.tune(listener, self._sockets[address], shape)
        self._options[address] = listener.options

    def _on_port(self, port: int) -> bool:
        """Whether a socket of ours has this port, so that it cannot be anybody else's, or others may have it, too."""
        if not self._exclusive:
            return True
        ours = (sockets[0] for sockets in self._sockets.values() if sockets)
        return any(one.family != socket.AF_UNIX and one.getsockname()[1] == port for one in ours)


def _close(sockets: Iterable[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _all(problems: Sequence[BindError]) -> BindError:
    hints = dict.fromkeys(problem.hint for problem in problems if problem.hint)
    failures = tuple(one for problem in problems for one in problem.failures)
    return BindError("\n".join(problem.message for problem in problems), hint="; ".join(hints), failures=failures)
