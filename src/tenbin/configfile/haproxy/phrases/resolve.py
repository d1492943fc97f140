"""Whether what expressions name is declared somewhere: tables, backends, frontends, servers, userlists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from tenbin.configfile.haproxy.context import Reading


def unresolved(reading: Reading) -> None:
    """Report every name in `Reading.wanted` that nothing has; to be asked when all has been read."""
    known: dict[str, Collection[str]] = {
        "table": reading.tables,
        "backend": reading.backends,
        "frontend": reading.frontends,
        "userlist": reading.userlists,
    }
    told = set()
    for word, kind, name in reading.wanted:
        if (word, kind, name) in told:
            continue
        told.add((word, kind, name))
        names = known.get(kind, ())
        if kind == "server" and "/" not in name:
            continue
        if kind == "server":
            backend = name.rpartition("/")[0]
            names = [f"{backend}/{one}" for one in reading.servers.get(backend, ())]
        if name not in names:
            reading.error(word, f"unable to find {kind} '{name}'", did_you_mean(name, names))
