"""F17: 200 descriptors and 1 000 clients that say nothing: who is in is served, the rest waits, nothing spins."""

from __future__ import annotations

import contextlib
import resource
import socket
from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, milliseconds, nothing_failed
from faults.harness.scene import Scene
from support.kernel import cpu_seconds, descriptors, listeners
from support.slow import allow_many
from support.steady import Steady
from tenbin.testing import Client, ExchangeError, Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant
    from tenbin.testing.client import Address

LIMIT = 200
CLIENTS = 1_000


def play(stage: Stage) -> Outcome:
    """Take all descriptors that clients may have, see what still works, and how soon all does."""
    allow_many()
    proxy = stage.start(Scene(stage.servers.some(2), every=0.5, head=60, idle=600))
    workers = serving(proxy)
    with Steady(proxy.address, 50, "/api/fast", connections=4) as steady:
        steady.run_for(0.5)
        stage.watch(proxy)
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        if isinstance(proxy, Ours):
            wait_for(lambda: proxy.tenbin.status()["process"]["descriptors_limit"] == LIMIT, 5, "the limit is seen")
        with flood(proxy.address, CLIENTS):
            held, share = exhausted(proxy, steady, workers, stage.pick(2, 10))
            told = still_works(proxy.tenbin) if isinstance(proxy, Ours) else ""
        recover = stage.seconds_until(lambda: answers(proxy.address), 15)
        summary = steady.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("most descriptors are taken, and not all", LIMIT * 3 // 4 <= held <= LIMIT),
            Goal("0 % CPU", share < stage.pick(0.10, 0.05)),
            Goal("a new client is served after 1 s", recover < stage.patience),
            Goal(f"checks, admin and the journal work {told}", not told),
        )

    extra = {"held": held, "CPU": f"{share:.0%}", "recovered ms": milliseconds(recover)}
    return stage.outcome(proxy, summary, goals, extra)


def serving(proxy: Contestant) -> list[int]:
    """Return the processes that serve clients: those that a limit is for."""
    if isinstance(proxy, Ours):
        return proxy.tenbin.dataplane_pids()
    return [pid for pid in listeners(proxy.address[1]) if pid != proxy.pids()[0]]


def exhausted(proxy: Contestant, steady: Steady, workers: Sequence[int], seconds: float) -> tuple[int, float]:
    """Return how many descriptors a worker holds at the limit, and the share of a processor that all take then."""
    if isinstance(proxy, Ours):
        wait_for(lambda: "accepting pauses" in proxy.tenbin.log(), 10, "accepting pauses")
    wait_for(lambda: max(descriptors(pid) for pid in workers) >= LIMIT * 3 // 4, 10, "clients are in")
    used = sum(cpu_seconds(pid) for pid in workers)
    begin, end = steady.run_for(seconds)
    share = (sum(cpu_seconds(pid) for pid in workers) - used) / (end - begin)
    return max(descriptors(pid) for pid in workers), share


def still_works(tenbin: Tenbin) -> str:
    """Return what an operator misses meanwhile, "" when it is nothing."""
    checks = tenbin.server("app/server1")["check"]["passed_total"]
    try:
        wait_for(lambda: tenbin.server("app/server1")["check"]["passed_total"] > checks, 5)
    except AssertionError:
        return "no checks"
    done = tenbin.reload(tenbin.file.read_text() + "\n# changed\n")
    return "" if done.returncode == 0 else f"no reload: {done.stderr}"


@contextlib.contextmanager
def flood(address: Address, count: int) -> Iterator[list[socket.socket]]:
    """Open so many connections, as far as the system takes them, and close them in the end."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setblocking(False)
            one.connect_ex(address)
        yield sockets


def answers(address: Address) -> bool:
    """Whether a new connection gets an answer at once."""
    try:
        with Client(address, 0.5) as client:
            return client.get("/api/fast").status == 200
    except (ExchangeError, OSError):
        return False


SCENARIO = Scenario(
    id="F17",
    title="no descriptors",
    injected="200 descriptors and 1 000 clients that say nothing",
    target="who is in is served, checks and admin work, 0 % CPU for it, served again in less than 1 s",
    play=play,
    contestants=("tenbin",),
    columns=("held", "CPU", "recovered ms"),
)
