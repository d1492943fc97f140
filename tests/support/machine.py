"""What a reader of results needs to know: when, where, and which versions of everybody."""

from __future__ import annotations

import os
import platform
import re
import subprocess

from support.bare import binary
from support.reference import HAPROXY, NGINX
from tenbin.clock import SystemClock


def facts() -> dict[str, str]:
    """Return the date, the machine and the versions of Tenbin and of the peers that are installed."""
    return {
        "date": SystemClock().wall().strftime("%Y-%m-%d %H:%M UTC"),
        "kernel": platform.release(),
        "cpus": str(os.cpu_count()),
        **_versions(),
    }


def _versions() -> dict[str, str]:
    programs = {"tenbin": binary(), "haproxy": HAPROXY, "nginx": NGINX}
    found = {}
    for name, program in programs.items():
        if program is not None:
            option = "--version" if name == "tenbin" else "-v"
            done = subprocess.run((program, option), capture_output=True, text=True, check=False)
            match = re.search(r"\d+\.\d+(\.\d+)*\S*", done.stdout + done.stderr)
            found[name] = match[0] if match else "unknown"
    return found
