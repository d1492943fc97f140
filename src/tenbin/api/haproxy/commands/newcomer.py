"""A server that is made at run time: `add server` with its settings.

Owns what HAProxy does not take there, and that a new server waits in maintenance, its check switched off.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy import asfile
from tenbin.api.haproxy.command import Said
from tenbin.model import Admin, Server, ServerId

if TYPE_CHECKING:
    from tenbin.model import Backend, Config

_NEVER = frozenset(
    {
        "init-addr",
        "log-proto",
        "max-reuse",
        "namespace",
        "no-agent-check",
        "no-check",
        "no-ssl",
        "non-stick",
        "redir",
        "resolve-net",
        "resolve-opts",
        "resolve-prefer",
        "resolvers",
        "socks4",
        "stick",
        "tcp-ut",
    }
)
_COOKIE_SINCE = (3, 0)
_STATIC = frozenset({"static_rr"})


def newcomer(config: Config, backend: Backend, words: tuple[str, ...], version: tuple[int, int]) -> Server:
    """Return the server that these words describe, in maintenance until it is enabled."""
    if backend.balance.policy.value in _STATIC:
        raise Said("Backend must use a dynamic load balancing to support dynamic servers.")
    if len(words) < 2 or not words[1]:
        raise Said("'server' expects <name> and <addr>[:<port>] as arguments.\n")
    taken = _NEVER if version >= _COOKIE_SINCE else _NEVER | {"cookie"}
    strange = next((word for word in words[2:] if word in taken), None)
    if strange is not None:
        raise Said(f"'{strange}' option is not accepted for dynamic server\n")
    words, tracked = _without_track(words)
    server = asfile.server(backend, words, version)
    if tracked is not None:
        _check_tracked(config, backend, tracked)
        server = replace(server, track=_named(backend, tracked))
    if any(one.name == server.name for one in backend.servers):
        raise Said("Already exists a server with the same name in backend.\n")
    if "id" not in words[2:]:
        server = replace(server, number=_free(backend))
    other = next((one for one in backend.servers if _number(backend, one) == server.number), None)
    if other is not None:
        raise Said(f"'id' : custom id {server.number} already used by server {other.name}.\n")
    return _waiting(server, backend)


def _waiting(server: Server, backend: Backend) -> Server:
    """Its check is that of the backend at its own pace; `enable health` begins it."""
    check = server.check
    if check is not None and backend.check is not None:
        check = replace(check, probe=backend.check.probe)
    return replace(server, admin=Admin.MAINT, unchecked=True, check=check)


def _without_track(words: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """The other server may be of any backend, which the reader of one line does not know."""
    place = words.index("track", 2) if "track" in words[2:] else 0
    if not place or place + 1 == len(words):
        return words, None
    return (*words[:place], *words[place + 2 :]), words[place + 1]


def _named(backend: Backend, tracked: str) -> ServerId:
    of, _, name = tracked.rpartition("/")
    return ServerId(of or backend.name, name)


def _check_tracked(config: Config, backend: Backend, tracked: str) -> None:
    name = _named(backend, tracked)
    of = next((one for one in config.backends if one.name == name.backend), None)
    if of is None:
        raise Said(f"unable to find required proxy '{name.backend}' for tracking.\n")
    found = next((one for one in of.servers if one.name == name.server), None)
    if found is None:
        raise Said(f"unable to find required server '{name.server}' for tracking.\n")
    if found.unchecked and found.agent is None and found.track is None:
        raise Said(
            f"unable to use {name.backend}/{name.server} for tracking as it does not have any check nor agent "
            "enabled.\n"
        )


def _number(backend: Backend, server: Server) -> int:
    return server.number or backend.servers.index(server) + 1


def _free(backend: Backend) -> int:
    """The lowest number that no other server has; those of the file may have none of their own."""
    taken = {_number(backend, server): server for server in backend.servers}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
