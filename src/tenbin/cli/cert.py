"""`tenbin cert ...`: certificates to try things out with, and what stands in those that one has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tenbin.dataplane.certificates import Certificate, Problem


@click.group()
def cert() -> None:
    """Make a certificate for trials, or show what stands in a file."""


@cert.command("self-signed", short_help="Write a certificate and its key to one file.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The directory (here).")
@click.option("--force", is_flag=True, help="Replace a file of that name.")
def self_signed(names: tuple[str, ...], out: Path, force: bool) -> None:
    """Write a certificate for host names and addresses, and its key, to one file that only you may read.

    No browser trusts it: it is for trials, and for servers whose clients are told of it. The file has the first NAME
    and `.pem`; `tls: NAME.pem` on a listener serves it.
    """
    from tenbin.dataplane import binary, certificates

    file = out / f"{names[0].replace('*', '_wildcard').replace(os.sep, '_').replace(':', '_')}.pem"
    _free(file, force=force)
    text = certificates.self_signed(binary.find(os.environ), names)
    _write(file, text, force=force)
    click.echo(f"wrote {file}: a certificate for {', '.join(names)} and its key")


@cert.command(short_help="Show names, validity, issuer and problems.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def show(files: tuple[Path, ...]) -> None:
    """Show names, validity, issuer and problems of each certificate; exits with 1 if one cannot be used.

    A key in the same file, or beside it as `tls` looks for it, is compared with the certificate.
    """
    from tenbin import model
    from tenbin.clock import SystemClock
    from tenbin.dataplane import binary, certificates
    from tenbin.errors import Severity
    from tenbin.observe.escape import printable

    asked = [model.Certificate(str(file), _key(file), "", "") for file in files]
    facts = certificates.examine(binary.find(os.environ), asked)
    now = SystemClock().wall()
    # A certificate may come from anybody.
    click.echo("\n\n".join("\n".join(map(printable, _lines(one, now))) for one in facts.certificates))
    problems = [problem for one in facts.certificates for problem in one.problems]
    sys.exit(any(problem.level is Severity.ERROR for problem in problems))


def _free(file: Path, *, force: bool) -> None:
    from tenbin.errors import TenbinError

    if not force and file.exists():
        raise TenbinError(f"{file} exists and is left as it is", hint="--force replaces it")


def _write(file: Path, text: str, *, force: bool) -> None:
    """Write a file that nobody else could read at any time; what is replaced is replaced as a whole."""
    from tenbin.errors import TenbinError

    new = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with open(new, "x", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
            out.write(text)
        if force:
            new.replace(file)
        else:
            os.link(new, file)
            new.unlink()
    except FileExistsError:
        new.unlink(missing_ok=True)
        _free(file, force=False)
    except OSError as error:
        raise TenbinError(f"{file} cannot be written: {(error.strerror or '').lower()}") from error


def _key(file: Path) -> str:
    """The file with the key of a certificate, "" for none: in it, or beside it."""
    from tenbin.configfile.native.resolve.certificates import key_names

    try:
        if b"PRIVATE KEY-----" in file.read_bytes():
            return str(file)
    except OSError:
        # The data plane's program says what is wrong.
        return ""
    beside = (file.with_name(name) for name in key_names(file))
    return next((str(name) for name in beside if name.is_file()), "")


def _lines(one: Certificate, now: datetime) -> Iterator[str]:
    yield one.certificate
    if one.not_after:
        yield from (f"  {title:<12} {value}" for title, value in _facts(one, now))
    yield from (f"  {problem.level}: {_place(problem, one)}{problem.text}" for problem in one.problems)


def _facts(one: Certificate, now: datetime) -> Iterator[tuple[str, str]]:
    from tenbin.observe.certificates import at
    from tenbin.observe.units import duration

    begin, end = at(one.not_before), at(one.not_after)
    left = (end - now).total_seconds()
    remaining = f"{duration(left)} left" if left > 0 else f"EXPIRED {duration(-left)} ago"
    yield "names", ", ".join(one.names) or "none"
    yield "subject", one.subject
    yield "issuer", "itself" if one.issuer == one.subject else one.issuer
    yield "valid", f"{begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, {remaining}"
    yield "key", one.key
    yield "serial", one.serial
    yield "fingerprint", f"sha256 {one.fingerprint}"
    yield "chain", f"{one.chain} certificate{'' if one.chain == 1 else 's'}"


def _place(problem: Problem, one: Certificate) -> str:
    if problem.line:
        return f"{problem.file}:{problem.line}: "
    return f"{problem.file}: " if problem.file not in ("", one.certificate) else ""
