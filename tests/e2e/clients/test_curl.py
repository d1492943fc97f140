"""curl, in every version of HTTP and TLS that it is told to speak."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from e2e.clients.conftest import Doors

CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(CURL is None, reason="curl is not installed")

SECURE = (
    (("--http1.1",), "1.1", "1.3"),
    (("--http2",), "2", "1.3"),
    (("--http1.1", "--tls-max", "1.2"), "1.1", "1.2"),
    (("--http2", "--tls-max", "1.2"), "2", "1.2"),
    (("--http2", "--tlsv1.3"), "2", "1.3"),
)
REFUSED = (16, 35, 52, 55, 56, 98)
"""How curl may call a handshake that failed, whenever it notices."""
PLAIN = ((("--http1.1",), "1.1"), (("--http2-prior-knowledge",), "2"))


def curl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        (CURL or "curl", "--silent", "--show-error", "--max-time", "20", *arguments),
        capture_output=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )


def answered(*arguments: str) -> tuple[dict[str, str], bytes]:
    """Return the fields of the final answer and its body; `version` and `status` are those that curl names."""
    done = curl("--dump-header", "/dev/stderr", "--write-out", "\n%{http_version} %{http_code}", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    body, _, end = done.stdout.rpartition(b"\n")
    version, status = end.decode().split()
    lines = [line.partition(": ") for line in done.stderr.decode().splitlines() if ": " in line]
    return {**{name.lower(): value.strip() for name, _, value in lines}, "version": version, "status": status}, body


@pytest.mark.parametrize(("arguments", "version", "tls"), SECURE)
def test_over_tls(doors: Doors, arguments: Sequence[str], version: str, tls: str) -> None:
    url = f"https://localhost:{doors.secure[1]}/api/whoami"
    fields, body = answered("--cacert", str(doors.localhost), *arguments, url)
    assert (fields["status"], fields["version"]) == ("200", version)
    assert (fields["x-tls"], fields["x-http"], fields["x-scheme"], fields["x-sni"]) == (
        tls,
        version,
        "https",
        "localhost",
    )
    assert json.loads(body)["server"].startswith("server")


@pytest.mark.parametrize(("arguments", "version"), PLAIN)
def test_without_tls(doors: Doors, arguments: Sequence[str], version: str) -> None:
    fields, _ = answered(*arguments, f"http://127.0.0.1:{doors.plain[1]}/api/whoami")
    assert (fields["status"], fields["version"]) == ("200", version)
    assert (fields["x-http"], fields["x-scheme"]) == (version, "http")
    assert not fields.get("x-tls")


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_long_body_comes_back(doors: Doors, version: str, tmp_path: Path) -> None:
    file = tmp_path / "body"
    file.write_bytes(b"0123456789abcdef" * 250_000)
    trusted = ("--cacert", str(doors.localhost))
    fields, body = answered(*trusted, version, "--data-binary", f"@{file}", f"https://localhost:{doors.secure[1]}/echo")
    assert fields["status"] == "200"
    assert json.loads(body)["body"].encode() == file.read_bytes()


def test_many_requests_share_a_connection(doors: Doors) -> None:
    url = f"https://localhost:{doors.secure[1]}/api/whoami?n=[1-50]"
    done = curl("--cacert", str(doors.localhost), "--http2", "--parallel", "--parallel-max", "20",
                "--output", "/dev/null", "--write-out", "%{http_code} %{num_connects}\n", url)  # fmt: skip
    lines = done.stdout.decode().split("\n")[:-1]
    assert [line.split()[0] for line in lines] == ["200"] * 50
    assert sum(int(line.split()[1]) for line in lines) <= 2


def test_the_name_chooses_the_certificate(doors: Doors) -> None:
    port = doors.secure[1]
    to = ("--resolve", f"other.test:{port}:127.0.0.1", f"https://other.test:{port}/api/whoami")
    fields, _ = answered("--cacert", str(doors.other), "--http1.1", *to)
    assert fields["x-sni"] == "other.test"
    wrong = curl("--cacert", str(doors.localhost), *to)
    assert wrong.returncode == 60, wrong.stderr


def test_a_certificate_of_the_client_is_asked_for_and_told(doors: Doors) -> None:
    url = f"https://localhost:{doors.known[1]}/api/whoami"
    for version in ("1.2", "1.3"):
        trusted = ("--cacert", str(doors.localhost), "--http1.1", "--tls-max", version)
        fields, _ = answered(*trusted, "--cert", str(doors.client), url)
        assert (fields["x-name"], fields["x-tls"]) == ("a client", version)
        assert "CN=a client" in fields["x-subject"]
        without = curl(*trusted, url)
        assert without.returncode in REFUSED, without.stderr
        foreign = curl(*trusted, "--cert", str(doors.other), url)
        assert foreign.returncode in REFUSED, foreign.stderr


def test_a_redirect_leads_to_https(doors: Doors) -> None:
    done = curl("--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}", "-H", "Host: localhost",
                f"http://127.0.0.1:{doors.plain[1]}/secure")  # fmt: skip
    status, _, location = done.stdout.decode().partition(" ")
    assert status in ("301", "302", "307", "308")
    assert location.startswith("https://localhost")


def test_http_on_the_port_of_https_is_no_http(doors: Doors) -> None:
    done = curl(f"http://127.0.0.1:{doors.secure[1]}/api/whoami")
    assert b"server" not in done.stdout
