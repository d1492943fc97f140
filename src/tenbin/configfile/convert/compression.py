"""Compression in the native language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Yaml
    from tenbin.model import Compression


def compression(found: Compression) -> Yaml:
    """Write which answers are made smaller, and how."""
    written: Yaml = {"algorithms": [one.value for one in found.algorithms], "types": list(found.types)}
    written["min_size"] = found.min_size
    return {**written, "offload": True} if found.offload else written
