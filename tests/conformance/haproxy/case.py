"""A case of the comparison: a file of sections `=== NAME`, readable without this code.

    === config            HAProxy's language; `global` and `defaults` are put before it if it has none
    === config NAME       a file that is read after it
    === file NAME         a file beside it, `{folder}/NAME`
    === certificate NAME  the host names of a certificate, `{folder}/NAME`, signed by `{folder}/ca.pem`
    === env               variables of the environment, `NAME=value`
    === origin NAME       what the server at `{NAME}` does, by path (see `origins`)
    === steps             what is done to both, one a line (see `steps`)
    === stat              columns of `show stat` that are compared: `web/FRONTEND req_tot ereq`
    === mask              regular expressions, one a line: what they find in a log line is not compared
    === except            names of fields that differ, and why: `step 3 header connection: reason`
    === except?           the same, where a race decides whether they differ

`{name}` on a `bind` line is a port of the proxy, on any other line the port of a scripted server; `{dead}` is a port
where nobody listens. `{folder}`, `{log}`, `{api}` and `{pem}` are the folder, the port of the log's sink, the path of
the runtime API and a certificate of localhost with its key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACEHOLDER = re.compile(r"(?<![%$])\{([a-z][a-z0-9_]*)\}")
_RESERVED = {"folder", "log", "api", "pem"}
_GLOBAL = """global
  nbthread 1
  stats socket {api} mode 600 level admin
  log 127.0.0.1:{log} local0
"""
_DEFAULTS = """defaults
  mode http
  log global
  option httplog
  timeout connect 4s
  timeout client 4s
  timeout server 4s
"""


@dataclass(frozen=True)
class Excepted:
    """A field that may differ, by its name or a pattern of names."""

    name: str
    reason: str
    is_race: bool = False
    """Whether it differs at some times only."""


@dataclass(frozen=True)
class Case:
    """One file."""

    config: str
    steps: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    """Files in HAProxy's language that are read after `config`."""
    certificates: dict[str, tuple[str, ...]] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    origins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stat: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    excepted: tuple[Excepted, ...] = ()

    @property
    def doors(self) -> list[str]:
        """Names of the proxy's own ports."""
        lines = (line for line in self._whole.splitlines() if line.split()[:1] == ["bind"])
        return _names("\n".join(lines))

    @property
    def servers(self) -> list[str]:
        """Names of the servers behind it, those where nobody listens included."""
        return [name for name in _names(self._whole) if name not in self.doors]

    @property
    def _whole(self) -> str:
        return "".join([self.config, *self.more.values()])


def read(path: Path) -> Case:
    """Read the file of a case."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("=== "):
            current = sections.setdefault(line[4:].strip(), [])
        else:
            current.append(line)
    return Case(
        config=_complete("\n".join(sections.pop("config")) + "\n"),
        steps=_lines(sections.pop("steps")),
        stat=_lines(sections.pop("stat", [])),
        masks=_lines(sections.pop("mask", [])),
        environment=dict(line.split("=", 1) for line in _lines(sections.pop("env", []))),
        excepted=(
            *(_excepted(line) for line in _lines(sections.pop("except", []))),
            *(replace(_excepted(line), is_race=True) for line in _lines(sections.pop("except?", []))),
        ),
        more=_texts(sections, "config"),
        files=_texts(sections, "file"),
        certificates={name: tuple(" ".join(lines).split()) for name, lines in _named(sections, "certificate")},
        origins={name: _lines(lines) for name, lines in _named(sections, "origin")},
    )


def _named(sections: dict[str, list[str]], kind: str) -> Iterator[tuple[str, list[str]]]:
    for title, lines in sections.items():
        first, _, name = title.partition(" ")
        if first == kind:
            yield name, lines


def _texts(sections: dict[str, list[str]], kind: str) -> dict[str, str]:
    return {name: "\n".join(lines) + "\n" for name, lines in _named(sections, kind)}


def _complete(config: str) -> str:
    before = "" if re.search(r"^global\b", config, re.MULTILINE) else _GLOBAL
    if not re.search(r"^defaults\b", config, re.MULTILINE):
        before += _DEFAULTS
    return before + config


def _lines(section: list[str]) -> tuple[str, ...]:
    return tuple(line.strip() for line in section if line.strip() and not line.lstrip().startswith("#"))


def _excepted(line: str) -> Excepted:
    name, _, reason = line.partition(": ")
    assert reason, f"an exception has a reason: {line}"
    return Excepted(name, reason)


def _names(text: str) -> list[str]:
    return sorted({name for name in PLACEHOLDER.findall(text) if name not in _RESERVED})
