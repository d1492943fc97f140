"""The law of patches: patch then observe is apply of the compiled whole."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tenbin.dataplane.fake import FakeDataplane
from tenbin.model import Address, Admin, Health, ServerId
from tenbin.plan import delta
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Overlay, ServerOverlay, State
from unit.plan.samples import backend, config, server

NAMES = [ServerId(group, name) for group in ("app", "api", "gone") for name in ("s1", "s2", "s9")]
CONFIG = config(
    backends=(
        backend("app", server("s1"), server("s2", weight=5, admin=Admin.MAINT)),
        backend("api", server("s1"), server("s2")),
    )
)

entries = st.builds(
    ServerOverlay,
    weight=st.none() | st.integers(0, 256),
    admin=st.none() | st.sampled_from(Admin),
    health=st.sampled_from(Health),
    reason=st.sampled_from(["", "because"]),
)
overlays = st.lists(st.tuples(st.sampled_from(NAMES), entries), max_size=9).map(
    lambda items: Overlay().merged(dict(items))
)


@given(overlays, overlays)
def test_patch_then_observe_is_apply_of_the_whole(first: Overlay, second: Overlay) -> None:
    old, new = State(CONFIG, first, 1), State(CONFIG, second, 2)
    patches = delta.patch(old, new)
    assert patches is not None

    async def patched() -> FakeDataplane:
        plane = FakeDataplane()
        await plane.apply(compile_snapshot(old, BLANK))
        await plane.patch(new.generation, patches)
        return plane

    assert asyncio.run(patched()).snapshot == compile_snapshot(new, BLANK)


@given(overlays)
def test_nothing_changed_is_nothing_to_patch(overlay: Overlay) -> None:
    assert delta.patch(State(CONFIG, overlay, 1), State(CONFIG, overlay, 2)) == ()


def test_an_address_or_another_configuration_needs_the_whole() -> None:
    old = State(CONFIG, Overlay(), 1)
    moved = Overlay().changed(NAMES[0], address=Address("10.9.9.9", 1))
    assert delta.patch(old, State(CONFIG, moved, 2)) is None
    assert delta.patch(old, State(config(), Overlay(), 2)) is None


def test_what_the_file_says_already_is_not_patched() -> None:
    overlay = Overlay().changed(ServerId("app", "s2"), weight=5, admin=Admin.MAINT)
    assert delta.patch(State(CONFIG, Overlay(), 1), State(CONFIG, overlay, 2)) == ()
