"""What outlives the process: the operator's overrides, and the secret that signs sticky cookies.

Owns `state.json` and `secret` in the runtime directory: their format, their permissions (0600), and that a crash
while writing leaves the old content. A damaged file is a warning and never keeps Tenbin from starting.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from tenbin.errors import TenbinError
from tenbin.model import Admin, ServerId
from tenbin.state.overlay import Overlay, ServerOverlay, overrides

if TYPE_CHECKING:
    from pathlib import Path

_FORMAT = 1
_LONGEST = 4096
_WEIGHT_MAX = 256


@dataclass(frozen=True, slots=True)
class Restored:
    """What was found; `warning` "" or why nothing was."""

    overlay: Overlay
    warning: str = ""


class StateFile:
    """The overrides in `path`; entries for servers that the configuration does not have are kept for their return."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[ServerId, ServerOverlay] = {}

    def read(self) -> Restored:
        """Return the overrides of the last run; none when there is no file or it cannot be used."""
        try:
            entries = _parse(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Restored(Overlay())
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error) or type(error).__name__
            return Restored(
                Overlay(), f"{self._path} cannot be used, overrides of weight and admin state are lost: {reason}"
            )
        self._written = entries
        return Restored(Overlay(MappingProxyType(entries)))

    def write(self, overlay: Overlay) -> None:
        """Keep the overrides, if they differ from what is kept already; raises OSError."""
        wanted = overrides(overlay)
        if wanted == self._written:
            return
        replace_file(self._path, _format(wanted).encode())
        self._written = wanted


def secret(path: Path) -> str:
    """Return the secret of this runtime directory (hex, 32 bytes), made at the first call.

    Raises OSError, and `TenbinError` when others can read the file.
    """
    try:
        with path.open(encoding="ascii") as file:
            mode = os.fstat(file.fileno()).st_mode
            kept = file.read(_LONGEST).strip()
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TenbinError(
                f"others can read or change the secret in {path} (mode {stat.S_IMODE(mode):04o})",
                hint="remove it, and a new one is made: sticky clients are balanced anew",
            )
        if len(bytes.fromhex(kept)) == 32:
            return kept.lower()
    except FileNotFoundError:
        pass
    except ValueError:
        # Sticky clients are balanced anew with a new secret, which is all that a damaged file costs.
        pass
    made = secrets.token_hex(32)
    replace_file(path, f"{made}\n".encode())
    return made


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Give a file new content at once, readable by its owner alone; `durable`: it outlives a loss of power."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _format(entries: dict[ServerId, ServerOverlay]) -> str:
    servers = []
    for name, entry in sorted(entries.items()):
        fields: dict[str, str | int] = {"backend": name.backend, "server": name.server}
        if entry.weight is not None:
            fields["weight"] = entry.weight
        if entry.admin is not None:
            fields["admin"] = entry.admin
        servers.append(fields)
    return json.dumps({"format": _FORMAT, "servers": servers}, indent=1) + "\n"


def _parse(text: str) -> dict[ServerId, ServerOverlay]:
    document = json.loads(text)
    if document["format"] != _FORMAT:
        raise ValueError(f"format {document['format']} is not {_FORMAT}")
    return {ServerId(str(item["backend"]), str(item["server"])): _entry(item) for item in document["servers"]}


def _entry(item: dict[str, object]) -> ServerOverlay:
    weight, admin = item.get("weight"), item.get("admin")
    if weight is not None and (not isinstance(weight, int) or not 0 <= weight <= _WEIGHT_MAX):
        raise ValueError(f"weight {weight!r} is not within 0-{_WEIGHT_MAX}")
    return ServerOverlay(weight=weight, admin=None if admin is None else Admin(str(admin)))
