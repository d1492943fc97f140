"""The command line: one module a command group, imported when one of its commands is called."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from tenbin.errors import TenbinError

_COMMANDS = {
    "run": "serve",
    "proxy": "serve",
    "haproxy": "haproxy",
    "check": "config",
    "compile": "config",
    "convert": "config",
    "init": "config",
    "schema": "config",
    "status": "steer",
    "reload": "steer",
    "stop": "steer",
    "upgrade": "steer",
    "server": "server",
    "cert": "cert",
    "demo": "demo",
    "backend": "demo",
}
"""Where each command is, in the order in which help shows them."""

_NAMES = {"compile": "compile_"}
"""Functions that cannot have the name of their command."""


class _Commands(click.Group):
    """Imports a command's module when it is needed, so that `tenbin check` waits for nothing that it does not use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        found = import_module(f"tenbin.cli.{module}")
        command: click.Command = getattr(found, _NAMES.get(cmd_name, cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            if args and args[0].endswith((".yaml", ".yml", ".cfg", ".conf")):
                raise click.UsageError(f"no command {args[0]!r}; did you mean `tenbin run {args[0]}`?", ctx) from None
            raise


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from tenbin import __version__

        click.echo(f"tenbin {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def tenbin() -> None:
    """Balance HTTP and TCP traffic over servers.

    \b
    tenbin proxy --listen :8080 --to 10.0.0.1:3000 --to 10.0.0.2:3000
    tenbin init && tenbin run tenbin.yaml
    """  # noqa: D301 - the backslash is click's mark for lines that stay as they are


def main() -> None:
    """Run the command `tenbin`; exits with 0, 1 for an error of the configuration or at run time, 2 for usage."""
    if Path(sys.argv[0]).name == "haproxy":
        sys.argv.insert(1, "haproxy")
    if sys.argv[1:2] == ["haproxy"] and len(sys.argv) > 2:
        from tenbin.cli.haproxy import main as as_haproxy

        # Its words are its own: click would take some of them for itself.
        sys.exit(as_haproxy(sys.argv[2:]))
    try:
        tenbin(prog_name="tenbin")
    except TenbinError as error:
        click.echo(f"tenbin: {error.message}" if "\n" not in error.message else error.message, err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        sys.exit(error.exit_code)
