"""`make scan`: two public scanners against a running Tenbin, h2spec for HTTP/2 and sslyze for TLS.

Prints what fails, and returns 1 when that is more than what is known. Both programs are named on the command line, and
neither is a dependency: h2spec is written in Go, sslyze brings an OpenSSL of its own. `--against haproxy` lets HAProxy
be scanned, so that one knows what a figure is worth.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from support.certificates import make_certificate, served
from support.reference import HAPROXY
from support.servers import Servers
from tenbin.testing import Lease, Process, Tenbin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KNOWN = {
    ("plain", "Sends invalid connection preface"): "it is no HTTP/1 either, which is what a port without TLS then says",
}
"""Failures that are meant to be, by listener and title, and why."""
_HAPROXY = """\
global
 ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
 mode http
 timeout connect 5s
 timeout client 30s
 timeout server 30s
listen all
 bind 127.0.0.1:{plain} proto h2
 bind 127.0.0.1:{secure} ssl crt {certificate} alpn h2,http/1.1
 server one 127.0.0.1:{server}
"""
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the scanned one listens, with TLS and without."""

    plain: int
    secure: int


@contextmanager
def tenbin(server: int, certificate: Path, folder: Path) -> Iterator[Ports]:
    """Tenbin with its defaults."""
    del folder
    listen = ["{listen}", {"address": "{listen2}", "tls": str(certificate)}]
    value = {"listen": listen, "backends": [f"127.0.0.1:{server}"]}
    with Tenbin(yaml.safe_dump(value)) as instance:
        yield Ports(instance.address[1], instance.address_of("listen2")[1])


@contextmanager
def haproxy(server: int, certificate: Path, folder: Path) -> Iterator[Ports]:
    """Debian's HAProxy."""
    with Lease(2) as lease:
        ports, file = Ports(*lease.ports), folder / "haproxy.cfg"
        file.write_text(_HAPROXY.format(plain=ports.plain, secure=ports.secure, server=server, certificate=certificate))
        with Process("haproxy", (HAPROXY or "haproxy", "-db", "-f", str(file)), folder) as process:
            process.wait_ready(lambda: bool(served(("127.0.0.1", ports.secure))))
            yield ports


SCANNED = {"tenbin": tenbin, "haproxy": haproxy}


def h2spec(program: str, name: str, port: int, folder: Path) -> int:
    """Play every case, the strict ones too; print those that fail, and return how many do that are not known."""
    report = folder / f"{name}.xml"
    arguments = ["--strict", "--timeout", f"{_PATIENCE:g}", "--path", "/api/whoami", "--junit-report", str(report)]
    arguments += ["--tls", "--insecure"] if name == "secure" else []
    subprocess.run((program, "--port", str(port), *arguments), capture_output=True, check=False, timeout=900)
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - a file that we had written
    failed = [(case, found) for case in cases if (found := case.find("failure")) is not None]
    failed += [(case, found) for case in cases if (found := case.find("error")) is not None]
    _say(f"h2spec, {name}: {len(cases) - len(failed)} of {len(cases)} pass")
    unknown = 0
    for case, found in failed:
        title = case.get("classname", "")
        reason = KNOWN.get((name, title), "")
        unknown += not reason
        _say(f"  {case.get('package', '')}: {title}: {' '.join((found.text or '').split())} {reason and f'({reason})'}")
    return unknown


def sslyze(program: str, port: int) -> int:
    """Compare with Mozilla's intermediate configuration; print and count what is not met, and what is vulnerable."""
    command = (program, "--mozilla_config", "intermediate", f"localhost:{port}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    scanned, mark, compliance = done.stdout.partition("COMPLIANCE AGAINST")
    lines = [line.strip() for line in scanned.splitlines() if "VULNERABLE" in line]
    lines += [line.strip() for line in compliance.splitlines() if line.strip().startswith("* ")]
    _say(f"sslyze: {len(lines)} findings" if mark else f"sslyze did not come to its end: {done.stdout}{done.stderr}")
    _say("".join(f"  {line}\n" for line in lines))
    # The certificate signs itself, here.
    return sum(not line.startswith("* certificate_path_validation") for line in lines) if mark else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Scan."""
    parser = argparse.ArgumentParser(
        prog="python -m scan.run", description="h2spec and sslyze against a running Tenbin."
    )
    parser.add_argument("--h2spec", help="the program h2spec; without it, HTTP/2 is left out")
    parser.add_argument("--sslyze", help="the program sslyze; without it, TLS is left out")
    parser.add_argument("--against", choices=list(SCANNED), default="tenbin")
    chosen = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="tenbin-scan-") as name, Servers(Path(name)) as servers:
        folder = Path(name)
        certificate = make_certificate(folder / "localhost.pem")
        with SCANNED[chosen.against](servers.start("server"), certificate, folder) as ports:
            if chosen.h2spec:
                wrong += h2spec(chosen.h2spec, "plain", ports.plain, folder)
                wrong += h2spec(chosen.h2spec, "secure", ports.secure, folder)
            if chosen.sslyze:
                wrong += sslyze(chosen.sslyze, ports.secure)
    return int(wrong > 0)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
