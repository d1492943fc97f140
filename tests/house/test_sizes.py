"""Sizes of files and functions, as CONTRIBUTING.md states them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from house.files import ROOT, name, sources
from house.functions import Function, blank_opaque, in_python, in_rust

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_FILE = 500
LONGEST_FUNCTION = 64
MOST_PARAMETERS = 6
LONGEST_OF_NINE_IN_TEN = 40
LONGEST_ARCHITECTURE = 200
CODE = ("src", "tests", "crates", "benches", "examples", "fuzz")


def _functions(language: str) -> list[Function]:
    find = in_python if language == ".py" else in_rust
    return [function for path in sources(language, *CODE) for function in find(path, name(path))]


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for kind in (".py", ".rs") for path in sources(kind)}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}


@pytest.mark.parametrize("language", [".py", ".rs"])
def test_no_function_is_longer_than_64_lines(language: str) -> None:
    assert [str(function) for function in _functions(language) if function.lines > LONGEST_FUNCTION] == []


@pytest.mark.parametrize("language", [".py", ".rs"])
def test_no_function_has_more_than_6_parameters(language: str) -> None:
    product = [function for function in _functions(language) if not function.place.startswith("tests/")]
    assert [str(function) for function in product if function.parameters > MOST_PARAMETERS] == []


@pytest.mark.parametrize("language", [".py", ".rs"])
def test_nine_functions_in_ten_have_at_most_40_lines(language: str) -> None:
    lengths = sorted(function.lines for function in _functions(language))
    assert len(lengths) > 500, "the functions are not found"
    assert lengths[len(lengths) * 9 // 10] <= LONGEST_OF_NINE_IN_TEN


def test_the_architecture_is_a_page_that_one_reads() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= LONGEST_ARCHITECTURE


RUST = """
/// fn in a comment {
fn plain<'a, T: Fn(&'a str) -> bool>(&'a self, text: &'a str, map: Map<u8, Vec<u8>>) -> char {
    let open = "{ \\" fn no() {"; let raw = r#"{ " "#;
    if open == '{' { '\\'' } else { b'}' as char }
}
trait Shape { fn declared(&self); fn given(self: &Self, call: fn(u8) -> u8) { call(1); } }
"""


def test_rust_is_read_as_it_is_meant(tmp_path: Path) -> None:
    file = tmp_path / "sample.rs"
    file.write_text(RUST)
    assert list(in_rust(file, "sample.rs")) == [
        Function("sample.rs:3", "plain", 4, 2),
        Function("sample.rs:7", "given", 1, 1),
    ]
    assert blank_opaque("a // {\nb '{' 'x") == "a     \nb     'x"
