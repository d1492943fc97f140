"""A probe's way to a server, made as the target says: connected, PROXY header sent, TLS agreed.

Owns the order of these and what the failure of each is called. What is then spoken is the business of each probe.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from tenbin.health.probe import preamble, tls
from tenbin.health.probe.link import Link, NotConnectedError
from tenbin.health.result import CheckStatus, Outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tenbin.health.target import Target


class Channel(Protocol):
    """Bytes to and from a server."""

    @property
    def tls(self) -> str:
        """The version of TLS, "" for none."""

    @property
    def alpn(self) -> str:
        """The protocol that TLS agreed on, "" for none."""

    async def send(self, data: bytes) -> None:
        """Send everything; raises OSError when the connection breaks, TimeoutError when the time is over."""

    async def receive(self) -> bytes:
        """Return what has come, b"" at the server's end; raises as `send` does."""


class Dialer:
    """Opens channels; owns the TLS settings that were read from files."""

    def __init__(self) -> None:
        self._contexts = tls.Contexts()

    @asynccontextmanager
    async def open(self, target: Target, alpn: tuple[str, ...]) -> AsyncIterator[Channel]:
        """Open a channel that lives as long as the check may take; raises NotConnectedError.

        `alpn`: what is offered where there is TLS. Files that cannot be read are SOCKERR: that is not the server's.
        """
        settings = target.way.tls
        context = await self._contexts.get(settings, alpn) if settings else None
        with Link(target.within) as link:
            await link.connect(target.where)
            if target.way.send_proxy is not None:
                await _announce(link, target.way.send_proxy.version)
            if settings is None or context is None:
                yield link
            else:
                yield await tls.agree(link, context, target.name)


async def _announce(link: Link, version: int) -> None:
    try:
        await link.send(preamble.local() if version == 2 else preamble.line(*link.ends()))
    except TimeoutError:
        raise NotConnectedError(Outcome(CheckStatus.L4TOUT, None, "the PROXY header could not be sent")) from None
    except OSError as failure:
        raise NotConnectedError(Outcome(CheckStatus.L4CON, None, (failure.strerror or str(failure)).lower())) from None
