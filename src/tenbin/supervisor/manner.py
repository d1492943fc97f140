"""How an instance behaves towards whoever started it: what signals mean, where words go, who is told when it serves."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenbin.clock import Clock
    from tenbin.model import RuntimeSocket
    from tenbin.observe.journal import Journal


class Meaning(Enum):
    """What a signal means. GENTLY: drain, and stop when it comes again."""

    STOP = "stop"
    DRAIN = "drain"
    GENTLY = "gently"
    RELOAD = "reload"
    NOTHING = "nothing"


_OWN = {
    signal.SIGTERM: Meaning.GENTLY,
    signal.SIGINT: Meaning.STOP,
    signal.SIGHUP: Meaning.RELOAD,
    signal.SIGUSR2: Meaning.RELOAD,
}


@dataclass(frozen=True, slots=True)
class Manner:
    """Tenbin's own manner unless told otherwise.

    `journal` None: lines on stdout; `masters` are addresses of the master CLI; `admin`: there is an admin API.
    `leash`: the data plane ends with the control plane, even when that is killed. `exclusive`: a port that another
    program shares is not listened on. `predecessor`: where a process hands its listening sockets over, "" for none.
    """

    meanings: Mapping[signal.Signals, Meaning] = field(default_factory=_OWN.copy)
    journal: Callable[[Clock], Journal] | None = None
    ready: Callable[[], None] = lambda: None
    masters: tuple[RuntimeSocket, ...] = ()
    admin: bool = True
    leash: bool = False
    exclusive: bool = True
    predecessor: str = ""
