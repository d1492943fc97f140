"""Checks: their pace with all defaults, and the files that they refer to."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.configfile.native.document import timeouts as defaults
from tenbin.configfile.native.document.base import written
from tenbin.configfile.native.document.observe import WATCHED
from tenbin.configfile.native.resolve import steps
from tenbin.configfile.native.resolve.context import first, given
from tenbin.configfile.native.resolve.tls import send_proxy, server_tls
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.check import (
    AsServer,
    Check,
    ExecCheck,
    GrpcCheck,
    HttpCheck,
    Observe,
    OnErrors,
    Probe,
    PythonCheck,
    TcpCheck,
)
from tenbin.model.tls import Protocol

if TYPE_CHECKING:
    from tenbin.configfile.native.document.check import CheckDocument, HealthCheckDocument, Pace
    from tenbin.configfile.native.document.observe import ObserveDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.tls import ServerTls
    from tenbin.model.values import Duration

_ANY_SUCCESS = ((200, 399),)


def check(context: Context, document: CheckDocument, timeout: Duration | None, path: Path, *, has_tls: bool) -> Check:
    """Resolve a check; `timeout` is what `timeouts.check` says, `has_tls` whether servers have settings of TLS."""
    paced = _paced(document, _probe(context, document, path), document.every, timeout)
    own = _unsaid(document)
    protocol = Protocol(document.protocol) if document.protocol else own.protocol
    told = send_proxy(document.send_proxy) if written(document, "send_proxy") else own.send_proxy
    tls = _tls(context, document, path, has_tls=has_tls) if written(document, "tls") else own.tls
    return replace(paced, tls=tls, send_proxy=told, protocol=protocol, observe=_observe(document.observe))


def health_check(document: HealthCheckDocument, timeout: Duration | None) -> Check:
    """Resolve the short form's check."""
    probe: Probe = TcpCheck()
    if document.path is not None:
        probe = _http(document, given(document.method), document.path)
    own = _unsaid(document)
    paced = _paced(document, probe, document.interval, timeout)
    return replace(paced, tls=own.tls, send_proxy=own.send_proxy, protocol=own.protocol)


@dataclass(frozen=True, slots=True)
class _Unsaid:
    """How a check goes about what it does not say itself."""

    tls: AsServer | None
    send_proxy: AsServer | None
    protocol: AsServer | Protocol


def _unsaid(document: Pace) -> _Unsaid:
    """What holds for the server's own port need not hold for another one (so it is with HAProxy's checks, too)."""
    if document.port or document.address:
        return _Unsaid(None, None, Protocol.HTTP1)
    return _Unsaid(AsServer.AS_SERVER, AsServer.AS_SERVER, AsServer.AS_SERVER)


def _observe(document: ObserveDocument | None) -> Observe | None:
    if document is None:
        return None
    return Observe(WATCHED[given(document.on)], given(document.errors), OnErrors(given(document.then)))


def _tls(context: Context, document: CheckDocument, path: Path, *, has_tls: bool) -> ServerTls | AsServer | None:
    """`true` means the settings of the servers, where they have some."""
    bare = document.tls is not None and not document.tls.model_fields_set
    if bare and has_tls:
        return AsServer.AS_SERVER
    outward = server_tls(context, document.tls, (*path, "tls"))
    return outward.tls if outward else None


def _paced(document: Pace, probe: Probe, every: Duration | None, timeout: Duration | None) -> Check:
    interval = first(every, defaults.CHECK_EVERY)
    return Check(
        probe=probe,
        every=interval,
        fast=first(document.fast, interval),
        down=first(document.down, interval),
        timeout=first(document.timeout, timeout, min(interval, defaults.CHECK_TIMEOUT_CAP)),
        rise=given(document.rise),
        fall=given(document.fall),
        jitter=given(document.jitter) / 100,
        port=document.port or 0,
        host=document.address or "",
    )


def _probe(context: Context, document: CheckDocument, path: Path) -> Probe:
    if document.http is not None:
        return _http(document, *document.http)
    if document.grpc is not None:
        return GrpcCheck(document.grpc, _headers(document))
    if document.exec is not None:
        run = _exec(context, document.exec, (*path, "exec"))
        return replace(run, path=document.search_path or "", places=given(document.places))
    if document.python is not None:
        return _python(context, *document.python, (*path, "python"))
    if document.script is not None:
        return steps.script(document)
    if document.greeting is not None:
        return steps.greeting(document.greeting)
    return TcpCheck()


def _http(document: Pace, method: str, target: str) -> HttpCheck:
    expect = document.expect
    return HttpCheck(
        method=method,
        path=target,
        headers=_headers(document),
        statuses=first(expect.status if expect else None, _ANY_SUCCESS),
        body=(expect.body if expect else None) or "",
    )


def _headers(document: Pace) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), value) for name, value in (document.headers or {}).items())


def _exec(context: Context, command: tuple[str, ...], path: Path) -> ExecCheck:
    program = command[0]
    if "/" in program:
        program = os.path.normpath(context.directory / program)
        if not os.access(program, os.X_OK):
            context.warning((*path, 0), f"there is no program {program} that can be run")
    return ExecCheck((program, *command[1:]))


def _python(context: Context, name: str, function: str, path: Path) -> PythonCheck:
    file = os.path.normpath(context.directory / name)
    try:
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123 - the path is text already
            functions = _functions(opened.read())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        context.error(path, f"the file cannot be read: {reason}", hint=f"paths are relative to {context.directory}")
    except (SyntaxError, ValueError) as error:
        line = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        context.error(path, f"{name} is not Python: {getattr(error, 'msg', error)}{line}")
    else:
        if function not in functions:
            hint = did_you_mean(function, functions)
            context.error(path, f"{name} has no function `{function}`", expected="async def check(server)", hint=hint)
        elif not functions[function]:
            context.error(path, f"`{function}` does not wait", expected="async def", hint=f"write async def {function}")
    return PythonCheck(file, function)


def _functions(text: str) -> dict[str, bool]:
    """The names that a file defines or imports, and whether each can be a coroutine function."""
    names: dict[str, bool] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = bool(node.decorator_list)
        elif isinstance(node, ast.AsyncFunctionDef):
            names[node.name] = True
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update({(alias.asname or alias.name): True for alias in node.names})
        elif isinstance(node, ast.Assign):
            names.update({target.id: True for target in node.targets if isinstance(target, ast.Name)})
    return names
