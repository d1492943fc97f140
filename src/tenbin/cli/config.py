"""Commands about configurations, none of which needs a running instance: check, compile, convert, init, schema."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@_FILE
@click.option("--report", is_flag=True, help="Of a haproxy.cfg: say of each directive what becomes of it, and why.")
def check(file: Path, *, report: bool) -> None:
    """Tell every problem in FILE at once; exits with 1 if it cannot be used."""
    from tenbin import configfile
    from tenbin.configfile.diagnostics import count

    outcome = configfile.examine(file, environment=os.environ)
    config, problems, usable = outcome.config, outcome.diagnostics, True
    if config is not None and config.watched:
        from tenbin.clock import SystemClock
        from tenbin.control import certificates

        judged = certificates.judge(config, outcome.source, os.environ, SystemClock().wall())
        problems, usable = (*problems, *judged.diagnostics), judged.usable
    if report:
        from tenbin.configfile import haproxy

        click.echo(haproxy.report(outcome.report))
    if problems:
        click.echo(configfile.render(problems, color=sys.stderr.isatty()), err=True)
    if config is None or not usable:
        click.echo(f"{file}: {count(problems)}", err=True)
        sys.exit(1)
    servers = sum(len(backend.servers) for backend in config.backends)
    parts = (
        _counted(len(config.frontends), "frontend"),
        _counted(len(config.backends), "backend"),
        _counted(servers, "server"),
    )
    click.echo(f"{file} can be used: {', '.join(parts)}")


@click.command("compile")
@_FILE
def compile_(file: Path) -> None:
    """Print the snapshot that the data plane gets from FILE, as JSON; the secret is blanked."""
    from tenbin import configfile
    from tenbin.plan.compile import BLANK, compile_snapshot
    from tenbin.state import Overlay, State

    config = configfile.load(file, environment=os.environ)
    click.echo(compile_snapshot(State(config, Overlay(), 1), BLANK).model_dump_json(indent=2))


@click.command()
@_FILE
def convert(file: Path) -> None:
    """Print FILE, a haproxy.cfg, as Tenbin's YAML; exits with 1 if something of it had to be left out.

    What is left out stands in comments at the top, each with its line and the reason. With 0 it is the same
    configuration but for what only HAProxy's language asks for, which stands there too.
    """
    from tenbin import configfile
    from tenbin.configfile.convert import convert as converted
    from tenbin.configfile.diagnostics import config_error

    outcome = configfile.examine(file, environment=os.environ)
    if outcome.config is None:
        raise config_error(outcome.diagnostics)
    written = converted(outcome.config, outcome.report, directory=file.absolute().parent)
    click.echo(written.text, nl=False)
    if written.left_out:
        count = len(written.left_out)
        click.echo(f"{file}: {_counted(count, 'thing')} left out; see the top of what was written", err=True)
        sys.exit(1)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("tenbin.yaml"))
def init(file: Path) -> None:
    """Write a commented configuration to FILE (tenbin.yaml), unless it exists; `-` prints it."""
    from tenbin import configfile
    from tenbin.errors import TenbinError

    text = configfile.template()
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError:
        raise TenbinError(f"{file} exists and is left as it is", hint="name another file, or `-` to print") from None
    except OSError as error:
        raise TenbinError(f"{file} cannot be written: {(error.strerror or '').lower()}") from error
    click.echo(f"wrote {file}; run it with `tenbin run {file}`")


@click.command()
def schema() -> None:
    """Print the JSON Schema of configurations, for editors."""
    import json

    from tenbin import configfile

    click.echo(json.dumps(configfile.json_schema(), indent=2))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
