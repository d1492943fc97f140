"""What no file of the repository says: one machine's paths, where packages are fetched from, how it was written."""

from __future__ import annotations

import re

import pytest

from house.files import name, tracked

# Written with a class of one letter each, so that this file passes its own test.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.<}])/(?:[w]ork|[r]oot/\.\w+|[h]ome/\w+|[U]sers/\w+)/",
    "a registry's host": r"[p]ypi\.org|[p]ythonhosted\.org|(?:static|index)\.[c]rates\.io|[r]egistry\.npmjs",
    "an index to install from": r"--(?:extra-)?[i]ndex-url|--[f]ind-links",
    "who typed it": r"\b(?:(?:coding|AI|sub)[ -]?[a]gents?|[L]LMs?|[c]laude|[a]nthropic|[c]hatgpt|[c]opilot)\b",
    "a number of a tracker": r"\b[i]ssues? #?\d+\b",
    "a merge that was not finished": r"^(?:[<]{7}|[>]{7}) ",
}
# Cargo's own lock names its index in every entry; the licence is not our text.
FREE = {"Cargo.lock", "LICENSE"}
# make lock tells uv to leave the index out, in the Makefile.
ALLOWED = {("Makefile", "an index to install from"): "--no-emit-index-url"}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_file_says(kind: str) -> None:
    pattern = re.compile(FORBIDDEN[kind], re.IGNORECASE | re.MULTILINE)
    found = []
    for path in tracked():
        text = "" if name(path) in FREE else _text(path.read_bytes())
        text = text.replace(ALLOWED.get((name(path), kind), "\0"), "")
        found += [(name(path), text[: at.start()].count("\n") + 1, at.group()) for at in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a path of one machine", "see /h" + "ome/sam/tenbin"),
        ("a registry's host", "from p" + "ypi.org"),
        ("an index to install from", "pip install --i" + "ndex-url x"),
        ("who typed it", "the coding a" + "gent"),
        ("a number of a tracker", "fixes i" + "ssue #12"),
    ],
)
def test_the_patterns_find_what_they_are_for(kind: str, text: str) -> None:
    assert re.search(FORBIDDEN[kind], text, re.IGNORECASE)


@pytest.mark.parametrize("text", ["user-agent", "agent checks", "https://example.org/home/page/", "a session cookie"])
def test_the_patterns_leave_good_words_alone(text: str) -> None:
    assert not any(re.search(pattern, text, re.IGNORECASE) for pattern in FORBIDDEN.values())


def _text(content: bytes) -> str:
    return "" if b"\0" in content[:1024] else content.decode(errors="replace")
