"""Debian's HAProxy and nginx, where they are installed: they show that a test is sound before it judges Tenbin."""

from __future__ import annotations

import shutil

_SYSTEM = "/usr/sbin:/usr/local/sbin:/usr/bin"

HAPROXY = shutil.which("haproxy", path=_SYSTEM)
NGINX = shutil.which("nginx", path=_SYSTEM)
