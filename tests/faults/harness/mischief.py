"""What a soak breaks, one thing at a time, always mended before the next: by name, in an order by chance.

Every function breaks, lets it be for a while, mends, and returns what it may have cost. Most of them may cost nothing.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.harness.blame import CUT, REFUSED, Injury
from faults.harness.nuisance import aborting_clients, bad_requests, slow_clients
from support.operator import reload as reload_by_api
from tenbin.testing import fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faults.harness.dice import Dice
    from faults.harness.ours import Ours
    from faults.harness.scene import Scene
    from support.servers import Servers

MOMENT = 0.1
"""Seconds around an event in which a request may have been in flight without either side knowing better."""

_BROKEN = ("backends: [", "frontends: {web: {listen: nonsense}}", "no_such_key: 1", "")


@dataclass(frozen=True, slots=True)
class Field:
    """Where mischief is done: the instance, its servers, chance, the load's clock, and how long each thing lasts."""

    proxy: Ours
    scene: Scene
    servers: Servers
    dice: Dice
    elapsed: Callable[[], float]
    rest: Callable[[float], None]
    period: float

    @property
    def while_(self) -> float:
        """Return how long something stays broken this time."""
        return self.dice.between(0.2, 0.45) * self.period

    def some(self) -> str:
        """Return one of the servers."""
        return self.dice.pick(list(self.scene.servers))


def reloaded(field: Field) -> Sequence[Injury]:
    """One server goes, and comes back."""
    gone = field.some()
    fewer = {name: port for name, port in field.scene.servers.items() if name != gone}
    assert field.proxy.reload(field.scene.with_servers(fewer)).code == 0
    field.rest(field.while_)
    assert field.proxy.reload(field.scene).code == 0
    return ()


def reloaded_broken(field: Field) -> Sequence[Injury]:
    """Nothing of the file is taken over."""
    good = field.proxy.file.read_text()
    answer = reload_by_api(field.proxy.tenbin, field.dice.pick(_BROKEN))
    assert answer.status >= 400, answer
    field.rest(field.while_)
    field.proxy.file.write_text(good)
    return ()


def killed(field: Field) -> Sequence[Injury]:
    """A server's machine loses power."""
    name = field.some()
    begin = field.elapsed()
    field.servers.kill(name)
    end = field.elapsed() + MOMENT
    field.rest(field.while_)
    field.servers.start(name)
    costs = {"POST": REFUSED, "upload": REFUSED, "download": CUT}
    return [Injury("kill of a server", begin - MOMENT, end, costs)]


def stopped(field: Field) -> Sequence[Injury]:
    """A server hangs: whoever is there already waits, and may wait too long."""
    name = field.some()
    begin = field.elapsed()
    field.servers.processes[name].signal(signal.SIGSTOP)
    field.rest(field.while_)
    field.servers.processes[name].signal(signal.SIGCONT)
    costs = {"POST": REFUSED, "upload": REFUSED, "download": CUT}
    return [Injury("stop of a server", begin, begin + 3 * field.scene.every, costs)]


def drained(field: Field) -> Sequence[Injury]:
    """A server is taken out in good order."""
    name = field.some()
    field.proxy.set(name, field.dice.pick(("drain", "maint")))
    field.rest(field.while_)
    field.proxy.set(name, "ready")
    return ()


def weighed(field: Field) -> Sequence[Injury]:
    """Weights change, one to nothing."""
    for name in field.scene.servers:
        field.proxy.weigh(name, 1 + field.dice.below(4))
    field.proxy.weigh(field.some(), 0)
    field.rest(field.while_)
    for name in field.scene.servers:
        field.proxy.weigh(name, 1)
    return ()


def control_stopped(field: Field) -> Sequence[Injury]:
    """The control plane hangs."""
    os.kill(field.proxy.tenbin.pid, signal.SIGSTOP)
    field.rest(field.while_)
    os.kill(field.proxy.tenbin.pid, signal.SIGCONT)
    return ()


def control_killed(field: Field) -> Sequence[Injury]:
    """The control plane dies and is started again."""
    os.kill(field.proxy.tenbin.pid, signal.SIGKILL)
    assert field.proxy.tenbin.process is not None
    field.proxy.tenbin.process.wait()
    field.rest(field.while_ / 2)
    field.proxy.tenbin.start()
    return ()


def met_by_slow_clients(field: Field) -> Sequence[Injury]:
    """Clients that hold connections and do nothing with them."""
    with slow_clients(field.proxy.address, 40, 10):
        field.rest(field.while_)
    return ()


def met_by_aborting_clients(field: Field) -> Sequence[Injury]:
    """Clients that go away in the middle."""
    aborting_clients(field.proxy.address, 40, field.dice)
    return ()


def met_by_bad_requests(field: Field) -> Sequence[Injury]:
    """Requests that are none."""
    bad_requests(field.proxy.address, 60, field.dice)
    return ()


def data_plane_killed(field: Field) -> Sequence[Injury]:
    """The data plane dies: what was in flight is lost, nothing else."""
    old = field.proxy.tenbin.dataplane_pid
    begin = field.elapsed()
    os.kill(old, signal.SIGKILL)
    end = field.elapsed() + MOMENT
    wait_for(lambda: set(field.proxy.tenbin.dataplane_pids()) - {old}, 10, "another data plane")
    costs = dict.fromkeys(("GET", "new connection", "POST", "upload", "download"), CUT)
    return [Injury("kill of the data plane", begin - MOMENT, end, costs)]


def data_plane_upgraded(field: Field) -> Sequence[Injury]:
    """Another data plane takes over; the old one ends with its work."""
    old = field.proxy.tenbin.dataplane_pid
    field.proxy.tenbin.run_cli("upgrade")
    wait_for(lambda: set(field.proxy.tenbin.dataplane_pids()) - {old}, 10, "another data plane")
    return ()


COMMON = {
    "reload": reloaded,
    "broken reload": reloaded_broken,
    "kill of a server": killed,
    "stop of a server": stopped,
    "drain": drained,
    "weights": weighed,
    "hanging control plane": control_stopped,
    "slow clients": met_by_slow_clients,
    "aborting clients": met_by_aborting_clients,
    "bad requests": met_by_bad_requests,
}
RARE = {
    "kill of the control plane": control_killed,
    "kill of the data plane": data_plane_killed,
    "upgrade": data_plane_upgraded,
}
"""What begins a process anew, so that its memory can be watched between."""


def turns(dice: Dice, count: int) -> Iterator[str]:
    """Return so many names: each of them before any comes again; the rare ones only in the first round of thirty."""
    done = 0
    while done < count:
        rare = list(RARE) if done % (30 * len(COMMON) + len(RARE)) == 0 else []
        for name in dice.shuffled([*COMMON, *rare])[: count - done]:
            done += 1
            yield name


def do(name: str, field: Field) -> Sequence[Injury]:
    """Break it, mend it, and wait until everybody knows that all is well again."""
    injuries = {**COMMON, **RARE}[name](field)
    wait_for(
        lambda: all(field.proxy.health(server) == "up" for server in field.scene.servers),
        10,
        lambda: f"all servers are up after {name}: {field.proxy.tenbin.status()}",
    )
    assert fetch(field.proxy.address, "/api/whoami").status == 200
    return injuries
