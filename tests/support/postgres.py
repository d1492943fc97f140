"""A real PostgreSQL in a folder, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.testing import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = os.pathsep.join(["/usr/local/bin", "/usr/bin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))])

INITDB, POSTGRES, PSQL = (shutil.which(name, path=_PATH) for name in ("initdb", "postgres", "psql"))
INSTALLED = None not in (INITDB, POSTGRES, PSQL)


@contextmanager
def postgres(port: int) -> Iterator[Process]:
    """Serve an empty cluster at a port of loopback until the context ends; anybody may do anything."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        with _cluster(port, Path(home) / "data") as process:
            yield process


def ask(port: int, question: str) -> str:
    """Return what psql answers over loopback, "" when it cannot."""
    assert PSQL is not None
    address = f"host=127.0.0.1 port={port} user=tester dbname=postgres connect_timeout=5"
    command = (PSQL, "-X", "-A", "-t", "-c", question, address)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


@contextmanager
def _cluster(port: int, folder: Path) -> Iterator[Process]:
    assert INITDB is not None
    assert POSTGRES is not None
    as_whom = _as_whom(folder)
    made = (INITDB, "-D", str(folder), "-U", "tester", "-A", "trust", "--no-sync", "-E", "UTF8")
    subprocess.run((*as_whom, *made), check=True, capture_output=True, cwd="/", env=_plain())
    settings = ("-c", "fsync=off", "-c", f"unix_socket_directories={folder}", "-c", "shared_buffers=1MB")
    command = (*as_whom, POSTGRES, "-D", str(folder), "-p", str(port), "-h", "127.0.0.1", *settings)
    with Process("postgres", command, folder.parent) as process:
        process.wait_ready(lambda: ask(port, "select 1") == "1", 30)
        yield process


def _as_whom(folder: Path) -> tuple[str, ...]:
    """Whoever is root has somebody else run it: it refuses root."""
    folder.mkdir()
    if os.geteuid() != 0:
        return ()
    shutil.chown(folder, "postgres")
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


def _plain() -> dict[str, str]:
    return {"PATH": _PATH, "LC_ALL": "C"}
