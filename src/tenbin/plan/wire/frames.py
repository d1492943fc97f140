"""Control frames: what the control plane asks, what is answered, and what the data plane says by itself.

Owns the shapes; lengths, descriptors and request numbers are the business of `tenbin.dataplane.channel`. A request
carries an `id` and is answered by exactly one frame with the same `id`: `Welcome`, `Sockets`, `Counted`, `Done`, or
`Refused`. A frame with `event` instead of `id` is an event.
"""

from typing import Annotated, Literal

from pydantic import Field

from tenbin.plan.wire.expression import Expr, Wire
from tenbin.plan.wire.snapshot import Snapshot
from tenbin.plan.wire.stats import Stats

# Requests of the control plane -----------------------------------------------------------------------------------


class Hello(Wire):
    """First frame of a connection; takes control over from an earlier connection. Answered by `Welcome`."""

    type: Literal["hello"] = "hello"
    id: int
    protocol: int
    pid: int


class SetSockets(Wire):
    """Hands over the sockets of one listener, one per thread; as many descriptors travel with this frame."""

    type: Literal["set_sockets"] = "set_sockets"
    id: int
    address: str
    count: int


class GetSockets(Wire):
    """Asks for the sockets of one listener back; the answer carries `count` and the descriptors."""

    type: Literal["get_sockets"] = "get_sockets"
    id: int
    address: str


class Apply(Wire):
    """Replaces the snapshot, all or nothing.

    `salvage`: a listener whose TLS cannot be had refuses every handshake and such a server is down, each with a notice,
    instead of the whole being refused; later snapshots put that right as soon as the files fit.
    """

    type: Literal["apply"] = "apply"
    id: int
    snapshot: Snapshot
    salvage: bool = False


class ServerPatch(Wire):
    """Fields that are None stay as they are."""

    backend: str
    server: str
    weight: int | None = None
    admin: Literal["ready", "drain", "maint"] | None = None
    health: Literal["unknown", "starting", "up", "down"] | None = None


class Patch(Wire):
    """Changes the per-server fields that live in atomics; the generation is that of the whole they lead to."""

    type: Literal["patch"] = "patch"
    id: int
    generation: int
    servers: tuple[ServerPatch, ...]


class GetStats(Wire):
    """Asks for `Stats`."""

    type: Literal["get_stats"] = "get_stats"
    id: int


class Restore(Wire):
    """Adds the counters of an earlier data plane (its last `Stats`) to those of this one."""

    type: Literal["restore"] = "restore"
    id: int
    stats: Stats


class ClearCounters(Wire):
    """Begins to count anew: what was largest, or with `everything` all counts."""

    type: Literal["clear_counters"] = "clear_counters"
    id: int
    everything: bool = False


class AskSessions(Wire):
    """Asks what is in progress, or ends it: what a server has (`backend` and `server`), or one by its number."""

    type: Literal["sessions"] = "sessions"
    id: int
    action: Literal["show", "close"] = "show"
    backend: str = ""
    server: str = ""
    session: int = 0


class ListQuery(Wire):
    """Reads or changes a map or a list of patterns by name; a change is in force with the answer.

    `set` and `del` are about the entries with `key`, or the one numbered `entry`; `replace` puts `entries` in place of
    all at once.
    """

    name: str
    action: Literal["count", "show", "add", "set", "del", "clear", "replace"]
    key: str = ""
    value: str = ""
    entry: int = 0
    entries: tuple[tuple[str, str], ...] = ()


class AskList(ListQuery):
    """A query as it goes to the data plane; answered by `Entries`."""

    type: Literal["list"] = "list"
    id: int


class AskVariable(Wire):
    """Asks for a variable of the process, such as `proc.limit`; with a `value`, sets it. Answered by `Variable`."""

    type: Literal["variable"] = "variable"
    id: int
    name: str
    value: Expr | None = None


class GetRefused(Wire):
    """Asks for the messages that could not be read. Answered by `RefusedMessages`."""

    type: Literal["get_refused"] = "get_refused"
    id: int


class Drain(Wire):
    """Stops accepting, lets work end; the process exits when done or after `deadline`.

    `close_idle`: idle keep-alive connections end at once (a stop), not with their next answer (an upgrade).
    """

    type: Literal["drain"] = "drain"
    id: int
    deadline: int
    close_idle: bool = False


class Stop(Wire):
    """Exit now."""

    type: Literal["stop"] = "stop"
    id: int


# Answers and events of the data plane ----------------------------------------------------------------------------


class ServerState(Wire):
    """What the data plane holds of one server."""

    backend: str
    server: str
    weight: int
    admin: Literal["ready", "drain", "maint"]
    health: Literal["unknown", "starting", "up", "down"]


class Welcome(Wire):
    """Answer to `Hello`: who runs and what it has. `generation` 0: no snapshot yet."""

    id: int
    ok: Literal[True] = True
    protocol: int
    version: str
    pid: int
    threads: int
    generation: int
    listeners: tuple[str, ...]
    servers: tuple[ServerState, ...]


class Sockets(Wire):
    """Answer to `GetSockets`: as many descriptors travel with this frame."""

    id: int
    ok: Literal[True] = True
    count: int


class Counted(Wire):
    """Answer to `GetStats`."""

    id: int
    ok: Literal[True] = True
    stats: Stats


class Session(Wire):
    """A client's connection: its number, its frontend, what it goes to ("" for nothing), and how it stands.

    `age` is seconds, `idle` milliseconds since bytes moved.
    """

    number: int
    source: str
    frontend: str
    backend: str = ""
    server: str = ""
    mode: str = "http"
    age: int = 0
    requests: int = 0
    bytes_in: int = 0
    bytes_out: int = 0


class Sessions(Wire):
    """Answer to `AskSessions`: what was found; those that were ended are counted in `closed`."""

    id: int
    ok: Literal[True] = True
    closed: int = 0
    sessions: tuple[Session, ...] = ()


class Entries(Wire):
    """Answer to `AskList`: number, key and value of entries; `found`: there was such a list, and such an entry."""

    id: int
    ok: Literal[True] = True
    found: bool
    count: int
    entries: tuple[tuple[int, str, str], ...] = ()


class Variable(Wire):
    """Answer to `AskVariable`: its kind ("" for none) and its value, a character for each byte."""

    id: int
    ok: Literal[True] = True
    kind: Literal["", "str", "bin", "int", "bool", "ipv4", "ipv6"]
    text: str = ""


class RefusedMessage(Wire):
    """The last message of a proxy that could not be read, and where: `position` in `bytes` (a character for each).

    `length` of what had come of it, `at` in milliseconds since 1970; a request has no `backend` and `server`.
    """

    number: int
    side: Literal["request", "answer"]
    at: int
    source: str
    frontend: str
    backend: str = ""
    server: str = ""
    position: int
    length: int
    bytes: str = Field(repr=False)


class RefusedMessages(Wire):
    """Answer to `GetRefused`: how many there were, and those that are kept."""

    id: int
    ok: Literal[True] = True
    count: int
    messages: tuple[RefusedMessage, ...] = ()


class Done(Wire):
    """Answer to every other request that was carried out."""

    id: int
    ok: Literal[True] = True


class Fault(Wire):
    """Why a request was refused; `path` is the place in its frame, such as `backends[3].servers[1].address`."""

    path: str
    reason: str


class Refused(Wire):
    """Answer to a request that was not carried out and changed nothing."""

    id: int
    ok: Literal[False] = False
    error: Fault


class ServerEvent(Wire):
    """A server was taken out by what requests met (`ejected`), or is back (`readmitted`).

    `until` is milliseconds from now for `ejected`.
    """

    event: Literal["ejected", "readmitted"]
    backend: str
    server: str
    reason: str
    until: int = 0


class SuspectEvent(Wire):
    """So many requests in a row met errors of a server that is watched; `last` is what the last one met."""

    event: Literal["suspect"] = "suspect"
    backend: str
    server: str
    errors: int
    last: Literal["unreachable", "wrong_status", "bad_head", "reset", "closed", "late"]


class NoticeEvent(Wire):
    """Something an operator should read: accept paused, log target failed, a panic was contained."""

    event: Literal["notice"] = "notice"
    level: Literal["info", "warning", "error"]
    text: str


Event = Annotated[ServerEvent | SuspectEvent | NoticeEvent, Field(discriminator="event")]
