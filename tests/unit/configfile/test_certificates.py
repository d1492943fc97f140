"""Files of certificates: links, stamps, what is watched, who may read them. Layouts are in the golden files."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tenbin.configfile import examine
from tenbin.configfile.native.resolve.files import look
from unit.configfile.test_golden import CERTIFICATE, KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.model import Config, ListenerTls


def loaded(directory: Path, tls: str, more: str = "") -> Config:
    file = directory / "tenbin.yaml"
    file.write_text(f'listen: {{address: ":8443", tls: {tls}}}\nbackends: [10.0.0.1:80]\n{more}')
    outcome = examine(file, environment={})
    assert outcome.config is not None, [one.message for one in outcome.diagnostics]
    return outcome.config


def tls_of(config: Config) -> ListenerTls:
    tls = config.frontends[0].listeners[0].tls
    assert tls is not None
    return tls


def stamps(directory: Path, tls: str = "site.pem") -> list[str]:
    return [one.stamp for one in tls_of(loaded(directory, tls)).certificates]


def replaced(file: Path, text: str) -> None:
    """As programs that renew do it: a new file under the old name."""
    scratch = file.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(file)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.pem").write_text(CERTIFICATE)
    (tmp_path / "site.key").write_text(KEY)
    return tmp_path


@pytest.mark.parametrize("name", ["site.pem", "site.key", "site.ocsp"])
def test_a_stamp_changes_when_a_file_is_replaced(site: Path, name: str) -> None:
    (site / "site.ocsp").write_text("answer")
    before = stamps(site)
    assert stamps(site) == before
    replaced(site / name, (site / name).read_text())
    assert stamps(site) != before


def test_a_stamp_changes_when_an_answer_appears(site: Path) -> None:
    before = stamps(site)
    (site / "site.pem.ocsp").write_text("answer")
    assert stamps(site) != before


def test_certbot_renews_by_a_link(tmp_path: Path) -> None:
    live, archive = tmp_path / "live" / "a.example", tmp_path / "archive" / "a.example"
    live.mkdir(parents=True)
    archive.mkdir(parents=True)
    for name, text in (("fullchain", CERTIFICATE), ("privkey", KEY), ("cert", CERTIFICATE), ("chain", CERTIFICATE)):
        for number in (1, 2):
            (archive / f"{name}{number}.pem").write_text(text)
        (live / f"{name}.pem").symlink_to(f"../../archive/a.example/{name}1.pem")
    config = loaded(tmp_path, "live/")
    (one,) = tls_of(config).certificates
    assert (one.certificate, one.key) == (str(live / "fullchain.pem"), str(live / "privkey.pem"))
    watched = set(config.watched)
    assert watched >= {tmp_path / "live", live, live / "fullchain.pem", archive / "fullchain1.pem"}
    (live / "new").symlink_to("../../archive/a.example/fullchain2.pem")
    (live / "new").replace(live / "fullchain.pem")
    assert stamps(tmp_path, "live/") != [one.stamp]


def test_a_secret_that_is_mounted_is_watched_where_it_changes(tmp_path: Path) -> None:
    """Kubernetes replaces the link `..data`, and neither the files nor their own links."""
    mount, first = tmp_path / "mount", tmp_path / "mount" / "..1"
    first.mkdir(parents=True)
    (first / "tls.crt").write_text(CERTIFICATE)
    (first / "tls.key").write_text(KEY)
    (mount / "..data").symlink_to("..1")
    for name in ("tls.crt", "tls.key"):
        (mount / name).symlink_to(f"..data/{name}")
    config = loaded(tmp_path, "mount")
    assert len(tls_of(config).certificates) == 1
    assert mount / "..data" in config.watched


def test_a_link_in_a_directory_names_the_default(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    certs.mkdir()
    for name in ("a", "b"):
        (certs / f"{name}.pem").write_text(CERTIFICATE + KEY)
    (certs / "default.pem").symlink_to("b.pem")
    tls = tls_of(loaded(tmp_path, "{certificates: certs, default: default}"))
    assert [one.certificate for one in tls.certificates] == [str(certs / "a.pem"), str(certs / "b.pem")]
    assert tls.default == 1


def test_a_link_in_circles_ends(site: Path) -> None:
    (site / "round.pem").symlink_to("round.pem")
    file = site / "tenbin.yaml"
    file.write_text('listen: {address: ":8443", tls: round.pem}\nbackends: [10.0.0.1:80]\n')
    assert "cannot be read" in examine(file, environment={}).diagnostics[0].message


def test_nobody_waits_for_a_pipe(site: Path) -> None:
    os.mkfifo(site / "pipe.pem")
    file = site / "tenbin.yaml"
    file.write_text('listen: {address: ":8443", tls: pipe.pem}\nbackends: [10.0.0.1:80]\n')
    assert examine(file, environment={}).diagnostics[0].message == "pipe.pem cannot be read: it is not a file"


def test_nothing_of_a_key_is_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "site.pem").write_text(KEY.replace("AA==", "c2VjcmV0") + CERTIFICATE)
    config = loaded(tmp_path, "site.pem", "log: none\n")
    assert "c2VjcmV0" not in repr(config)


def test_a_file_is_looked_into_by_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "site.pem"
    file.write_bytes(b"subject=/CN=a\r\n" + CERTIFICATE.replace("\n", "\r\n").encode() + b"\xff" * 100_000 + b"\n")
    assert look(file).certificate
    assert not look(file).key
    file.write_bytes(b"no -----BEGIN CERTIFICATE----- at the start of a line")
    assert not look(file).certificate


def test_the_user_of_the_data_plane_must_be_able_to_read_keys(site: Path) -> None:
    for name in ("site.pem", "site.key"):
        (site / name).chmod(0o600)
    file = site / "tenbin.yaml"
    user = f"user: {os.getuid() + 12345}\ngroup: {os.getuid() + 12345}\n"
    file.write_text(f'listen: {{address: ":8443", tls: site.pem}}\nbackends: [10.0.0.1:80]\n{user}')
    (problem,) = examine(file, environment={}).diagnostics
    assert problem.message.endswith("may not read site.pem and 1 more")
    assert (problem.line, problem.source[problem.column - 1 :][:8]) == (1, "site.pem")


def test_a_thousand_certificates_are_found_in_a_moment(tmp_path: Path) -> None:
    certs = tmp_path / "certs"
    certs.mkdir()
    for number in range(1000):
        (certs / f"{number}.pem").write_text(CERTIFICATE)
        (certs / f"{number}.key").write_text(KEY)
    began = time.thread_time()
    assert len(tls_of(loaded(tmp_path, "certs")).certificates) == 1000
    assert time.thread_time() - began < 5
