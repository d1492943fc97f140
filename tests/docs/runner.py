"""Tries a page as a reader would: from its top, in an empty directory, with nothing of it left behind.

Ports that pages name (8080, 8404 ...) are replaced by leased ones, so that pages run beside each other and beside what
else runs on the machine; what is printed is translated back.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from docs.shell import Shell
from docs.shim import translate
from tenbin import configfile
from tenbin.testing import Lease, wait_for
from tenbin.testing.processes import kill_until_none, processes_of

if TYPE_CHECKING:
    from types import TracebackType

    from docs.blocks import Block

WELL_KNOWN = (8080, 8081, 8404, 3001, 3002, 3003, 5432)
ROOT = Path(__file__).parents[2]
_PATIENCE = 60
_LISTENS = re.compile(r"(?:--port|--listen) \S*?(\d+)\b")


class Page:
    """A directory, ports and an environment in which the blocks of one page run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tenbin-page-"))
        self.work = self.folder / "work"
        self.runtime_directory = self.folder / "run"
        self._lease = Lease(len(WELL_KNOWN))
        self._ports = {str(known): str(own) for known, own in zip(WELL_KNOWN, self._lease.ports, strict=True)}
        self._printed = ""
        self._environment = self._make_environment()
        self._bash = Shell(self.work, self._environment, self.folder / "log")

    def run(self, block: Block) -> None:
        """Do what the block says and assert that it holds."""
        if block.left_out:
            return
        if block.comment == "output":
            self._compare(block.text)
        elif block.file:
            self._write(block)
        elif block.language in ("shell", "sh", "console"):
            self._shell(block)
        elif block.language == "yaml":
            configfile.read(block.text, "block.yaml", environment={}, directory=self.work)
        elif block.language == "python":
            (self.work / "block.py").write_text(block.text)
            self._command(f"{sys.executable} block.py")
        elif block.language == "json":
            json.loads(block.text)
        else:
            assert block.language == "text", f"how is a block of {block.language or 'no language'} tried?"

    def start(self, config: str) -> None:
        """Start an instance on this configuration before the page begins."""
        (self.work / "given.yaml").write_text(self._forth(config))
        self._command("tenbin run given.yaml &")
        self._await_instance()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bash.end()
        kill_until_none(lambda: [*processes_of(self.runtime_directory, "tenbin"), *self._children()])
        self._lease.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_environment(self) -> dict[str, str]:
        programs = self.folder / "bin"
        for directory in (self.work, self.runtime_directory, programs):
            directory.mkdir(mode=0o700)
        shim = programs / "tenbin"
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("shim.py")} "$@"\n')
        shim.chmod(0o755)
        return {
            **os.environ,
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PORTS": " ".join(f"{known}={own}" for known, own in self._ports.items()),
            "TENBIN_RUNTIME_DIR": str(self.runtime_directory),
            "TENBIN_PAGE": str(self.folder),
            "TOKEN": "a-token-of-this-page",
            "COLUMNS": "120",
        }

    def _write(self, block: Block) -> None:
        if block.language == "yaml":
            configfile.read(block.text, block.file, environment={}, directory=self.work)
        (self.work / block.file).write_text(self._forth(block.text))

    def _shell(self, block: Block) -> None:
        text = block.text
        if block.language == "console":
            lines = re.findall(r"^\$ (.*(?:\\\n.*)*)", text, re.MULTILINE)
            text = "\n".join(lines)
        self._command(self._forth(text), fails=block.comment == "fails")
        if re.search(r"^tenbin (run|proxy)\b(?!.*--runtime-dir).*&$", text, re.MULTILINE):
            self._await_instance()
        for port in _LISTENS.findall(text):
            self._await_port(int(self._ports[port]))

    def _command(self, text: str, *, fails: bool = False) -> None:
        status, printed = self._bash.run(text, _PATIENCE)
        self._printed = self._back(printed)
        assert (status != 0) == fails, f"{text}\nexit status {status}\n{self._printed}"

    def _compare(self, expected: str) -> None:
        """Every line of the page must have been printed, in this order; spaces and frames may differ."""
        lines = [_plain(line) for line in self._printed.splitlines()]
        position = 0
        for line in filter(None, map(_plain, expected.splitlines())):
            pattern = re.compile(".*".join(map(re.escape, line.split("…"))))
            found = next((i for i, each in enumerate(lines[position:], position) if pattern.fullmatch(each)), None)
            assert found is not None, f"not printed: {line}\nprinted:\n{self._printed}"
            position = found + 1

    def _await_instance(self) -> None:
        def ready() -> bool:
            command = (self.folder / "bin" / "tenbin", "status", "--json")
            return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode == 0

        wait_for(ready, _PATIENCE)

    def _await_port(self, port: int) -> None:
        def ready() -> bool:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

        wait_for(ready, _PATIENCE)

    def _children(self) -> list[int]:
        """What the page started in the background and left there."""
        marker = f"TENBIN_PAGE={self.folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and marker in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def _forth(self, text: str) -> str:
        return translate(text, self._ports).replace("/run/tenbin", str(self.runtime_directory))

    def _back(self, text: str) -> str:
        return translate(text, {own: known for known, own in self._ports.items()})


def _plain(line: str) -> str:
    return re.sub(r"\s+", " ", line).strip()
