"""Who can take part: the contestants by name, and why one cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.harness.ours import Ours
from faults.harness.peers import HAProxy, Nginx
from support.reference import HAPROXY, NGINX

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from faults.harness.scene import Contestant, Scene

TITLES = {"tenbin": "Tenbin", "haproxy": "HAProxy", "nginx": "nginx"}


def start(name: str, scene: Scene, folder: Path) -> AbstractContextManager[Contestant]:
    """Return a contestant that starts when its context is entered."""
    if name == "haproxy":
        return HAProxy(scene, folder)
    return Nginx(scene, folder) if name == "nginx" else Ours(scene)


def missing(name: str) -> str:
    """Why a contestant cannot take part on this machine, "" when it can."""
    absent = (name == "haproxy" and HAPROXY is None) or (name == "nginx" and NGINX is None)
    return f"{name} is not installed" if absent else ""
