"""What probes that ask and are answered have in common: the names of what goes wrong, and fields of HTTP/2."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import GarbageError
from tenbin.health.probe.link import NotConnectedError
from tenbin.health.probe.tls import failure_text
from tenbin.health.result import CheckStatus, Outcome, printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.target import Target


async def ask(
    dialer: Dialer, target: Target, alpn: tuple[str, ...], judged: Callable[[Channel], Awaitable[Outcome]]
) -> Outcome:
    """Open a channel and return what `judged` makes of it, or what went wrong."""
    try:
        async with dialer.open(target, alpn) as channel:
            return await judged(channel)
    except NotConnectedError as failure:
        return failure.outcome
    except TimeoutError:
        return Outcome(CheckStatus.L7TOUT, None, "no answer in time")
    except GarbageError as failure:
        return Outcome(CheckStatus.L7RSP, None, printable(str(failure)))
    except ssl.SSLError as failure:  # with TLS 1.3 a server refuses a client's certificate after the handshake
        return Outcome(CheckStatus.L6RSP, None, printable(failure_text(failure)))
    except OSError as failure:
        return Outcome(CheckStatus.L7RSP, None, failure_text(failure))


def h2_fields(method: str, path: str, target: Target, headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Return a request's fields for HTTP/2: Host is the authority, and what concerns a connection is left out."""
    given = [(name.lower(), text) for name, text in headers]
    authority = next((text for name, text in given if name == "host"), target.authority)
    fields = [
        (":method", method),
        (":scheme", "https" if target.way.tls else "http"),
        (":authority", authority),
        (":path", path),
        ("user-agent", "tenbin-check"),
    ]
    own = dict(given)
    kept = [field for field in fields if field[0] not in own]
    return [*kept, *(field for field in given if field[0] not in _OF_CONNECTIONS)]


# RFC 9113, section 8.2.2; Host becomes the authority.
_OF_CONNECTIONS = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
