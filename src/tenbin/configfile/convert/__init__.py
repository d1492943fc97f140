"""A configuration as a file of the native language: `tenbin convert haproxy.cfg`.

Owns the way from the model back to YAML, and the proof that it leads back: what was written is read, and what does not
come back as it was is told. What the native language cannot say is left out and told, with `file:line` and reason, in
comments at the top of the file; so is what only HAProxy's language asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tenbin.configfile.convert.backends import backend
from tenbin.configfile.convert.frontends import frontend, shared
from tenbin.configfile.convert.notes import Notes, lines
from tenbin.configfile.convert.places import Places
from tenbin.configfile.convert.proof import Proof
from tenbin.configfile.convert.rules import table
from tenbin.configfile.convert.unsaid import directives
from tenbin.configfile.convert.words import UnsayableError, template
from tenbin.configfile.source import Source
from tenbin.model.expression import Const

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.convert.notes import Yaml
    from tenbin.configfile.haproxy import Entry
    from tenbin.model import Config, Expression


@dataclass(frozen=True, slots=True)
class Converted:
    """The `text` of the file, what it leaves out, and what is done in another way: `elsewhere`."""

    text: str
    left_out: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


def convert(config: Config, report: Sequence[Entry], *, directory: Path) -> Converted:
    """Write a configuration in the native language; `report` is what the reader said of its directives.

    `directory` is what paths in it are relative to, now and in the file that is written.
    """
    notes = Notes()
    places = Places(report, Path(config.origin).name)
    directives(config, report, notes)
    text = _yaml(_document(config, places, notes))
    _prove(config, text, directory, places, notes)
    left_out, elsewhere = lines(notes.lost), lines(notes.other)
    return Converted(_head(config, left_out, elsewhere) + text, left_out, elsewhere)


def _document(config: Config, places: Places, notes: Notes) -> Yaml:
    document: Yaml = {"admin": None, "threads": config.threads, **_process(config)}
    document["log"] = "stdout" if any(one.log and one.log.targets for one in config.frontends) else "none"
    fronts = {one.name: frontend(one, places.of(one), notes) for one in config.frontends}
    document |= shared(list(fronts.values()))
    if said := _variables(config.variables, places, notes):
        document["variables"] = said
    if config.tables:
        document["tables"] = {one.name: table(one) for one in config.tables}
    if fronts:
        document["frontends"] = fronts
    else:
        notes.add(places.file, "there is no frontend, and the file cannot be used without one")
    backends = {one.name: backend(one, places.of(one), notes) for one in config.backends}
    return {**document, "backends": backends} if backends else document


def _process(config: Config) -> Yaml:
    limits = config.limits
    said: Yaml = {"connections": limits.connections, "buffer": limits.buffer, "pending": limits.pending}
    said["memory"] = f"{limits.memory.percent}%" if limits.memory.percent else limits.memory.size
    if rates := {one.name: getattr(limits.rates, one.name) for one in fields(limits.rates)}:
        said |= {"rates": rates} if any(rates.values()) else {}
    written: Yaml = {"limits": said}
    written["timeouts"] = {"drain": str(config.drain)}
    if config.user is not None:
        written |= {"user": config.user.name, "group": config.user.gid}
    if config.runtime_directory is not None:
        written["runtime_directory"] = str(config.runtime_directory)
    return {**written, "watch": True} if config.watch else written


def _variables(found: Sequence[tuple[str, Expression]], places: Places, notes: Notes) -> Yaml:
    written: Yaml = {}
    for pair in found:
        name, tree = pair
        try:
            plain = isinstance(tree, Const) and isinstance(tree.value, bool | int)
            written[name] = tree.value if plain else template(tree)  # type: ignore[union-attr]
        except UnsayableError as error:
            notes.add(places.directive("global", "set-var"), f"not said here: {name}: {error}", pair)
    return written


def _prove(config: Config, text: str, directory: Path, places: Places, notes: Notes) -> None:
    """Read what was written; what is not as it was is noted."""
    from tenbin.configfile import native

    again, problems = native.read(Source("tenbin.yaml", text), environment={}, directory=directory)
    if again is None:
        for one in problems:
            told = f" {one.found}" if getattr(one, "found", "") else ""
            notes.add(places.file, f"what was written cannot be used: line {one.line}: {one.message}{told}")
        return
    for difference in Proof(notes.dropped).differences(config, again):
        notes.add(places.near(difference.holders), f"not said here: {difference.what}")


def _head(config: Config, left_out: Sequence[str], elsewhere: Sequence[str]) -> str:
    said = [f"# Converted from {Path(config.origin).name or 'a configuration'} by `tenbin convert`."]
    for title, told in (
        ("Left out, because there are no words for it here yet:", left_out),
        ("Only HAProxy's language asks for these; what does their work here:", elsewhere),
    ):
        if told:
            said.append(f"# {title}")
            said.extend(f"#   {one}" for one in told)
    return "\n".join(said) + "\n\n"


def _yaml(document: Yaml) -> str:
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=118)
    return text.replace("${", "$${")
