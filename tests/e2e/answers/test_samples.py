"""Samples of a haproxy.cfg that Debian's HAProxy does not know yet, as clients are shown them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.edge import placed, running
from tenbin.testing import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend web
  bind *:80
  stick-table type string len 32 size 100 store gpc(4)
  http-request return status 200 content-type text/plain lf-string "{format}"
"""
SHOWN = {
    'int(1700000000123),ms_utime("%F %T.%3N")': "2023-11-14 22:13:20.123",
    'int(1700000000123456),us_utime("%T.%N %6N %9N")': "22:13:20.123456000 123456 123456000",
    'int(1700000000123),ms_utime("%s%%%1N",60)': "1700000060%1",
    'int(1700000000),utime("%s %N")': "1700000000 %N",
}
COUNTED = {
    "path,table_inc_gpc0": ["1", "2", "3"],
    "path,table_inc_gpc1(web)": ["1", "2", "3"],
    "path,table_inc_gpc(2),add(10)": ["11", "12", "13"],
    "path,table_inc_gpc(3),table_clr_gpc0": ["0", "0", "0"],
    "path,table_clr_gpc(9)": ["", "", ""],
}


@pytest.fixture
def shown(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    """What samples yield, all of them in one answer."""
    text = "|".join(f"%[{sample}]" for sample in request.param).replace('"', '\\"')
    config = CONFIG.replace("{format}", text)
    with placed(config, tmp_path) as place, running(place), Client(place.address("80")) as client:
        yield client


@pytest.mark.parametrize("shown", [SHOWN], ids=["dates"], indirect=True)
def test_dates_have_parts_of_seconds(shown: Client) -> None:
    assert shown.get("/").body.decode().split("|") == list(SHOWN.values())


@pytest.mark.parametrize("shown", [COUNTED], ids=["counters"], indirect=True)
def test_counters_change_where_they_are_looked_up(shown: Client) -> None:
    answers = [shown.get("/a").body.decode().split("|") for _ in range(3)]
    assert [list(column) for column in zip(*answers, strict=True)] == list(COUNTED.values())
    assert shown.get("/b").body.decode().startswith("1|1|11|"), "another key has counters of its own"
