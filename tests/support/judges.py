"""A program in the data plane's place that judges certificates as a test says, and notes what it was asked."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """\
#!{python}
import sys
open({asked!r}, "w").write(sys.stdin.read())
sys.stdout.write(open({answer!r}).read())
sys.stderr.write({said!r})
sys.exit({status})
"""


class Judge:
    """The program at `path`; `answer` is what it says next, `question` what it was asked last."""

    def __init__(self, folder: Path, *, said: str = "", status: int = 0) -> None:
        self.path = folder / "judge"
        self._answer, self._asked = folder / "answer", folder / "asked"
        self._answer.write_text("")
        self.path.write_text(
            _SCRIPT.format(
                python=sys.executable, asked=str(self._asked), answer=str(self._answer), said=said, status=status
            )
        )
        self.path.chmod(0o755)

    def answer(self, *certificates: dict[str, Any], authorities: tuple[dict[str, Any], ...] = ()) -> None:
        """Set what it says."""
        self._answer.write_text(json.dumps({"certificates": certificates, "authorities": authorities}))

    @property
    def question(self) -> Any:
        """What it was asked."""
        return json.loads(self._asked.read_text())


def certificate(file: str, *problems: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """What the program says of one certificate."""
    told = {
        "certificate": file,
        "names": ["a.example", "*.a.example"],
        "subject": "CN=a.example",
        "issuer": "CN=Root",
        "serial": "01ff",
        "not_before": 1_700_000_000,
        "not_after": 1_800_000_000,
        "key": "ecdsa P-256",
        "fingerprint": "ab" * 32,
        "chain": 2,
    }
    return {**told, **facts, "problems": problems}


def problem(level: str, file: str, line: int, text: str) -> dict[str, Any]:
    """What the program says of something wrong."""
    return {"level": level, "file": file, "line": line, "text": text}
