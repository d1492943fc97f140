"""A new process takes the place of an old one while requests come."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from support.as_haproxy import END, Started, answering
from tenbin.testing.client import ExchangeError, fetch
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path


class _Asking:
    """Asks again and again, each time on a new connection, from several threads."""

    def __init__(self, port: int, threads: int = 4) -> None:
        self.answers: list[bytes] = []
        self.failures: list[str] = []
        self._port = port
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(threads)]

    def _ask(self) -> None:
        while not self._enough.is_set():
            try:
                self.answers.append(fetch(("127.0.0.1", self._port), "/").body)
            except (OSError, ExchangeError) as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Ask no more."""
        self._enough.set()
        for thread in self._threads:
            thread.join(END)


def test_a_successor_takes_over_and_no_request_fails(folder: Path, port: int) -> None:
    (folder / "a.cfg").write_text(
        f"global\n stats socket {folder}/api level admin expose-fd listeners\n{answering(port, 'old')}"
    )
    (folder / "b.cfg").write_text(answering(port, "new"))
    with Started("-db", "-f", "a.cfg", folder=folder) as old:
        old.serves(port, "old")
        wait_for((folder / "api").exists, END, "the socket")
        with _Asking(port) as asking:
            wait_for(lambda: len(asking.answers) > 50, END, "requests pass")
            with Started("-db", "-f", "b.cfg", "-x", f"{folder}/api", "-sf", str(old.pid), folder=folder) as new:
                assert old.wait() == 0
                asked = len(asking.answers)
                wait_for(lambda: len(asking.answers) > asked + 50, END, "requests pass")
                assert set(asking.answers[asked + 10 :]) == {b"new"}
                new.serves(port, "new")
                asking.end()
        assert asking.failures == []
