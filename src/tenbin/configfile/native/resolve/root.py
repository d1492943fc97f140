"""The whole configuration: frontends, backends, and the settings of the process."""

from __future__ import annotations

import os
import stat
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from tenbin.configfile.defaults import default_threads
from tenbin.configfile.native import values
from tenbin.configfile.native.document import limits as bounds
from tenbin.configfile.native.document import timeouts as defaults
from tenbin.configfile.native.document.base import written
from tenbin.configfile.native.document.limits import Limits
from tenbin.configfile.native.document.root import DEFAULT_ADMIN, AdminDocument, LogDocument
from tenbin.configfile.native.document.timeouts import Timeouts
from tenbin.configfile.native.resolve import following, lint
from tenbin.configfile.native.resolve.backends import BackendResolver, Shared
from tenbin.configfile.native.resolve.context import first, given
from tenbin.configfile.native.resolve.frontends import FrontendResolver
from tenbin.configfile.native.resolve.plan import Plan
from tenbin.configfile.native.resolve.user import may_write, resolve_user
from tenbin.configfile.problem import Mistake
from tenbin.model.config import AccessLog, AdminEndpoint, Config, GlobalLimits, LogFormat, Rates
from tenbin.model.table import KeyType, Table
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from tenbin.configfile.native.document.root import RootDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.backend import Backend
    from tenbin.model.config import Identity
    from tenbin.model.expression import Expression
    from tenbin.model.frontend import Frontend

_EXPIRE = Duration(600_000)
_LARGEST_TOKEN = 4096
_OPEN_TO_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def resolve(document: RootDocument, context: Context) -> Config:
    """Return the configuration; what is wrong with it is noted in the context."""
    backends = document.backends if isinstance(document.backends, dict) else {}
    plan = Plan(context, backends)
    context.memory.declared = _tables(document, context)
    frontends, listening = _frontends(document, context, plan)
    timeouts = document.timeouts or Timeouts()
    shared = Shared(timeouts, document.algorithm, document.health_check, document.sticky)
    limits = document.limits or Limits()
    user = resolve_user(document, context)
    variables = _variables(document, context)
    config = Config(
        frontends=frontends,
        backends=_backends(context, plan, BackendResolver(context, shared)),
        admin=_admin(document, context, listening),
        threads=first(document.threads, default_threads()),
        limits=GlobalLimits(
            connections=first(limits.connections, bounds.CONNECTIONS),
            buffer=first(limits.buffer, bounds.BUFFER),
            pending=first(limits.pending, bounds.PENDING),
            memory=first(limits.memory, bounds.MEMORY),
            rates=_rates(limits.rates or bounds.RatesDocument()),
        ),
        drain=first(timeouts.drain, defaults.DRAIN),
        access_log=_access_log(document.log if document.log is not None else LogDocument(), context, user),
        runtime_directory=_directory(document.runtime_directory, context),
        watch=given(document.watch),
        origin=context.tree.source.name,
        user=user,
        watched=tuple(sorted(context.files.watched)),
        tables=(*context.memory.declared.values(), *context.memory.tables.values()),
        lists=tuple(context.memory.lists.values()),
        variables=variables,
    )
    if user is not None:
        context.files.check_rights(user, context)
    following.check(config, context)
    lint.check(config, context)
    return config


def _rates(document: bounds.RatesDocument) -> Rates:
    return Rates(document.connections or 0, document.sessions or 0, document.handshakes or 0)


def _tables(document: RootDocument, context: Context) -> dict[str, Table]:
    tables = {}
    for name, one in (document.tables or {}).items():
        _check_name(context, name, "table", ("tables", name))
        key = KeyType(given(one.key))
        length = given(one.length) if key in (KeyType.STRING, KeyType.BINARY) else 0
        expire = first(one.expire, _EXPIRE).ms
        position = context.position(("tables", name))
        stored = tuple(one.store or ())
        tables[name] = Table(
            name, key, length, given(one.size), expire, given(one.nopurge), stored, position, given(one.by_address)
        )
    return tables


def _variables(document: RootDocument, context: Context) -> tuple[tuple[str, Expression], ...]:
    for name, one in (document.variables or {}).items():
        context.memory.note(("variables", name), one)
        context.doubts(("variables", name), one)
    return tuple((name, one.expression) for name, one in (document.variables or {}).items())


def _frontends(document: RootDocument, context: Context, plan: Plan) -> tuple[tuple[Frontend, ...], dict[str, str]]:
    resolver = FrontendResolver(context, plan, document)
    if document.frontends is None:
        return (resolver.short(document),), resolver.listening
    frontends = []
    for name, frontend in document.frontends.items():
        _check_name(context, name, "frontend", ("frontends", name))
        frontends.append(resolver.full(name, frontend, ("frontends", name)))
    return tuple(frontends), resolver.listening


def _backends(context: Context, plan: Plan, resolver: BackendResolver) -> tuple[Backend, ...]:
    backends = []
    for name, document in plan.named.items():
        _check_name(context, name, "backend", ("backends", name))
        backends.append(resolver.named(name, document, ("backends", name), plan.mode(name)))
    for name, anonymous in plan.anonymous.items():
        backends.append(resolver.anonymous(name, anonymous.servers, anonymous.path, plan.mode(name)))
    return tuple(backends)


def _check_name(context: Context, name: str, what: str, path: Path) -> None:
    try:
        values.name(name, what)
    except Mistake as error:
        for problem in error.problems:
            context.error(path, problem.message, expected=problem.expected, key=True)


def _admin(document: RootDocument, context: Context, listening: dict[str, str]) -> AdminEndpoint | None:
    if written(document, "admin") and document.admin is None:
        return None
    admin = document.admin or AdminDocument()
    address = first(admin.address, values.admin_address(DEFAULT_ADMIN))
    if str(address) in listening:
        path: Path = ("admin",) if document.admin else ("listen",)
        message = f"the admin API listens on {address}, and so does a frontend"
        context.error(path, message, hint="give it another address with `admin`, or none: `admin: null`", key=True)
    return AdminEndpoint(
        address,
        _token("token", admin.token, admin.token_file, context),
        _token("read_token", admin.read_token, admin.read_token_file, context),
        tuple(admin.hosts or ()),
    )


def _token(key: str, written: str | None, name: str | None, context: Context) -> str:
    """The token as it stands there, or in a file of that name; "" for none."""
    if name is None:
        return written or ""
    path: Path = ("admin", f"{key}_file")
    try:
        with (context.directory / name).open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            token = opened.read(_LARGEST_TOKEN).decode("ascii").strip()
    except (OSError, ValueError) as error:
        reason = "it is not ascii" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None)
        context.error(path, f"the file cannot be read: {(reason or 'not a name').lower()}")
        return ""
    if mode & _OPEN_TO_OTHERS:
        context.error(path, "others can read or change the token in this file", hint=f"chmod 600 {name}")
    if len(token) < 16 or not token.isprintable():
        hint = f"such as: openssl rand -hex 32 > {name}"
        context.error(
            path, "the token in this file can be guessed", expected="at least 16 visible characters", hint=hint
        )
    return token


def _access_log(document: LogDocument, context: Context, user: Identity | None) -> AccessLog:
    target = given(document.access)
    if target not in ("stdout", "none"):
        target = os.path.normpath(context.directory / target)
        if not FilePath(target).parent.is_dir():
            hint = "a file stands in a directory that exists; other values are `stdout` and `none`"
            context.warning(("log",), f"there is no directory {FilePath(target).parent}", hint=hint)
        elif user is not None and not may_write(user, FilePath(target)):
            message = f"the user {user.name}, as whom the data plane runs, may not write {target}"
            context.error(("log", "access"), message, hint=f"make it beforehand, and chown {user.name} {target}")
    return AccessLog(target, LogFormat(given(document.format)))


def _directory(name: str | None, context: Context) -> FilePath | None:
    return None if name is None else FilePath(os.path.normpath(context.directory / name))
