"""From state to snapshot."""

from __future__ import annotations

import time
from base64 import b64decode
from dataclasses import replace

from tenbin.model import AccessLog, Address, Admin, Health, LogFormat, ServerId
from tenbin.plan import wire
from tenbin.plan.compile import BLANK, Surroundings, compile_snapshot
from tenbin.state import Overlay, State
from unit.plan.samples import backend, config, everything, large, server

S1, S2 = ServerId("app", "s1"), ServerId("app", "s2")


def compiled(state: State) -> wire.Snapshot:
    return compile_snapshot(state, BLANK)


def test_everything_compiles_and_survives_the_wire() -> None:
    snapshot = compiled(State(everything(), Overlay(), 7))
    assert wire.Snapshot.model_validate_json(snapshot.model_dump_json()) == snapshot
    assert snapshot.generation == 7
    addresses = ["0.0.0.0:8080", "[::1]:8443", "127.0.0.1:8444", "127.0.0.1:5432"]
    assert [listener.address for listener in snapshot.listeners] == addresses


def test_a_frontend_says_how_long_and_how_many_handshakes_are() -> None:
    plain, full, _, raw = compiled(State(everything(), Overlay(), 1)).listeners
    assert plain.tls is None
    assert plain.proxy == wire.ProxyIn(networks=())
    assert full.tls is not None
    assert (full.tls.handshake, full.tls.handshakes, full.tls.default) == (3000, 10, 1)
    assert [one.key for one in full.tls.certificates] == ["/etc/tenbin/site.key", "/etc/tenbin/other.key"]
    assert (full.http2, raw.http2) == (True, False)


def test_servers_are_told_by_their_own_settings() -> None:
    first, _, third = compiled(State(everything(), Overlay(), 1)).backends[0].servers
    assert first.tls is not None
    assert (first.tls.verify, first.tls.sni, first.tls.suite.versions) == (False, "app.example", ("1.2",))
    assert first.proxy == wire.ProxyOut(version=2, tls=True)
    assert third.proxy == wire.ProxyOut(version=1)


def test_a_removed_header_has_no_value_and_a_body_is_base64() -> None:
    routes = compiled(State(everything(), Overlay(), 1)).frontends[0].routes
    assert [edit.value is None for edit in routes[0].request] == [False, False, True]
    action = routes[4].action
    assert isinstance(action, wire.Respond)
    assert b64decode(action.body) == b"\x00hello\n"


def test_the_overlay_goes_before_the_file() -> None:
    overlay = Overlay().changed(S1, weight=9, admin=Admin.DRAIN, health=Health.DOWN)
    first, second = compiled(State(config(), overlay, 1)).backends[0].servers
    assert (first.weight, first.admin, first.health) == (9, "drain", "down")
    assert (second.weight, second.admin, second.health) == (1, "ready", "unknown")


def test_a_name_has_no_address_until_it_is_resolved() -> None:
    named = config(backends=(backend("app", server("s1", address=Address("app.internal", 80))),))
    assert compiled(State(named, Overlay(), 1)).backends[0].servers[0].address is None
    overlay = Overlay().changed(S1, address=Address("fd00::1", 80))
    assert compiled(State(named, overlay, 1)).backends[0].servers[0].address == "[fd00::1]:80"


def test_the_log_is_for_people_only_on_a_terminal() -> None:
    auto = replace(config(), access_log=AccessLog("stdout", LogFormat.AUTO))
    state = State(auto, Overlay(), 1)
    assert compile_snapshot(state, Surroundings("00", terminal=True)).access_log.format == "human"
    assert compile_snapshot(state, Surroundings("00", terminal=False)).access_log.format == "json"


def test_threads_are_those_of_the_running_data_plane() -> None:
    assert compile_snapshot(State(config(), Overlay(), 1), Surroundings("00", threads=5)).threads == 5


def test_the_time_to_compile_grows_with_the_servers_and_no_faster() -> None:
    few, many = (State(large(count), Overlay(), 1) for count in (1_000, 10_000))
    assert min(seconds(many) for _ in range(3)) < 30 * min(seconds(few) for _ in range(5))


def seconds(state: State) -> float:
    """CPU time, for the machine may be busy with something else."""
    began = time.thread_time()
    compiled(state).model_dump_json()
    return time.thread_time() - began
