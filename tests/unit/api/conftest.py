"""A served API for each test that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.api.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as served:
        yield served
