"""All directives of proxies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives import (
    balance,
    basics,
    binds,
    logs,
    options,
    replies,
    secure,
    servers,
    stats,
    steps,
)
from tenbin.configfile.haproxy.directives.checks import external
from tenbin.configfile.haproxy.directives.common import BACKEND, BOTH, FRONTEND, Directive
from tenbin.configfile.haproxy.directives.compression import compression

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line

_ORDER = ("", "tcp-request", "http-request", "redirect", "use_backend", "use-server")
"""What is done before what, wherever it stands."""


def _later(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """Lines with expressions are read when all names are known, in the order of the file."""
    draft.phrases.append(line)
    name = line.words[0].text
    rank = _ORDER.index(name) if name in _ORDER else 0
    if rank and rank < draft.latest:
        after = _ORDER[draft.latest]
        message = f"a '{name}' rule placed after a '{after}' rule will still be processed before."
        reading.warning(line, message)
    draft.latest = max(draft.latest, rank)


def _tcp(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    if line.words[1].text == "inspect-delay":
        basics.inspect_delay(reading, draft, line)
    else:
        _later(reading, draft, line)


def _block(reading: Reading, _draft: ProxyDraft, line: Line) -> None:
    name = line.words[0].text
    reading.error(line, f"The '{name}' directive is not supported anymore.", _GONE[name])


_GONE = {
    "block": "use 'http-request deny' which uses the exact same syntax",
    "grace": "it has had no effect since HAProxy 2.5: remove it",
    "appsession": "use `stick` rules",
    "redisp": "use 'option redispatch'",
    "redispatch": "use 'option redispatch'",
    "bind-process": "use 'process' on `bind` lines",
    **dict.fromkeys(
        (
            "reqrep",
            "reqirep",
            "reqadd",
            "reqdel",
            "reqidel",
            "reqdeny",
            "reqideny",
            "reqallow",
            "reqiallow",
            "reqtarpit",
            "reqitarpit",
            "reqpass",
            "reqipass",
            "reqsetbe",
            "reqisetbe",
        ),
        "use 'http-request' rules",
    ),
    **dict.fromkeys(
        ("rsprep", "rspirep", "rspadd", "rspdel", "rspidel", "rspdeny", "rspideny"), "use 'http-response' rules"
    ),
}
_PHRASES = {
    "acl": Directive(_later, BOTH, 2),
    "http-request": Directive(_later, BOTH, 1),
    "http-response": Directive(_later, BOTH, 1),
    "http-after-response": Directive(_later, BOTH, 1),
    "tcp-request": Directive(_tcp, BOTH, 1),
    "tcp-response": Directive(_tcp, BACKEND, 1),
    "use_backend": Directive(_later, FRONTEND, 1, in_defaults=False),
    "use-server": Directive(_later, BACKEND, 1, in_defaults=False),
    "stick-table": Directive(_later, BOTH, 1, in_defaults=False),
    "stick": Directive(_later, BACKEND, 1, in_defaults=False),
    "redirect": Directive(_later, BOTH, 1, in_defaults=False),
    "force-persist": Directive(_later, BACKEND, 1, in_defaults=False),
    "ignore-persist": Directive(_later, BACKEND, 1, in_defaults=False),
    "capture": Directive(_later, FRONTEND, 1, in_defaults=False),
    "declare": Directive(_later, FRONTEND, 1, in_defaults=False),
}

TABLE: dict[str, Directive] = {
    **{name: Directive(_block) for name in _GONE},
    **basics.DIRECTIVES,
    **balance.DIRECTIVES,
    **binds.DIRECTIVES,
    **secure.DIRECTIVES,
    **logs.DIRECTIVES,
    **options.DIRECTIVES,
    **replies.DIRECTIVES,
    **servers.DIRECTIVES,
    **stats.DIRECTIVES,
    **steps.DIRECTIVES,
    "external-check": Directive(external, BACKEND, 1),
    "compression": Directive(compression, BOTH, 1),
    **_PHRASES,
}
