"""Golden files: what is wrong with a configuration, and what a right one means.

Each file is an input, a line `----`, and what is expected. TENBIN_UPDATE_GOLDEN=1 writes what is found into the files;
read the difference before it is committed.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile import read, render
from tenbin.configfile.reader import examine_text
from unit.configfile.compact import compact

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from tenbin.model import Config

GOLDEN = Path(__file__).parents[2] / "golden"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
FILES = {
    "checks.py": "async def check(server):\n    pass\n\n\ndef slow(server):\n    pass\n",
    "broken.py": "def (:\n",
    "hosts.map": "# host and who serves it\na.example app\n",
    "sorry.html": "<h1>Back soon</h1>\n",
    "token": "short\n",
    "site.pem": CERTIFICATE,
    "site.pem.key": KEY,
    "site.pem.ocsp": "answer",
    "both.pem": KEY + CERTIFICATE,
    "lonely.crt": CERTIFICATE,
    "locked.pem": CERTIFICATE + KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    "apart.key": KEY,
    "apart.der": "0\x82\x01",
    "clients.pem": CERTIFICATE * 2,
    "revoked.pem": "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n",
    "certs/a.example.crt": CERTIFICATE,
    "certs/a.example.key": KEY,
    "certs/b.example.pem": "a comment\n" + CERTIFICATE + KEY,
    "certs/c.example.pem": CERTIFICATE,
    "certs/c.example-key.pem": KEY,
    "certs/dhparams.pem": "-----BEGIN DH PARAMETERS-----\n",
    "certs/README": "which certificates these are\n",
    "keyless/a.pem": CERTIFICATE,
    "keyless/b.pem": CERTIFICATE,
    "empty/README": "nothing yet\n",
    "live/README": "made by certbot\n",
    **{
        f"live/{name}/{file}.pem": KEY if file == "privkey" else CERTIFICATE
        for name in ("one.example", "two.example")
        for file in ("cert", "chain", "fullchain", "privkey")
    },
}
ENVIRONMENT = {"HOST": "10.0.0.9", "PORT": "eighty"}
SEPARATOR = "\n----\n"
USUAL = "five-lines"
"""The case that shows every default; the others show what is different."""


def cases(folder: str) -> list[ParameterSet]:
    return [pytest.param(path, id=path.stem) for path in sorted((GOLDEN / folder).glob("*.txt"))]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (directory / name).parent.mkdir(exist_ok=True, parents=True)
        (directory / name).write_text(text, encoding="utf-8")
        (directory / name).chmod(0o600)
    return directory


@pytest.mark.parametrize("path", cases("config-errors"))
def test_problems_are_told(path: Path, directory: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition(SEPARATOR)
    outcome = examine_text(text + "\n", "tenbin.yaml", environment=ENVIRONMENT, directory=directory)
    found = render(outcome.diagnostics).replace(str(directory), "/etc/tenbin") + "\n"
    check(path, text, expected, found)
    assert outcome.diagnostics
    assert (outcome.config is not None) == path.stem.startswith("warning")


@pytest.mark.parametrize("path", cases("config-ok"))
def test_meaning_is_found(path: Path, directory: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition(SEPARATOR)
    outcome = examine_text(text + "\n", "tenbin.yaml", environment=ENVIRONMENT, directory=directory)
    assert render(outcome.diagnostics) == ""
    assert outcome.config is not None
    found = compact(outcome.config, None if path.stem == USUAL else usual(directory))
    check(path, text, expected, found.replace(str(directory), "/etc/tenbin") + "\n")


@cache
def usual(directory: Path) -> Config:
    text = (GOLDEN / "config-ok" / f"{USUAL}.txt").read_text(encoding="utf-8").partition(SEPARATOR)[0]
    return read(text, "tenbin.yaml", environment=ENVIRONMENT, directory=directory)


def check(path: Path, text: str, expected: str, found: str) -> None:
    if os.environ.get("TENBIN_UPDATE_GOLDEN"):
        path.write_text(text + SEPARATOR + found, encoding="utf-8")
    else:
        assert found == expected


def test_there_are_enough_mistakes() -> None:
    assert len(cases("config-errors")) >= 75
