"""What is wrong with certificates is told where the configuration names them, and their end in good time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from support.judges import Judge, certificate, problem
from tenbin import configfile
from tenbin.clock import SystemClock
from tenbin.configfile.source import Source
from tenbin.control.certificates import Certificates, Judgement, judge
from tenbin.dataplane.binary import VARIABLE
from tenbin.errors import Severity
from tenbin.model import Certificate, ServerTls, TlsSuite
from tenbin.observe.certificates import DAY

if TYPE_CHECKING:
    from pathlib import Path

    from tenbin.model import Config
    from tenbin.observe.certificates import CertificateFacts
    from tenbin.observe.sentences import Sentence

PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
TEXT = """\
frontends:
  web:
    listen:
      - {address: "127.0.0.1:8443", tls: {certificates: [site.pem, other.pem]}}
      - {address: "127.0.0.1:8444", tls: site.pem}
    routes: [{backend: app}]
backends:
  app: {servers: {s1: "127.0.0.1:3001"}}
"""
NOW = datetime.fromtimestamp(1_750_000_000, UTC)


class Calendar(SystemClock):
    """A clock whose date a test sets."""

    def __init__(self, today: datetime) -> None:
        super().__init__()
        self.today = today

    def wall(self) -> datetime:
        return self.today


@pytest.fixture
def config(tmp_path: Path) -> Config:
    for name in ("site.pem", "other.pem"):
        (tmp_path / name).write_text(PEM)
    return configfile.read(TEXT, "tenbin.yaml", environment={}, directory=tmp_path)


def judged(config: Config, program: Judge, now: datetime = NOW) -> Judgement:
    return judge(config, Source("tenbin.yaml", TEXT), {VARIABLE: str(program.path)}, now)


def test_problems_are_placed_where_the_file_is_named(config: Config, tmp_path: Path) -> None:
    program = Judge(tmp_path)
    wrong = problem("error", "/c/other.key", 12, "does not belong")
    program.answer(certificate("site.pem"), certificate("other.pem", wrong))
    found = judged(config, program)
    assert not found.usable
    (one,) = found.diagnostics
    assert one.position == "tenbin.yaml:4:68"
    assert one.message == "/c/other.key:12: does not belong"
    assert configfile.render([one]).splitlines()[2].strip() == "^" * len("other.pem")


def test_each_certificate_is_asked_for_once_and_knows_its_listeners(config: Config, tmp_path: Path) -> None:
    program = Judge(tmp_path)
    program.answer(certificate("site.pem"), certificate("other.pem"))
    found = judged(config, program)
    assert found.usable
    assert len(program.question["certificates"]) == 2
    assert [one.listeners for one in found.certificates] == [("127.0.0.1:8443", "127.0.0.1:8444"), ("127.0.0.1:8443",)]


def test_servers_and_authorities_are_judged_as_well(config: Config, tmp_path: Path) -> None:
    shown = Certificate("/c/client.pem", "/c/client.pem", "", "", "tenbin.yaml:8:3")
    tls = ServerTls(True, "/c/ca.pem", "", "", shown, TlsSuite(), "", ("tenbin.yaml:7:3", ""))
    (backend,) = config.backends
    secure = replace(backend, servers=tuple(replace(server, tls=tls) for server in backend.servers))
    program = Judge(tmp_path)
    old = problem("warning", "/c/ca.pem", 0, "is old")
    program.answer(certificate("/c/client.pem"), authorities=({"file": "/c/ca.pem", "count": 1, "problems": [old]},))
    found = judged(replace(config, frontends=(), backends=(secure,)), program)
    assert found.usable
    assert found.certificates[0].servers == ("app/s1",)
    assert [(one.severity, one.message) for one in found.diagnostics] == [(Severity.WARNING, "/c/ca.pem: is old")]
    assert found.diagnostics[0].line == 7


def test_files_of_checks_alone_are_judged_as_well(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    check = "{http: GET /, port: 8443, tls: {ca: ca.pem, certificate: ca.pem}}"
    text = f'listen: "127.0.0.1:8080"\nbackends: {{app: {{check: {check}, servers: ["127.0.0.1:3001"]}}}}\n'
    config = configfile.read(text, "tenbin.yaml", environment={}, directory=tmp_path)
    program = Judge(tmp_path)
    bad = problem("error", str(tmp_path / "ca.pem"), 1, "is damaged")
    program.answer(certificate("ca.pem"), authorities=({"file": "ca.pem", "count": 1, "problems": [bad]},))
    found = judge(config, Source("tenbin.yaml", text), {VARIABLE: str(program.path)}, NOW)
    assert [(one.line, one.column) for one in found.diagnostics] == [(2, text.split("\n")[1].index("{ca:") + 6)]
    assert not found.certificates[0].servers


def test_nobody_is_asked_without_files(tmp_path: Path) -> None:
    text = 'listen: "127.0.0.1:8080"\nbackends: ["127.0.0.1:3001"]\n'
    plain = configfile.read(text, "tenbin.yaml", environment={}, directory=tmp_path)
    assert judge(plain, Source("tenbin.yaml", text), {VARIABLE: "/nowhere"}, NOW) == Judgement()


def test_the_last_two_weeks_are_a_warning(config: Config, tmp_path: Path) -> None:
    program = Judge(tmp_path)
    ends = int((NOW + timedelta(days=14)).timestamp())
    program.answer(certificate("site.pem", not_after=ends), certificate("other.pem", not_after=ends + 60))
    found = judged(config, program)
    assert found.usable
    assert [(one.severity, one.message) for one in found.diagnostics] == [
        (Severity.WARNING, "site.pem: the certificate ends in 14d")
    ]


def of(tmp_path: Path, config: Config, **facts: object) -> tuple[CertificateFacts, ...]:
    program = Judge(tmp_path)
    program.answer(certificate("site.pem", **facts), certificate("other.pem", fingerprint="cd" * 32))
    return judged(config, program).certificates


def test_the_end_is_told_once_a_day_and_more_loudly_when_it_has_come(config: Config, tmp_path: Path) -> None:
    facts = of(tmp_path, config)
    end = facts[0].not_after
    clock = Calendar(end - timedelta(seconds=20 * DAY))
    said: list[Sentence] = []
    held = Certificates(clock, said.append)
    held.hold(facts[:1])
    held.remind()
    assert said == []
    for left, level, words in ((13.5, "warning", "ends in 13d 12h"), (12.9, "warning", "12d"), (-0.5, "error", "EXP")):
        clock.today = end - timedelta(days=left)
        held.remind()
        held.remind()
        (sentence,) = said
        assert sentence.level == level
        assert words in sentence.text
        assert "a.example" in sentence.text
        said.clear()


def test_one_that_has_ended_is_told_when_it_comes_into_force(config: Config, tmp_path: Path) -> None:
    facts = of(tmp_path, config)
    said: list[Sentence] = []
    Certificates(Calendar(facts[0].not_after + timedelta(days=3)), said.append).hold(facts[:1])
    assert ["EXPIRED 3d ago: clients refuse it" in sentence.text for sentence in said] == [True]


def test_a_renewal_is_told_with_both_ends(config: Config, tmp_path: Path) -> None:
    before = of(tmp_path, config)
    after = of(tmp_path, config, fingerprint="ef" * 32, not_after=1_810_000_000)
    said: list[Sentence] = []
    held = Certificates(Calendar(NOW), said.append)
    held.hold(before)
    held.hold(after)
    (sentence,) = said
    assert "it ends on 2027-05-11, the one before on 2027-01-15" in sentence.text
    assert [one.fingerprint for one in held.status()] == ["ef" * 32, "cd" * 32]
