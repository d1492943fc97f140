"""Configurations to start from: a commented file for `tenbin init`, and one made of a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.configfile.reader import read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenbin.model import Config

_TEMPLATE = Path(__file__).with_name("template.yaml")


def template() -> str:
    """Return a commented configuration that loads as it is."""
    return _TEMPLATE.read_text(encoding="utf-8")


def from_proxy(
    listen: str,
    to: Sequence[str],
    *,
    tcp: bool = False,
    algorithm: str = "round_robin",
    settings: Mapping[str, object] | None = None,
) -> Config:
    """Return the configuration of `tenbin proxy`: one listener, and the servers that are balanced.

    `settings` are further top-level settings as they would stand in a file, such as `{"admin": None}`. Raises
    `ConfigError` when an address cannot be used.
    """
    lines: dict[str, object] = {"listen": listen, "algorithm": algorithm}
    if tcp:
        lines["mode"] = "tcp"
    lines.update(settings or {})
    # JSON is YAML: what cannot be used is shown in the file that was not written.
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in lines.items())
    text += "backends:\n" + "".join(f"  - {json.dumps(address)}\n" for address in to)
    return read(text, "command line", environment={}, directory=Path.cwd())
