"""A line says of every end what HAProxy says: who ended it, in which phase, and after which timers."""

from __future__ import annotations

import pytest

from conformance.haproxy_logs.cases import CASES, Case
from conformance.haproxy_logs.told import alike, told
from support.reference import HAPROXY

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

OTHERWISE = {
    # HAProxy without `option abortonclose` does not look at a client that waits; we leave the server in peace.
    "client-resets-while-waiting": ['web app/s1 0/0/0/-1/100 -1 CH-- 1/1/0/0/0 0/0 - - "GET /a?b=c HTTP/1.1"'],
    "client-resets-in-body": ['web app/s1 0/0/0/0/1 200 CD-- 1/1/0/0/0 0/0 - - "GET /a?b=c HTTP/1.1"'],
    "left-in-queue": [
        'web app/<NOSRV> 0/100/-1/-1/100 -1 CQ-- 2/2/1/0/0 0/1 - - "GET /a?b=c HTTP/1.1"',
        'web app/s1 0/0/0/-1/950 504 sH-- 1/1/0/0/0 0/0 - - "GET /a?b=c HTTP/1.1"',
    ],
    # The server is not late while it is the client that is waited for.
    "body-late": ['web app/s1 0/0/0/-1/1550 408 cD-- 1/1/0/0/0 0/0 - - "POST /up HTTP/1.1"'],
}
"""Where we differ, why, and what we say."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_both_say_the_same(case: Case) -> None:
    ours = told(case, "tenbin")
    theirs = OTHERWISE.get(case.name) or told(case, "haproxy")
    assert all(map(alike, ours, theirs)), f"tenbin  {ours}\nhaproxy {theirs}"
