"""The TCP probe: passes when a connection opens and, with TLS, when its handshake succeeds. Closes with a reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.health.probe.link import NotConnectedError
from tenbin.health.result import CheckStatus, Outcome

if TYPE_CHECKING:
    from tenbin.health.probe.channel import Dialer
    from tenbin.health.target import Target


async def probe(dialer: Dialer, target: Target) -> Outcome:
    """Connect: L4OK, L4CON, L4TOUT or SOCKERR; with TLS L6OK, L6RSP or L6TOUT."""
    try:
        async with dialer.open(target, ()) as channel:
            return Outcome(CheckStatus.L6OK, None, channel.tls) if channel.tls else _CONNECTED
    except NotConnectedError as failure:
        return failure.outcome


_CONNECTED = Outcome(CheckStatus.L4OK)
