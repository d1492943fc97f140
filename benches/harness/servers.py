"""The servers behind the proxies: one nginx, on every address of the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.child import Child
from harness.proxies import DESCRIPTORS, Programs, filled, nginx_command
from tenbin.testing import fetch, lease, wait_for

SIZES = {"/": 128, "/16k": 16 * 1024, "/1m": 1024 * 1024}
"""Bytes of the answer to each path; any other path is answered as `/` is."""


@contextmanager
def serve(programs: Programs, folder: Path) -> Iterator[int]:
    """Run the servers; gives their port, which is open on all of 127.0.0.0/8."""
    files = folder / "files"
    files.mkdir(parents=True)
    for path, size in SIZES.items():
        if path != "/":
            (files / path[1:]).write_bytes(b"x" * size)
    with lease(1) as ports:
        port = ports.ports[0]
        values: dict[str, object] = {"FOLDER": folder, "PORT": port, "BODY": "x" * 128, "DESCRIPTORS": DESCRIPTORS}
        file = folder / "nginx.conf"
        file.write_text(filled("servers.nginx.conf", values))
        with Child("servers", nginx_command(programs, file, folder), folder) as child:
            wait_for(lambda: child.check() and fetch(("127.0.0.1", port), "/").status == 200, 10)
            yield port


def addresses(port: int, count: int) -> tuple[str, ...]:
    """So many distinct addresses of the one server."""
    return tuple(f"127.{1 + i // 62500}.{i // 250 % 250}.{1 + i % 250}:{port}" for i in range(count))
