"""The sockets of the pages: bound before traffic begins, so that who asks early waits instead of being refused."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from tenbin.plan.services import services, socket_name

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.model import Config


def bind_all(config: Config, directory: Path) -> dict[str, socket.socket]:
    """Return a listening socket for each page, by its name in the directory; raises OSError."""
    names = [socket_name(place) for place in range(len(services(config)))]
    return {name: bind(directory / name) for name in names}


def bind(path: Path) -> socket.socket:
    """Listen for the data plane; the directory lets nobody else in."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with suppress(FileNotFoundError):
        path.unlink()
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening
