"""Names in a check's own `host`, which nobody has resolved before: looked up for each check, off the event loop.

At most one daemon thread a name: a lookup that hangs is shared by all checks that want it, and never holds up the end
of the program. Servers' own names are not looked up here; they come as addresses.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future


def first_address(host: str) -> Future[str]:
    """Look the name up; fails with OSError or ValueError."""
    with _lock:
        answer = _under_way.get(host)
        if answer is None:
            answer = _under_way[host] = Future()
            threading.Thread(target=_look_up, args=(host, answer), name="tenbin-lookup", daemon=True).start()
    return answer


_lock = threading.Lock()
_under_way: dict[str, Future[str]] = {}


def _look_up(host: str, answer: Future[str]) -> None:
    found: str | Exception
    try:
        found = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, ValueError) as failure:
        found = failure
    with _lock:
        del _under_way[host]
    if isinstance(found, str):
        answer.set_result(found)
    else:
        answer.set_exception(found)
