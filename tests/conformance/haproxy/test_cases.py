"""Every case beside HAProxy: what differs is named, and nothing differs that the case does not except by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.haproxy.case import read
from conformance.haproxy.compare import differences
from conformance.haproxy.sides import both
from support.reference import HAPROXY

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

CASES = sorted(Path(__file__).with_name("cases").glob("*.case"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_tenbin_does_what_haproxy_does(path: Path) -> None:
    case = read(path)
    theirs, ours = both(case)
    found = differences(case, theirs, ours)
    assert not found, "\n".join([f"{path.name}: {len(found)} differ", *found, "", "Tenbin wrote:", ours.output])
