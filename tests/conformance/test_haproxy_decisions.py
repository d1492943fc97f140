"""What rules decide stands in the same columns of the statistics as with HAProxy 2.6."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from support.reference import HAPROXY
from support.runtime_api import Api, haproxy_on, tenbin_on
from support.servers import Servers
from tenbin.testing.client import Client, ExchangeError
from tenbin.testing.ports import Lease
from tenbin.testing.wait import wait_for

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

Rows = dict[tuple[str, str], dict[str, str]]

LONG = "x" * 900
TEXT = f"""
global
  stats socket {{socket}} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  timeout tarpit 100ms
frontend web
  bind 127.0.0.1:FRONT
  tcp-request connection reject if {{ src 127.0.0.9 }}
  tcp-request session reject if {{ src 127.0.0.8 }}
  http-request set-var(txn.path) path
  http-request deny if {{ path /deny }}
  http-request deny deny_status 429 content-type text/plain string no if {{ path /deny-body }}
  http-request reject if {{ path /reject }}
  http-request silent-drop if {{ path /silent }}
  http-request tarpit if {{ path /tarpit }}
  http-request auth if {{ path /auth }}
  http-request return status 200 content-type text/plain string yes if {{ path /return }}
  http-request redirect location /there if {{ path /redirect }}
  http-request set-var(txn.long) str({LONG}) if {{ path /long /answer-long }}
  http-request set-header x-long {"%[var(txn.long)]" * 16} if {{ path /long }}
  http-request set-header y-long {"%[var(txn.long)]" * 16} if {{ path /long }}
  http-response deny if {{ var(txn.path) -m str /answer-deny }}
  http-response set-header x-long {"%[var(txn.long)]" * 16} if {{ var(txn.path) -m str /answer-long }}
  http-response set-header y-long {"%[var(txn.long)]" * 16} if {{ var(txn.path) -m str /answer-long }}
  default_backend app
backend app
  http-request deny if {{ path /backend-deny }}
  http-request reject if {{ path /backend-reject }}
  http-request tarpit if {{ path /backend-tarpit }}
  http-request auth if {{ path /backend-auth }}
  http-request return status 200 content-type text/plain string yes if {{ path /backend-return }}
  http-response deny deny_status 403 if {{ var(txn.path) -m str /backend-answer-deny }}
  server s1 127.0.0.1:BACK
frontend raw
  mode tcp
  bind 127.0.0.1:RAW
  tcp-request content reject if {{ src 127.0.0.7 }}
  default_backend raws
backend raws
  mode tcp
  tcp-request content reject if {{ src 127.0.0.6 }}
  server s1 127.0.0.1:BACK
"""
PATHS = (
    *("/", "/deny", "/deny-body", "/reject", "/silent", "/tarpit", "/auth", "/return", "/redirect", "/long"),
    *("/answer-deny", "/answer-long", "/backend-deny", "/backend-reject", "/backend-tarpit", "/backend-auth"),
    *("/backend-return", "/backend-answer-deny"),
)
COLUMNS = (
    *("dreq", "dresp", "dcon", "dses", "wrew", "eint", "ereq", "eresp", "intercepted", "req_tot"),
    *("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"),
)


@pytest.mark.parametrize("path", PATHS)
def test_a_decision_is_counted_where_haproxy_counts_it(path: str, sights: dict[str, list[dict[str, str]]]) -> None:
    theirs, ours = sights[path]
    assert ours == theirs


@pytest.mark.parametrize("source", ["127.0.0.9", "127.0.0.8", "127.0.0.7", "127.0.0.6"])
def test_connections_that_are_turned_away_are_counted_so(source: str, sights: dict[str, list[dict[str, str]]]) -> None:
    theirs, ours = sights[source]
    assert ours == theirs


@pytest.fixture(scope="module")
def sights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Return what each request changed, with us and with them."""
    folder = tmp_path_factory.mktemp("decisions")
    found: dict[str, list[dict[str, str]]] = {}
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(folder))
        for start in (haproxy_on, tenbin_on):
            lease = Lease(2)
            stack.callback(lease.release)
            web, raw = lease.ports
            places = {"FRONT": web, "RAW": raw, "BACK": servers.start(f"{start.__name__}")}
            text = TEXT
            for name, port in places.items():
                text = text.replace(name, str(port))
            api = stack.enter_context(start(text, folder))
            asked = [(path, path, web, "127.0.0.1") for path in PATHS]
            asked += [(source, "/", web, source) for source in ("127.0.0.9", "127.0.0.8")]
            asked += [(source, "/", raw, source) for source in ("127.0.0.7", "127.0.0.6")]
            for name, path, port, source in asked:
                known = found.setdefault(name, [])
                known.append(_changes(api, path, (("127.0.0.1", port), source), known[0] if known else None))
    return found


def _changes(api: Api, path: str, ends: tuple[tuple[str, int], str], expected: dict[str, str] | None) -> dict[str, str]:
    """Return what a request changes: what is expected, or all that is counted once every session has ended."""
    api("clear counters all")
    address, source = ends
    try:
        with Client(address, timeout=2.0, source=source) as client:
            client.get(path, ("host", "a"), ("connection", "close"))
            client.read_to_end()
    except (ExchangeError, OSError):
        pass
    seen: dict[str, str] = {}

    def settled() -> bool:
        rows = api.stat()
        seen.clear()
        seen.update(_figures(rows))
        return seen == expected if expected is not None else bool(seen) and _idle(rows)

    with suppress(AssertionError, TimeoutError):
        wait_for(settled, 2.0)
    return seen


def _idle(rows: Rows) -> bool:
    return all(row["scur"] in {"", "0"} for row in rows.values())


def _figures(rows: Rows) -> dict[str, str]:
    return {
        f"{'/'.join(place)} {column}": row[column]
        for place, row in rows.items()
        for column in COLUMNS
        if row[column] not in {"", "0"}
    }
