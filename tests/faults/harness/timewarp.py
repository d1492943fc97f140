"""Clocks that jump: programs started in here read a date that a file moves, while they run.

A few lines of C, loaded before the C library, add what the file says to the real-time clock. Monotonic time and every
wait stay what they are, as they do when somebody sets a machine's date; libfaketime is of no use for that, as waits for
a monotonic moment fail under it.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *jump;

__attribute__((constructor)) static void begin(void) {
    int file = open(DATE, O_RDONLY | O_CLOEXEC);
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof *jump, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) jump = page;
    if (file >= 0) close(file);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int done = syscall(SYS_clock_gettime, id, now);
    if (!done && jump && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += *jump;
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact)) return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (out) *out = exact.tv_sec;
    return exact.tv_sec;
}
"""


@cache
def missing() -> str:
    """Why this machine cannot do it, "" when it can."""
    return "" if shutil.which("cc") else "no C compiler (Debian: gcc)"


class Warp:
    """A clock for the programs that are started within `begun`."""

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "date", folder / "date.so"
        self._file.write_bytes(bytes(8))
        # Started by root, nginx works as another user.
        self._file.chmod(0o644)
        source = folder / "date.c"
        source.write_text(_SOURCE)
        # The name is compiled in: not every variable reaches the data plane.
        name = f'-DDATE="{self._file}"'
        subprocess.run(("cc", "-O1", "-shared", "-fPIC", name, "-o", self._library, source), check=True, timeout=60)

    def jump(self, seconds: int) -> None:
        """Set the date to so many seconds from the right one."""
        with self._file.open("r+b", buffering=0) as file:
            file.write(struct.pack("q", seconds))

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Programs that are started in here see this clock, to their end."""
        before = os.environ.get("LD_PRELOAD")
        os.environ["LD_PRELOAD"] = str(self._library)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"]
            if before is not None:
                os.environ["LD_PRELOAD"] = before
