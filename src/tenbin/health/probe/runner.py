"""A thread with an event loop for one file of Python checks.

Owns loading the file (again when it changed; a changed file that does not load leaves the last good one at work),
calling one function within a time, and measuring how long a call holds the thread without awaiting. Turns whatever the
function does, sys.exit included, into an outcome.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from tenbin.health.result import CheckStatus, Outcome, Result, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import CodeType, ModuleType, TracebackType

    from tenbin.health.target import CheckedServer

    _CheckFunction = Callable[[CheckedServer], Coroutine[Any, Any, object]]


class Call:
    """A call of a function for one server; `longest` is the most seconds that it held the thread in one go."""

    def __init__(self, function: str, server: CheckedServer, within: float) -> None:
        self.function = function
        self.server = server
        self.within = within
        self.longest = 0.0
        self.future: Future[Outcome] = Future()


class Runner:
    """The thread of one file; calls come from another thread's event loop.

    `holder` is the call that runs right now, from one await to the next.
    """

    def __init__(self, file: str) -> None:
        self.holder: Call | None = None
        self._file = _File(file)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, name=f"tenbin-check {Path(file).name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def call(self, function: str, server: CheckedServer, within: float) -> Call:
        """Start a call of the named function."""
        call = Call(function, server, within)
        self._loop.call_soon_threadsafe(self._begin, call)
        return call

    def close(self) -> None:
        """Ask the thread to end once it is free; does not wait."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop().run_forever()

    def _begin(self, call: Call) -> None:
        if call.future.set_running_or_notify_cancel():
            task = self._loop.create_task(self._answer(call))
            task.add_done_callback(lambda done: _hand_over(done, call.future))

    async def _answer(self, call: Call) -> Outcome:
        try:
            check, complaint = self._file.function(call.function)
        except _UnusableError as failure:
            return Outcome(CheckStatus.PROCERR, None, printable(str(failure)))
        task = self._loop.create_task(_guarded(_Watched(check(call.server), call, self), self._file.path))
        done, _ = await asyncio.wait({task}, timeout=call.within)
        if not done:
            task.cancel()
            return Outcome(CheckStatus.PROCTOUT, None, "did not return in time")
        if task.cancelled():
            return Outcome(CheckStatus.PROCERR, None, "cancelled itself")
        outcome = task.result()
        remarks = [outcome.text, complaint]
        if call.longest > _HELD:
            remarks.append(f"(held its thread {call.longest * 1000:.0f} ms: await instead of blocking)")
        return Outcome(outcome.status, outcome.code, printable(" ".join(filter(None, remarks))))


# Seconds that a step may take before the result mentions it.
_HELD = 0.1


class _UnusableError(Exception):
    """The file or its function cannot be called."""


class _File:
    """The operator's file, loaded once for each change of it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._module: ModuleType | None = None
        self._complaint = ""

    def function(self, name: str) -> tuple[_CheckFunction, str]:
        """Return the function, and a complaint when the file changed and does not load any more."""
        self._refresh()
        if self._module is None:
            raise _UnusableError(self._complaint)
        found = getattr(self._module, name, None)
        if not inspect.iscoroutinefunction(found):
            raise _UnusableError(f"{Path(self.path).name} has no `async def {name}(server)`")
        return found, self._complaint

    def _refresh(self) -> None:
        try:
            stat = Path(self.path).stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp != self._stamp:
                self._stamp = stamp
                self._module = _load(self.path)
                self._complaint = ""
        except (Exception, SystemExit) as failure:  # noqa: BLE001 - the operator's module may raise anything
            self._complaint = f"cannot load {Path(self.path).name}: {_describe(failure, self.path)}"


class _Watched:
    """A coroutine whose every step, from one await to the next, is timed and has its holder named."""

    def __init__(self, coroutine: Coroutine[Any, Any, object], call: Call, runner: Runner) -> None:
        self._coroutine = coroutine
        self._call = call
        self._runner = runner
        self._now = asyncio.get_running_loop().time

    def __await__(self) -> Generator[Any, Any, object]:
        advance: Callable[[Any], Any] = self._coroutine.send
        argument: object = None
        while True:
            try:
                waited = self._step(advance, argument)
            except StopIteration as end:
                return end.value
            try:
                argument, advance = (yield waited), self._coroutine.send
            except BaseException as failure:  # noqa: BLE001 - a cancellation goes to the coroutine like any other
                argument, advance = failure, self._coroutine.throw

    def _step(self, advance: Callable[[Any], Any], argument: object) -> object:
        began = self._now()
        self._runner.holder = self._call
        try:
            return advance(argument)
        finally:
            self._runner.holder = None
            self._call.longest = max(self._call.longest, self._now() - began)


async def _guarded(watched: _Watched, path: str) -> Outcome:
    try:
        returned = await watched
    except asyncio.CancelledError:
        raise
    except BaseException as failure:  # noqa: BLE001 - the operator's function may raise anything
        return Outcome(CheckStatus.PROCERR, None, printable(_describe(failure, path)))
    if isinstance(returned, Result):
        return Outcome(returned.status, returned.code, printable(str(returned.text)))
    return Outcome(CheckStatus.PROCERR, None, f"returned {type(returned).__name__}, expected tenbin.health.Result")


class _SourceLoader(SourceFileLoader):
    """Compiles the source every time: a cached .pyc would hide a second change within one second."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader's signature
        """Return the compiled source."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _load(path: str) -> ModuleType:
    name = f"_tenbin_check_{crc32(path.encode()):08x}"
    spec = spec_from_loader(name, _SourceLoader(name, path))
    if spec is None or spec.loader is None:
        raise ImportError("not a Python file")
    module = module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickle look their module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        raise
    return module


def _describe(failure: BaseException, path: str) -> str:
    """Name the error and the last line of the operator's file that it came through."""
    line = None
    step: TracebackType | None = failure.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno
        step = step.tb_next
    place = f" ({Path(path).name}:{line})" if line else ""
    return f"{type(failure).__name__}: {failure}{place}" if str(failure) else f"{type(failure).__name__}{place}"


def _hand_over(done: asyncio.Task[Outcome], future: Future[Outcome]) -> None:
    if done.cancelled():
        future.set_result(Outcome(CheckStatus.SOCKERR, None, "the thread of the check was closed"))
    elif (failure := done.exception()) is not None:
        future.set_exception(failure)
    else:
        future.set_result(done.result())
