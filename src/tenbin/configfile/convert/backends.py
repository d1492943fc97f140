"""Backends and their servers in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.rules import rules
from tenbin.configfile.convert.words import UnsayableError, value
from tenbin.model.backend import StickyCookie, StickyKey, StickySource
from tenbin.model.balance import HashKey, HashMethod, Policy
from tenbin.model.check import AsServer, HttpCheck, ScriptCheck, StepKind, TcpCheck
from tenbin.model.expression import Fetch
from tenbin.model.frontend import Mode
from tenbin.model.server import Admin
from tenbin.model.values import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.convert.notes import Notes, Yaml
    from tenbin.model import Backend, Balance, Check, Config, Server, Sticky
    from tenbin.model.check import Probe
    from tenbin.model.tls import SendProxy, ServerTls

_UNSAID = (
    ("track", "health that follows another server's"),
    ("source", "the local address of connections"),
    ("redirect", "`redir` of a server"),
    ("check", "a check of its own"),
    ("agent", "an agent"),
    ("min_connections", "a limit that moves (`minconn`)"),
    ("end_when_down", "the end of what is in progress with a server that goes down (`on-marked-down`)"),
    ("end_backups_when_up", "the end of what is in progress with backup servers (`on-marked-up`)"),
)


def backend(found: Backend, config: Config, position: str, notes: Notes) -> Yaml:
    """Write a backend; `position` stands for what has no place of its own."""
    written: Yaml = {"mode": found.mode.value}
    parts: dict[str, Callable[[], object]] = {
        "balance": lambda: _balance(found.balance, notes, position),
        "sticky": lambda: _sticky(found, config),
        "check": lambda: _check(found.check) if found.check else None,
    }
    for key, part in parts.items():
        try:
            said = part()
        except UnsayableError as error:
            notes.add(position, f"not said here: {error}")
            continue
        if said is not None:
            written[key] = said
    if found.mode is Mode.HTTP:
        written["pool"] = {
            "reuse": found.pool.reuse.value,
            "max_idle": found.pool.max_idle,
            "idle_timeout": str(found.pool.idle_timeout),
        }
        written["protocol"] = found.protocol.value
        if said_rules := rules(found.rules, notes, backend=True):
            written["rules"] = said_rules
    written["retry"] = {"attempts": min(found.retry.attempts, 10), "budget": f"{found.retry.budget}%"}
    if found.retry.statuses and found.mode is Mode.HTTP:
        written["retry"] = {**written["retry"], "on_status": list(found.retry.statuses)}  # type: ignore[dict-item]
    written["eject"] = False
    written["timeouts"] = _timeouts(found)
    if found.slow_start.ms:
        written["slow_start"] = str(found.slow_start)
    written["servers"] = {one.name: server(one, found, notes, position) for one in found.servers}
    _unsaid(found, position, notes)
    return written


def server(found: Server, of: Backend, notes: Notes, position: str) -> Yaml:
    """Write a server."""
    place = found.resolve_position or position
    for member, what in _UNSAID:
        if getattr(found, member):
            notes.add(place, f"not said here: {what}")
    _watched(of.check_of(found), notes, place)
    if of.check is not None and found.unchecked:
        notes.add(place, "not said here: a server without a check beside others that are checked")
    if isinstance(of.sticky, StickyCookie) and not found.cookie:
        notes.add(place, "not said here: a server without a value in the cookie; here it is the server's name")
    written: Yaml = {"address": str(found.address), "weight": found.weight}
    if found.backup:
        written["backup"] = True
    if found.max_connections:
        written["max_connections"] = found.max_connections
    if found.max_queue:
        written["max_queue"] = found.max_queue
    if found.cookie and isinstance(of.sticky, StickyCookie):
        written["cookie"] = found.cookie
    if found.tls:
        written["tls"] = server_tls(found.tls)
    if found.send_proxy:
        written["send_proxy"] = _send_proxy(found.send_proxy)
    if found.admin is not Admin.READY:
        written["state"] = found.admin.value
    return written


def _watched(check: Check | None, notes: Notes, place: str) -> None:
    if check is not None and check.observe is not None:
        what = "requests that watch a server (`observe`); `eject` leaves out what keeps failing"
        notes.add(place, f"not said here: {what}")


def server_tls(found: ServerTls) -> Yaml:
    """Write TLS towards a server."""
    written: Yaml = {"verify": found.verify}
    for key in ("ca", "crl", "sni"):
        if getattr(found, key):
            written[key] = getattr(found, key)
    if found.certificate:
        written |= {"certificate": found.certificate.certificate, "key": found.certificate.key}
    if found.suite.versions:
        written["versions"] = list(found.suite.versions)
    if found.suite.ciphers:
        written["ciphers"] = list(found.suite.ciphers)
    return written


def _send_proxy(found: SendProxy) -> object:
    return {"version": "v2", "tls": True} if found.tls else f"v{found.version}"


def _timeouts(found: Backend) -> Yaml:
    times = {
        "connect": found.connect,
        "server": found.server,
        "queue": found.queue,
        "tunnel": found.tunnel,
        "server_fin": found.server_fin,
    }
    return {key: str(time) for key, time in times.items() if time.ms or key in ("server", "tunnel")}


def _balance(found: Balance, notes: Notes, position: str) -> object:
    match found.policy:
        case Policy.RANDOM:
            return {"random": {"draws": found.draws}}
        case Policy.HASH:
            if found.method in (HashMethod.HAPROXY_MAP, HashMethod.HAPROXY_TREE):
                notes.add(position, "hashes are Tenbin's own here: keys lead to other servers than with HAProxy")
            modulo = found.method in (HashMethod.HAPROXY_MAP, HashMethod.MODULO)
            written: Yaml = {"key": _key(found), "method": "modulo" if modulo else "consistent"}
            return {"hash": {**written, "load_factor": found.load_factor} if found.load_factor else written}
    return found.policy.value


def _key(found: Balance) -> str:
    match found.form:
        case HashKey.SOURCE:
            return "source"
        case HashKey.URI:
            return "url" if found.whole else "path"
        case HashKey.PARAMETER:
            return value(Fetch("param", (found.name,)))
        case HashKey.HEADER:
            return value(Fetch("header", (found.name,)))
    if found.key is None:
        raise UnsayableError("this key of a hash")
    return value(found.key)


def _sticky(found: Backend, config: Config) -> object:
    stick = _stick(found, config) if found.stick else None
    if found.sticky is None:
        return stick
    if stick is not None:
        raise UnsayableError("a cookie and a table at once")
    return {**_by(found.sticky), "on_drain": "stay" if found.drain_sticky else "leave"}


def _by(found: Sticky) -> Yaml:
    match found:
        case StickyCookie():
            if found.dynamic_key:
                raise UnsayableError("cookies whose values are made of a key and the server's address")
            written: Yaml = {"cookie": found.name, "plain": found.plain, "mode": found.mode.value}
            written["attributes"] = list(found.attributes)
            written |= {key: str(getattr(found, key)) for key in ("max_idle", "max_life") if getattr(found, key).ms}
            flags = ("indirect", "no_cache", "post_only", "preserve")
            return written | {key: getattr(found, key) for key in flags}
        case StickySource(expire, size):
            return {"source": {"expire": str(expire), "size": size}}
        case StickyKey(key, expire, size):
            return {"key": value(key), "expire": str(expire), "size": size}


def _stick(found: Backend, config: Config) -> Yaml:
    """`stick on` a table of the backend's own."""
    one = found.stick[0]
    table = next((table for table in config.tables if table.name == one.table), None)
    if len(found.stick) > 1 or not (one.match and one.store) or one.answer or one.when or table is None:
        raise UnsayableError("`stick` with conditions, several tables, or keys of answers")
    expire = str(Duration(table.expire or 365 * 86_400_000))
    if one.key == Fetch("source"):
        return {"source": {"expire": expire, "size": table.size}}
    return {"key": value(one.key), "expire": expire, "size": table.size}


def _check(found: Check) -> Yaml:
    written = _probe(found.probe)
    times = {"every": found.every, "fast": found.fast, "down": found.down, "timeout": found.timeout}
    written |= {key: str(time) for key, time in times.items() if time.ms}
    written |= {"rise": found.rise, "fall": found.fall, "jitter": f"{round(found.jitter * 100)}%"}
    if found.port:
        written["port"] = found.port
    if found.host:
        written["address"] = found.host
    if found.tls is not AsServer.AS_SERVER:
        written["tls"] = server_tls(found.tls) if found.tls else False
    if found.send_proxy is not AsServer.AS_SERVER:
        written["send_proxy"] = _send_proxy(found.send_proxy) if found.send_proxy else False
    return written


def _probe(found: Probe) -> Yaml:
    match found:
        case TcpCheck():
            return {"tcp": True}
        case HttpCheck():
            return {"http": f"{found.method} {found.path}", "headers": dict(found.headers)}
        case ScriptCheck(http=True):
            return _script(found)
    raise UnsayableError("a check by a script or in a server's own protocol")


def _script(found: ScriptCheck) -> Yaml:
    """A request and at most one thing that is expected of its answer."""
    send, *rest = found.steps or (None,)
    if send is None or send.kind is not StepKind.SEND or send.format or send.data or len(rest) > 1:
        raise UnsayableError("a check of several steps")
    if found.disable_on_404 or found.send_state:
        raise UnsayableError("`disable-on-404` and `send-state` of checks")
    written: Yaml = {"http": f"{send.method or 'OPTIONS'} {send.target or '/'}"}
    if send.headers:
        written["headers"] = dict(send.headers)
    for step in rest:
        if step.kind is not StepKind.EXPECT or step.negate or step.method not in ("status", "string"):
            raise UnsayableError(f"a check that expects `{step.method or step.kind.value}`")
        if step.method == "string":
            written["expect"] = {"status": "100-599", "body": step.pattern}
        else:
            written["expect"] = [int(one) if one.isdigit() else one for one in step.pattern.split(",")]
    return written


def _unsaid(found: Backend, position: str, notes: Notes) -> None:
    for what, reason in (
        (found.use_server, "`use-server`"),
        (found.persist, "`force-persist` and `ignore-persist`"),
        (found.persist_down, "`option persist`"),
        (found.all_backups, "`option allbackups`"),
        (found.send_name, "`http-send-name-header`"),
    ):
        if what:
            notes.add(position, f"not said here: {reason}")
