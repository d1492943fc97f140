"""Fixtures for every test; the tools behind them are in `tenbin.testing` and `support`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tenbin
from support.servers import Servers
from tenbin.testing import Tenbin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StartTenbin = Callable[[str], Tenbin]

_SOURCE = str(Path(tenbin.__file__).parents[1])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes longer than ten seconds by its nature")
    paths = os.environ.get("PYTHONPATH", "")
    if _SOURCE not in paths.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_SOURCE, paths)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that the last worker does not run one alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Demo servers of this test alone, which it may kill."""
    with Servers(tmp_path) as own:
        yield own


@pytest.fixture(scope="session")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """server1, server2 and server3, shared by all tests of a worker: not to be stopped."""
    with Servers(tmp_path_factory.mktemp("trio")) as shared:
        for i in (1, 2, 3):
            shared.start(f"server{i}")
        yield shared


@pytest.fixture
def start_tenbin() -> Iterator[StartTenbin]:
    """Start a Tenbin on a configuration text; it ends with the test, and its log is shown when the test fails."""
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(Tenbin(config))
