"""What counts as an outage, and that the sums are right."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from tenbin.model import Address, Admin, Health, ServerId
from tenbin.observe.outage import OutageBook, Outages, Service
from tenbin.state import Overlay, State
from tenbin.state.overlay import ServerOverlay
from unit.observe import samples

FIRST, SECOND = ServerId("app", "server1"), ServerId("app", "server2")
CONFIG = samples.two_servers()


def state(**entries: ServerOverlay) -> State:
    servers = {ServerId("app", name): entry for name, entry in entries.items()}
    return State(CONFIG, Overlay(MappingProxyType(servers)), 1)


def note(book: OutageBook, name: ServerId, now: float, **fields: object) -> None:
    server = next(server for server in CONFIG.backends[0].servers if server.name == name.server)
    book.note(name, server, Overlay().changed(name, **fields).of(name), now)


def sums(service: Service | None, now: float) -> tuple[int, float, float]:
    assert service is not None
    return service.downs, service.downtime(now), now - service.since


def test_outages_are_counted_and_their_times_added_up() -> None:
    book = OutageBook()
    book.follow(state(), 100)
    assert sums(book.server(FIRST), 110) == (0, 0, 10)
    note(book, FIRST, 110, health=Health.DOWN)
    assert sums(book.server(FIRST), 115) == (1, 5, 5)
    note(book, FIRST, 120, health=Health.UP)
    note(book, FIRST, 130, health=Health.DOWN)
    note(book, FIRST, 137, health=Health.UP)
    assert sums(book.server(FIRST), 200) == (2, 17, 63)
    assert sums(book.server(SECOND), 200) == (0, 0, 100)
    assert sums(book.backend("app"), 200) == (0, 0, 100), "one server was there all the time"


def test_a_backend_is_out_while_no_server_of_it_gets_work() -> None:
    book = OutageBook()
    book.follow(state(), 0)
    note(book, FIRST, 10, health=Health.DOWN)
    note(book, SECOND, 20, health=Health.DOWN)
    note(book, FIRST, 25, health=Health.UP)
    assert sums(book.backend("app"), 100) == (1, 5, 75)
    note(book, FIRST, 100, health=Health.UP, admin=Admin.DRAIN)
    assert sums(book.backend("app"), 103) == (2, 8, 3), "a draining server takes no new work"
    assert sums(book.server(FIRST), 103)[0] == 1, "but it serves"


@pytest.mark.parametrize(
    ("fields", "serves"),
    [
        ({"health": Health.UNKNOWN}, True),
        ({"health": Health.STARTING}, True),
        ({"health": Health.DOWN}, False),
        ({"admin": Admin.DRAIN}, True),
        ({"admin": Admin.MAINT}, False),
        ({"weight": 0}, True),
    ],
)
def test_what_is_an_outage_of_a_server(fields: dict[str, object], serves: bool) -> None:
    book = OutageBook()
    book.follow(state(), 0)
    note(book, FIRST, 1, **fields)
    assert sums(book.server(FIRST), 2)[0] == (not serves)


@pytest.mark.parametrize("fields", [{"health": Health.DOWN}, {"admin": Admin.DRAIN}, {"weight": 0}])
def test_whatever_takes_the_last_server_takes_the_backend(fields: dict[str, object]) -> None:
    book = OutageBook()
    book.follow(state(server2=ServerOverlay(admin=Admin.MAINT)), 0)
    note(book, FIRST, 1, **fields)
    assert sums(book.backend("app"), 3) == (1, 2, 2)


def test_a_server_that_begins_without_an_address_has_not_stopped() -> None:
    config = samples.config(samples.backend("app", (samples.server("server1", host="app.internal"),)))
    book = OutageBook()
    book.follow(State(config, Overlay(), 1), 0)
    assert sums(book.server(FIRST), 4) == (0, 4, 4)
    assert sums(book.backend("app"), 4) == (0, 4, 4)
    book.follow(State(config, Overlay().changed(FIRST, address=Address("10.0.0.1", 3001)), 2), 6)
    assert sums(book.server(FIRST), 9) == (0, 6, 3)


def test_following_the_same_state_again_changes_nothing() -> None:
    book = OutageBook()
    book.follow(state(server1=ServerOverlay(health=Health.DOWN)), 5)
    version, outages = book.version, book.outages
    book.follow(state(server1=ServerOverlay(health=Health.DOWN)), 50)
    note(book, FIRST, 60, health=Health.DOWN)
    assert (book.version, book.outages) == (version, outages)


def test_a_server_that_is_gone_is_forgotten() -> None:
    book = OutageBook()
    book.follow(state(server1=ServerOverlay(health=Health.DOWN)), 5)
    book.follow(State(samples.config(), Overlay(), 2), 6)
    assert (book.server(FIRST), book.backend("app")) == (None, None)


def test_what_was_known_before_goes_on() -> None:
    earlier = Outages({FIRST: Service(False, 40, 3, 7.0), ServerId("app", "gone"): Service(False, 1)}, {})
    book = OutageBook(earlier)
    book.follow(state(server1=ServerOverlay(health=Health.DOWN)), 100)
    assert sums(book.server(FIRST), 100) == (3, 67, 60)
    book.follow(state(), 110)
    assert sums(book.server(FIRST), 200) == (3, 77, 90)
    assert book.server(ServerId("app", "gone")) is None


def test_only_what_ever_stopped_is_worth_keeping() -> None:
    out, plain = Service(True, 1, downs=1, before=2.0), Service(True, 1)
    kept = Outages({FIRST: out, SECOND: plain}, {"app": plain}).worth_keeping
    assert kept == Outages({FIRST: out}, {})
