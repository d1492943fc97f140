"""Many clients in a process of their own: `support.apart.Apart("support.crowd", ...)`.

Slow ones (with `first`) send that, then `rest` byte by byte, as `support.slow.Crowd` says; they answer once they are
all connected, and again with how long each lived when all were ended, or when they are told to stop. Idle ones ask
once each and keep their connections, and ask again when they are told to; each time they answer with what came.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from support.apart import answer, arguments, listen
from support.slow import Crowd, allow_many
from tenbin.testing import Client, ExchangeError

if TYPE_CHECKING:
    from tenbin.testing.client import Address


def slow(address: Address, count: int, first: str, rest: str = "", rate: float = 0) -> None:
    """Be slow until all were ended."""
    with Crowd(address, count, first.encode("latin-1"), rest.encode(), rate=rate) as crowd:
        answer({"opened": crowd.alive})
        told = False

        def step() -> None:
            nonlocal told
            crowd.step()
            if not crowd.alive and not told:
                told = True
                answer(_ends(crowd))

        listen(step)
        if not told:
            answer(_ends(crowd))


def _ends(crowd: Crowd) -> dict[str, object]:
    return {"alive": crowd.alive, "ends": crowd.ends, "quiet": crowd.quiet}


def idle(address: Address, count: int, target: str) -> None:
    """Ask, keep the connections, and ask again."""
    with ExitStack() as stack:
        clients, failed = [], []
        for _ in range(count):
            try:
                clients.append(stack.enter_context(Client(address)))
            except OSError as error:
                failed.append(f"connect: {error}")
                continue
            failed += _ask(clients[-1], target)
        answer({"opened": len(clients), "failed": len(failed), "first": failed[:3]})
        while listen():
            failed = [error for client in clients for error in _ask(client, target)]
            answer({"opened": len(clients), "failed": len(failed), "first": failed[:3]})


def _ask(client: Client, target: str) -> list[str]:
    try:
        status = client.get(target).status
    except (ExchangeError, OSError) as error:
        return [str(error)]
    return [] if status == 200 else [f"status {status}"]


def main(address: list[Any], **what: Any) -> None:
    """Be what is asked for."""
    allow_many()
    (slow if "first" in what else idle)((address[0], address[1]), **what)


if __name__ == "__main__":
    main(**arguments())
