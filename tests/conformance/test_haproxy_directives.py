"""Single directives in a `listen` section: `haproxy -c` and the reader of its language take and refuse the same ones.

Where they differ, the reason stands behind the line.
"""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme

from tenbin.configfile import haproxy
from tenbin.errors import Severity

PROGRAM = shutil.which("haproxy")
ROWS = Path(__file__).parent / "data" / "haproxy-directives.tsv"
OLDEST = (2, 6)
FEWEST = 400
AROUND = """global
  stats socket {dir}/stats.sock
defaults
  mode http
  timeout client 1s
  timeout server 1s
  timeout connect 1s
listen l
  bind 127.0.0.1:18990
"""
PAGE = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<h1>503</h1>\r\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("directives")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(made / "server.pem")
    certificate.private_key_pem.write_to_path(made / "key.pem")
    authority.cert_pem.write_to_path(made / "ca.pem")
    (made / "503.http").write_text(PAGE, encoding="utf-8", newline="")
    return made


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM, reason="needs haproxy")
def test_directives_are_taken_and_refused_as_haproxy_does(directory: Path) -> None:
    rows = [row.split("\t") for row in ROWS.read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= FEWEST
    texts = [(AROUND + f"  {row[0]}\n").replace("{dir}", str(directory)) for row in rows]
    files = [directory / f"{number}.cfg" for number in range(len(texts))]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(_haproxy, texts, files))
    wrong = []
    for row, text, valid in zip(rows, texts, taken, strict=True):
        problems = _tenbin(text, directory)
        if (valid == (not problems)) is (len(row) > 1):
            wrong.append(f"{row[0]}: HAProxy {'takes' if valid else 'refuses'} it {problems[:1]}")
    assert not wrong, f"{len(wrong)} of {len(rows)} differ from what is written:\n" + "\n".join(wrong)


def _haproxy(text: str, file: Path) -> bool:
    file.write_text(text, encoding="utf-8")
    assert PROGRAM
    return subprocess.run([PROGRAM, "-c", "-f", str(file)], capture_output=True, check=False).returncode == 0


def _tenbin(text: str, directory: Path) -> list[str]:
    found = haproxy.read([haproxy.Text("haproxy.cfg", text)], environment={}, directory=directory, version=OLDEST)
    return [problem.message for problem in found.problems if problem.severity is Severity.ERROR]
