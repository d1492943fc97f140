"""A data plane that serves a configuration made of model values, with no control plane but the test."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from tenbin.clock import SystemClock
from tenbin.dataplane.program import Program
from tenbin.dataplane.sockets import Listeners, Shape
from tenbin.plan.compile import BLANK, compile_snapshot
from tenbin.state import Overlay, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tenbin.dataplane.process import ProcessDataplane
    from tenbin.model import Config


@contextlib.asynccontextmanager
async def serving(folder: Path, config: Config) -> AsyncIterator[ProcessDataplane]:
    """Start it, give it sockets and the configuration; it is stopped whatever happens."""
    plane = await Program(folder, os.environ, SystemClock()).spawn()
    listeners = Listeners()
    try:
        listeners.open(config, Shape(2, 64))
        for listener in (listener for frontend in config.frontends for listener in frontend.listeners):
            address = str(listener.address)
            await plane.set_sockets(address, listeners.of(address))
        await apply(plane, config, 1)
        yield plane
    finally:
        listeners.close()
        await plane.stop()


async def apply(plane: ProcessDataplane, config: Config, generation: int) -> None:
    """Replace what it serves."""
    await plane.apply(compile_snapshot(State(config, Overlay(), generation), BLANK))
