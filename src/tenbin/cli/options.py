"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

runtime_directory = click.option(
    "--runtime-dir",
    "runtime_directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the instance keeps its sockets and state (default: TENBIN_RUNTIME_DIR, or /run/tenbin, ...).",
)
