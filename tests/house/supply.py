"""Reads both lock files and tells what must not be in them; without a network, and without tools to install."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
_PINNED = re.compile(r"([\w.-]+)==([^\s;]+)(?:\s*;(?:(?!\s--hash=).)*)?((?:\s--hash=\S+)*)")


@dataclass(frozen=True)
class Advisory:
    """A version of a package in which something was put right."""

    id: str
    package: str
    fixed: str
    title: str

    def concerns(self, package: str, version: str) -> bool:
        """Whether it is about this version."""
        return package == self.package and _numbers(version) < _numbers(self.fixed)


def advisories(path: Path, kind: str) -> list[Advisory]:
    """Return the advisories about one kind of packages, `crate` or `python`."""
    return [Advisory(**entry) for entry in tomllib.loads(path.read_text())[kind]]


def crate_problems(lock: str, known: list[Advisory], skipped: Mapping[str, str]) -> list[str]:
    """Tell what is wrong with a Cargo.lock; `skipped`: crates that may be there twice, and why."""
    packages = tomllib.loads(lock)["package"]
    found = []
    for package in packages:
        name, version, source = package["name"], package["version"], package.get("source")
        place = f"Cargo.lock: {name} {version}"
        # Without a source it is a crate of this workspace.
        if source is not None and source != REGISTRY:
            found.append(f"{place} comes from {source}: only crates of the registry are taken")
        elif source is not None and "checksum" not in package:
            found.append(f"{place} has no checksum: `cargo update -p {name}` writes one")
        found += [
            f"{place} has {one.id} ({one.title}): `cargo update -p {name}`, to {one.fixed} or later"
            for one in known
            if one.concerns(name, version)
        ]
    counted = Counter(package["name"] for package in packages)
    twice = sorted(name for name, count in counted.items() if count > 1 and not skipped.get(name))
    found += [f"Cargo.lock: {name} is there twice: `cargo tree -d`, or a reason in deny.toml's skip" for name in twice]
    return found


def python_problems(lock: str, known: list[Advisory]) -> list[str]:
    """Tell what is wrong with a requirements file."""
    return [problem for line in _logical_lines(lock) for problem in _line_problems(line, known)]


def _line_problems(line: str, known: list[Advisory]) -> Iterator[str]:
    pinned = _PINNED.fullmatch(line)
    if pinned is None:
        told = "is not a version of the index: write `name==version` with hashes"
        yield f"requirements/dev.txt: `{line[:60]}` {told}"
        return
    name, version, hashes = pinned[1].lower().replace("_", "-"), pinned[2], pinned[3]
    if "--hash=sha256:" not in hashes:
        yield f"requirements/dev.txt: {name} {version} has no hash: `make lock` writes them"
    for one in known:
        if one.concerns(name, version):
            place = f"requirements/dev.txt: {name} {version}"
            yield f"{place} has {one.id} ({one.title}): set {name}>={one.fixed} in pyproject.toml, then `make lock`"


def _logical_lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        bare = re.sub(r"(^|\s)#.*", "", line).strip()
        if bare:
            yield re.sub(r"\s+", " ", bare)


def _numbers(version: str) -> tuple[int, ...]:
    """The release of a version, comparable; what comes before a release counts as that release."""
    release = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    assert release, version
    return tuple(int(number) for number in release.group().split("."))
