"""Commands to a running instance as a whole: status, reload, stop, upgrade."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tenbin.cli.client import Running
from tenbin.cli.options import runtime_directory
from tenbin.errors import NotRunningError, TenbinError

if TYPE_CHECKING:
    from pathlib import Path

_GRACE = 10.0
_STEP = 0.05


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the document that /api/v1/status serves.")
@click.option("--watch", is_flag=True, help="Show it again every second, until Ctrl-C.")
@runtime_directory
def status(as_json: bool, watch: bool, runtime_directory: Path | None) -> None:
    """Show frontends, backends and servers, and where they differ from the file."""
    running = Running(runtime_directory)
    if as_json:
        click.echo(running.get("/api/v1/status"))
        return
    from rich.console import Console

    from tenbin.observe import jsonform, table

    console = Console(highlight=False)

    def show() -> None:
        console.print(table.render(jsonform.load(running.get("/api/v1/status")), width=console.width), soft_wrap=True)

    show()
    while watch:
        _sleep(1.0)
        console.clear()
        show()


@click.command()
@runtime_directory
def reload(runtime_directory: Path | None) -> None:
    """Read the configuration again; a file that cannot be used changes nothing."""
    click.echo(Running(runtime_directory).ask("POST", "/api/v1/reload").get("summary", ""))


@click.command()
@click.option("--now", is_flag=True, help="Do not wait for work in progress.")
@runtime_directory
def stop(now: bool, runtime_directory: Path | None) -> None:
    """End the running instance, when its work in progress has ended; returns when it is gone."""
    running = Running(runtime_directory)
    try:
        running.ask("POST", "/api/v1/stop", {"now": now})
    except NotRunningError:
        # A control plane that was killed leaves its data plane serving; that is to end, too.
        if not asyncio.run(_stop_orphan(running)):
            raise
        click.echo("no control plane runs; its data plane is stopped")
        return
    # The instance itself sees to its deadlines, which the configuration sets.
    while running.directory.owner() is not None:
        _sleep(_STEP)
    click.echo("stopped")


@click.command()
@runtime_directory
def upgrade(runtime_directory: Path | None) -> None:
    """Replace the data plane by the program that is installed now; no connection is lost."""
    click.echo(Running(runtime_directory).ask("POST", "/api/v1/upgrade").get("result", ""))


async def _stop_orphan(running: Running) -> bool:
    from tenbin.clock import SystemClock
    from tenbin.dataplane.program import Program

    if not running.directory.path.is_dir():
        return False
    try:
        program = Program(running.directory.path, {}, SystemClock())
        plane = await program.attach()
    except (OSError, TenbinError):
        return False
    if plane is None:
        return False
    await plane.stop()
    program.clean()
    return True


def _sleep(seconds: float) -> None:
    from tenbin.clock import SystemClock

    asyncio.run(SystemClock().sleep(seconds))
