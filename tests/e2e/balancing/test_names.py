"""Names of servers: what stands in for one without an address, and servers that share one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from support.traffic import spread
from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from support import StartTenbin
    from support.servers import Servers

NOWHERE = "no-such-host.invalid"


def test_a_fallback_serves_while_the_name_has_no_address(start_tenbin: StartTenbin, trio: Servers) -> None:
    [(name, port)] = trio.first(1).items()
    own = {name: {"address": f"{NOWHERE}:{port}", "resolve": {"fallback": "127.0.0.1"}}}
    tenbin = start_tenbin(config_text(own))
    assert set(spread(tenbin.address, 4)) == {name}
    wait_for(lambda: NOWHERE in tenbin.log(), 20)


@pytest.mark.skipif(
    "127.0.0.1" not in {str(one[4][0]) for one in socket.getaddrinfo("localhost", None)}, reason="needs localhost"
)
def test_a_server_that_is_added_gets_the_address_of_a_name_that_is_known(
    start_tenbin: StartTenbin, trio: Servers
) -> None:
    named = {
        name: {"address": f"localhost:{port}", "resolve": {"prefer": "ipv4"}} for name, port in trio.first(2).items()
    }
    first = dict(list(named.items())[:1])
    tenbin = start_tenbin(config_text(first))
    wait_for(lambda: tenbin.get().status == 200, 10)
    tenbin.reload(config_text(named))
    wait_for(lambda: set(spread(tenbin.address, 8)) == set(named), 20)
