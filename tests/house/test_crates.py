"""What the crates promise: no unsafe code, no sockets or clocks in the pure ones, no licence that is not allowed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest

from house.files import ROOT, name, sources
from house.functions import blank_opaque

CRATES = sorted(path.parent for folder in ("crates", "benches") for path in ROOT.glob(f"{folder}/*/Cargo.toml"))
UNSAFE: dict[str, int] = {}
"""Files with unsafe code and how often each says so."""
PURE = {"proto", "rules", "balance"}
IMPURE = re.compile(
    r"\b(?:Tcp|Udp|Unix)(?:Stream|Listener|Socket|Datagram)\b|\bstd::(?:fs|os|process)\b"
    r"|\b(?:Instant|SystemTime)::now\b|\b(?:tokio|socket2|rustix)::"
)


def test_there_is_no_unsafe_code_outside_sys() -> None:
    found = {name(path): count for path in sources(".rs", "crates", "fuzz") if (count := _unsafe(path.read_text()))}
    assert found == UNSAFE, "unsafe code stands in a crate's `sys` module only, and its count in UNSAFE here"
    assert all(re.fullmatch(r"crates/\w+/src/sys(?:/\w+)?\.rs", file) for file in UNSAFE)


@pytest.mark.parametrize("crate", CRATES, ids=lambda crate: crate.name)
def test_every_crate_forbids_unsafe_code(crate: Any) -> None:
    """A crate with a `sys` module denies it instead, and allows it there alone."""
    roots = [path for path in (crate / "src/lib.rs", crate / "src/main.rs") if path.exists()]
    manifest = tomllib.loads((crate / "Cargo.toml").read_text())
    level = "deny" if any(file.startswith(f"{name(crate)}/") for file in UNSAFE) else "forbid"
    assert roots
    for root in roots:
        assert f"#![{level}(unsafe_code)]" in root.read_text(), name(root)
    assert manifest["lints"] == {"workspace": True}


def test_unsafe_code_is_found_where_it_is_code() -> None:
    text = 'unsafe fn f() { unsafe { g() } } // unsafe\nlet s = "unsafe"; unsafe impl Send for X {}\n'
    assert _unsafe(text) == 3
    assert not _unsafe("#![forbid(unsafe_code)]\n#![deny(unsafe_op_in_unsafe_fn)]\n")


@pytest.mark.parametrize("crate", sorted(PURE))
def test_pure_crates_know_neither_sockets_nor_clocks(crate: str) -> None:
    files = sources(".rs", f"crates/{crate}/src")
    assert files
    assert {name(path): found for path in files if (found := IMPURE.findall(_product(path.read_text())))} == {}


def test_every_dependency_has_an_allowed_licence() -> None:
    """Holds what deny.toml says where cargo-deny is not installed."""
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    allowed = set(policy["licenses"]["allow"])
    licences = {package["name"]: package["license"] or "none" for package in _metadata()["packages"]}
    assert {each: licence for each, licence in licences.items() if not _permits(licence, allowed)} == {}


def test_licences_are_read_as_they_are_meant() -> None:
    allowed = {"MIT", "Unicode-3.0"}
    assert _permits("GPL-2.0 OR MIT", allowed)
    assert _permits("(MIT OR GPL-2.0) AND Unicode-3.0", allowed)
    assert _permits("GPL-2.0/MIT", allowed)
    assert not _permits("MIT AND GPL-2.0", allowed)
    assert not _permits("Apache-2.0 WITH LLVM-exception", {"Apache-2.0"})


def test_no_crate_is_linked_twice_unless_deny_toml_says_why() -> None:
    policy = tomllib.loads((ROOT / "deny.toml").read_text())
    skipped = {entry["crate"].partition("@")[0] for entry in policy["bans"]["skip"] if entry["reason"]}
    names = [package["name"] for package in _metadata()["packages"]]
    assert {each for each in names if names.count(each) > 1} <= skipped


def test_every_dependency_is_explained() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["dependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    python = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    wanted = [each for each in workspace if not each.startswith("tenbin-")]
    wanted += [re.split(r"[<>=\[]", each)[0] for each in python]
    assert [each for each in wanted if f"`{each}`" not in text] == []


def _unsafe(text: str) -> int:
    """How often the word stands there as code; names of lints are other words."""
    return len(re.findall(r"\bunsafe\b", blank_opaque(text)))


def _product(text: str) -> str:
    return blank_opaque(text).partition("#[cfg(test)]")[0]


def _permits(licence: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be kept with these licences."""

    def flat(expression: str) -> str:
        choices = [set(re.split(r"\s+AND\s+", choice)) for choice in re.split(r"\s+OR\s+", expression.strip())]
        return "yes" if any(choice <= {*allowed, "yes"} for choice in choices) else "no"

    licence = licence.replace("/", " OR ")
    while "(" in licence:
        licence = re.sub(r"\(([^()]*)\)", lambda found: flat(found.group(1)), licence)
    return flat(licence) == "yes"


def _metadata() -> dict[str, Any]:
    cargo = shutil.which("cargo")
    assert cargo, "cargo is not in PATH"
    command = (cargo, "metadata", "--format-version", "1", "--locked", "--filter-platform", _host(cargo))
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _host(cargo: str) -> str:
    version = subprocess.run((cargo, "--version", "--verbose"), check=True, capture_output=True, text=True).stdout
    return next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
