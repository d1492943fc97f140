"""Words of a line, as HAProxy splits them."""

from __future__ import annotations

import pytest

from tenbin.configfile.haproxy.lexer import LexicalError, split
from tenbin.configfile.haproxy.secrets import conceal

ENVIRONMENT = {"LIST": "one two  three", "HOST": "web"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  mode http", ["mode", "http"]),
        ("", []),
        ("  # only a comment", []),
        ("a b#c", ["a", "b"]),
        ("a b\\#c", ["a", "b#c"]),
        ("a\\ b c", ["a b", "c"]),
        ('a "b c" d', ["a", "b c", "d"]),
        ("a 'b \\n c' d", ["a", "b \\n c", "d"]),
        (r'a "\x41\t\"" b', ["a", 'A\t"', "b"]),
        ('a "" b', ["a", "", "b"]),
        (r"a ^/x\.y$ b", ["a", r"^/x\.y$", "b"]),
        ('a "$HOST"-1', ["a", "web-1"]),
        ('a "${HOST}" b', ["a", "web", "b"]),
        ("a ${HOST} '$HOST'", ["a", "${HOST}", "$HOST"]),
        ('a "${NONE-some where}" b', ["a", "some where", "b"]),
        ('a "${LIST[*]}" b', ["a", "one", "two", "three", "b"]),
        ('a "${LIST}" b', ["a", "one two  three", "b"]),
        ('a "$.LINE"', ["a", "7"]),
        (r'a "\$HOST"', ["a", "$HOST"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in split(text, "x.cfg", 7, ENVIRONMENT).words] == words


def test_a_word_knows_its_place() -> None:
    word = split("  server 'a b' x", "x.cfg", 3, {}).words[1]
    assert (word.text, word.start, word.end, word.position) == ("a b", 9, 14, "x.cfg:3:10")


@pytest.mark.parametrize(
    ("text", "start", "message"),
    [
        ('a "b', 2, "unmatched quote"),
        (r"a \xzz", 2, "truncated or invalid hexadecimal sequence"),
        ('a "$1"', 4, "forbidden first char in environment variable name"),
        ('a "${HOST"', 3, "unmatched brace in environment variable name"),
        ('a "${LIST[x]}"', 9, "truncated or invalid word expansion sequence"),
    ],
)
def test_what_cannot_be_split(text: str, start: int, message: str) -> None:
    with pytest.raises(LexicalError) as caught:
        split(text, "x.cfg", 1, ENVIRONMENT)
    assert (caught.value.start, caught.value.message) == (start, message)


@pytest.mark.parametrize(
    "text",
    [
        "user ann password hidden",
        "user ann insecure-password hidden groups g",
        "stats auth ann:hidden",
        "tcp-check send AUTH\\ hidden",
    ],
)
def test_secrets_are_not_shown(text: str) -> None:
    assert "hidden" not in conceal(text)
    assert len(conceal(text)) == len(text)
