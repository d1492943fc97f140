"""What the kernel says about a process and its sockets."""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTENING = "0A"


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has resident."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def next_descriptor(pid: int) -> int:
    """Return the number that a process's next descriptor gets; as its limit it leaves no descriptor free."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return next(number for number in itertools.count() if number not in taken)


def listening(port: int) -> set[int]:
    """Return the inodes of all sockets that listen on this port of IPv4."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[9]) for row in rows if row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port}


def listeners(port: int) -> list[int]:
    """Return the processes that hold a socket which listens on this port of IPv4."""
    wanted = {f"socket:[{inode}]" for inode in listening(port)}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if any(str(one.readlink()) in wanted for one in (entry / "fd").iterdir()):
                    found.append(int(entry.name))
    return found
