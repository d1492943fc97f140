"""A secret goes into Tenbin at every place that takes one, and comes out at none."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.bare import BareDataplane, backend, frontend, snapshot
from support.certificates import make_certificate
from tenbin.cli.client import Running
from tenbin.testing import Tenbin, config_text, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers

MARK = "S3cr3tM4rker"
KEY = "5ec2e7a05ec2e7a1" * 4
WRITE = f"{MARK}-of-the-operator"
READ = f"{MARK}-of-the-scraper"
SECRETS = (MARK, KEY, KEY[:16])


@pytest.fixture
def tenbin(trio: Servers, tmp_path: Path) -> Iterator[Tenbin]:
    """A Tenbin with a marked key, a token from a variable and one from a file, and a certificate with its key.

    Whatever it writes is kept.
    """
    file = tmp_path / "read-token"
    file.touch(0o600)
    file.write_text(READ)
    site = make_certificate(tmp_path / "site.pem")
    listen = ["{listen}", {"address": "{listen2}", "tls": str(site)}]
    text = config_text(trio.first(2), {"sticky": {"cookie": "C"}}, {"listen": listen}, admin=admin(file))
    instance = Tenbin(text, env={"OPERATOR": WRITE})
    key = instance.runtime_directory / "secret"
    key.touch(0o600)
    key.write_text(KEY + "\n")
    with instance:
        yield instance


def admin(file: Path) -> dict[str, str]:
    return {"address": "{admin}", "token": "${OPERATOR}", "read_token_file": str(file)}


def site_of(tenbin: Tenbin) -> Path:
    found = re.search(r"tls: (\S+)", tenbin.file.read_text())
    assert found is not None
    return Path(found[1])


def key_lines(file: Path) -> list[str]:
    """The lines of a private key, which are base64."""
    return file.read_text().split("PRIVATE KEY-----")[1].split("\n")[1:-1]


def bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")


def everything_the_api_says(tenbin: Tenbin) -> list[bytes]:
    local = Running(tenbin.runtime_directory)
    paths = [
        path for path, methods in json.loads(local.get("/api/v1/openapi.json"))["paths"].items() if "get" in methods
    ]
    assert {"/api/v1/snapshot", "/api/v1/status", "/api/v1/events", "/metrics"} <= set(paths)
    said = []
    for path in (*paths, "/", "/nothing/here"):
        for headers in ((), (bearer(READ),), (bearer(WRITE),), (bearer(WRITE + "x"),)):
            answer = fetch(tenbin.admin, path, *headers)
            said += [answer.body, repr(answer.headers).encode()]
        if path != "/nothing/here":
            said.append(local.get(path))
    json_type = ("Content-Type", "application/json")
    for body in (b"{}", b"{", b'{"now": "' + WRITE.encode()[:-1] + b'"'):
        for token in (WRITE + "x", READ):
            answer = fetch(tenbin.admin, "/api/v1/reload", bearer(token), json_type, method="POST", body=body)
            assert answer.status in (401, 403, 429), answer
            said.append(answer.body)
    return said


def everything_the_commands_say(tenbin: Tenbin) -> list[str]:
    said = []
    for command in (
        ("check", str(tenbin.file)),
        ("compile", str(tenbin.file)),
        ("status",),
        ("status", "--json"),
        ("reload",),
        ("server", "drain", "app/server1"),
        ("upgrade",),
        ("cert", "show", str(site_of(tenbin))),
    ):
        done = tenbin.cli(*command)
        assert done.returncode == 0, done
        said += [done.stdout, done.stderr]
    return said


def everything_said_about_a_broken_file(tenbin: Tenbin) -> list[str]:
    good = tenbin.file.read_text()
    said = []
    for broken in (
        good.replace("token: ${OPERATOR}", f"token: {WRITE}\n  tokn: {WRITE}"),
        good.replace("token: ${OPERATOR}", f"token: [{WRITE}]"),
        good.replace("token: ${OPERATOR}", f'token: "{WRITE}'),
        good.replace("read_token_file: ", "read_token_file: /nowhere"),
        good.replace("token: ${OPERATOR}", "token: ${OPERATOR} é"),
    ):
        assert broken != good
        tenbin.file.write_text(broken)
        for command in (("check", str(tenbin.file)), ("reload",)):
            done = tenbin.cli(*command)
            assert done.returncode == 1, done
            said += [done.stdout, done.stderr]
    tenbin.file.write_text(good)
    return said


def everything_said_about_broken_keys(tenbin: Tenbin) -> list[str]:
    """The key is cut off, damaged, of another certificate, or alone."""
    site = site_of(tenbin)
    good = site.read_text()
    certificate, marker, key = good.partition("-----BEGIN PRIVATE KEY-----")
    first, second = key_lines(site)[:2]
    other = make_certificate(site.with_name("other.pem")).read_text().partition(marker)[0]
    said = []
    for broken in (
        certificate + marker + "\n" + first + "\n",
        certificate + marker + key.replace(second, second[:-4]),
        certificate + marker + key.replace(first, "*" + first[1:]),
        other + marker + key,
        marker + key,
    ):
        site.write_text(broken)
        for command in (("check", str(tenbin.file)), ("reload",), ("cert", "show", str(site))):
            done = tenbin.cli(*command)
            assert done.returncode == 1, done
            said += [done.stdout, done.stderr]
    site.write_text(good)
    return said


def test_a_secret_comes_out_nowhere(tenbin: Tenbin) -> None:
    for _ in range(4):
        answer = tenbin.get("/api/whoami", bearer("of-a-client"))
        assert answer.status == 200
    pid = tenbin.dataplane_pid
    said: list[str | bytes] = [repr(answer.headers), *everything_the_commands_say(tenbin)]
    said += everything_said_about_a_broken_file(tenbin)
    said += everything_said_about_broken_keys(tenbin)
    said += everything_the_api_says(tenbin)
    wait_for(lambda: pid not in tenbin.dataplane_pids(), 10)
    first = tenbin.dataplane_pid
    said += [Path(f"/proc/{number}/cmdline").read_bytes() for number in (tenbin.pid, first)]
    os.kill(first, signal.SIGABRT)
    wait_for(lambda: tenbin.dataplane_pids() not in ([], [first]) and tenbin.get().status == 200, 10)
    if os.geteuid() == 0:
        said.append(Path(f"/proc/{tenbin.dataplane_pid}/environ").read_bytes())
    files = {path.name: path for path in tenbin.runtime_directory.iterdir() if path.is_file()}
    assert MARK not in files["secret"].read_text()
    said += [path.read_bytes() for name, path in files.items() if name != "secret"]
    assert tenbin.stop() == 0
    log = tenbin.log()
    assert "sent a wrong token" in log, "there was something to keep quiet about"
    said += [log]
    told = "\n".join(each if isinstance(each, str) else each.decode("latin-1") for each in said)
    secrets = (*SECRETS, *(line[:20] for line in key_lines(site_of(tenbin))))
    assert not [line for line in told.splitlines() if any(secret in line for secret in secrets)]


def test_a_refused_snapshot_does_not_show_its_key() -> None:
    with BareDataplane() as plane:
        whole = snapshot(1, {}, [frontend("web", "app")], [backend("app", {"s": "127.0.0.1:1"})])
        for wrong in (f"{MARK}{KEY}", [MARK], {"a": MARK}, 5_112_733_756, KEY[:-1] + "z"):
            answer = plane.ask("apply", snapshot={**whole, "secret": wrong})
            assert not answer["ok"]
            assert answer["error"]["path"] == "secret"
            told = json.dumps(answer) + plane.process.output()
            assert not [secret for secret in (*SECRETS, "5112733756") if secret in told]


def test_a_key_that_others_can_read_is_not_used(trio: Servers) -> None:
    instance = Tenbin(config_text(trio.first(1)))
    try:
        key = instance.runtime_directory / "secret"
        key.write_text(KEY)
        key.chmod(0o640)
        done = instance.cli("run", str(instance.file))
    finally:
        instance.destroy()
    assert done.returncode == 1
    assert f"others can read or change the secret in {key} (mode 0640)" in done.stderr
    assert KEY not in done.stderr
    assert "Traceback" not in done.stderr
