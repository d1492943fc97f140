"""Compression with every default filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.document.compression import TYPES
from tenbin.configfile.native.resolve.context import given
from tenbin.model.compression import Coding, Compression
from tenbin.model.frontend import Mode

if TYPE_CHECKING:
    from tenbin.configfile.native.document.compression import CompressionDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path


def compression(context: Context, document: CompressionDocument | None, mode: Mode, path: Path) -> Compression | None:
    """Resolve what stands at `path`."""
    if document is None:
        return None
    if mode is Mode.TCP:
        message = "`compression` is of answers, and in mode tcp there are connections"
        context.error(path, message, hint="remove it", key=True)
    return Compression(
        algorithms=tuple(Coding(name) for name in document.algorithms or ("gzip",)),
        types=TYPES if document.types is None else tuple(one for one in document.types if one),
        min_size=given(document.min_size),
        offload=given(document.offload),
    )
