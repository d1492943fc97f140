"""`tenbin run` and `tenbin proxy`: serve until told to stop."""

from __future__ import annotations

from pathlib import Path

import click

from tenbin.cli.options import runtime_directory


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@runtime_directory
def run(file: Path, runtime_directory: Path | None) -> None:
    """Balance as FILE says.

    HUP or USR2 reloads it; TERM lets work in progress end, a second TERM or INT stops at once. If the control plane is
    killed, traffic flows on and the next `tenbin run` takes over.
    """
    from tenbin import supervisor
    from tenbin.supervisor.source import FileSource

    supervisor.run(FileSource(file), runtime_directory=runtime_directory)


@click.command()
@click.option("--listen", required=True, metavar="[HOST]:PORT", help="Where clients connect, such as :8080.")
@click.option("--to", required=True, multiple=True, metavar="HOST:PORT", help="A server; give it once for each.")
@click.option("--tcp", is_flag=True, help="Balance connections rather than HTTP requests.")
@click.option("--algorithm", default="round_robin", show_default=True, help="How a server is chosen.")
@click.option("--admin", metavar="[HOST]:PORT", help="Where the admin API listens; `none` for nowhere.")
@runtime_directory
def proxy(
    listen: str, to: tuple[str, ...], tcp: bool, algorithm: str, admin: str | None, runtime_directory: Path | None
) -> None:
    """Balance without a file: one listener, some servers."""
    from tenbin import configfile, supervisor
    from tenbin.supervisor.source import FixedSource

    settings: dict[str, object] = {}
    if admin is not None:
        settings["admin"] = None if admin == "none" else admin
    config = configfile.from_proxy(listen, to, tcp=tcp, algorithm=algorithm, settings=settings)
    supervisor.run(FixedSource(config), runtime_directory=runtime_directory)
