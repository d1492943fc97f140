"""No dependency has a fault that is known, comes from elsewhere than the registry, or is there twice."""

from __future__ import annotations

import re
import tomllib

import pytest

from house.files import ROOT
from house.supply import REGISTRY, Advisory, advisories, crate_problems, python_problems

LIST = ROOT / "tests" / "house" / "advisories.toml"
CRATES = advisories(LIST, "crate")
PYTHON = advisories(LIST, "python")
CARGO = (ROOT / "Cargo.lock").read_text()
REQUIREMENTS = (ROOT / "requirements" / "dev.txt").read_text()
POLICY = tomllib.loads((ROOT / "deny.toml").read_text())
SKIPPED = {entry["crate"].partition("@")[0]: entry["reason"] for entry in POLICY["bans"]["skip"]}


def test_no_crate_has_a_known_fault_or_an_unknown_source() -> None:
    assert crate_problems(CARGO, CRATES, SKIPPED) == []


def test_no_python_package_has_a_known_fault_or_an_unknown_source() -> None:
    assert python_problems(REQUIREMENTS, PYTHON) == []


def test_the_list_says_when_it_was_looked_at_and_repeats_nothing() -> None:
    assert re.search(r"(?m)^looked_at = \d{4}-\d\d-\d\d$", LIST.read_text())
    for known in (CRATES, PYTHON):
        assert len({one.id for one in known}) == len(known)
        assert [one.package for one in known] == sorted(one.package for one in known)


@pytest.mark.parametrize("one", [one for one in CRATES if f'name = "{one.package}"\n' in CARGO], ids=lambda one: one.id)
def test_a_crate_that_goes_back_before_its_fix_is_found(one: Advisory) -> None:
    old = re.sub(rf'(name = "{one.package}"\nversion = )"[^"]+"', r'\1"0.0.9"', CARGO)
    (problem,) = crate_problems(old, CRATES, SKIPPED)
    assert problem.startswith(f"Cargo.lock: {one.package} 0.0.9 has ")
    assert f"`cargo update -p {one.package}`, to " in problem


@pytest.mark.parametrize("one", [one for one in PYTHON if f"\n{one.package}==" in REQUIREMENTS], ids=lambda one: one.id)
def test_a_python_package_that_goes_back_before_its_fix_is_found(one: Advisory) -> None:
    old = re.sub(rf"\n{one.package}==\S+", f"\n{one.package}==0.0.9", REQUIREMENTS)
    (problem,) = python_problems(old, PYTHON)
    assert problem.startswith(f"requirements/dev.txt: {one.package} 0.0.9 has ")
    assert "make lock" in problem


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (REGISTRY, "git+https://example.org/slab?rev=1#2", "comes from git+https://example.org"),
        (REGISTRY, "registry+https://example.org/index", "only crates of the registry"),
        ('checksum = "', 'other = "', "has no checksum"),
    ],
)
def test_a_crate_from_elsewhere_is_found(before: str, after: str, told: str) -> None:
    (problem,) = crate_problems(CARGO.replace(before, after, 1), CRATES, SKIPPED)
    assert told in problem


def test_a_crate_that_is_there_twice_is_found_unless_there_is_a_reason() -> None:
    twice = f'{CARGO}\n[[package]]\nname = "slab"\nversion = "9.0.0"\nsource = "{REGISTRY}"\nchecksum = "00"\n'
    (problem,) = crate_problems(twice, CRATES, SKIPPED)
    assert problem.startswith("Cargo.lock: slab is there twice")
    assert crate_problems(twice, CRATES, {**SKIPPED, "slab": "until tokio moves"}) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("h12 @ git+https://example.org/h12", "is not a version of the index"),
        ("-e ../other", "is not a version of the index"),
        ("https://example.org/h12.whl", "is not a version of the index"),
        ("h12>=1.0", "is not a version of the index"),
        ("h12==1.0", "h12 1.0 has no hash"),
    ],
)
def test_a_python_package_from_elsewhere_is_found(line: str, told: str) -> None:
    (problem,) = python_problems(f"{REQUIREMENTS}\n{line}\n", PYTHON)
    assert told in problem
