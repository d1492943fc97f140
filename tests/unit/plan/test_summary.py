"""What a reload says it will change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tenbin.model import Config, Deny, Duration, ListenerTls, TlsSuite, ToBackend
from tenbin.plan.summary import changes, sentence
from unit.plan.samples import backend, certificate, config, frontend, listener_tls, route, server

OLD = config()
APP = OLD.backends[0]
WEB = OLD.frontends[0]


def with_backend(**fields: object) -> Config:
    return replace(OLD, backends=(replace(APP, **fields),))  # type: ignore[arg-type]


def with_frontend(**fields: object) -> Config:
    return replace(OLD, frontends=(replace(WEB, **fields),))  # type: ignore[arg-type]


def test_servers_come_go_and_change() -> None:
    s1, s2 = APP.servers
    assert changes(OLD, with_backend(servers=(s1, s2, server("s3")))) == ("+1 server app/s3",)
    assert changes(OLD, with_backend(servers=(s1,))) == ("-1 server app/s2",)
    assert changes(OLD, with_backend(servers=(s1, replace(s2, weight=3)))) == ("~1 server app/s2",)
    many = tuple(server(f"n{i}") for i in range(5))
    assert changes(OLD, with_backend(servers=(s1, s2, *many))) == ("+5 servers",)


def test_timeouts_are_counted_and_settings_named() -> None:
    assert changes(OLD, with_frontend(client=Duration(1), header=Duration(1))) == ("~2 timeouts of web",)
    assert changes(OLD, with_backend(max_queue=3)) == ("~1 setting max_queue of app",)
    assert changes(OLD, replace(OLD, drain=Duration(5), threads=4)) == ("~1 timeout", "~1 setting threads")


def test_routes_are_counted_and_their_lines_in_the_file_do_not_matter() -> None:
    first = route(ToBackend("app"))
    assert changes(OLD, with_frontend(routes=(first, route(Deny(403))))) == ("+1 route of web",)
    assert changes(OLD, with_frontend(routes=(route(Deny(403)),))) == ("~1 route of web",)
    assert changes(OLD, with_frontend(routes=(replace(first, position="tenbin.yaml:99:1"),))) == ()


def test_groups_and_listeners_come_and_go() -> None:
    new = config(
        (frontend("other", listen=("127.0.0.1:9090",)),), (backend("app", *APP.servers), backend("api", server("s1")))
    )
    assert changes(OLD, new) == (
        "+1 listener 127.0.0.1:9090",
        "-1 listener 127.0.0.1:8080",
        "+1 frontend other",
        "-1 frontend web",
        "+1 backend api",
    )


def test_the_sentence() -> None:
    new = with_backend(servers=(*APP.servers, server("s4")))
    line = sentence(OLD, new, generations=(7, 8), kept=312)
    assert line == "generation 7 → 8: +1 server app/s4; 312 connections kept"
    assert sentence(OLD, OLD, generations=(7, 8), kept=1) == "generation 7 → 8: nothing changes; 1 connection kept"


def with_tls(tls: ListenerTls | None) -> Config:
    (listener,) = WEB.listeners
    return with_frontend(listeners=(replace(listener, tls=tls, position="tenbin.yaml:99:1"),))


def test_a_renewed_certificate_is_told_by_its_file() -> None:
    old = with_tls(listener_tls(certificate("a"), certificate("b")))
    new = with_tls(listener_tls(certificate("a", stamp="9-9-9", position="tenbin.yaml:7:7"), certificate("c")))
    assert changes(old, new) == (
        "+1 certificate /etc/tenbin/c.pem",
        "-1 certificate /etc/tenbin/b.pem",
        "~1 certificate /etc/tenbin/a.pem",
    )
    assert changes(old, with_tls(listener_tls(certificate("a"), certificate("b", position="tenbin.yaml:7:7")))) == ()


def test_listeners_gain_and_lose_tls() -> None:
    with_it = with_tls(listener_tls())
    assert changes(OLD, with_it) == (
        "~1 listener 127.0.0.1:8080 (TLS now)",
        "+1 certificate /etc/tenbin/site.pem",
    )
    assert changes(with_it, OLD)[0] == "~1 listener 127.0.0.1:8080 (no TLS any more)"
    stricter = with_tls(listener_tls(suite=TlsSuite(("1.3",))))
    assert changes(with_it, stricter) == ("~1 listener 127.0.0.1:8080",)
    two = (certificate("a"), certificate("b"))
    assert changes(with_tls(listener_tls(*two)), with_tls(listener_tls(*two, default=1))) == (
        "~1 listener 127.0.0.1:8080",
    )


def test_what_is_watched_is_no_change() -> None:
    assert changes(OLD, replace(OLD, watched=(Path("/etc/tenbin/site.pem"),))) == ()
