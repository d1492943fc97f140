"""Whether a request was meant for this admin API: the Host and Origin headers.

Owns the protection against pages that make a browser talk to a loopback port (cross-site requests) under a name that
they control (DNS rebinding). A browser always sends Host, so its absence (HTTP/1.0 checkers) is no danger. Pure.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable


def host_allowed(header: str, *, local: str, configured: Iterable[str]) -> bool:
    """Return whether Host names this machine's loopback, the address the connection came in on, or a configured name.

    `*.example.org` stands for every name below it.
    """
    host = _host(header)
    if host is None:
        return False
    literal = _literal(host)
    if literal is None:
        return host == "localhost" or any(_is_called(host, name.lower()) for name in configured)
    return literal.is_loopback or literal == _literal(local) or any(literal == _literal(name) for name in configured)


def origin_allowed(header: str, *, local: str, configured: Iterable[str]) -> bool:
    """Return whether Origin is a page of this API itself; the opaque origin `null` is not."""
    try:
        parts = urlsplit(header)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and host_allowed(parts.netloc, local=local, configured=configured)


def _is_called(host: str, name: str) -> bool:
    return host.endswith(name[1:]) and len(host) >= len(name) if name.startswith("*.") else host == name


def _host(header: str) -> str | None:
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return None
    if parts.path or parts.query or parts.fragment or parts.username is not None or not parts.hostname:
        return None
    return parts.hostname.removesuffix(".")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
