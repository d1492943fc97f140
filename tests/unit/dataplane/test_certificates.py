"""What the data plane's program says of certificates, as facts; and what is said when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.judges import Judge, certificate, problem
from tenbin import model
from tenbin.dataplane.certificates import Authority, Problem, examine, self_signed
from tenbin.errors import DataplaneError, Severity, TenbinError

if TYPE_CHECKING:
    from pathlib import Path

SITE = model.Certificate("/c/site.pem", "/c/site.key", "/c/site.ocsp", "some stamp", "tenbin.yaml:3:9")


def test_files_go_in_and_facts_come_out(tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    wrong = problem("error", "/c/site.key", 1, "does not belong to the certificate")
    judge.answer(certificate("/c/site.pem", wrong), authorities=({"file": "/c/ca.pem", "count": 3, "problems": []},))
    facts = examine(judge.path, [SITE], ["/c/ca.pem"])
    assert judge.question == {
        "certificates": [
            {
                "certificate": "/c/site.pem",
                "key": "/c/site.key",
                "ocsp": "/c/site.ocsp",
                "position": "tenbin.yaml:3:9",
                "chain_text": None,
                "key_text": None,
                "staple": "",
            }
        ],
        "authorities": ["/c/ca.pem"],
    }
    (one,) = facts.certificates
    assert (one.names, one.chain, one.not_after) == (("a.example", "*.a.example"), 2, 1_800_000_000)
    assert one.problems == (Problem(Severity.ERROR, "/c/site.key", 1, "does not belong to the certificate"),)
    assert facts.authorities == (Authority("/c/ca.pem", 3),)


def test_a_file_that_cannot_be_read_has_only_problems(tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    said = {"certificate": "/c/site.pem", "problems": [problem("error", "/c/site.pem", 0, "no such file")]}
    judge.answer(said)
    (one,) = examine(judge.path, [SITE]).certificates
    assert one.not_after == 0
    assert one.problems[0].text == "no such file"


def test_what_is_no_answer_is_an_error(tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    with pytest.raises(DataplaneError, match="something else"):
        examine(judge.path, [SITE])
    judge.answer()
    with pytest.raises(DataplaneError, match="did not judge all"):
        examine(judge.path, [SITE])
    with pytest.raises(DataplaneError, match="cannot be started"):
        examine(tmp_path / "nothing", [SITE])


def test_an_older_program_is_told_from_a_failure(tmp_path: Path) -> None:
    old = Judge(tmp_path, said="usage: tenbin-dataplane --control PATH", status=2)
    with pytest.raises(DataplaneError, match="does not know certificates"):
        examine(old.path, [SITE])
    unwilling = Judge(tmp_path, said='tenbin-dataplane: "a b" is neither a host name nor an address\n', status=1)
    with pytest.raises(TenbinError, match=r"^.a b. is neither a host name nor an address$"):
        self_signed(unwilling.path, ["a b"])
