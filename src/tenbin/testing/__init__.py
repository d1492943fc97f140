"""What a test of a load balancer needs: ports, processes, a byte-exact client, load, and a running Tenbin.

For Tenbin's own tests and for those of its users. Everything here works on real processes and real sockets, waits
for conditions instead of times, and cleans up after itself.
"""

from __future__ import annotations

from tenbin.testing.client import AsyncClient, Client, ExchangeError, Failure, Response, ResponseReader, fetch
from tenbin.testing.instance import Tenbin, config_text
from tenbin.testing.load import Load, Record, RunningLoad, Summary, chi_square
from tenbin.testing.ports import Lease, lease
from tenbin.testing.processes import Process, start_backend
from tenbin.testing.wait import DeadlineError, wait_for

__all__ = [
    "AsyncClient",
    "Client",
    "DeadlineError",
    "ExchangeError",
    "Failure",
    "Lease",
    "Load",
    "Process",
    "Record",
    "Response",
    "ResponseReader",
    "RunningLoad",
    "Summary",
    "Tenbin",
    "chi_square",
    "config_text",
    "fetch",
    "lease",
    "start_backend",
    "wait_for",
]
