"""Certificates while Tenbin runs: renewed ones are served within a second, bad ones are refused, and nobody notices."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import ssl
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import pytest

from support.certificates import make_certificate, served
from tenbin.testing import Client, ExchangeError, Tenbin, config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import Servers

SOON = 1.0
"""Seconds in which a renewed certificate is served; a busy machine gets more."""
PATIENCE = 10 * SOON


def secure(trio: Servers, certificates: object, **top: object) -> Tenbin:
    listen = ["{listen2}", {"address": "{listen}", "tls": certificates}]
    return Tenbin(config_text(trio.first(1), None, {"listen": listen}, **top))


def leaf(file: Path) -> str:
    """The first certificate of a file, as a server shows it."""
    text = file.read_text()
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    return begin + text.split(begin)[1].split(end)[0] + end + "\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "site.pem")


@pytest.fixture
def tenbin(trio: Servers, site: Path) -> Iterator[Tenbin]:
    with secure(trio, str(site)) as running:
        yield running


class Visitor:
    """Asks again and again over one connection; `failed` holds what went wrong."""

    def __init__(self, tenbin: Tenbin) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._client = http.client.HTTPSConnection(*tenbin.address, context=context, timeout=10)
        self._client.connect()
        # From now on there is no second connection.
        self._client.auto_open = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.answered = 0
        self.failed: list[str] = []

    def _ask(self) -> None:
        while not self._end.wait(0.01) and not self.failed:
            try:
                self._client.request("GET", "/api/whoami")
                answer = self._client.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                return
            self.answered += 1
            if answer.status != 200:
                self.failed.append(str(answer.status))

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self.answered or self.failed, 5)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._client.close()


def test_a_renewed_certificate_is_served_and_no_connection_lost(tenbin: Tenbin, site: Path) -> None:
    assert served(tenbin.address) == leaf(site)
    with Visitor(tenbin) as visitor:
        for _ in range(3):
            make_certificate(site)
            wait_for(lambda: served(tenbin.address) == leaf(site), PATIENCE)
        before = visitor.answered
        wait_for(lambda: visitor.answered > before or visitor.failed, 5)
    assert visitor.failed == []
    assert "is another one now" in tenbin.log()


def test_certbot_replaces_links(trio: Servers, tmp_path: Path) -> None:
    archive, live = tmp_path / "archive", tmp_path / "live" / "localhost"
    for folder in (archive, live):
        folder.mkdir(parents=True)

    def renew(number: int) -> None:
        whole = make_certificate(tmp_path / "new.pem").read_text()
        for name, marker in (("fullchain", "CERTIFICATE"), ("privkey", "PRIVATE KEY")):
            begin, end = f"-----BEGIN {marker}-----", f"-----END {marker}-----"
            part = begin + whole.split(begin)[1].split(end)[0] + end + "\n"
            (archive / f"{name}{number}.pem").write_text(part)
        # One link after the other, as certbot does it.
        for name in ("privkey", "fullchain"):
            (live / f"{name}.pem").unlink(missing_ok=True)
            (live / f"{name}.pem").symlink_to(f"../../archive/{name}{number}.pem")

    renew(1)
    with secure(trio, str(tmp_path / "live")) as tenbin:
        assert served(tenbin.address) == leaf(archive / "fullchain1.pem")
        renew(2)
        wait_for(lambda: served(tenbin.address) == leaf(archive / "fullchain2.pem"), PATIENCE)


def test_a_new_certificate_in_a_directory_is_served(trio: Servers, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    make_certificate(folder / "localhost.pem")
    with secure(trio, str(folder)) as tenbin:
        new = make_certificate(tmp_path / "new.pem", common_name="new.example", names=("new.example",))
        shutil.move(new, folder / "new.pem")
        context = ssl.create_default_context(cafile=folder / "new.pem")

        def is_there() -> bool:
            try:
                with Client(tenbin.address) as client:
                    context.wrap_socket(client.socket, server_hostname="new.example").close()
            except (ssl.SSLError, OSError):
                return False
            return True

        wait_for(is_there, PATIENCE)


def test_half_of_a_renewal_waits_for_the_other_half(trio: Servers, tmp_path: Path) -> None:
    chain, key = tmp_path / "site.crt", tmp_path / "site.key"

    def halves() -> tuple[str, str]:
        first, _, second = make_certificate(tmp_path / "whole.pem").read_text().partition("-----BEGIN PRIVATE KEY-----")
        return first, "-----BEGIN PRIVATE KEY-----" + second

    certificate, secret = halves()
    chain.write_text(certificate)
    key.write_text(secret)
    with secure(trio, str(chain)) as tenbin:
        first, (certificate, secret) = leaf(chain), halves()
        chain.write_text(certificate)
        wait_for(lambda: "the next change of a file is tried again" in tenbin.log(), PATIENCE)
        assert served(tenbin.address) == first
        assert "does not belong" in tenbin.log()
        key.write_text(secret)
        wait_for(lambda: served(tenbin.address) == leaf(chain), PATIENCE)


def test_an_ocsp_answer_that_comes_to_be_beside_it_is_noticed(tenbin: Tenbin, site: Path) -> None:
    answer = site.with_name("site.pem.ocsp")
    answer.write_text("no answer")
    wait_for(lambda: "site.pem.ocsp" in tenbin.log(), PATIENCE)
    answer.unlink()
    make_certificate(site)
    wait_for(lambda: served(tenbin.address) == leaf(site), PATIENCE)


def test_what_else_was_written_into_the_file_waits_for_its_own_reload(tenbin: Tenbin, site: Path) -> None:
    good = tenbin.file.read_text()
    tenbin.file.write_text(good + "\nnonsense: true\n")
    make_certificate(site)
    wait_for(lambda: served(tenbin.address) == leaf(site), PATIENCE)
    assert "nonsense" not in tenbin.log()
    assert tenbin.reload().returncode == 1


def test_a_key_of_another_certificate_refuses_the_reload(tenbin: Tenbin, site: Path, tmp_path: Path) -> None:
    other = make_certificate(tmp_path / "other.pem")
    mixed = tmp_path / "mixed.pem"
    mixed.write_text(leaf(site) + other.read_text().partition("-----END CERTIFICATE-----\n")[2])
    text = tenbin.file.read_text().replace(str(site), str(mixed))
    done = tenbin.reload(text)
    assert done.returncode == 1
    line = next(number for number, line in enumerate(text.splitlines(), 1) if str(mixed) in line)
    assert f"{tenbin.file}:{line}:" in done.stderr
    assert f"{mixed}:" in done.stderr
    assert "^" * 10 in done.stderr
    assert served(tenbin.address) == leaf(site)
    checked = tenbin.cli("check", str(tenbin.file))
    assert checked.returncode == 1
    assert f"{mixed}:" in checked.stderr
    with_mixed = tenbin.cli("run", str(tenbin.file), "--runtime-dir", str(tmp_path / "run"))
    assert with_mixed.returncode == 1
    assert f"{mixed}:" in with_mixed.stderr


def test_a_certificate_that_ends_soon_is_told_everywhere(trio: Servers, tmp_path: Path) -> None:
    site = make_certificate(tmp_path / "site.pem", days=3)
    with secure(trio, str(site)) as tenbin:
        wait_for(lambda: "doubtful" in tenbin.log(), 5)
        assert f"{site}: the certificate ends in 2d 23h" in tenbin.log()
        (told,) = tenbin.status()["certificates"]
        assert (told["validity"], told["names"]) == ("soon", ["localhost", "127.0.0.1"])
        assert told["listeners"] == [f"127.0.0.1:{tenbin.address[1]}"]
        assert 2 * 86_400 < told["left"] <= 3 * 86_400
        assert "ends in 2d 23h" in " ".join(tenbin.run_cli("status").split())
        page = Client(tenbin.admin)
        metrics = page.get("/metrics").body.decode()
        page.close()
    (sample,) = [line for line in metrics.splitlines() if line.startswith("tenbin_certificate_expiry_seconds{")]
    assert f'listener="127.0.0.1:{tenbin.address[1]}"' in sample
    assert f'certificate="{site}"' in sample
    assert int(sample.split()[-1]) > 1_700_000_000


def test_handshakes_are_counted(tenbin: Tenbin, site: Path) -> None:
    served(tenbin.address)
    with Client(tenbin.address) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        with suppress(ExchangeError):
            client.read_to_end()

    def counted() -> dict[str, int]:
        listeners = tenbin.status()["frontends"][0]["listeners"]
        traffic: dict[str, int] = next(one for one in listeners if one["address"].endswith(str(tenbin.address[1])))[
            "traffic"
        ]
        return traffic

    wait_for(lambda: counted()["handshakes"] >= 1 and counted()["handshake_errors"] >= 1, 5)


def test_what_cannot_be_renewed_stops_nothing_else(tenbin: Tenbin, site: Path) -> None:
    before = served(tenbin.address)
    site.write_text(leaf(site))
    wait_for(lambda: "renewal_refused" in tenbin.log(), PATIENCE)
    assert "there is no private key" in tenbin.log()
    assert "weight 7" in tenbin.run_cli("server", "weight", "app/server1", "7")
    assert tenbin.reload().returncode == 1
    assert served(tenbin.address) == before
    assert tenbin.server("app/server1")["weight"] == 7
    make_certificate(site)
    wait_for(lambda: served(tenbin.address) == leaf(site), PATIENCE)
    assert tenbin.server("app/server1")["weight"] == 7


def test_a_renewal_while_nobody_watched_is_served_by_the_next_control_plane(tenbin: Tenbin, site: Path) -> None:
    dataplane = tenbin.dataplane_pid
    os.kill(tenbin.pid, signal.SIGKILL)
    assert tenbin.process is not None
    tenbin.process.wait()
    before = leaf(site)
    make_certificate(site)
    assert served(tenbin.address) == before
    tenbin.start()
    wait_for(lambda: served(tenbin.address) == leaf(site), PATIENCE)
    assert tenbin.dataplane_pids() == [dataplane]
