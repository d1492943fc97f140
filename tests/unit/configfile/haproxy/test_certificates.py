"""Certificates as HAProxy's configuration names them: lists with options, stores, and what a frontend uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificate
from tenbin.configfile.reader import Outcome, examine_text
from tenbin.model import CertificateOptions, ClientCertificates, ListenerTls, TlsSuite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("a", "b"):
        make_certificate(folder / f"{name}.pem")
    return folder


def outcome(folder: Path, bind: str, around: str = "") -> Outcome:
    text = f"{around}\nfrontend web\n  mode http\n  timeout client 1s\n  bind :8443 ssl {bind}\n  http-request deny\n"
    return examine_text(text, "haproxy.cfg", environment={}, directory=folder)


def listed(folder: Path, lines: str, words: str = "") -> ListenerTls:
    (folder / "list.txt").write_text(lines)
    found = outcome(folder, f"crt-list list.txt {words}")
    assert found.config is not None, found.diagnostics
    tls = found.config.frontends[0].listeners[0].tls
    assert tls is not None
    return tls


def told(folder: Path, lines: str) -> list[str]:
    (folder / "list.txt").write_text(lines)
    return [
        f"{one.file.rpartition('/')[2]}:{one.line}:{one.column} {one.message}"
        for one in outcome(folder, "crt-list list.txt").diagnostics
    ]


def test_what_brackets_do_not_say_the_line_does(folder: Path) -> None:
    tls = listed(
        folder,
        "# for all\na.pem\n\nb.pem[verify required no-ca-names]b.test *.B.test\n\ta.pem  [ curves P-384 ]\tc.test *\n",
        "ca-file a.pem ssl-min-ver TLSv1.3 alpn h2,http/1.1",
    )
    first, second, third = tls.certificates
    suite = TlsSuite(("1.3",))
    assert (tls.suite, tls.client, first.options, first.names) == (suite, None, None, ())
    assert second.names == ("b.test", "*.b.test")
    assert second.options is not None
    assert isinstance(second.options.client, ClientCertificates)
    client = second.options.client
    assert (client.required, client.names, client.ca) == (True, False, str(folder / "a.pem"))
    assert client.positions[0].startswith("haproxy.cfg:5:")
    assert (second.options.suite, second.options.http2) == (suite, True)
    assert third.names == ("c.test",)
    assert third.options == CertificateOptions(TlsSuite(("1.3",), groups=("secp384r1",)), None, http2=True)


def test_brackets_outweigh_the_line(folder: Path) -> None:
    words = "ca-file a.pem verify required alpn h2,http/1.1 ssl-min-ver TLSv1.3"
    tls = listed(folder, "a.pem [verify none alpn http/1.1 ssl-min-ver TLSv1.2]\nb.pem [verify required]\n", words)
    assert tls.certificates[0].options == CertificateOptions(TlsSuite(), None, http2=False)
    # It says what holds anyway.
    assert tls.certificates[1].options is None


def test_mistakes_are_told_where_they_are(folder: Path) -> None:
    assert told(folder, "a.pem\nb.pem [strict-sni] b.test\n") == [
        "list.txt:2:8 unknown ssl keyword 'strict-sni'.",
    ]
    assert told(folder, "a.pem [verify required\n") == [
        "list.txt:1:1 expects one pair of brackets, behind the file of the certificate.",
    ]
    assert told(folder, "[verify none] a.pem\n") == [
        "list.txt:1:1 a line of a crt-list begins with the file of a certificate.",
    ]
    assert told(folder, "a.pem [verify required]\n") == [
        "haproxy.cfg:5:27 'verify required' needs authorities.",
    ]
    assert told(folder, "a.pem [verify required ca-file no.pem]\n") == [
        f"list.txt:1:32 unable to stat SSL certificate from file '{folder}/no.pem' : no such file (ca-file).",
    ]


def test_what_has_no_effect_is_reported(folder: Path) -> None:
    (folder / "list.txt").write_text("a.pem [allow-0rtt]\nb.pem [curves X25519:P-521]\n")
    report = outcome(folder, "crt-list list.txt").report
    assert [f"{one.line} {one.standing}: {one.why}" for one in report if one.file.endswith("list.txt")] == [
        "1 ignored: `allow-0rtt`: early data is not taken",
        "2 approximated: P-521: it is not spoken; the others hold",
    ]


def served(folder: Path, bind: str, around: str) -> list[tuple[str, str, str]]:
    found = outcome(folder, bind, around)
    assert found.config is not None, found.diagnostics
    tls = found.config.frontends[0].listeners[0].tls
    assert tls is not None
    return [tuple(path.rpartition("/")[2] for path in (one.certificate, one.key, one.ocsp)) for one in tls.certificates]  # type: ignore[misc]


def test_a_store_names_the_files_of_certificates(folder: Path) -> None:
    text = (folder / "a.pem").read_text()
    at = text.index("-----BEGIN CERTIFICATE")
    end = text.index("-----END CERTIFICATE-----\n", at) + len("-----END CERTIFICATE-----\n")
    (folder / "certs").mkdir()
    (folder / "certs" / "alone.crt").write_text(text[at:end])
    (folder / "keys").mkdir()
    (folder / "keys" / "apart.key").write_text(text[:at] + text[end:])
    (folder / "certs" / "answer.der").write_bytes(b"0")
    store = """
crt-store web
  crt-base certs
  key-base keys
  load crt alone.crt key apart.key alias first ocsp answer.der ocsp-update on
  load crt alone.crt key apart.key
crt-store
  load crt b.pem alias own
  load crt certs/alone.crt key keys/apart.key
"""
    first, same, own = ("alone.crt", "apart.key", "answer.der"), ("alone.crt", "apart.key", ""), ("b.pem", "b.pem", "")
    assert served(folder, "crt @web/first crt @/own", store) == [first, own]
    assert served(folder, "crt @web/alone.crt", store) == [same]
    assert served(folder, "crt certs/alone.crt crt a.pem", store) == [same, ("a.pem", "a.pem", "")]
    (folder / "list.txt").write_text("@/own\n@web/first [verify none] a.test\n")
    assert served(folder, "crt-list list.txt", store) == [own, first]
    (folder / "list.txt").write_text("certs/alone.crt [key keys/apart.key] a.test\n")
    assert served(folder, "crt-list list.txt", "") == [same]


def test_a_frontend_uses_certificates_on_all_of_its_addresses(folder: Path) -> None:
    found = outcome(folder, "\n  bind :8444 ssl crt a.pem\n  bind :80\n  ssl-f-use crt b.pem ssl-min-ver TLSv1.3")
    assert found.config is not None, found.diagnostics
    first, second, plain = (listener.tls for listener in found.config.frontends[0].listeners)
    assert plain is None
    assert first is not None
    assert second is not None
    assert [len(one.certificates) for one in (first, second)] == [1, 2]
    assert first.certificates[0].options == second.certificates[1].options
    assert first.certificates[0].options is not None
    assert first.certificates[0].options.suite == TlsSuite(("1.3",))
    assert second.certificates[0].options is None


def test_mistakes_of_stores_are_told(folder: Path) -> None:
    def about(bind: str, lines: str) -> list[str]:
        store = f"crt-store web\n  load crt a.pem alias first\n  {lines}"
        return [one.message for one in outcome(folder, bind, store).diagnostics if one.severity.value == "error"]

    assert about("crt @web/frist", "") == ["unable to find the certificate '@web/frist' in a crt-store."]
    assert about("crt a.pem", "load crt b.pem alias first") == ["'@web/first' is already in a crt-store."]
    assert about("crt a.pem", "load alias other") == ["'load' expects the file of a certificate."]
    assert about("crt a.pem", "load crt b.pem acme LE") == ["'acme': certificates come from files."]
    assert about("crt a.pem", "laod crt b.pem") == ["unknown keyword 'laod' in 'crt-store' section"]
    assert about("crt a.pem", "load crt b.pem verify none") == ["unknown ssl keyword 'verify'."]
