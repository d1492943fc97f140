"""Conditions of `.if`, answered for what Tenbin can do."""

from __future__ import annotations

import pytest

from tenbin.configfile.haproxy import About, ConditionError, holds

ABOUT = About({"HOST": "web"}, (2, 6))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", False),
        ("1", True),
        ("0", False),
        ("defined(HOST)", True),
        ("!defined(HOST)", False),
        ("defined(NONE) || defined(HOST)", True),
        ("defined(NONE) && defined(HOST)", False),
        ("!(defined(NONE) && 1) && (0 || 1)", True),
        ('streq("a b",a b)', True),
        ("strneq(a,b)", True),
        ("strstr(abc,b)", True),
        ("version_atleast(2.6)", True),
        ("version_atleast(2.6-dev0)", True),
        ("version_atleast(3.0)", False),
        ("version_before(2.7)", True),
        ("openssl_version_atleast(1.1.1)", True),
        ("openssl_version_before(4.0.0)", True),
        ("feature(OPENSSL) && feature(THREAD)", True),
        ("feature(LUA) || feature(QUIC)", False),
        ("enabled(EPOLL)", True),
    ],
)
def test_conditions(text: str, *, value: bool) -> None:
    assert holds(text, ABOUT) is value


@pytest.mark.parametrize("text", ["foo", "foo(a)", "defined(HOST", "(1", "1 1", "streq(a)", "1 &&"])
def test_what_cannot_be_parsed(text: str) -> None:
    with pytest.raises(ConditionError):
        holds(text, ABOUT)
