"""The committed vectors of samples and conditions are what the HAProxy at hand makes of them."""

from __future__ import annotations

import pytest

from conformance.haproxy_samples import FILE, HAPROXY, vectors, written


@pytest.mark.skipif(HAPROXY is None, reason="needs HAProxy")
def test_samples_are_what_haproxy_makes_of_them() -> None:
    """Written anew with `python -m conformance.haproxy_samples`; the data plane's tests replay the file."""
    assert written(vectors()) == FILE.read_text()
