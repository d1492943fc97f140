"""What only a configuration in HAProxy's language asks for: its runtime API, its pages, its process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression
    from tenbin.model.logs import LogTarget
    from tenbin.model.values import Address, Inherited, UnixAddress


class Level(StrEnum):
    """What a connection to the runtime API may do."""

    USER = "user"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class RuntimeSocket:
    """An address of the runtime API; idle connections are closed after `timeout` ms.

    `exposes`: a successor is given the listening sockets there.
    """

    address: Address | UnixAddress | Inherited
    level: Level
    timeout: int
    position: str = ""
    exposes: bool = False


@dataclass(frozen=True, slots=True)
class UserList:
    """Users with their passwords (`$5$...` hashes, or plain texts when `plain`) and groups."""

    name: str
    users: tuple[tuple[str, str, bool, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class StatsPage:
    """The statistics page of a frontend or backend, at paths that begin with `uri`.

    `service` is the name of the backend of ours that serves it. `users` are (user, password); `refresh` seconds (0:
    none); `scope` names of proxies ((): all, "." the own one). `admin`: each condition allows changes.
    """

    proxy: str
    service: str
    uri: str
    realm: str = ""
    users: tuple[tuple[str, str], ...] = ()
    refresh: int = 0
    hide_version: bool = False
    legends: bool = False
    modules: bool = False
    node: str = ""
    description: str = ""
    scope: tuple[str, ...] = ()
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Proxy:
    """A section as HAProxy counts it: `listen` is a frontend and a backend of one name.

    `order` of appearance; `number` its id (`iid`). `logs` is where it is told what happens to its servers, `log_checks`
    also each check that changes anything; `log_tag` and `log_host` begin these lines.
    """

    name: str
    number: int
    has_frontend: bool
    has_backend: bool
    mode: str
    description: str = ""
    disabled: bool = False
    logs: tuple[LogTarget, ...] = ()
    log_tag: str = "haproxy"
    log_host: str = ""
    log_checks: bool = False


@dataclass(frozen=True, slots=True)
class Compat:
    """`version` of HAProxy whose behaviour is meant, such as `(2, 6)`; `maxconn` 0: derived from the limits.

    `admin_rules` are the conditions of `stats admin`, by service; `logs` is where lines of the process itself go.
    """

    version: tuple[int, int]
    proxies: tuple[Proxy, ...] = ()
    sockets: tuple[RuntimeSocket, ...] = ()
    pages: tuple[StatsPage, ...] = ()
    userlists: tuple[UserList, ...] = ()
    admin_rules: tuple[tuple[str, Expression], ...] = ()
    maxconn: int = 0
    node: str = ""
    description: str = ""
    pidfile: str = ""
    daemon: bool = False
    master: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    logs: tuple[LogTarget, ...] = ()
