"""The parts of an instance, made and joined in one place.

Owns who knows whom. Nothing here runs: `tenbin.supervisor.instance` starts and ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.control.certificates import Certificates
from tenbin.control.figures import Figures
from tenbin.control.health import HealthWatch
from tenbin.control.keeper import Keeper
from tenbin.control.names import Names
from tenbin.control.reconcile import Reconciler
from tenbin.observe.chronicle import Chronicle

if TYPE_CHECKING:
    from tenbin.clock import Clock
    from tenbin.control.outages import OutageFile
    from tenbin.dataplane import Launcher
    from tenbin.dataplane.sockets import Listeners
    from tenbin.observe.journal import Journal
    from tenbin.observe.outage import OutageBook
    from tenbin.observe.sentences import Sentence
    from tenbin.plan.compile import Surroundings
    from tenbin.state import Store
    from tenbin.state.persist import StateFile
    from tenbin.supervisor.orders import Orders


@dataclass(frozen=True, slots=True)
class Given:
    """What an instance is made from."""

    clock: Clock
    journal: Journal
    orders: Orders
    store: Store
    state_file: StateFile
    outage_file: OutageFile
    book: OutageBook
    listeners: Listeners
    launcher: Launcher
    around: Surroundings


class Parts:
    """Everything that acts, joined."""

    def __init__(self, given: Given) -> None:
        self.clock = given.clock
        self.journal = given.journal
        self.chronicle = Chronicle(given.clock)
        self.orders = given.orders
        self.store = given.store
        self.state_file = given.state_file
        self.listeners = given.listeners
        self.reconciler = Reconciler(given.store, given.listeners, given.around, self.say)
        self.figures = Figures(self.reconciler, given.clock)
        self.keeper = Keeper(given.launcher, self.reconciler, given.clock, self.say, lambda: self.figures.last)
        self.health = HealthWatch(given.store, given.clock, self.say, given.book, lambda: self.figures.current)
        self.health.words.stats = lambda: self.figures.current
        self.outage_file = given.outage_file
        self.certificates = Certificates(given.clock, self.say)
        self.names = Names(given.store, given.clock, self.say)

    def say(self, sentence: Sentence) -> None:
        """Write the journal, and what belongs there into the logs of the configuration."""
        self.journal.say(sentence)
        self.chronicle.tell(sentence)
