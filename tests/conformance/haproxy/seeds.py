"""The haproxy.cfg files of ../shared/seeds, with ports of the machine in place of their addresses, as cases."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.haproxy.case import Case

if TYPE_CHECKING:
    from collections.abc import Callable

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"

_SORRY = "HTTP/1.0 503 Service Unavailable\nContent-Type: text/plain\n\nsorry\n"
_STEPS = {
    "1-haproxy-dual-servers.md": (
        "b80 GET /a",
        "b443+tls GET / | X-Real-IP: 1.2.3.4",
        "b443+tls GET /",
        "b443+tls GET / | Cookie: SERVERID=server2",
        "b443+tls GET /api/v2/users",
        "b443+tls GET / | Host: admin.localhost",
        "b443+tls GET /chat | Upgrade: WebSocket",
    ),
    "4-serf-haproxy.md": ("b80 GET /", "b80 GET /", "+ GET /again", "b80 POST / || body"),
    "5-postgresql-haproxy-nginx.md": ("b5433 raw hello\\n", "b5433 raw hello\\n"),
}
_GREETING = ("connect send ready\\n",)
_HEALTHY = ("/health unseen ; send HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n",)


def seed(name: str) -> Case:
    """Read the configuration in one of them."""
    text = _adapted(_TEXTS[name]((SEEDS / name).read_text(encoding="utf-8")))
    case = Case(text, _STEPS[name])
    said = _GREETING if name.startswith("5") else _HEALTHY
    return replace(
        case,
        files={"503.http": _SORRY},
        certificates={"server.pem": ("localhost",)},
        origins=dict.fromkeys(case.servers, said),
    )


def _dual(text: str) -> str:
    return text.partition("# haproxy.cfg\n")[2].partition("\n```")[0]


def _serf(text: str) -> str:
    """What the first script writes, and the servers that events add to it."""
    begun = text.partition("cat <<EOF >/tmp/haproxy.cfg\n")[2].partition("\nEOF\n")[0]
    servers = dict.fromkeys(re.findall(r"^ +server web\d .*$", text, re.MULTILINE))
    return "\n".join([begun, *servers])


def _postgresql(text: str) -> str:
    return "global" + text.partition("\nglobal")[2].partition("\n```")[0]


_TEXTS: dict[str, Callable[[str], str]] = {
    "1-haproxy-dual-servers.md": _dual,
    "4-serf-haproxy.md": _serf,
    "5-postgresql-haproxy-nginx.md": _postgresql,
}
NAMES = tuple(_TEXTS)


def _adapted(text: str) -> str:
    """Put what this machine has in place of names, ports and paths."""
    text = re.sub(r"bind \*:(\d+)", r"bind 127.0.0.1:{b\1}", text)
    text = re.sub(r"(server (\S+) )\S+:\d+", lambda one: f"{one[1]}127.0.0.1:{{{one[2].replace('-', '_')}}}", text)
    text = re.sub(r" check port \d+", " check", text)
    text = text.replace("/etc/haproxy/errors/503.http", "{folder}/503.http").replace(
        "/etc/haproxy/certs/server.pem", "{folder}/server.pem"
    )
    return re.sub(r"^ *(stats socket|daemon|log global\b|log +stdout).*\n", "", text, flags=re.MULTILINE).replace(
        "global\n", "global\n    stats socket {api} mode 600 level admin\n", 1
    )
