"""Servers that have the health of another one: that there is one, that it has a health, and no circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.suggest import did_you_mean
from tenbin.model.server import ServerId

if TYPE_CHECKING:
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.backend import Backend
    from tenbin.model.config import Config
    from tenbin.model.server import Server

_Known = dict[ServerId, tuple["Backend", "Server"]]


def check(config: Config, context: Context) -> None:
    """Note the servers whose `track` leads nowhere."""
    known: _Known = {
        ServerId(backend.name, server.name): (backend, server)
        for backend in config.backends
        for server in backend.servers
    }
    for name, (backend, server) in known.items():
        if server.track is None:
            continue
        path = _place(context, backend, server)
        if server.check is not None:
            message = "a server that follows another one has no check of its own"
            context.error(path, message, hint="remove `check`, or `track`")
        elif server.track not in known:
            _unknown(context, path, server.track, known)
        elif circle := _circle(name, known):
            context.error(path, f"servers follow each other in a circle: {circle}")
        elif not _has_health(server.track, known):
            message = f"`{server.track}` is not checked: it has no health to follow"
            context.error(path, message, hint="give it a `check` or an `agent`")


def _unknown(context: Context, path: Path, wanted: ServerId, known: _Known) -> None:
    backends = {name.backend for name in known} | context.known_backends
    if wanted.backend not in backends:
        hint = did_you_mean(wanted.backend, sorted(backends))
        context.error(path, f"there is no backend `{wanted.backend}`", hint=hint)
        return
    servers = sorted(name.server for name in known if name.backend == wanted.backend)
    hint = did_you_mean(wanted.server, servers)
    context.error(path, f"backend `{wanted.backend}` has no server `{wanted.server}`", hint=hint)


def _circle(name: ServerId, known: _Known) -> str:
    """The names of a circle that a server is in or follows; "" where there is an end."""
    seen = [name]
    while (following := known[seen[-1]][1].track) is not None and following in known:
        if following in seen:
            return ", ".join(f"`{one}`" for one in [*seen, following])
        seen.append(following)
    return ""


def _has_health(name: ServerId, known: _Known) -> bool:
    backend, server = known[name]
    while server.track is not None and server.track in known:
        backend, server = known[server.track]
    return server.track is not None or server.agent is not None or backend.check_of(server) is not None


def _place(context: Context, backend: Backend, server: Server) -> Path:
    """Where `track` stands: servers are a mapping, or a list in the order of the model."""
    at: Path = ("backends", backend.name, "servers")
    named = (*at, server.name, "track")
    return named if context.tree.has(named) else (*at, backend.servers.index(server), "track")
