"""No field of the model is lost silently by a conversion: each is set to something else, written, read and compared.

What is changed is found by walking through the dataclasses: a new field is tried without being named here, and one for
which no other value can be made up has to be named in `OTHERS`.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.certificates import make_certificate
from tenbin.configfile.convert import convert
from tenbin.configfile.convert.proof import EXPRESSIONS, FREE
from tenbin.configfile.convert.unsaid import OF_COMPAT
from tenbin.configfile.reader import examine_text, read
from tenbin.model import (
    Act,
    Address,
    Compat,
    Const,
    Duration,
    Fetch,
    HeaderEdit,
    HeaderVerb,
    Rewrite,
    Rule,
    Verb,
)
from tenbin.model.backend import CookieMode
from tenbin.model.balance import Policy
from tenbin.model.check import Check, Observe, OnErrors, StepKind, TcpCheck
from tenbin.model.compression import Coding
from tenbin.model.config import AdminEndpoint, Identity
from tenbin.model.frontend import PerSource, SocketOptions
from tenbin.model.logs import LogPart
from tenbin.model.server import Lookup, Passive, ServerId
from tenbin.model.tls import CertificateOptions, Protocol, ProxyIn, SendProxy, ServerTls, TlsSuite
from tenbin.model.values import MemoryLimit, Rate, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.configfile.haproxy import Entry
    from tenbin.model import Config

RICH = Path(__file__).parent / "haproxy" / "data" / "rich.cfg"
"""Something of everything that has words: conversion compares all of it."""

Way = tuple[str | int, ...]
Key = tuple[str, str]

_SHOWN = "changes what else there is: the file of everything has several"
_NAME = "other parts ask for it by its name"
_FILE = "a file that is there; the file of everything has one"
_BY_VERB = "goes with the verb: the file of everything has each"
FIXED: dict[Key, str] = {
    **dict.fromkeys(((kind, "name") for kind in ("Frontend", "Backend", "Server", "Table", "LiveList")), _NAME),
    **dict.fromkeys((("Frontend", "mode"), ("Backend", "mode"), ("Balance", "policy"), ("Step", "kind")), _SHOWN),
    **dict.fromkeys((("ScriptCheck", "http"), ("Balance", "method"), ("Table", "key")), _SHOWN),
    **dict.fromkeys(
        (
            ("Certificate", name)
            for name in ("certificate", "key", "ocsp", "stamp", "chain_text", "key_text", "staple", "names")
        ),
        _FILE,
    ),
    ("Backend", "eject"): "of Tenbin's own",
    **dict.fromkeys((("ServerId", "backend"), ("ServerId", "server")), "there must be such a server; see Server.track"),
    **dict.fromkeys((("ServerTls", name) for name in ("ca", "crl", "stamp", "certificate")), _FILE),
    **dict.fromkeys((("ListenerTls", name) for name in ("certificates", "default", "client")), _FILE),
    **dict.fromkeys((("LiveList", name) for name in ("entries", "is_map")), _FILE),
    **{("Act", field.name): _BY_VERB for field in fields(Act)},
    **dict.fromkeys(
        (("Balance", name) for name in ("ip_form", "decay", "error_penalty")), "of policies of Tenbin's own"
    ),
    ("Answer", "body"): "the same as `text` where that is given",
    ("MemoryLimit", "size"): "one of the two; see GlobalLimits.memory",
    ("Identity", "uid"): "goes with the name",
    ("UnixAddress", "abstract"): "goes with the path",
    ("StickRule", "answer"): "goes with the key",
    ("SendProxy", "version"): "goes with `tls`; see Server.send_proxy",
}
"""What cannot be changed by itself."""


def _is_step(kind: StepKind, one: Any) -> bool:
    return one.kind is kind


WHERE: dict[Key, Callable[[Any], bool]] = {
    ("ToBackend", "backend"): lambda one: one.name is None,
    ("ToBackend", "name"): lambda one: one.name is not None,
    ("Balance", "draws"): lambda one: one.policy is Policy.RANDOM,
    ("Check", "port"): lambda one: bool(one.port),
    ("Check", "host"): lambda one: bool(one.host),
    **{
        ("SocketOptions", name): lambda one: one.dual_stack
        for name in (
            *("dual_stack", "defer_accept", "fast_open", "user_timeout"),
            *("max_segment", "interface", "transparent"),
        )
    },
    ("Server", "lookup"): lambda one: one.name == "eight",
    **{("Lookup", name): lambda one: bool(one.fallback) for name in ("family", "networks", "fallback")},
    ("Server", "track"): lambda one: one.name == "one",
    ("Server", "check"): lambda one: one.name == "two",
    ("Server", "unchecked"): lambda one: one.name == "five",
    ("Stored", "period"): lambda one: bool(one.period),
    ("Stored", "count"): lambda one: bool(one.count),
    ("Stored", "name"): lambda one: not one.count,
    ("ServerTls", "chosen"): lambda one: one.chosen is not None,
    ("ServerTls", "sni"): lambda one: one.chosen is None,
    ("StickRule", "match"): lambda one: not (one.match or one.answer),
    **{
        ("Step", name): partial(_is_step, kind)
        for kind, names in {
            StepKind.CONNECT: ("host", "port", "default", "tls", "sni", "send_proxy", "alpn"),
            StepKind.SEND: ("data", "method", "target", "version", "headers", "format"),
            StepKind.EXPECT: (
                *("negate", "pattern", "header", "header_by", "pattern_by", "min_recv"),
                *("ok_status", "error_status", "timeout_status", "on_success", "on_error"),
            ),
            StepKind.SET_VAR: ("name", "value"),
        }.items()
        for name in names
    },
}
"""Which of several has the field."""

_WHEN = Fetch("tls")
_TEXT = (("x-a", Const("b")),)
OTHERS: dict[Key, Any] = {
    ("Listener", "address"): Address("127.0.0.1", 8099),
    ("Listener", "tls"): None,
    ("Listener", "proxy_protocol"): ProxyIn(("10.0.0.0/8",)),
    ("Listener", "options"): SocketOptions(3),
    ("SocketOptions", "max_segment"): 1200,
    ("ProxyIn", "networks"): ("10.0.0.0/8",),
    ("ListenerTls", "hsts"): "max-age=1",
    ("TlsSuite", "versions"): ("1.3",),
    ("TlsSuite", "ciphers"): ("TLS_AES_128_GCM_SHA256",),
    ("TlsSuite", "groups"): ("secp384r1",),
    ("Certificate", "options"): CertificateOptions(TlsSuite(("1.3",)), None, http2=False),
    ("ServerTls", "host"): "d.test",
    ("ServerTls", "chosen"): Fetch("path"),
    ("Route", "when"): _WHEN,
    ("ToBackend", "name"): Fetch("path"),
    ("ToBackend", "backend"): "api",
    ("FrontendLimits", "per_source"): PerSource(3, Rate(5, Duration(10_000)), 48, 1000),
    ("Frontend", "trusted_proxies"): ("10.0.0.0/8",),
    ("Rule", "when"): _WHEN,
    ("Rules", "session"): (Rule(None, Act(Verb.REJECT), ""),),
    ("Answer", "headers"): (("Content-Type", Const("text/plain")), *_TEXT),
    ("Answer", "text"): Fetch("path"),
    ("Compression", "algorithms"): (Coding.DEFLATE, Coding.GZIP),
    ("Compression", "types"): (),
    ("Balance", "key"): Fetch("path"),
    ("Server", "lookup"): Lookup(4),
    ("Lookup", "family"): 4,
    ("Lookup", "networks"): ("10.0.0.0/8",),
    ("Lookup", "fallback"): "10.0.0.8",
    ("Server", "address"): UnixAddress("/run/app.sock"),
    ("Server", "passive"): Passive(3, Duration(9000)),
    ("Server", "tls"): ServerTls(True, "", "", "b.test", None, TlsSuite(), ""),
    ("Server", "send_proxy"): SendProxy(1, tls=False),
    ("Server", "track"): ServerId("queries", "six"),
    ("Server", "check"): Check(
        TcpCheck(), Duration(1000), Duration(1000), Duration(1000), Duration(900), 1, 2, 0.0, 0, ""
    ),
    ("Server", "slow_start"): 7000,
    ("Server", "source"): "127.0.0.7",
    ("Server", "redirect"): "http://b.test",
    ("Server", "unchecked"): True,
    ("SendProxy", "tls"): True,
    ("StickyCookie", "attributes"): ("Path=/", "HttpOnly"),
    ("StickyCookie", "mode"): CookieMode.PREFIX,
    ("Check", "tls"): ServerTls(True, "", "", "c.test", None, TlsSuite(), ""),
    ("Check", "send_proxy"): SendProxy(2, tls=False),
    ("Check", "protocol"): Protocol.HTTP2,
    ("Observe", "layer"): 7,
    ("Check", "observe"): Observe(7, 11, OnErrors.MARK_DOWN),
    ("Check", "jitter"): 0.1,
    ("Check", "host"): "127.0.0.6",
    ("ProtocolCheck", "protocol"): "smtp",
    ("Step", "data"): b"y",
    ("Step", "headers"): (("Host", "b.test"),),
    ("Step", "version"): "HTTP/1.0",
    ("Step", "method"): "status",
    ("Step", "header_by"): "beg",
    ("Step", "pattern_by"): "end",
    ("Step", "host"): "127.0.0.5",
    ("Retry", "statuses"): (503,),
    ("Retry", "after"): ("connect", "junk"),
    ("Retry", "budget"): 50,
    ("Retry", "redispatch"): -1,
    ("UseServer", "server"): Fetch("path"),
    ("UseServer", "when"): _WHEN,
    ("PersistRule", "when"): _WHEN,
    ("StickRule", "when"): _WHEN,
    ("StickRule", "key"): Fetch("path"),
    ("StickRule", "table"): "sessions",
    ("Stored", "name"): "conn_rate",
    ("GlobalLimits", "memory"): MemoryLimit(1 << 30, 0),
    ("MemoryLimit", "percent"): 50,
    ("Config", "runtime_directory"): Path("/run/other"),
    ("Config", "user"): Identity("root", 0, 0, (0,)),
    ("Config", "variables"): (("proc.other", Const(7)),),
    ("Backend", "max_queue"): 9,
    ("Backend", "drain_sticky"): False,
    ("AgentCheck", "host"): "127.0.0.8",
}
"""Another value, where none can be made up of the one that is there."""

LOST = {
    ("Route", "request"): (HeaderEdit(HeaderVerb.SET, "x-a", Const("b")),),
    ("Route", "answer"): (HeaderEdit(HeaderVerb.SET, "x-a", Const("b")),),
    ("Route", "rewrite"): Rewrite("/a", "/b"),
    ("Frontend", "unique_id"): (LogPart(Fetch("source")),),
    ("Config", "admin"): AdminEndpoint(Address("127.0.0.1", 1), ""),
}
"""What is told instead: HAProxy's language has none of the first three and of the last, the native one none of the
fourth."""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, tuple[Entry, ...], Path]:
    """The file of everything, read."""
    folder = tmp_path_factory.mktemp("rich")
    make_certificate(folder / "site.pem")
    (folder / "hosts.map").write_text("a b\n")
    (folder / "paths.lst").write_text("/a\n")
    outcome = examine_text(RICH.read_text(), "haproxy.cfg", environment={}, directory=folder)
    assert outcome.config is not None, outcome.diagnostics
    assert convert(outcome.config, outcome.report, directory=folder).left_out == ()
    return outcome.config, outcome.report, folder


def test_every_field_is_tried(rich: tuple[Config, tuple[Entry, ...], Path]) -> None:
    """A field for which there is no other value and no reason would not be looked at."""
    tried = {key for key, _, _ in changes(rich[0])} | FIXED.keys() | LOST.keys()
    lacking = set()
    for _, one in walk(rich[0], ()):
        for field in fields(one):  # type: ignore[arg-type]  # only dataclasses are walked through
            key = (type(one).__name__, field.name)
            if (type(one), field.name) in FREE or has_parts(getattr(one, field.name)):
                tried.add(key)
            lacking.add(key)
    assert lacking - tried == set()


def test_every_field_comes_back(rich: tuple[Config, tuple[Entry, ...], Path]) -> None:
    """Changes that have nothing to do with each other are made at once: reading takes its time."""
    config, report, folder = rich
    left = list(changes(config))
    while left:
        together = apart(left)
        other = config
        for _, way, value in together:
            other = put(other, way, value)
        written = convert(other, report, directory=folder)
        assert written.left_out == ()
        again = read(written.text, "tenbin.yaml", environment={}, directory=folder)
        for key, way, value in together:
            assert placeless(get(again, way)) == placeless(value), key
        left = [one for one in left if one not in together]


@pytest.mark.parametrize("key", LOST, ids=".".join)
def test_what_cannot_be_said_is_told(key: Key, rich: tuple[Config, tuple[Entry, ...], Path]) -> None:
    config, report, folder = rich
    way = next(way for way, one in walk(config, ()) if type(one).__name__ == key[0])
    written = convert(put(config, (*way, key[1]), LOST[key]), report, directory=folder)
    (told,) = written.left_out
    assert key[1].replace("_", "-") in told or key[1] in told
    assert f"#   {told}" in written.text


def test_every_act_has_words(rich: tuple[Config, tuple[Entry, ...], Path]) -> None:
    seen = {one.verb for _, one in walk(rich[0], ()) if isinstance(one, Act)}
    without = {Verb.AUTH, Verb.SERVICE, Verb.CAPTURE, Verb.EXPECT_PROXY, Verb.SWITCH_MODE, Verb.LIMIT_BANDWIDTH}
    assert set(Verb) - seen == without


def test_every_member_of_compat_is_thought_of() -> None:
    assert OF_COMPAT.keys() == {field.name for field in fields(Compat)}


def changes(config: Config) -> Iterator[tuple[Key, Way, object]]:
    """Each field of each class once: where it is, and another value for it."""
    seen: set[Key] = set()
    for way, one in walk(config, ()):
        for field in fields(one):  # type: ignore[arg-type]  # only dataclasses are walked through
            key = (type(one).__name__, field.name)
            held = getattr(one, field.name)
            known = key in seen or key in FIXED or key in LOST or (type(one), field.name) in FREE
            if known or not WHERE.get(key, lambda _: True)(one):
                continue
            value = OTHERS[key] if key in OTHERS else different(held)
            if value is not None and value != held:
                seen.add(key)
                yield key, (*way, field.name), value


def apart(found: list[tuple[Key, Way, object]]) -> list[tuple[Key, Way, object]]:
    """As many changes as do not touch a part of what another one replaces."""
    taken: list[tuple[Key, Way, object]] = []
    for one in found:
        if not any(one[1][: len(way)] == way or way[: len(one[1])] == one[1] for _, way, _ in taken):
            taken.append(one)
    return taken


def walk(one: object, way: Way) -> Iterator[tuple[Way, object]]:
    """Every dataclass in another one, and how to get there."""
    if isinstance(one, tuple):
        for index, item in enumerate(one):
            yield from walk(item, (*way, index))
    elif is_dataclass(one) and not isinstance(one, EXPRESSIONS):
        yield way, one
        for field in fields(one):
            if (type(one), field.name) not in FREE:
                yield from walk(getattr(one, field.name), (*way, field.name))


def has_parts(held: object) -> bool:
    return any(True for _ in walk(held, ()))


def different(held: object) -> object:
    """Something else of the same kind; None for what has parts of its own."""
    if isinstance(held, bool):
        return not held
    if isinstance(held, Enum):
        members = list(type(held))
        return members[(members.index(held) + 1) % len(members)]
    if isinstance(held, int):
        return held + 1
    if isinstance(held, str):
        return f"{held}x"
    return Duration(held.ms + 1000) if isinstance(held, Duration) else None


def placeless(one: Any) -> Any:
    """The same without where things stand in a file."""
    if isinstance(one, tuple):
        return tuple(placeless(item) for item in one)
    return replace(one, position="") if isinstance(one, Rule) else one


def get(one: Any, way: Way) -> Any:
    for step in way:
        one = one[step] if isinstance(step, int) else getattr(one, step)
    return one


def put(one: Any, way: Way, value: object) -> Any:
    if not way:
        return value
    step, rest = way[0], way[1:]
    if isinstance(step, int):
        return (*one[:step], put(one[step], rest, value), *one[step + 1 :])
    return replace(one, **{step: put(getattr(one, step), rest, value)})
