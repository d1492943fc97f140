"""The facts without which figures mean nothing: machine, kernel, versions, date."""

import os
import platform
import re
import subprocess
from pathlib import Path
from time import gmtime, strftime

from harness.proxies import Programs


def facts(programs: Programs) -> dict[str, str]:
    """Return what a reader needs to know, by name."""
    found = {
        "date": strftime("%Y-%m-%d %H:%M UTC", gmtime()),
        "kernel": platform.release(),
        "cpu": f"{os.cpu_count()} x {_cpu_model()}",
        "load at start": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "tenbin": _version([str(programs.dataplane), "--version"]),
    }
    if programs.haproxy:
        found["haproxy"] = _version([str(programs.haproxy), "-v"])
    if programs.nginx:
        found["nginx"] = _version([str(programs.nginx), "-v"])
    return found


def _cpu_model() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()


def _version(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(r"\d+\.\d+(\.\d+)*\S*", done.stdout + done.stderr)
    return match[0] if match else "unknown"
