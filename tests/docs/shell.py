"""One bash for a whole page, as a reader has one terminal: what it starts in the background stays its job."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tenbin.testing import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Shell:
    """A bash with job control; what it and its jobs print goes to one file."""

    def __init__(self, directory: Path, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._number = 0
        with log.open("wb") as output:
            self._bash = subprocess.Popen(
                ["bash", "--noprofile", "--norc"],
                cwd=directory,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._send("set -m -o pipefail; trap 'failed=$?' ERR\n")

    def run(self, text: str, patience: float = 60) -> tuple[int, str]:
        """Run the commands; return the status of the last one that failed, 0 without one, and what was printed."""
        self._number += 1
        mark, before = f"<<{self._number}:", self._log.stat().st_size
        self._send(f"failed=0\n{text}\necho; echo '{mark}'$failed'>>'\n")

        def printed() -> str:
            with self._log.open("rb") as log:
                log.seek(before)
                found, at, rest = log.read().decode(errors="replace").partition(mark)
            return found + at + rest if ">>" in rest else ""

        try:
            output, _, rest = wait_for(printed, patience).partition(mark)
        except AssertionError as error:
            error.add_note(f"{text}\nprinted:\n{self._log.read_text(errors='replace')}")
            raise
        return int(rest.partition(">>")[0]), output

    def end(self) -> None:
        """End the shell itself."""
        self._bash.kill()
        self._bash.wait(10)
        if self._bash.stdin is not None:
            self._bash.stdin.close()

    def _send(self, text: str) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.write(text.encode())
        self._bash.stdin.flush()
