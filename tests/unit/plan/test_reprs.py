"""No value of the control plane shows its secrets when it is printed."""

from __future__ import annotations

from tenbin.api.server import Limits, access_to
from tenbin.api.token import Tokens
from tenbin.configfile.native.document.root import AdminDocument
from tenbin.model import Address, AdminEndpoint
from tenbin.plan import wire
from tenbin.plan.compile import Surroundings, compile_snapshot
from tenbin.state import Overlay, State
from unit.plan.samples import everything

MARK = "5ec2e7a05ec2e7a1" * 4


def test_printing_shows_no_secret() -> None:
    around = Surroundings(secret=MARK)
    snapshot = compile_snapshot(State(everything(), Overlay(), 1), around)
    endpoint = AdminEndpoint(Address("127.0.0.1", 8404), MARK, MARK)
    assert snapshot.secret == endpoint.token == MARK
    document = AdminDocument(token=MARK, read_token=MARK)
    access = access_to(endpoint, Limits())
    held = (around, snapshot, wire.Apply(id=1, snapshot=snapshot), endpoint, document, Tokens(MARK, MARK), access)
    assert [type(one).__name__ for one in held if MARK in repr(one) or MARK in str(one)] == []
