"""Attaching: health and addresses are taken over, so that nothing flaps."""

from __future__ import annotations

from tenbin.control.recover import recovered
from tenbin.model import Address, Admin, Health, ServerId
from tenbin.plan import wire
from tenbin.state import Overlay
from unit.plan.contract import stats
from unit.plan.samples import backend, config, server

NAMED, MOVED, SAME = (ServerId("app", name) for name in ("named", "moved", "same"))
CONFIG = config(
    backends=(
        backend(
            "app",
            server("named", address=Address("app.internal", 80)),
            server("moved", address=Address("10.0.0.5", 80)),
            server("same", address=Address("10.0.0.6", 80)),
        ),
    )
)


def held(name: str, health: str) -> wire.ServerState:
    return wire.ServerState.model_validate(
        {"backend": "app", "server": name, "weight": 1, "admin": "ready", "health": health}
    )


def counted(**addresses: str) -> wire.Stats:
    one = stats()
    servers = tuple(
        one.backends[0].servers[0].model_copy(update={"name": name, "address": address})
        for name, address in addresses.items()
    )
    return one.model_copy(update={"backends": (one.backends[0].model_copy(update={"servers": servers}),)})


def test_what_is_the_same_keeps_its_health_and_address() -> None:
    welcome = wire.Welcome(
        id=1,
        protocol=1,
        version="x",
        pid=1,
        threads=2,
        generation=4,
        listeners=(),
        servers=(held("named", "up"), held("moved", "down"), held("same", "down"), held("gone", "down")),
    )
    used = counted(named="[fd00::1]:80", moved="10.0.0.9:80", same="10.0.0.6:80", gone="10.0.0.1:1")
    overlay = recovered(Overlay().changed(SAME, admin=Admin.DRAIN), CONFIG, welcome, used, 12.0)
    assert overlay.of(NAMED).address == Address("fd00::1", 80)
    assert overlay.of(NAMED).health is Health.UP
    assert overlay.of(MOVED).health is Health.UNKNOWN
    assert overlay.of(SAME).health is Health.DOWN
    assert overlay.of(SAME).admin is Admin.DRAIN
    assert ServerId("app", "gone") not in overlay.servers
