"""A folder with a short name, in which sockets fit, and a port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hp")


@pytest.fixture
def port() -> Iterator[int]:
    with Lease(1) as lease:
        yield lease.ports[0]
