"""F12 in its short form, and the same answers from a server whose neighbours can take over."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from conformance.rows import read_rows
from faults.scenarios import f12_bad_servers
from support.scripted import ScriptedServer
from tenbin.testing import config_text, fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.harness.outcome import Outcome
    from faults.harness.scenario import Scenario
    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers


def test_reaches_its_targets(play_short: Callable[[Scenario], Outcome]) -> None:
    play_short(f12_bad_servers.SCENARIO)


def test_what_a_server_answers_wrongly_another_one_answers_well(start_tenbin: StartTenbin, trio: Servers) -> None:
    """Every answer that is refused as a whole, from one of two servers: nobody notices or sees a byte of it."""
    rows = [row for row in read_rows() if row.kind == "resp" and row.expected == {"502"} and row.method == "GET"]
    rows = [row for row in rows if row.after not in ("at-accept", "drip", "hold", "early", "early-close")]
    assert len(rows) > 5
    turn = itertools.count()

    def script(peer: Peer) -> None:
        if peer.read_head():
            peer.send(rows[next(turn) % len(rows)].raw)

    with ScriptedServer(script) as bad:
        servers = {"good": trio.first(1)["server1"], "bad": bad.port}
        tenbin = start_tenbin(config_text(servers, {"eject": False, "retry": {"budget": "100%"}, "pool": "never"}))

        def ask(number: int) -> str:
            answer = fetch(tenbin.address, f"/echo?number={number}.")
            return "" if answer.status == 200 and f"number={number}.".encode() in answer.body else str(answer)

        with ThreadPoolExecutor(4) as pool:
            wrong = [text for text in pool.map(ask, range(len(rows) * 6)) if text]
        assert not wrong, wrong[:3]
        assert next(turn) >= len(rows) * 2, "the bad server was asked, too"
