"""Stands for the command `tenbin` while a page is tried: what would use a well-known port uses the page's own.

The command line of the page has its ports replaced already; this sees to those that only Tenbin knows. `PORTS` holds
pairs such as `8080=20123`.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PORTS = dict(pair.split("=") for pair in os.environ.get("PORTS", "").split())


def translate(text: str, ports: dict[str, str] = PORTS) -> str:
    """Replace port numbers that stand alone."""
    return re.sub(r"(?<![\w.])\d{4,5}(?![\w.])", lambda found: ports.get(found.group(), found.group()), text)


def main(arguments: list[str]) -> None:
    """Run `tenbin ARGUMENTS`."""
    command = arguments[0] if arguments else ""
    if command == "proxy" and "--admin" not in arguments:
        arguments += ["--admin", f"127.0.0.1:{PORTS['8404']}"]
    if command == "demo":
        arguments += ["--port", PORTS["8080"], "--admin", PORTS["8404"]]
    if command == "run" and (file := Path(arguments[-1])).exists():
        text = translate(file.read_text())
        if file.suffix != ".cfg" and not re.search(r"^admin:", text, re.MULTILINE):
            text += f'admin: "127.0.0.1:{PORTS["8404"]}"\n'
        file.write_text(text)
    os.execv(sys.executable, [sys.executable, "-m", "tenbin", *arguments])  # noqa: S606 - it is what was asked for


if __name__ == "__main__":
    main(sys.argv[1:])
