"""What certificates are worth, asked of the data plane's program: nothing but that reads a key.

Owns how the program is called offline, and the facts that come back. Who names the files, and what follows from the
facts, is `tenbin.control.certificates`'.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from tenbin.dataplane import doors
from tenbin.errors import DataplaneError, Severity, TenbinError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenbin import model

_PATIENCE = 60.0
"""Seconds for all files together; thousands take one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file; `line` 0: with the file as a whole. `error`: it cannot be used."""

    level: Severity
    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """One chain with its key. `names` are those it is for; `not_before` and `not_after` are unix seconds, in UTC.

    `fingerprint` is the SHA-256 of the certificate in hex, `key` such as `ecdsa P-256`, `chain` how many certificates
    the file holds, `others` subject and issuer of those after the first. Of a file that cannot be read at all there is
    nothing but problems.
    """

    certificate: str
    names: tuple[str, ...] = ()
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    not_before: int = 0
    not_after: int = 0
    key: str = ""
    fingerprint: str = ""
    sha1: str = ""
    chain: int = 0
    others: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """A file of authorities or of what they revoked, and how many of them it holds."""

    file: str
    count: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was asked about, in that order."""

    certificates: tuple[Certificate, ...] = ()
    authorities: tuple[Authority, ...] = ()


_FACTS = TypeAdapter(Facts)


def examine(program: Path, certificates: Sequence[model.Certificate], authorities: Sequence[str] = ()) -> Facts:
    """Judge files as the data plane will; a certificate whose `key` is "" is judged without one.

    `DataplaneError` when the program cannot judge; what is wrong with files is in the facts.
    """
    question = {
        "certificates": [
            {
                "certificate": one.certificate,
                "key": one.key,
                "ocsp": one.ocsp,
                "position": one.position,
                "chain_text": one.chain_text or None,
                "key_text": one.key_text or None,
                "staple": one.staple,
            }
            for one in certificates
        ],
        "authorities": list(authorities),
    }
    answer = _run(program, ("certificates",), json.dumps(question))
    try:
        facts = _FACTS.validate_json(answer)
    except ValidationError as error:
        raise DataplaneError(f"{program} said something else than facts about certificates") from error
    if (len(facts.certificates), len(facts.authorities)) != (len(certificates), len(authorities)):
        raise DataplaneError(f"{program} did not judge all certificates")
    return facts


def self_signed(program: Path, names: Sequence[str]) -> str:
    """Return a new certificate for these names and its key, as PEM; `TenbinError` when there can be none."""
    return _run(program, ("self-signed", *names), "")


def _run(program: Path, arguments: tuple[str, ...], text: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            (str(program), *arguments),
            input=text,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=False,
            env=doors.environment(os.environ),
        )
    except OSError as error:
        raise DataplaneError(f"{program} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise DataplaneError(f"{program} did not judge the certificates within {_PATIENCE:g} s") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip().removeprefix("tenbin-dataplane: ")
    if said.startswith("usage:"):
        # What is installed beside this package is another version.
        raise DataplaneError(f"{program} is of a version that does not know certificates", hint="install Tenbin anew")
    raise TenbinError(said or f"{program} ended with status {done.returncode}")
