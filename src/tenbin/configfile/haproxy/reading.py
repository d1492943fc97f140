"""Reads configurations in HAProxy's language: files in, configuration, problems and report out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import others, settings
from tenbin.configfile.haproxy.build.config import build
from tenbin.configfile.haproxy.context import NEWEST, Reading
from tenbin.configfile.haproxy.doubts import doubts
from tenbin.configfile.haproxy.preprocess import Text, sections
from tenbin.configfile.haproxy.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tenbin.configfile.haproxy.context import Entry, Problem
    from tenbin.model import Config

_PROXIES = ("defaults", "frontend", "backend", "listen")


@dataclass(frozen=True, slots=True)
class Read:
    """`config` is None where there are errors; `problems` and `report` are in the order in which they were found."""

    config: Config | None
    problems: tuple[Problem, ...]
    report: tuple[Entry, ...]


def version_of(environment: Mapping[str, str]) -> tuple[int, int]:
    """The version of HAProxy that is meant: `TENBIN_COMPAT`, such as 2.6 or 3.x, or the newest."""
    major, _, minor = environment.get("TENBIN_COMPAT", "").partition(".")
    if not major.isdigit():
        return NEWEST
    if minor.isdigit():
        return int(major), int(minor)
    return max(NEWEST, (int(major), 0)) if int(major) == NEWEST[0] else (int(major), 0)


def read(
    texts: Sequence[Text], *, environment: Mapping[str, str], directory: Path, version: tuple[int, int] = NEWEST
) -> Read:
    """Read the files of a configuration; names of files in it are relative to the directory."""
    reading = Reading(directory, environment, version)
    process, beside, proxies = settings.Global(), others.Others(), Proxies(reading)
    for section in sections(reading, texts):
        if section.kind == "global":
            reading.section = "global"
            reading.exact(section.head)
            for line in section.lines:
                settings.read(reading, process, line)
        elif section.kind in _PROXIES:
            proxies.read(section)
        else:
            others.read(reading, beside, section)
    origin = texts[0].name if texts else ""
    config = build(reading, process, proxies, beside, origin)
    doubts(reading, proxies.found, config)
    return Read(None if reading.failed else config, tuple(reading.problems), reading.report)
