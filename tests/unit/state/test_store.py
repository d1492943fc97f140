"""The store: generations, candidates, overrides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tenbin.errors import UnknownObjectError
from tenbin.model import Address, Admin, Config, Health, Initial, Lookup, ServerId
from tenbin.state import ConflictError, State, Store
from unit.plan.samples import backend, config, server

S1, S2 = ServerId("app", "s1"), ServerId("app", "s2")
NAMED = server("named", address=Address("app.internal", 80))
CONFIGS = (
    config(),
    config(backends=(backend("app", server("s1", 3001)),)),
    config(backends=(backend("app", server("s1", 9999), server("s2", 3002), NAMED),)),
    config(backends=(backend("app", server("s1", 3001), server("s2", 3002), check=None),)),
)
SERVERS = (S1, S2, ServerId("app", "named"), ServerId("api", "s1"))


def test_what_is_overridden_to_the_value_of_the_file_is_no_override() -> None:
    store = Store(config())
    assert store.set_server(S1, weight=5, admin=Admin.DRAIN).overlay.of(S1).is_override
    assert not store.set_server(S1, weight=1, admin=Admin.READY).overlay.of(S1).is_override


def test_an_unknown_server_is_told_with_those_that_there_are() -> None:
    store = Store(config())
    with pytest.raises(UnknownObjectError, match="no server app/s9") as caught:
        store.set_server(ServerId("app", "s9"), weight=1)
    assert caught.value.hint == "servers of app: s1, s2"
    with pytest.raises(UnknownObjectError, match="no backend nope"):
        store.set_server(ServerId("nope", "s1"), weight=1)


def test_overrides_outlive_servers_and_health_does_not() -> None:
    store = Store(config())
    store.set_server(S2, weight=5)
    store.set_health(S2, Health.DOWN, "gone", 1.0)
    store.commit(store.candidate(CONFIGS[1]))
    assert store.state.overlay.of(S2).weight == 5
    store.commit(store.candidate(CONFIGS[0]))
    assert (store.state.overlay.of(S2).weight, store.state.overlay.of(S2).health) == (5, Health.UNKNOWN)


@pytest.mark.parametrize(
    ("lookup", "first", "then"),
    [
        (Lookup(), "10.0.0.1", "10.0.0.1"),
        (Lookup(family=6), "fd00::1", "fd00::1"),
        (Lookup(networks=("10.0.0.0/31",)), "10.0.0.1", "10.0.0.1"),
        (Lookup(networks=("192.168.0.0/16",)), "10.0.0.1", "192.168.0.1"),
        (Lookup(family=4, networks=("192.168.0.0/16", "fd00::/8")), "10.0.0.1", "192.168.0.1"),
        (Lookup(family=6, networks=("192.168.0.0/16",)), "fd00::1", "fd00::1"),
    ],
)
def test_a_name_gives_the_address_that_is_preferred(lookup: Lookup, first: str, then: str) -> None:
    named = replace(NAMED, lookup=lookup)
    store = Store(config(backends=(backend("app", named),)))
    name = ServerId("app", "named")
    store.set_addresses("app.internal", ("10.0.0.1", "fd00::1"))
    assert store.state.overlay.of(name).address == Address(first, 80)
    store.set_addresses("app.internal", ("192.168.0.1", "fd00::1", "10.0.0.1"))
    assert store.state.overlay.of(name).address == Address(then, 80)


def test_servers_begin_with_the_health_that_they_ask_for() -> None:
    asked = {one.value: replace(server(one.value), initial=one) for one in Initial}
    whole = config(backends=(backend("app", *asked.values()),))
    store = Store(whole)

    def found() -> list[Health]:
        return [store.state.overlay.of(ServerId("app", name)).health for name in asked]

    assert found() == [Health.UP, Health.UNKNOWN, Health.DOWN, Health.DOWN]
    for name in asked:
        store.set_health(ServerId("app", name), Health.UP, "passed", 1.0)
    store.commit(store.candidate(replace(whole, threads=9)))
    assert found() == [Health.UP] * 4


def test_health_stays_over_a_reload_unless_the_server_or_its_check_is_another() -> None:
    store = Store(config())
    store.set_health(S1, Health.DOWN, "gone", 1.0)
    store.commit(store.candidate(replace(CONFIGS[0], threads=9)))
    assert store.state.overlay.of(S1).health is Health.DOWN
    assert store.candidate(CONFIGS[2]).overlay.of(S1).health is Health.UNKNOWN
    assert store.candidate(CONFIGS[3]).overlay.of(S1).health is Health.UNKNOWN


def test_what_happens_between_candidate_and_commit_is_kept() -> None:
    store = Store(config())
    candidate = store.candidate(CONFIGS[1])
    store.set_health(S1, Health.DOWN, "gone", 1.0)
    state = store.commit(candidate)
    assert state.config is CONFIGS[1]
    assert state.overlay.of(S1).health is Health.DOWN
    assert state.generation > candidate.generation


def test_a_name_keeps_its_address_while_it_is_among_the_answers() -> None:
    store = Store(CONFIGS[2])
    name = ServerId("app", "named")
    store.set_addresses("app.internal", ("10.0.0.1", "10.0.0.2"))
    assert store.state.overlay.of(name).address == Address("10.0.0.1", 80)
    store.set_addresses("app.internal", ("10.0.0.3", "10.0.0.1"))
    assert store.state.overlay.of(name).address == Address("10.0.0.1", 80)
    store.set_addresses("app.internal", ())
    assert store.state.overlay.of(name).address == Address("10.0.0.1", 80)
    store.set_addresses("app.internal", ("10.0.0.3",))
    assert store.state.overlay.of(name).address == Address("10.0.0.3", 80)


def test_compare_and_set() -> None:
    store = Store(config())
    seen = store.state
    store.set_server(S1, weight=5)
    with pytest.raises(ConflictError):
        store.replace_overlay(seen.overlay, expected=seen.generation)
    store.replace_overlay(seen.overlay, expected=store.state.generation)
    assert store.state.overlay == seen.overlay


class StoreMachine(RuleBasedStateMachine):
    """Whatever is done to it: generations grow, listeners see an unbroken chain, overrides are never lost."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(CONFIGS[0])
        self.seen = [self.store.state]
        self.weights: dict[ServerId, int] = {}
        self.candidate: State | None = None
        self.store.listen(self.hear)

    def hear(self, old: State, new: State) -> None:
        assert old is self.seen[-1]
        assert new.generation > old.generation
        self.seen.append(new)

    @rule(config=st.sampled_from(CONFIGS))
    def prepare(self, config: Config) -> None:
        before = self.store.state
        self.candidate = self.store.candidate(config)
        assert self.store.state is before

    @rule()
    def commit(self) -> None:
        if self.candidate is not None:
            assert self.store.commit(self.candidate).config is self.candidate.config
            self.candidate = None

    @rule(server=st.sampled_from(SERVERS), weight=st.integers(0, 256))
    def weigh(self, server: ServerId, weight: int) -> None:
        try:
            self.store.set_server(server, weight=weight)
        except UnknownObjectError:
            return
        self.weights[server] = weight

    @rule(server=st.sampled_from(SERVERS), health=st.sampled_from(Health))
    def find(self, server: ServerId, health: Health) -> None:
        self.store.set_health(server, health, "a check", 1.0)

    @rule(literals=st.lists(st.sampled_from(("10.0.0.1", "10.0.0.2")), unique=True).map(tuple))
    def resolve(self, literals: tuple[str, ...]) -> None:
        self.store.set_addresses("app.internal", literals)

    @invariant()
    def the_last_word_on_a_weight_holds(self) -> None:
        for name, weight in self.weights.items():
            override = self.store.state.overlay.of(name).weight
            assert override in {weight, None}
            if override is None:
                assert weight == 1

    @invariant()
    def what_listeners_saw_is_what_holds(self) -> None:
        assert self.seen[-1] is self.store.state


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
