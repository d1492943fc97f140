r"""What a case does to a proxy, and what it saw.

One step a line:

    web GET /path | Name: value | Name: value || body     a request on a new connection (see `connections`)
    + GET /next                                            one more on the connection of the step before
    web raw BYTES                                          these bytes, then all that comes until it is quiet
    web half BYTES                                         the same, but says that it is done after them
    web abort GET /path                                    leaves once a server was asked, or after 150 ms without
    web reset GET /path                                    the same, with a RST
    web connect                                            connects and leaves
    web figures /stats;csv req_tot status                  these columns of every row of a page (see `figures`)
    web bg GET /path                                       goes on beside the steps after it
    api show map {folder}/a.map                            a command of the runtime API
    leave                                                  ends the last connection; waits for its line in the log
    wait 300ms                                             lets time pass that the proxy counts in
    until app/s1 status=DOWN chkdown=1                     waits until columns of `show stat` say so
    origin s1 /check unseen ; send BYTES                   from now on the server does this for the path

A request has `Host: test`, unless it names another, and a `Content-Length` if it has a body and names no framing.
With `Expect: 100-continue` the body waits for the interim answer. `-Host` as a field leaves it out.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.haproxy.case import PLACEHOLDER
from conformance.haproxy.connections import PATIENCE, RefusedError
from conformance.haproxy.figures import chosen
from conformance.haproxy.messages import Message, unescape
from tenbin.testing.wait import DeadlineError, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from conformance.haproxy.connections import Connection, Doors
    from conformance.haproxy.origins import Origins
    from support.runtime_api import Api

LONG_PATIENCE = 20.0
"""For what takes several checks; where it is needed, something is wrong."""
_PATIENCE_WITH_ENTRIES = 3.0
_IN_USE = re.compile(r" use=[1-9]")
QUIET = 0.3


@dataclass
class Outcome:
    """What a step saw: messages in order, then how the connection stood; or a text."""

    messages: list[Message] = field(default_factory=list)
    end: str = ""
    text: str = ""
    tls: str = ""


@dataclass
class Run:
    """Steps against one proxy."""

    doors: Doors
    api: Api
    origins: Origins
    lines: Callable[[], Sequence[str]]
    """What the log has so far."""
    names: Mapping[str, str]
    """What placeholders in commands stand for."""
    clients: list[int] = field(default_factory=list)
    _connection: Connection | None = None
    _lines_before: int = 0
    _beside: list[threading.Thread] = field(default_factory=list)

    def all(self, steps: Sequence[str]) -> list[Outcome]:
        """Do every step."""
        outcomes = [self._do(step) for step in steps]
        self._leave()
        for thread in self._beside:
            thread.join(10)
        return outcomes

    def _do(self, step: str) -> Outcome:
        first, _, rest = step.partition(" ")
        match first:
            case "wait":
                threading.Event().wait(int(rest.removesuffix("ms")) / 1000)
                return Outcome()
            case "api":
                return self._command(PLACEHOLDER.sub(lambda one: self.names.get(one[1], one[0]), rest))
            case "leave":
                return self._end()
            case "until":
                return self._until(rest)
            case "origin":
                self.origins.learn(*rest.split(None, 2))
                return Outcome()
            case "+":
                assert self._connection is not None
                return _exchange(self._connection, rest)
            case _:
                return self._visit(first, rest)

    def _command(self, command: str) -> Outcome:
        verb, _, name = command.partition(" table ")
        if verb in ("show", "set", "clear") and name:
            # An entry is in use until the request that it counts has ended, which its client may know first.
            entries = f"show table {name.split()[0]}"
            with suppress(DeadlineError):
                wait_for(lambda: not _IN_USE.search(self.api(entries)), _PATIENCE_WITH_ENTRIES, command)
        return Outcome(text=self.api(command))

    def _until(self, rest: str) -> Outcome:
        """Wait until the row is as it should be; what it says is compared, should that never come."""
        name, *wanted = rest.split()
        proxy, _, server = name.partition("/")
        pairs = [one.partition("=")[::2] for one in wanted]

        def row() -> list[str]:
            columns = self.api.stat()[proxy, server]
            # A check that is under way has an asterisk before what the last one found.
            return [columns[column].removeprefix("* ").replace(" ", "_") for column, _ in pairs]

        with suppress(DeadlineError):
            wait_for(lambda: row() == [value for _, value in pairs], LONG_PATIENCE, rest)
        return Outcome(text=" ".join(row()))

    def _visit(self, door: str, rest: str) -> Outcome:
        word, _, request = rest.partition(" ")
        if word == "bg":
            return self._start_beside(door, request)
        self._leave()
        self._lines_before = len(self.lines())
        try:
            connection = self._connection = self.doors.open(door)
        except ConnectionRefusedError:
            return Outcome(end="refused")
        except RefusedError as error:
            self._know(error.port)
            return Outcome(end="no handshake", tls=f"refused: {error}")
        except OSError:
            # The reset came before the connection was asked for its port.
            return Outcome(end="reset")
        self._know(connection.port)
        outcome = self._use(connection, word, request, rest)
        outcome.tls = connection.tls
        return outcome

    def _use(self, connection: Connection, word: str, request: str, whole: str) -> Outcome:
        match word:
            case "raw" | "half":
                connection.send(unescape(request))
                if word == "half":
                    connection.end()
                return _all_that_comes(connection)
            case "connect":
                self._leave()
                return Outcome()
            case "abort" | "reset":
                return self._abandon(connection, request, word == "reset")
            case "figures":
                path, *columns = request.split()
                (page,) = _exchange(connection, f"GET {path}").messages
                return Outcome(text=chosen(page, columns))
            case _:
                return _exchange(connection, whole)

    def _know(self, port: int | None) -> None:
        if port is not None:
            self.clients.append(port)

    def _start_beside(self, door: str, request: str) -> Outcome:
        outcome, known = Outcome(), len(self.origins.seen)
        connection = self.doors.open(door)
        self._know(connection.port)

        def work() -> None:
            done = _exchange(connection, request)
            outcome.messages, outcome.end = done.messages, done.end
            connection.close()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._beside.append(thread)
        _briefly(lambda: len(self.origins.seen) > known)
        return outcome

    def _abandon(self, connection: Connection, request: str, hard: bool) -> Outcome:
        known = len(self.origins.seen)
        head, body = compose(request)
        connection.send(head + body)
        _briefly(lambda: len(self.origins.seen) > known)
        if hard:
            connection.reset()
        self._leave()
        return Outcome()

    def _end(self) -> Outcome:
        self._leave()
        wait_for(lambda: len(self.lines()) > self._lines_before, PATIENCE, "a line of the log")
        return Outcome()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def compose(text: str) -> tuple[bytes, bytes]:
    """Return the head and the body that a request of a step stands for."""
    head, _, body_text = text.partition(" || ")
    first, *fields = (unescape(part).decode("latin-1") for part in head.split(" | "))
    body = unescape(body_text)
    names = [line.partition(":")[0].lower() for line in fields]
    line = first if first.rpartition(" ")[2].startswith("HTTP/") else f"{first} HTTP/1.1"
    if "host" not in names and "-host" not in names:
        fields.insert(0, "Host: test")
    if body and not {"content-length", "transfer-encoding"} & set(names):
        fields.append(f"Content-Length: {len(body)}")
    lines = [line, *(one for one in fields if not one.startswith("-"))]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body


def _exchange(connection: Connection, text: str) -> Outcome:
    head, body = compose(text)
    outcome = Outcome()
    interim: list[str] = []
    if b"100-continue" in head.lower():
        connection.send(head)
        answer = _next_head(connection, interim, wanted=1)
        if answer is None:
            connection.send(body)
    else:
        connection.send(head + body)
        answer = None
    answer = answer or _next_head(connection, interim)
    if answer is None:
        outcome.end = connection.stream.ended
        return outcome
    answer.interim = interim
    connection.stream.body(answer, answer=True, bodyless=head.startswith(b"HEAD "))
    outcome.messages.append(answer)
    return outcome


def _next_head(connection: Connection, interim: list[str], wanted: int = 0) -> Message | None:
    """Return the next final head; stop after so many interim ones, if any are wanted."""
    while (head := connection.stream.head()) is not None:
        status = head.line.split(" ")[1:2]
        if not status or not status[0].startswith("1") or status == ["101"]:
            return head
        interim.append("; ".join([head.line, *(f"{name}: {value}" for name, value in head.fields)]))
        if wanted and len(interim) >= wanted:
            return None
    return None


def _all_that_comes(connection: Connection) -> Outcome:
    outcome = Outcome()
    connection.patience(1.3)
    head = connection.stream.head()
    connection.patience(QUIET)
    while head is not None:
        connection.stream.body(head, answer=True)
        outcome.messages.append(head)
        head = connection.stream.head()
    connection.stream.drain()
    outcome.end = connection.stream.ended
    outcome.text = connection.stream.rest().decode("latin-1")
    return outcome


def _briefly(condition: Callable[[], object]) -> None:
    """Wait until this holds, but not for long: there are cases where it never does."""
    try:
        wait_for(condition, 0.15)
    except DeadlineError:
        return
