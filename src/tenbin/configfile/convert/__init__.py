"""A configuration as a file of the native language: `tenbin convert haproxy.cfg`.

Owns the way from the model back to YAML. What the native language cannot say is left out and told, with `file:line` and
reason, in comments at the top of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tenbin.configfile.convert.backends import backend
from tenbin.configfile.convert.frontends import frontend, shared
from tenbin.configfile.convert.notes import Notes
from tenbin.configfile.convert.rules import table
from tenbin.configfile.convert.unsaid import directives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.convert.notes import Yaml
    from tenbin.configfile.haproxy import Entry
    from tenbin.model import Config


@dataclass(frozen=True, slots=True)
class Converted:
    """The `text` of the file, and what it leaves out."""

    text: str
    left_out: tuple[str, ...]


def convert(config: Config, report: Sequence[Entry]) -> Converted:
    """Write a configuration in the native language; `report` is what the reader said of its directives."""
    notes = Notes()
    places = {entry.section: f"{entry.file}:{entry.line}" for entry in reversed(report)}
    directives(report, notes)
    served = {one.name for one in config.backends if one.servers and not one.name.startswith(".")}
    document: Yaml = {"admin": None, "threads": config.threads, **_process(config)}
    fronts = {one.name: frontend(one, served, notes) for one in config.frontends}
    document |= shared(list(fronts.values()))
    if config.tables:
        document["tables"] = {one.name: table(one) for one in config.tables}
    document["frontends"] = fronts
    document["backends"] = {
        one.name: backend(one, config, _place(one.name, places), notes) for one in config.backends if one.name in served
    }
    left_out = tuple(notes.lines())
    return Converted(_head(config, left_out) + _yaml(document), left_out)


def _process(config: Config) -> Yaml:
    limits = config.limits
    written: Yaml = {"limits": {"connections": limits.connections, "buffer": limits.buffer}}
    written["timeouts"] = {"drain": str(config.drain)}
    if config.user is not None and config.user.name:
        written["user"] = config.user.name
    return written


def _place(name: str, places: dict[str, str]) -> str:
    for kind in ("backend", "listen"):
        if place := places.get(f"{kind} {name}"):
            return place
    return places.get(name, name)


def _head(config: Config, left_out: Sequence[str]) -> str:
    lines = [f"# Converted from {Path(config.origin).name or 'a configuration'} by `tenbin convert`."]
    if left_out:
        lines.append("# Left out, because there are no words for it here yet:")
        lines.extend(f"#   {one}" for one in left_out)
    return "\n".join(lines) + "\n\n"


def _yaml(document: Yaml) -> str:
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=118)
    return text.replace("${", "$${")
