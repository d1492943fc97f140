"""What `tenbin convert` makes of a file answers as the file does: same steps, two Tenbins, without log and API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.haproxy import seeds
from conformance.haproxy.case import read
from conformance.haproxy.compare import differences
from conformance.haproxy.sides import both

if TYPE_CHECKING:
    from conformance.haproxy.case import Case

CASES = Path(__file__).with_name("cases")
NAMES = (
    "backend_rules",
    "balance_hash_header",
    "balance_uri",
    "compression",
    "converters",
    "deny",
    "errors_own",
    "force_persist",
    "hdr_occurrences",
    "params",
    "response_headers",
    "rewrite_uri",
    "tcp_content",
    "tls_crt_list",
    "tls_crt_list_options",
    "use_backend",
)
"""Of those of which nothing is left out; turns among several servers have another order here than there."""
_UNASKED = ("api", "until", "leave")
"""Steps that need the runtime API or the log."""


@pytest.mark.parametrize("name", NAMES)
def test_a_converted_file_does_what_the_file_does(name: str) -> None:
    _compare(read(CASES / f"{name}.case"))


@pytest.mark.skipif(not seeds.SEEDS.is_dir(), reason="../shared is absent")
@pytest.mark.parametrize("name", seeds.NAMES)
def test_a_converted_file_of_somebody_does_what_the_file_does(name: str) -> None:
    _compare(seeds.seed(name))


def _compare(whole: Case) -> None:
    steps = tuple(step for step in whole.steps if step.split()[0] not in _UNASKED)
    case = replace(whole, steps=steps, stat=(), excepted=())
    before, after = both(case, ("tenbin", "converted"))
    before.lines = after.lines = []
    found = differences(case, before, after)
    assert not found, "\n".join([f"{len(found)} differ", *found, "", "Tenbin wrote:", after.output])
