"""The status on a terminal."""

from __future__ import annotations

import re
from io import StringIO
from types import MappingProxyType

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tenbin.model import Admin, Health, ServerId
from tenbin.observe.grid import Column, Row, draw
from tenbin.observe.status import Status, build
from tenbin.observe.table import render
from tenbin.state.overlay import Overlay, ServerOverlay
from unit.observe import samples
from unit.observe.test_status import best

CHANGED = ServerOverlay(weight=200, admin=Admin.DRAIN, health=Health.UP, since=900.0)
REFUSED = ServerOverlay(health=Health.DOWN, reason="L4CON connection refused (3 of 3 checks)", since=988.0)


def status(age: float = 0.2, *, figures: bool = True) -> Status:
    servers = (samples.server("server1"), samples.server("サーバー2", weight=3), samples.server("b", backup=True))
    config = samples.config(
        samples.backend("app", servers),
        samples.backend("api", (samples.server("a", host="api.internal"),), checked=False),
    )
    entries = {ServerId("app", "server1"): CHANGED, ServerId("app", "サーバー2"): REFUSED}
    stats = samples.stats(config) if figures else None
    return build(config, Overlay(MappingProxyType(entries)), stats, samples.WATCHED, samples.NOW, age)


def line(text: str, start: str) -> str:
    return next(entry for entry in text.splitlines() if entry.strip().startswith(start))


def test_states_weights_and_reasons_are_words() -> None:
    text = render(status()).plain
    assert re.search(r"server1 +DRAIN +200 \(file 5\)", text)
    assert "changed at runtime: weight 5 → 200" in text
    assert re.search(r"サーバー2 +DOWN", text)
    assert "L4CON connection refused (3 of 3 checks), 12.0s ago" in text
    assert re.search(r"b \(backup\) +not checked", text)
    assert re.search(r"a +UNRESOLVED", text)
    assert re.search(r"api \(round_robin\) +DOWN 0 of 1", text)
    assert "NO SERVER UP: clients get 503" in text
    assert "3 no-server-up" in text
    assert "15ms" in line(text, "server1")
    assert "L7OK 200 3.0ms" in line(text, "b (backup)")


@pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40])
def test_it_fits_and_never_loses_states_reasons_and_changes(width: int) -> None:
    text = render(status(), width=width).plain
    assert max(cell_len(entry) for entry in text.splitlines()) <= width
    words = " ".join(text.split())
    for needed in ("server1 DRAIN", "DOWN", "UNRESOLVED", "weight 5 → 200", "connection refused", "NO SERVER UP"):
        assert needed in words


def test_columns_line_up_with_wide_letters() -> None:
    rows = render(status()).plain.splitlines()
    title = next(row for row in rows if row.startswith("BACKEND"))
    place = title.index("STATE")
    for name in ("server1", "サーバー2"):
        row = next(row for row in rows if row.strip().startswith(name))
        word = "DRAIN" if name == "server1" else "DOWN"
        assert cell_len(row[: row.index(word)]) == place


def test_colour_only_repeats_what_words_say() -> None:
    colored = StringIO()
    Console(file=colored, force_terminal=True, width=120, color_system="standard").print(render(status()))
    plain = StringIO()
    Console(file=plain, width=120, no_color=True).print(render(status()))
    assert "\x1b[" in colored.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored.getvalue()) == plain.getvalue()


def test_old_or_missing_figures_are_said_to_be() -> None:
    assert "FIGURES ARE" not in render(status()).plain
    assert "THE FIGURES ARE 42.0s OLD" in render(status(age=42.0)).plain
    text = render(status(figures=False)).plain
    assert "THE DATA PLANE DOES NOT ANSWER" in text
    assert re.search(r"web +not serving", text)
    assert re.search(r"server1 +DRAIN +200 \(file 5\) +-", text)


def test_text_from_outside_cannot_drive_the_terminal() -> None:
    config = samples.config(samples.backend("app", (samples.server("x\x1b[2J"),)))
    overlay = Overlay().changed(ServerId("app", "x\x1b[2J"), health=Health.DOWN, reason="a\x1b]0;owned\x07\r\n\u202eb")
    text = render(build(config, overlay, None, samples.WATCHED, 0, 0)).plain
    assert all(letter.isprintable() for letter in text.replace("\n", ""))
    assert "a\\x1b]0;owned\\x07\\r\\n\\u202eb" in text


def test_two_thousand_servers_are_drawn_quickly() -> None:
    config = samples.large(2000)
    large = build(config, Overlay(), samples.stats(config), samples.WATCHED, samples.NOW, 0)
    assert best(lambda: render(large)) < 0.5


def test_a_column_that_is_too_wide_takes_no_other_with_it() -> None:
    columns = [Column("NAME"), Column("LISTENS ON", 1, right=False), Column("CONN", 2), Column("P99", 3)]
    text = Text()
    draw(text, columns, [Row(("web", "127.0.0.1:8080 " * 10, "7", "2ms"))], 40)
    assert text.plain.split() == ["NAME", "CONN", "P99", "web", "7", "2ms"]
