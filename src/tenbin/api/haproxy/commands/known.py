"""Commands that HAProxy has and Tenbin has not, each with the reason; none is taken for something unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import WARNING, Command, Said
from tenbin.model import Level

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.api.haproxy.command import Call

_REASONS = {
    "memory and scheduling are another program's here": (
        "show pools|show profiling|set profiling|show fd|show tasks|show threads|show libs|show dev|show trace|trace"
        "|debug dev|debug counters|show quic|show events|dump stats-file|show anon|set anon|set global-key|show sink"
    ),
    "authorities and lists of certificates come from files: change them and reload": (
        "new ssl ca-file|set ssl ca-file|commit ssl ca-file|abort ssl ca-file|add ssl ca-file"
        "|del ssl ca-file|show ssl ca-file|new ssl crl-file|set ssl crl-file|commit ssl crl-file|abort ssl crl-file"
        "|del ssl crl-file|show ssl crl-file|add ssl crt-list|del ssl crt-list|show ssl crt-list|show ssl providers"
        "|show ssl ocsp-response|update ssl ocsp-response|show ssl ocsp-updates|show tls-keys"
        "|set ssl tls-key|show ssl sni|add ssl ech|del ssl ech|set ssl ech|show ssl ech|add ssl jwt|del ssl jwt"
        "|show ssl jwt|acme renew|acme status"
    ),
    "backends and their cookies are changed in the file and by a reload": (
        "add backend|del backend|publish backend|unpublish backend|show defaults|show default-server"
        "|enable dynamic-cookie backend|disable dynamic-cookie backend|set dynamic-cookie-key backend"
    ),
    "there is no master process: use `tenbin reload`, `tenbin upgrade` and `tenbin status`": (
        "reload|hard-reload|show proc|mcli-debug-mode"
    ),
    "it is not needed to balance": "httpclient|echo",
}


def _refusing(name: str, reason: str) -> Callable[[Call], Awaitable[str]]:
    async def refuse(_call: Call) -> str:
        raise Said(f"'{name}' is known but not supported by Tenbin: {reason}.\n", WARNING)

    return refuse


COMMANDS = tuple(
    Command(
        tuple(name.split()), name, f"not supported: {reason.partition(':')[0]}", Level.ADMIN, _refusing(name, reason)
    )
    for reason, names in _REASONS.items()
    for name in names.split("|")
)
