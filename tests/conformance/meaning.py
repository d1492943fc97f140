"""What a proxy may change in a message, and whether it changed anything else.

Both sides are read by `conformance.strict`. What Tenbin documents to take away, to add or to write anew is left out of
the comparison; method, target, host, every other field in its order, the body and the trailers must be the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conformance.strict import members

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.strict import Message

HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade", b"http2-settings")
)
"""Fields of one connection (RFC 9110, 7.6.1): never passed on, some of them said anew."""
_FORWARDING = re.compile(rb"x-forwarded-.*|x-real-ip|forwarded")
_ANEW = HOP | {b"host", b"content-length", b"expect"}
_NEVER_TRAILERS = _ANEW | {b"trailer", b"cookie", b"set-cookie"}


def request_changes(sent: Message, seen: Message) -> list[str]:
    """Return how the request that a server saw differs from the one that a client sent."""
    pairs: list[tuple[str, object, object]] = [
        ("method", sent.method, seen.method),
        ("target", _origin_form(sent), seen.target),
        ("fields", kept_fields(sent), kept_fields(seen)),
    ]
    if _host(sent):
        pairs.append(("host", _host(sent), _host(seen)))
    if not sent.head_only and not seen.head_only:
        # Nobody waits without a body, or in HTTP/1.0: then the expectation ends here.
        waits = sent.minor > 0 and sent.body
        pairs.append(("expectation", sent.all(b"expect") if waits else [], seen.all(b"expect")))
        pairs.append(("body", sent.body, seen.body))
    return [*_different(pairs), *_trailer_changes(sent, seen)]


def answer_changes(sent: Message, seen: Message) -> list[str]:
    """Return how the answer that a client got differs from the one that a server sent."""
    pairs: list[tuple[str, object, object]] = [
        ("status", sent.status, seen.status),
        ("fields", kept_fields(sent), kept_fields(seen)),
        ("body", sent.body, seen.body),
    ]
    return [*_different(pairs), *_trailer_changes(sent, seen)]


def _different(pairs: Sequence[tuple[str, object, object]]) -> Iterator[str]:
    for name, before, after in pairs:
        if before != after:
            yield f"{name} {str(before)[:200]} became {str(after)[:200]}"


def _origin_form(sent: Message) -> bytes:
    """The target without scheme and host (RFC 9112, 3.2.1 and 3.2.4)."""
    if sent.method == b"CONNECT" or sent.target.startswith((b"/", b"*")):
        return sent.target
    rest = re.sub(rb"(?i)^https?://[^/?]*", b"", sent.target)
    if not rest and sent.method == b"OPTIONS":
        return b"*"
    return rest if rest.startswith(b"/") else b"/" + rest


def _host(message: Message) -> bytes:
    """The host asked for: the target's before the field's."""
    uri = re.match(rb"(?i)https?://([^/?]*)", message.target)
    found = uri[1] if uri else message.target if message.method == b"CONNECT" else b"".join(message.all(b"host"))
    return found.removesuffix(b":")


def kept_fields(message: Message) -> list[tuple[bytes, bytes]]:
    """Return the fields that pass, in their order."""
    nominated = members(message.all(b"connection"))
    return [
        (name, value)
        for name, value in message.fields
        if name not in _ANEW and name not in nominated and b"_" not in name and not _FORWARDING.fullmatch(name)
    ]


def _trailer_changes(sent: Message, seen: Message) -> Iterator[str]:
    """Trailers may be dropped (RFC 9110, 6.5.1), but none added, changed or moved."""
    left = iter(sent.trailers)
    if not all(trailer in left for trailer in seen.trailers):
        yield f"trailers {sent.trailers} became {seen.trailers}"
    if any(name in _NEVER_TRAILERS for name, _ in seen.trailers):
        yield f"trailers {seen.trailers} that frame or route"
