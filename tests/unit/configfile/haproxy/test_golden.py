"""What is told about wrong configurations in HAProxy's language: every problem, its place, and a hint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile import render
from tenbin.configfile.reader import examine_text
from unit.configfile.test_golden import ENVIRONMENT, FILES, SEPARATOR, cases

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("files")
    for name in ("both.pem", "lonely.crt", "sorry.html"):
        (directory / name).write_text(FILES[name], encoding="utf-8")
    return directory


@pytest.mark.parametrize("path", cases("haproxy-errors"))
def test_problems_are_told(path: Path, directory: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition(SEPARATOR)
    outcome = examine_text(text + "\n", "haproxy.cfg", environment=ENVIRONMENT, directory=directory)
    found = render(outcome.diagnostics).replace(str(directory), "/etc/haproxy") + "\n"
    if os.environ.get("TENBIN_UPDATE_GOLDEN"):
        path.write_text(text + SEPARATOR + found, encoding="utf-8")
        return
    assert found == expected
    assert (outcome.config is not None) == path.stem.startswith("warning")
    assert "verysecret" not in found
    assert all("verysecret" not in entry.directive for entry in outcome.report)


def test_there_are_enough_mistakes() -> None:
    assert len(cases("haproxy-errors")) >= 90
