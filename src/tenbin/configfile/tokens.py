"""Small grammars of HTTP that the reader checks: tokens, header values, cookies."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")


def is_token(text: str) -> bool:
    """Whether a text is a token (RFC 9110 section 5.6.2): the name of a header, a cookie or a method."""
    return _TOKEN.fullmatch(text) is not None


def is_field_value(text: str) -> bool:
    """Whether a text can be the value of a header (RFC 9110 section 5.5): no control characters but a tab."""
    return _FIELD_VALUE.fullmatch(text) is not None


def is_cookie_value(text: str) -> bool:
    """Whether a text can be the value of a cookie (RFC 6265 section 4.1.1)."""
    return _COOKIE_VALUE.fullmatch(text) is not None
