"""A configuration as lines in sections, before anyone knows what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.lexer import Line


@dataclass(slots=True)
class Section:
    """A section: `head` is the line that opens it, `lines` what stands in it.

    `name` is "" where it has none; `defaults` is the section that it inherits from, if any.
    """

    kind: str
    name: str
    head: Line
    lines: list[Line] = field(default_factory=list)
    defaults: Section | None = None
