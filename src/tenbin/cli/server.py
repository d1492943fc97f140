"""`tenbin server ...`: changes of one server at run time, which survive reloads and restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from tenbin.cli.client import Json, Running
from tenbin.cli.options import runtime_directory

if TYPE_CHECKING:
    from pathlib import Path


class _ServerName(click.ParamType[tuple[str, str]]):
    """`BACKEND/SERVER`."""

    name = "BACKEND/SERVER"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        backend, slash, server = str(value).partition("/")
        if not (backend and slash and server):
            self.fail(f"{value!r} is not BACKEND/SERVER, such as app/server1", param, ctx)
        return backend, server


_SERVER = click.argument("server", type=_ServerName(), metavar="BACKEND/SERVER")


@click.group()
def server() -> None:
    """Drain, stop, or weigh one server of the running instance."""


@server.command()
@_SERVER
@runtime_directory
def drain(server: tuple[str, str], runtime_directory: Path | None) -> None:
    """Give it no new work; what it does now it finishes."""
    _change(server, {"admin": "drain"}, runtime_directory)


@server.command()
@_SERVER
@runtime_directory
def maint(server: tuple[str, str], runtime_directory: Path | None) -> None:
    """Give it no work and no checks."""
    _change(server, {"admin": "maint"}, runtime_directory)


@server.command()
@_SERVER
@runtime_directory
def ready(server: tuple[str, str], runtime_directory: Path | None) -> None:
    """Give it work again."""
    _change(server, {"admin": "ready"}, runtime_directory)


@server.command()
@_SERVER
@click.argument("weight", type=click.IntRange(0, 256), metavar="0-256")
@runtime_directory
def weight(server: tuple[str, str], weight: int, runtime_directory: Path | None) -> None:
    """Change its share of new work; 0 for none."""
    _change(server, {"weight": weight}, runtime_directory)


def _change(server: tuple[str, str], change: Json, runtime_directory: Path | None) -> None:
    path = "/api/v1/servers/" + "/".join(quote(part, safe="") for part in server)
    click.echo(Running(runtime_directory).ask("PATCH", path, change).get("result", ""))
