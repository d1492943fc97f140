"""What every case is given: the proxies, the server behind them, and how long it may take."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness.certificates import certificate
from harness.proxies import NAMES, Mode, Running, Scene, Yard


@dataclass(frozen=True)
class Bench:
    """One run. `server` is the port of the server; `quick`: a look rather than a measurement."""

    yard: Yard
    server: int
    quick: bool

    @property
    def rounds(self) -> int:
        """How often each proxy is measured."""
        return 2 if self.quick else 5

    @property
    def seconds(self) -> int:
        """How long a round is."""
        return 1 if self.quick else 3

    @contextmanager
    def all_proxies(self, mode: Mode = "http", names: Sequence[str] = NAMES) -> Iterator[list[Running]]:
        """Run every proxy that can do it, in front of one server."""
        servers = (f"127.0.0.1:{self.server}",)
        with self.yard.start_all(names, lambda port: Scene(port, servers, mode)) as running:
            yield running

    @contextmanager
    def all_encrypted(self) -> Iterator[list[Running]]:
        """The same with TLS, under one certificate."""
        servers = (f"127.0.0.1:{self.server}",)
        file = certificate(self.yard.folder / "localhost.pem")
        with self.yard.start_all(NAMES[:3], lambda port: Scene(port, servers, certificate=file)) as running:
            yield running

    @contextmanager
    def all_framed(self) -> Iterator[list[Running]]:
        """The same for HTTP/2 without TLS."""
        servers = (f"127.0.0.1:{self.server}",)
        with self.yard.start_all(NAMES[:3], lambda port: Scene(port, servers, http2=True)) as running:
            yield running
