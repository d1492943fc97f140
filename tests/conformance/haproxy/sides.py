"""HAProxy or Tenbin on a case's file: started, asked, and what was seen; each side has servers and a log of its own.

A third side is Tenbin on the YAML that `tenbin convert` makes of the file: it has neither runtime API nor log lines.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from conformance.haproxy.case import PLACEHOLDER
from conformance.haproxy.connections import Doors
from conformance.haproxy.origins import Origins, Seen
from conformance.haproxy.steps import Outcome, Run
from support.reference import HAPROXY
from support.runtime_api import Api
from tenbin.testing import DeadlineError, Process, lease, wait_for
from tenbin.testing.processes import kill_all, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.haproxy.case import Case

_LATE = 0.06
"""How long a log line may be under way once nothing else happens."""
_RESTING = 3.0
"""Seconds within which a line comes that is under way, and no check is, unless one hangs."""
_PATIENCE = 60
"""Seconds that one side may need for what the other has done already: machines that test are busy."""
_MAKING = threading.Lock()
"""Both sides have the same certificates."""


@dataclass
class Account:
    """What one side did."""

    outcomes: list[Outcome] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    stat: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Ports and paths of this side, and what a comparison calls them."""
    output: str = ""


class Sink:
    """Takes log lines over UDP; what was sent is there when somebody looks: a thread would be late."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        """Return all that came so far."""
        with suppress(BlockingIOError):
            while True:
                self._lines.append(self._socket.recv(65536).decode("latin-1").rstrip("\n"))
        return self._lines

    def close(self) -> None:
        """Free the port."""
        self._socket.close()


def both(case: Case, programs: tuple[str, str] = ("haproxy", "tenbin")) -> tuple[Account, Account]:
    """Do a case's steps with HAProxy and with Tenbin, or with other two, at the same time."""
    theirs, ours = Account(), Account()
    barrier = threading.Barrier(2)
    errors: list[BaseException] = []

    def work(account: Account, other: Account, program: str) -> None:
        try:
            _side(case, program, account, _Beside(other, barrier))
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            barrier.abort()
            errors.append(error)

    pairs = ((theirs, ours, programs[0]), (ours, theirs, programs[1]))
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * _PATIENCE)
    real = [error for error in errors if not isinstance(error, threading.BrokenBarrierError)]
    if real:
        raise real[0]
    return theirs, ours


@dataclass(frozen=True)
class _Beside:
    """The other side, and where both wait for each other."""

    account: Account
    barrier: threading.Barrier


def _side(case: Case, program: str, account: Account, beside: _Beside) -> None:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="th-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sink = Sink()
        stack.callback(sink.close)
        _certify(case, folder)
        origins = stack.enter_context(Origins([name for name in case.servers if name != "dead"], case.origins, folder))
        leased = stack.enter_context(lease(len(case.doors) + 1))
        ports = {**dict(zip([*case.doors, "dead"], leased.ports, strict=True)), **origins.ports}
        values = {**ports, "folder": folder, "log": sink.port, "api": folder / "api", "pem": folder / "pem"}
        command = _Command(case, folder, {name: str(value) for name, value in values.items()})
        account.names = {str(value): "{%s}" % name for name, value in values.items()}  # noqa: UP031 - braces
        process = stack.enter_context(_started(program, command, folder))
        try:
            api = Api(folder / "api")
            spoken = program != "converted"
            process.wait_ready(
                lambda: all(_is_bound(ports[name]) for name in case.doors) and (not spoken or _serves(api)), _PATIENCE
            )
            beside.barrier.wait(_PATIENCE)
            names = {name: str(value) for name, value in values.items()}
            run = Run(Doors(ports, folder), api, origins, sink.lines, names)
            account.outcomes = run.all(case.steps)
            account.names.update({str(port): "{client}" for port in run.clients})
            _settle(sink, account, beside)
            account.stat = _stat(api) if case.stat else {}
            account.seen = list(origins.seen)
        finally:
            account.output = process.output()


def _settle(sink: Sink, account: Account, beside: _Beside) -> None:
    """Wait until the log is quiet, and has as many lines as the other's unless it never will."""
    count = -1
    while count != len(sink.lines()):
        count = len(sink.lines())
        threading.Event().wait(_LATE)
    account.lines = sink.lines()
    beside.barrier.wait(_PATIENCE)
    with suppress(DeadlineError):
        wait_for(lambda: len(sink.lines()) >= len(beside.account.lines), _RESTING, "as many lines")
    beside.barrier.wait(_PATIENCE)


def _stat(api: Api) -> dict[tuple[str, str], dict[str, str]]:
    """Return the rows at a moment when no check is under way: HAProxy then has an asterisk, and figures of none."""

    def rest() -> bool:
        rows.update(api.stat())
        told = (row.get(name, "") for row in rows.values() for name in ("check_status", "agent_status"))
        return not any(one.startswith("*") for one in told)

    rows: dict[tuple[str, str], dict[str, str]] = {}
    with suppress(DeadlineError):
        wait_for(rest, _RESTING, "no check is under way")
    return rows


def _serves(api: Api) -> bool:
    return all(row["status"] for row in api.stat().values())


def _certify(case: Case, folder: Path) -> None:
    with _MAKING:
        (folder / "ca.pem").write_bytes(_authority().cert_pem.bytes())
        (folder / "pem").write_bytes(_certificate("localhost"))
        for name, hosts in case.certificates.items():
            (folder / name).write_bytes(_certificate(*hosts))


class _Command:
    """The files of a case, written, and the environment that they are read in."""

    def __init__(self, case: Case, folder: Path, values: dict[str, str]) -> None:
        for name, text in case.files.items():
            (folder / name).write_text(_filled(text, values))
        self.environment = {name: _filled(text, values) for name, text in case.environment.items()}
        self.files: list[str] = []
        for name, text in {"haproxy.cfg": case.config, **case.more}.items():
            (folder / name).write_text(_filled(text, values))
            self.files.append(str(folder / name))


def _filled(text: str, values: dict[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


@contextmanager
def _started(program: str, command: _Command, folder: Path) -> Iterator[Process]:
    many = [word for file in command.files for word in ("-f", file)]
    if program == "haproxy":
        with Process("haproxy", (HAPROXY or "haproxy", "-db", *many), folder, command.environment) as process:
            yield process
        return
    run = folder / "run"
    run.mkdir(mode=0o700)
    # Only HAProxy's own command line takes more than one file.
    words = ("haproxy", "-db", *many) if len(command.files) > 1 else ("run", *command.files)
    if program == "converted":
        words = ("run", _converted(folder, command))
    env = {**command.environment, "TENBIN_RUNTIME_DIR": str(run), "TENBIN_COMPAT": "2.6"}
    with Process("tenbin", (sys.executable, "-m", "tenbin", *words), folder, env) as process:
        try:
            yield process
        finally:
            process.kill()
            kill_all(processes_of(run, "tenbin-dataplane"))


def _converted(folder: Path, command: _Command) -> str:
    """Write what `tenbin convert` makes of a file beside it, and return where."""
    file = folder / "tenbin.yaml"
    words = (sys.executable, "-m", "tenbin", "convert", *command.files)
    env = {**os.environ, **command.environment}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"{done.stderr}{done.stdout}"
    file.write_text(done.stdout)
    file.chmod(0o600)
    return str(file)


def _is_bound(port: int) -> bool:
    wanted = f":{port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) and row.split()[3] == "0A" for row in rows)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _certificate(*hosts: str) -> bytes:
    issued = _authority().issue_cert(*hosts, common_name=hosts[0], organization_name="Tests")
    return issued.private_key_and_cert_chain_pem.bytes()
