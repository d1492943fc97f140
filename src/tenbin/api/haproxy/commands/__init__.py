"""The commands of the runtime API, a row for each: its words, its level, its function and its line of help.

Owns the table. A command that HAProxy has and Tenbin has not is in it too, and says so.
"""

from __future__ import annotations

from tenbin.api.haproxy.command import Table
from tenbin.api.haproxy.commands import (
    captures,
    certificates,
    known,
    lists,
    proxies,
    reports,
    seats,
    servers,
    tables,
    variables,
    work,
)

TABLE = Table(
    (
        *reports.COMMANDS,
        *servers.COMMANDS,
        *proxies.COMMANDS,
        *lists.COMMANDS,
        *tables.COMMANDS,
        *certificates.COMMANDS,
        *captures.COMMANDS,
        *variables.COMMANDS,
        *work.COMMANDS,
        *seats.COMMANDS,
        *known.COMMANDS,
    )
)
seats.HELP.append(TABLE)
