"""Faults of the network, in a network namespace that ends with its processes: the host's rules are never touched.

Owns the namespace and its rules. Everything in it talks over its own loopback interface, where packets can be dropped
or answered with a reset by port, and single connections be destroyed. Works as root, and without where the kernel lets
anybody make namespaces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache

_RULES = """\
table inet faults
delete table inet faults
table inet faults {{
  chain received {{
    type filter hook input priority 0;
{rules}
  }}
}}
"""
_EMPTY = "table inet faults\ndelete table inet faults\n"
_SYSTEM = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def command(*inner: str) -> list[str]:
    """Return the command that runs another one in a network of its own; all that it started ends with it."""
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *rights, "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--", *inner]


@cache
def missing() -> str:
    """Why this machine cannot do it, "" when it can."""
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("ss", "iproute2"), ("nft", "nftables")):
        if shutil.which(program, path=_SYSTEM) is None:
            return f"no program {program} (Debian: {package})"
    script = f"PATH={_SYSTEM}; ip link set lo up && nft -f -"
    rules = _RULES.format(rules="tcp dport 1 reject with tcp reset")
    done = subprocess.run(command("sh", "-c", script), input=rules, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no network namespace with rules: {done.stderr.strip().splitlines()[-1:] or done.returncode}"
    return ""


def up() -> None:
    """Switch the loopback interface of this namespace on."""
    _run("ip", "link", "set", "lo", "up")


def drop(port: int) -> None:
    """Lose all packets to and from a port, as if its machine was unplugged."""
    _apply(f"tcp dport {port} drop", f"tcp sport {port} drop")


def reject(port: int) -> None:
    """Answer all packets to a port with a reset, as a machine does that has just been started."""
    _apply(f"tcp dport {port} reject with tcp reset")


def heal() -> None:
    """Take all rules away."""
    _run("nft", "-f", "-", text=_EMPTY)


def kill_connections(port: int) -> int:
    """Destroy all connections to a port, both ends get a reset; return how many ends there were."""
    done = _run("ss", "-K", "-H", "-n", "-t", "state", "established", f"( dport = :{port} )")
    return len(done.splitlines())


def _apply(*rules: str) -> None:
    _run("nft", "-f", "-", text=_RULES.format(rules="\n".join(f"    {rule}" for rule in rules)))


def _run(*arguments: str, text: str | None = None) -> str:
    program = shutil.which(arguments[0], path=_SYSTEM) or arguments[0]
    done = subprocess.run(
        (program, *arguments[1:]), input=text, capture_output=True, text=True, check=False, timeout=10
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
    return done.stdout
