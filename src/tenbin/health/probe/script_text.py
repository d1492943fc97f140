"""Texts of a script's steps that name values: `GET /%[var(check.name)] from %H`. What a value is: `script_values`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tenbin.health.probe.script_values import evaluate

if TYPE_CHECKING:
    from tenbin.health.probe.script_values import Scene

_HOLE = re.compile(r"%\[([^\]]*)\]|%(%|H\b)")


def filled(text: str, scene: Scene) -> str:
    """Return a log format with its holes filled."""
    return _HOLE.sub(lambda found: _filling(found, scene), text)


def _filling(found: re.Match[str], scene: Scene) -> str:
    if found[1] is not None:
        return evaluate(found[1], scene)
    return "%" if found[2] == "%" else os.uname().nodename
