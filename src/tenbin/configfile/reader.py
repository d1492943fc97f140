"""Reads a configuration: finds out in which language it is, and hands it to that language's reader.

Owns files and what can go wrong with them; the languages are in the packages beside this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile import diagnostics as shown
from tenbin.configfile.source import Source
from tenbin.errors import Diagnostic, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tenbin.configfile.haproxy import Entry
    from tenbin.model import Config

_LARGEST = 64 * 1024 * 1024

_HAPROXY = re.compile(r"^(global|defaults|(frontend|backend|listen)[ \t]+[\w.:-]+)[ \t]*(#.*)?$", re.MULTILINE)
_NGINX = re.compile(r"^[ \t]*(http|events|stream|server|upstream[ \t]+\S+)[ \t]*\{", re.MULTILINE)
_LATER = "this version reads YAML; `tenbin init` prints a file to start from"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading gave: a configuration unless there are errors, and every problem, warnings among them.

    `source` is the text that was read; `report`, of a configuration in HAProxy's language, says what becomes of each
    directive.
    """

    config: Config | None
    diagnostics: tuple[Diagnostic, ...]
    source: Source = field(default=Source("", ""), repr=False)
    report: tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The problems that do not keep the configuration from being used."""
        return tuple(one for one in self.diagnostics if one.severity is Severity.WARNING)


def load(path: Path, *, environment: Mapping[str, str]) -> Config:
    """Read a file. Paths in it are relative to the directory it stands in.

    Raises `ConfigError` with every problem, also when the file cannot be read at all.
    """
    return _config(examine(path, environment=environment))


def read(text: str, name: str, *, environment: Mapping[str, str], directory: Path) -> Config:
    """Read a text; `name` stands for the file in messages, `directory` is what paths in it are relative to.

    Raises `ConfigError` with every problem.
    """
    return _config(examine_text(text, name, environment=environment, directory=directory))


def examine(path: Path, *, environment: Mapping[str, str]) -> Outcome:
    """Read a file as `load` does, and return the problems, warnings too, instead of raising them."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "`tenbin init` prints a file to start from" if isinstance(error, FileNotFoundError) else ""
        return _refused(Source(name, "").whole(f"the file cannot be read: {reason}", hint=hint))
    if len(data) > _LARGEST:
        return _refused(Source(name, "").whole(f"the file is larger than {_LARGEST >> 20} MiB"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        return _refused(Source(name, "").whole(message, hint="save it in the encoding UTF-8"))
    return examine_text(text, name, environment=environment, directory=path.absolute().parent)


def examine_text(text: str, name: str, *, environment: Mapping[str, str], directory: Path) -> Outcome:
    """Read a text as `read` does, and return the problems, warnings too, instead of raising them."""
    refusal = _other_language(text, name)
    if refusal:
        return _refused(Source(name, text).whole(refusal, hint=_LATER))
    source = Source(name, text)
    if _is_haproxy(text, name):
        return _haproxy(source, environment, directory)
    from tenbin.configfile import native

    config, problems = native.read(source, environment=environment, directory=directory)
    return Outcome(config, shown.in_order(problems), source)


def _config(outcome: Outcome) -> Config:
    if outcome.config is None:
        raise shown.config_error(outcome.diagnostics)
    return outcome.config


def _haproxy(source: Source, environment: Mapping[str, str], directory: Path) -> Outcome:
    from tenbin.configfile import haproxy

    texts = [haproxy.Text(source.name, source.text)]
    version = haproxy.version_of(environment)
    found = haproxy.read(texts, environment=environment, directory=directory, version=version)
    problems = shown.in_order(problem.diagnostic for problem in found.problems)
    return Outcome(found.config, problems, source, found.report)


def _refused(problem: Diagnostic) -> Outcome:
    return Outcome(None, (problem,))


def _is_haproxy(text: str, name: str) -> bool:
    if name.endswith((".yaml", ".yml", ".json")):
        return False
    return name.endswith(".cfg") or _HAPROXY.search(text) is not None


def _other_language(text: str, name: str) -> str:
    """Why a text is not read, when it is in a language that this version does not know."""
    if name.endswith(".py"):
        return "configurations written in Python are not read yet"
    if name.endswith(".toml"):
        return "TOML is not read"
    if name.endswith((".yaml", ".yml", ".json")) or _is_haproxy(text, name):
        return ""
    if name.endswith(".conf") or _NGINX.search(text):
        return "nginx's configurations are not read yet"
    return ""
