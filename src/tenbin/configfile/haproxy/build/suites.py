"""Versions, cipher suites and groups by OpenSSL's names, and what holds where one line says it and another does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.draft import inherited
from tenbin.model import TlsSuite

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.draft import TlsDraft

_CIPHERS = {
    f"ECDHE-{who}-{name}": f"TLS_ECDHE_{who}_WITH_{iana}"
    for who in ("ECDSA", "RSA")
    for name, iana in (
        ("AES128-GCM-SHA256", "AES_128_GCM_SHA256"),
        ("AES256-GCM-SHA384", "AES_256_GCM_SHA384"),
        ("CHACHA20-POLY1305", "CHACHA20_POLY1305_SHA256"),
    )
}
_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


def suite(draft: TlsDraft, common: TlsDraft) -> TlsSuite:
    """What a line asks for, and where it does not say, what the process asks for."""
    lowest, highest = draft.lowest or common.lowest, draft.highest or common.highest
    without = draft.without | common.without
    versions = tuple(
        version
        for version in ("1.3", "1.2")
        if version not in without and (not lowest or lowest <= version) and (not highest or version <= highest)
    )
    versions = versions if len(versions) == 1 else ()
    written = draft.ciphers or common.ciphers
    ciphers = [_CIPHERS[one] for one in written.split(":") if one in _CIPHERS]
    suites = [one for one in (draft.suites or common.suites).split(":") if one in _SUITES]
    groups = draft.groups or common.groups
    if not ciphers and not suites:
        return TlsSuite(versions, groups=groups)
    return TlsSuite(versions, (*(suites or _SUITES), *(ciphers or _CIPHERS.values())), groups)


def over(draft: TlsDraft, said: TlsDraft) -> TlsDraft:
    """What a line says, with what is said of one certificate in its place."""
    merged = inherited(draft)
    for name in ("ca", "crl", "verify", "lowest", "highest", "ciphers", "suites", "groups", "alpn"):
        value = getattr(said, name)
        if value not in (None, "", ()) or (name == "alpn" and value is not None):
            setattr(merged, name, value)
    merged.ca_names = draft.ca_names and said.ca_names
    return merged
