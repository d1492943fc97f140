"""Characters of a scalar's value are found again in the file, in every style of YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tenbin.configfile.native import positions
from tenbin.configfile.native.loader import parse
from tenbin.configfile.native.tree import Map, Tree
from tenbin.configfile.source import Source

VISIBLE = st.text(st.sampled_from("abc é日 '\"\\:#-\n"), min_size=1, max_size=30)


def tree_of(text: str) -> Tree:
    tree, problems = parse(Source("f", text), {})
    assert tree is not None
    assert not problems
    return tree


@settings(max_examples=300, deadline=None)
@given(VISIBLE, st.sampled_from([None, "'", '"', "|", ">"]), st.integers(min_value=20, max_value=80))
def test_characters_are_found_again(value: str, style: str | None, width: int) -> None:
    text = yaml.dump({"key": value}, default_style=style, allow_unicode=True, width=width)
    tree = tree_of(text)
    assert isinstance(tree.root, Map)
    found = tree.root["key"]
    if not isinstance(found, str):
        return
    start, end = tree.root.values_at["key"]
    places = positions.offsets(text, start, end, found)
    if places is None:
        return
    for char, place in zip(found, places, strict=True):
        assert char in (" ", "\n") or text[place] in (char, "\\")


@pytest.mark.parametrize(
    ("text", "value", "at"),
    [
        ("k: abc", "abc", 5),
        ("k: 'a''c'", "a'c", 7),
        (r'k: "a\"c"', 'a"c', 7),
        (r'k: "\u0041\x42c"', "ABc", 14),
        ("k: |\n  ab\n  c\n", "ab\nc\n", 12),
        ("k: >\n  ab\n  c\n", "ab c\n", 12),
        ("k: >-\n  ab\n\n  c\n", "ab\nc", 14),
        ("k: ab\n  c", "ab c", 8),
        ('k: "ab\n  c"', "ab c", 9),
        ("k: &anchor abc", "abc", 13),
        ("k: !!str 'abc'", "abc", 12),
        ("k: |+\r\n  ab\r\n  c\r\n", "ab\nc\n", 15),
    ],
)
def test_the_place_of_c(text: str, value: str, at: int) -> None:
    tree = tree_of(text)
    assert isinstance(tree.root, Map)
    start, end = tree.root.values_at["k"]
    assert tree.root["k"] == value
    places = positions.offsets(text, start, end, value)
    assert places is not None
    assert places[value.index("c")] == at


def test_what_does_not_fit_has_no_place() -> None:
    assert positions.offsets("k: abc", 3, 6, "other") is None
