"""`tenbin haproxy`: HAProxy's own command line, so that what starts `haproxy` can start Tenbin in its place.

Follows HAProxy's management guide, section 3: options, exit codes and start-up messages. The process that is started
keeps its id, serves until it is told to stop, and leaves nothing running.
"""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command(
    add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def haproxy(words: tuple[str, ...]) -> None:
    """Run with HAProxy's own command line, such as tenbin haproxy -f haproxy.cfg.

    `tenbin haproxy` without words shows the options.
    """
    sys.exit(main(words))


def main(words: Sequence[str]) -> int:
    """Do what HAProxy does when it is called with these words, and return its exit code."""
    # What is made while starting stays: looking it through for garbage again and again costs a tenth of the start.
    gc.disable()
    from tenbin.cli.haproxy.arguments import Arguments, UsageError
    from tenbin.cli.haproxy.version import banner, details, usage

    try:
        arguments = Arguments.parse(words)
    except UsageError:
        sys.stderr.write(usage())
        return 1
    if arguments.show_details:
        sys.stdout.write(details())
        return 0
    if arguments.show_version:
        sys.stdout.write(banner())
        return 0
    from tenbin.cli.haproxy import start

    return start.start(arguments)
