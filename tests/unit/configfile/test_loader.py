"""YAML as it is read: what it may hold, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.configfile.native.loader import parse
from tenbin.configfile.native.tree import INVALID, Map, Tree
from tenbin.configfile.source import Source

if TYPE_CHECKING:
    from tenbin.errors import Diagnostic


def read(text: str, **environment: str) -> tuple[Tree | None, list[Diagnostic]]:
    return parse(Source("f", text), environment)


def root(text: str, **environment: str) -> object:
    tree, problems = read(text, **environment)
    assert tree is not None
    assert not problems, problems
    return tree.root


def test_aliases_share_what_they_name() -> None:
    found = root("a: &x {b: [1]}\nc: *x\n")
    assert found == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_an_anchor_may_be_used_again() -> None:
    assert root("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_merge_keys() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {x: 4, <<: *a}\n"
    found = root(text)
    assert isinstance(found, Map)
    assert found["c"] == {"x": 3, "y": 1, "z": 2}
    assert found["d"] == {"x": 4, "y": 1}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert root('"<<": 1') == {"<<": 1}


def test_keys_are_texts() -> None:
    assert root("80: a\ntrue: b\nnull: c\n1.5: d\n") == {"80": "a", "true": "b", "null": "c", "1.5": "d"}


def test_variables_are_filled_in_before_plain_scalars_are_read() -> None:
    assert root('a: ${N}\nb: "${N}"\nc: ${N}0s\nd: ${X:-}\ne: ${E:-z}\nf: $${N}', N="3", E="") == {
        "a": 3, "b": "3", "c": "30s", "d": None, "e": "z", "f": "${N}",
    }  # fmt: skip


def test_variables_are_not_filled_in_twice() -> None:
    assert root("a: ${N}", N="${N}") == {"a": "${N}"}


def test_a_missing_variable_leaves_something_invalid() -> None:
    tree, problems = read("a: ${N}\nb: 1")
    assert tree is not None
    assert isinstance(tree.root, Map)
    assert tree.root["a"] is INVALID
    assert len(problems) == 1


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{a: " * 100_000, "- " * 100_000, "".join(f"{' ' * depth}a:\n" for depth in range(40))]
)
def test_depth_is_bounded(text: str) -> None:
    tree, problems = read(text)
    assert tree is None
    assert len(problems) == 1


def test_width_is_not_bounded() -> None:
    found = root("[" + "1," * 50_000 + "]")
    assert isinstance(found, list)
    assert len(found) == 50_000


def test_a_key_that_is_written_twice_keeps_its_first_value() -> None:
    tree, problems = read("a: 1\na: 2\n")
    assert tree is not None
    assert tree.root == {"a": 1}
    assert problems[0].line == 2


@pytest.mark.parametrize(
    "text",
    ["a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "%YAML 1.2\n---\na: 1\nb: 2\n...\n", "{a: 1, b: 2}", '{"a": 1, "b": 2}'],
)
def test_forms_of_the_same(text: str) -> None:
    assert root(text) == {"a": 1, "b": 2}


def test_places_count_characters() -> None:
    tree, _ = read("é: 日本\nb: [x, {y: z}]\n")
    assert tree is not None
    source = tree.source
    assert source.position(tree.span_of(("é",))[0]) == "f:1:4"
    assert source.position(tree.span_of(("b", 1, "y"))[0]) == "f:2:12"
    assert source.position(tree.span_of(("b", 1, "y"), key=True)[0]) == "f:2:9"
    assert source.position(tree.span_of(("b", 1, "no", "such"))[0]) == "f:2:8"
