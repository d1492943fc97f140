"""The system's name lookup, off the event loop: a few daemon threads around getaddrinfo.

Daemon threads of our own, because the interpreter waits at its end for those of an executor, and a lookup at a dead
name server takes half a minute. Knows no schedule and keeps no answers.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from contextlib import suppress

from tenbin.errors import TenbinError

THREADS = 8


class LookupFailedError(TenbinError):
    """A name does not resolve; the message is the system's reason."""


class Lookups:
    """Looks names up, at most 8 at a time; threads start when they are first needed and live until `close`."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._busy = 0

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the name's addresses in the system's order, each once; raises LookupFailedError."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[str, ...]] = loop.create_future()
        self._busy += 1
        if self._busy > len(self._threads) < THREADS:
            self._start_thread()
        self._jobs.put((host, loop, answer))
        try:
            return await answer
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Let the threads end once they are free; does not wait."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads.clear()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=_serve, args=(self._jobs,), name="tenbin-lookup", daemon=True)
        self._threads.append(thread)
        thread.start()


_Job = tuple[str, asyncio.AbstractEventLoop, "asyncio.Future[tuple[str, ...]]"]


def _serve(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        host, loop, answer = job
        if answer.cancelled():
            continue
        found = _look_up(host)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, answer, found)


def _look_up(host: str) -> tuple[str, ...] | LookupFailedError:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as failure:
        return LookupFailedError(failure.strerror or str(failure))
    except ValueError:
        return LookupFailedError("Not a valid name")
    return tuple(dict.fromkeys(str(where[0]) for _, _, _, _, where in found))


def _settle(answer: asyncio.Future[tuple[str, ...]], found: tuple[str, ...] | LookupFailedError) -> None:
    if answer.done():
        return
    if isinstance(found, LookupFailedError):
        answer.set_exception(found)
    else:
        answer.set_result(found)
