"""An open-loop load generator: requests leave at their time, whatever became of the ones before.

Records every request and sums up by second and by server. A connection that is seen to be closed before a request
is written on it is put aside and another one opened; one that closes after the request was written is a failure.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tenbin.clock import SystemClock
from tenbin.testing.client import AsyncClient, ExchangeError, Failure, Response, request_bytes
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from tenbin.testing.client import Address


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: `rps` requests a second for `duration` seconds, each within `timeout` seconds.

    `keep_alive`: on connections that are used again; otherwise each on its own. `connections` of them are opened at
    the start and take turns; there are more when none is free. `tagged`: every target gets a query of its own, which
    the answer's body must contain, as that of the demo server's `/echo` does. `tls`: over TLS.
    """

    rps: float
    duration: float
    target: str = "/api/whoami"
    method: str = "GET"
    keep_alive: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = 10.0
    connections: int = 0
    tagged: bool = False
    tls: ssl.SSLContext | None = None

    @property
    def count(self) -> int:
        """How many requests that is."""
        return round(self.rps * self.duration)


@dataclass(frozen=True, slots=True)
class Record:
    """One request: `start` in seconds since the run began, `latency` in seconds, `status` 0 without an answer."""

    start: float
    latency: float
    status: int
    server: str
    error: str

    @property
    def ok(self) -> bool:
        """Whether a whole answer below 500 came."""
        return not self.error and 0 < self.status < 500


@dataclass(frozen=True, slots=True)
class Summary:
    """All records of a run, in the order of their starts."""

    records: tuple[Record, ...]

    @property
    def failed(self) -> list[Record]:
        """The requests that got no answer, or one of 500 and above."""
        return [record for record in self.records if not record.ok]

    def kinds(self) -> Counter[str]:
        """Count the failed requests by kind: a `Failure`, or `status 502`."""
        return Counter(record.error.partition(":")[0] or f"status {record.status}" for record in self.failed)

    def by_second(self) -> list[int]:
        """Return how many answers came back well in each whole second from the first start on."""
        ends = Counter(int(record.start + record.latency) for record in self.records if record.ok)
        last = max((int(record.start) for record in self.records), default=-1)
        return [ends[second] for second in range(last + 1)]

    def servers(self, since: float = 0.0, until: float = float("inf")) -> Counter[str]:
        """Count well-answered requests that started in this time by server."""
        return Counter(r.server for r in self.records if r.ok and since <= r.start < until)

    def share(self, server: str, since: float = 0.0, until: float = float("inf")) -> float:
        """Return the fraction of requests of this time that one server answered."""
        counts = self.servers(since, until)
        return counts[server] / max(counts.total(), 1)

    def percentile(self, fraction: float) -> float:
        """Return the latency in seconds that this fraction of well-answered requests kept."""
        latencies = sorted(record.latency for record in self.records if record.ok)
        return latencies[min(int(len(latencies) * fraction), len(latencies) - 1)] if latencies else 0.0

    def longest_gap(self) -> float:
        """Return the longest time in seconds between two good answers."""
        ends = sorted(record.start + record.latency for record in self.records if record.ok)
        return max((b - a for a, b in itertools.pairwise(ends)), default=0.0)

    def describe(self) -> str:
        """Return what a person needs to understand failures."""
        kinds = Counter(record.error or f"status {record.status}" for record in self.failed)
        first = "; ".join(f"{r.start:.2f}s +{r.latency * 1000:.0f}ms {r.error or r.status}" for r in self.failed[:8])
        return (
            f"{len(self.records)} requests, {len(self.failed)} failed {dict(kinds)} [{first}], servers "
            f"{dict(self.servers())}, by second {self.by_second()}, p50 {self.percentile(0.5) * 1000:.1f} ms, "
            f"p99 {self.percentile(0.99) * 1000:.1f} ms, longest gap {self.longest_gap() * 1000:.0f} ms"
        )


class RunningLoad:
    """A load in a thread of its own, so that a test can break things meanwhile; `began` is on the monotonic clock."""

    def __init__(self, address: Address, load: Load) -> None:
        self._clock = SystemClock()
        self._load = load
        self._address = address
        self._records: list[Record] = []
        self._idle: deque[AsyncClient] = deque()
        self._stop = threading.Event()
        self.began = self._clock.now()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._clock.now() - self.began

    @property
    def done(self) -> int:
        """How many requests have ended."""
        return len(self._records)

    def wait_until(self, second: float) -> None:
        """Wait until the run is so many seconds old."""
        wait_for(lambda: self.elapsed >= second, second + 5, f"second {second} of the load")

    def stop(self) -> Summary:
        """Send no more requests and return what came of those that were sent."""
        self._stop.set()
        return self.result()

    def result(self) -> Summary:
        """Wait for the end and return the records."""
        self._thread.join(self._load.duration + self._load.timeout + 10)
        return Summary(tuple(sorted(self._records, key=lambda record: record.start)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _run(self) -> None:
        self._idle.extend([await self._open() for _ in range(self._load.connections)])
        tasks: set[asyncio.Task[None]] = set()
        for i in range(self._load.count):
            await self._clock.sleep(i / self._load.rps - self.elapsed)
            if self._stop.is_set():
                break
            task = asyncio.create_task(self._one(f"?id=r{i}." if self._load.tagged else ""))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks)
        for client in self._idle:
            client.close()

    def _request(self, tag: str) -> bytes:
        headers = self._load.headers if self._load.keep_alive else (*self._load.headers, ("Connection", "close"))
        return request_bytes(self._load.method, self._load.target + tag, headers, self._load.body)

    async def _one(self, tag: str) -> None:
        start = self.elapsed
        status, server, error = 0, "", ""
        try:
            async with asyncio.timeout(self._load.timeout):
                response = await self._exchange(self._request(tag))
            status, server = response.status, response.server
            if status == 200 and tag.encode() not in response.body:
                error = f"{Failure.ANOTHER}: not the answer of {tag}"
        except ExchangeError as failure:
            error = str(failure)
        except TimeoutError:
            error = Failure.TIMEOUT
        self._records.append(Record(start, self.elapsed - start, status, server, error))

    async def _exchange(self, data: bytes) -> Response:
        client = await self._connection()
        try:
            response = await client.exchange(data, self._load.method)
        except BaseException:
            client.close()
            raise
        if self._load.keep_alive and response.keep_alive:
            self._idle.append(client)
        else:
            client.close()
        return response

    async def _connection(self) -> AsyncClient:
        while self._idle:
            client = self._idle.popleft()
            if not client.peer_closed():
                return client
            client.close()
        return await self._open()

    async def _open(self) -> AsyncClient:
        return await AsyncClient.open(self._address, self._load.tls)


def chi_square(counts: Mapping[str, int], servers: Iterable[str]) -> float:
    """Return Pearson's chi-square of these counts against an even spread over `servers`.

    With two servers the 95 % bound is 3.841, with three 5.991.
    """
    names = list(servers)
    expected = sum(counts.values()) / len(names)
    return sum((counts.get(name, 0) - expected) ** 2 / expected for name in names)
