"""Which servers are checked, and which have the health of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.control.health import HealthWatch, followers, targets
from tenbin.health import HealthChange
from tenbin.model import Admin, Health, ServerId, TcpCheck
from tenbin.observe.outage import OutageBook
from tenbin.plan.compile import effective_admin
from tenbin.state import Store
from unit.health.support import ManualClock, check
from unit.plan.samples import backend, config, server

if TYPE_CHECKING:
    from tenbin.observe.sentences import Sentence

A, B, C = ServerId("app", "a"), ServerId("app", "b"), ServerId("other", "c")
FOLLOWING = config(
    backends=(backend("app", server("a"), server("b", track=A)), backend("other", server("c", track=B), check=None))
)


def test_a_server_s_own_check_goes_before_that_of_its_backend() -> None:
    own = check(TcpCheck(), every=7000)
    servers = (server("a"), server("b", check=own), server("c", unchecked=True), server("d", track=A))
    found = {one.id.server: one.check for one in targets(Store(config(backends=(backend("app", *servers),))).state)}
    assert set(found) == {"a", "b"}
    assert found["b"] is own


def test_who_follows_whom_is_told_and_circles_are_left_out() -> None:
    assert followers(FOLLOWING) == {A: [B], B: [C]}
    circle = config(backends=(backend("app", server("a", track=B), server("b", track=A)),))
    assert followers(circle) == {}


def test_followers_go_down_and_come_back_with_their_leader() -> None:
    store = Store(FOLLOWING)
    said: list[Sentence] = []
    watch = HealthWatch(store, ManualClock(), said.append, OutageBook())
    watch.follow(store.state)
    for health in (Health.DOWN, Health.UP):
        watch._changed(HealthChange(A, Health.UNKNOWN, health, "L4CON"))
        assert [store.state.overlay.of(name).health for name in (A, B, C)] == [health] * 3
    assert store.state.overlay.of(C).reason == "via app/b: via app/a: L4CON"
    assert len(said) >= 6


def test_what_is_wanted_of_a_leader_is_wanted_of_those_that_follow() -> None:
    store = Store(FOLLOWING)
    said: list[Sentence] = []
    watch = HealthWatch(store, ManualClock(), said.append, OutageBook())
    watch.follow(store.state)
    for admin in (Admin.MAINT, Admin.DRAIN, Admin.READY):
        before = store.state.overlay.of(A)
        store.set_server(A, admin=admin)
        watch.steered(A, before)
        assert [effective_admin(server("x"), store.state.overlay.of(name)) for name in (B, C)] == [admin] * 2
    texts = [one.text for one in said]
    assert "server app/b is maint with the one that it follows" in texts
    assert texts.count("backend other has no server up: none of 1 server may get work, clients get 503") == 1


def test_one_that_follows_no_more_is_wanted_for_itself() -> None:
    store = Store(FOLLOWING)
    store.set_server(A, admin=Admin.MAINT)
    watch = HealthWatch(store, ManualClock(), lambda _: None, OutageBook())
    watch.follow(store.state)
    assert store.state.overlay.of(C).led is Admin.MAINT
    free = config(backends=(backend("app", server("a"), server("b")), backend("other", server("c"), check=None)))
    store.commit(store.candidate(free))
    watch.follow(store.state)
    assert store.state.overlay.of(C).led is Admin.READY


def test_a_server_that_begins_to_follow_takes_over_what_is_known() -> None:
    store = Store(FOLLOWING)
    store.set_health(A, Health.DOWN, "L4CON", 1.0)
    HealthWatch(store, ManualClock(), lambda _: None, OutageBook()).follow(store.state)
    assert store.state.overlay.of(B).health is Health.DOWN
