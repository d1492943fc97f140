"""`tenbin demo` and `tenbin backend`: something to balance, and a tour of what balancing it looks like."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--keep", is_flag=True, help="Leave it running after the tour, until Ctrl-C.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Where Tenbin listens.")
@click.option("--admin", type=click.IntRange(1, 65535), default=8404, show_default=True, help="Its admin endpoints.")
@click.option("--tls", is_flag=True, help="Over HTTPS, with a certificate made for localhost.")
@click.option("--tls-port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Where, with --tls.")
def demo(keep: bool, port: int, admin: int, tls: bool, tls_port: int) -> None:
    """Start three servers and Tenbin before them, and show what happens when one is killed."""
    from tenbin.demo import tour

    sys.exit(tour.run(keep=keep, port=port, admin=admin, secure=tls_port if tls else None))


@click.command()
@click.option("--name", default="server1", show_default=True, help="What it calls itself in its answers.")
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True)
def backend(name: str, port: int) -> None:
    """Run the demo application, a server to balance."""
    from tenbin.demo.backend import main

    sys.exit(main(name, port))
