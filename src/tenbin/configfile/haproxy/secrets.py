"""Which words of a line are secrets, so that neither a message nor a report ever shows them."""

from __future__ import annotations

import re

HIDDEN = "*"

_SECRET = re.compile(
    r"""
    ^\s*(?:
        user\s+\S+\s+(?:.*?\s)?(?:insecure-)?password\s+(?P<password>\S+)
      | stats\s+auth\s+[^\s:]+:(?P<auth>\S+)
      | dynamic-cookie-key\s+(?P<key>\S+)
      | tcp-check\s+send(?:-lf)?\s+(?P<auth2>["']?AUTH\b.*)
      | (?:http-check\s+send|option\s+httpchk)\s.*\bAuthorization[:\s]\s*(?P<header>.+)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def conceal(text: str) -> str:
    """Return a line with every character of its secrets replaced; all others keep their places."""
    found = _SECRET.match(text)
    if not found or found.lastgroup is None:
        return text
    start, end = found.span(found.lastgroup)
    return text[:start] + HIDDEN * (end - start) + text[end:]
