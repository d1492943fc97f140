"""Reads the code blocks of a page, and the invisible comments that say how each is run.

A comment on the line before a block counts: `<!-- file: NAME -->` writes it to NAME, `<!-- output -->` compares it with
what the block before printed (`…` stands for anything), `<!-- fails -->` expects an exit status other than 0, and
`<!-- not run: REASON -->` leaves it out.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<comment>[^\n]*?) -->\n)?^(?P<indent> *)(?P<fence>```+)(?P<language>\w*)[^\n]*\n"
    r"(?P<text>.*?)^ *(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One code block: its language, its text, what the comment before it says, the line that it begins on."""

    language: str
    text: str
    comment: str
    line: int

    @property
    def file(self) -> str:
        """The file that it is written to, "" for none."""
        return self.comment.removeprefix("file: ") if self.comment.startswith("file: ") else ""

    @property
    def left_out(self) -> bool:
        """Whether the page says why it is not run."""
        return self.comment.startswith("not run: ")


def read(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = page.read_text()
    return [
        Block(
            found["language"],
            textwrap.dedent(found["text"]),
            found["comment"] or "",
            text.count("\n", 0, found.start("fence")) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]
