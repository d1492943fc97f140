"""Servers: their names, and what their backend says for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import written
from tenbin.configfile.native.resolve.checks import check
from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.tls import send_proxy, server_tls
from tenbin.configfile.problem import Mistake
from tenbin.model.check import AgentCheck
from tenbin.model.frontend import Mode
from tenbin.model.server import Admin, Initial, Lookup, Passive, Server, ServerId
from tenbin.model.values import NO_TIME, Address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.native.document.server import AgentDocument, PassiveDocument, ServerDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.resolve.tls import Outward
    from tenbin.configfile.native.tree import Path
    from tenbin.model.check import Check
    from tenbin.model.tls import SendProxy
    from tenbin.model.values import Duration


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a backend of that name says for all its servers; `check_timeout` is that of its `timeouts`."""

    backend: str
    passive: PassiveDocument | None = None
    tls: Outward | None = None
    send_proxy: SendProxy | None = None
    check_timeout: Duration | None = None
    mode: Mode = Mode.HTTP


def servers(
    context: Context,
    documents: Sequence[ServerDocument] | Mapping[str, ServerDocument],
    inherited: Inherited,
    path: Path,
) -> tuple[Server, ...]:
    """Resolve the servers of one backend, which stand at `path`."""
    if isinstance(documents, Mapping):
        return _named(context, documents, inherited, path)
    resolved: dict[str, Server] = {}
    for index, document in enumerate(documents):
        name = document.name or str(document.address)
        name_at = (*path, index, "name" if document.name else "address")
        if document.name is not None:
            _check_name(context, name, name_at)
        if name in resolved:
            hint = "" if document.name else f"give one of them a name: {{name: ..., address: {document.address}}}"
            context.error(name_at, f"there are two servers `{name}`", hint=hint)
        resolved[name] = _server(context, name, document, inherited, (*path, index))
    return tuple(resolved.values())


def passive(document: PassiveDocument | None) -> Passive | None:
    """Resolve what is counted in passing."""
    if document is None:
        return None
    return Passive(given(document.max_fails), given(document.fail_timeout))


def _named(
    context: Context, documents: Mapping[str, ServerDocument], inherited: Inherited, path: Path
) -> tuple[Server, ...]:
    for name, document in documents.items():
        _check_name(context, name, (*path, name), key=True)
        if document.name is not None:
            hint = f"here the name is the key, `{name}`"
            context.error((*path, name, "name"), "only servers in a list have a `name`", hint=hint, key=True)
    return tuple(_server(context, name, document, inherited, (*path, name)) for name, document in documents.items())


def _server(context: Context, name: str, document: ServerDocument, inherited: Inherited, path: Path) -> Server:
    own = document.passive if written(document, "passive") else inherited.passive
    outward = inherited.tls
    if written(document, "tls"):
        outward = server_tls(context, document.tls, (*path, "tls"), inherited.mode)
    return Server(
        name=name,
        address=document.address,
        weight=given(document.weight),
        backup=given(document.backup),
        max_connections=given(document.max_connections),
        max_queue=given(document.max_queue),
        passive=passive(own),
        cookie=name if document.cookie is None else document.cookie,
        admin=Admin(given(document.state)),
        tls=outward.towards(document.address) if outward else None,
        send_proxy=send_proxy(document.send_proxy) if written(document, "send_proxy") else inherited.send_proxy,
        number=document.id or 0,
        track=_track(document.track, inherited.backend),
        source=document.source or "",
        slow_start=-1 if document.slow_start is None else document.slow_start.ms,
        redirect=document.redirect or "",
        check=_check(context, document, outward, inherited, (*path, "check")),
        unchecked=written(document, "check") and document.check is None,
        agent=_agent(document.agent),
        min_connections=given(document.min_connections),
        full_connections=given(document.full_connections),
        end_when_down=given(document.end_when_down),
        end_backups_when_up=given(document.end_backups_when_up),
        user_timeout=document.user_timeout or NO_TIME,
        lookup=_lookup(context, document, (*path, "resolve")),
        initial=Initial(given(document.initial)),
        max_reuse=-1 if document.max_reuse is None else document.max_reuse,
        resolve_position=context.position((*path, "track")) if document.track else "",
    )


def _lookup(context: Context, document: ServerDocument, path: Path) -> Lookup:
    how = document.resolve
    if how is None:
        return Lookup()
    if document.address.is_literal:
        context.error(path, "`resolve` belongs to servers that have a name", hint="remove it", key=True)
    if how.fallback and not Address(how.fallback, 1).is_literal:
        context.error((*path, "fallback"), "not an IP address", hint="names are what `address` is for")
    family = {"ipv4": 4, "ipv6": 6}.get(how.prefer or "", 0)
    return Lookup(family, tuple(how.networks or ()), how.fallback or "")


def _check(
    context: Context, document: ServerDocument, outward: Outward | None, inherited: Inherited, path: Path
) -> Check | None:
    """The check of this server alone; what `tls: true` of it means depends on the server's own TLS."""
    if document.check is None:
        return None
    return check(context, document.check, inherited.check_timeout, path, has_tls=outward is not None)


def _track(text: str | None, backend: str) -> ServerId | None:
    if text is None:
        return None
    other, _, name = text.rpartition("/")
    return ServerId(other or backend, name)


def _agent(document: AgentDocument | None) -> AgentCheck | None:
    if document is None:
        return None
    return AgentCheck(
        host=document.address or "",
        port=given(document.port),
        every=given(document.every),
        send=document.send or "",
        enabled=given(document.enabled),
    )


def _check_name(context: Context, name: str, path: Path, *, key: bool = False) -> None:
    try:
        values.name(name, "server")
    except Mistake as error:
        for problem in error.problems:
            context.error(path, problem.message, expected=problem.expected, key=key)
