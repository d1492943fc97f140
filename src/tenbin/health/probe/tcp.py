"""The TCP probe: passes when a connection opens. Sends nothing and closes with a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.health.probe.link import Link, NotConnectedError
from tenbin.health.result import CheckStatus, Outcome

if TYPE_CHECKING:
    from tenbin.model import Address


async def probe(where: Address, within: float) -> Outcome:
    """Connect within so many seconds: L4OK, L4CON, L4TOUT or SOCKERR."""
    with Link(within) as link:
        try:
            await link.connect(where)
        except NotConnectedError as failure:
            return failure.outcome
    return _CONNECTED


_CONNECTED = Outcome(CheckStatus.L4OK)
