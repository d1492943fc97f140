"""Other users of the machine: whether this test may become one, and code that runs as one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else: run the tests as root")


def run_as_nobody(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python `code` as nobody, which has become so after its imports, and return how it ended.

    The imports stand before a line `---`: the interpreter's files may be closed to others.
    """
    imports, _, rest = code.partition("\n---\n")
    became = f"import os\nos.setgroups([])\nos.setgid({NOBODY})\nos.setuid({NOBODY})\n"
    return subprocess.run(
        (sys.executable, "-c", f"{imports}\n{became}{rest}", *arguments),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
