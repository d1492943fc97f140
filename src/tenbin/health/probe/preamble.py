"""The PROXY protocol's header as a check sends it, before anything else (its specification, sections 2.1 and 2.2).

As HAProxy does it: version 1 tells the addresses of the check's own connection, version 2 says LOCAL: the
connection is the sender's own. Pure; what requests send is the data plane's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""The first 12 bytes of version 2."""

Endpoint = tuple[str, int]
"""An IP address and a port."""


def local() -> bytes:
    """Return version 2's header of a connection of the sender's own: no addresses and nothing else."""
    return SIGNATURE + _LOCAL


def line(source: Endpoint, destination: Endpoint) -> bytes:
    """Return version 1's line; UNKNOWN where the addresses are not of one family."""
    ours, theirs = _address(source[0]), _address(destination[0])
    if ours is None or theirs is None or ours.version != theirs.version:
        return b"PROXY UNKNOWN\r\n"
    return f"PROXY TCP{ours.version} {ours} {theirs} {source[1]} {destination[1]}\r\n".encode()


# Version 2 and the command LOCAL; family and transport unspecified; no bytes follow.
_LOCAL = bytes((0x20, 0x00, 0x00, 0x00))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address without its zone; one of IPv4 that is written as one of IPv6 is one of IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
