"""The statistics page: who sees it, what it says, and that only the page itself changes anything."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from e2e.runtime.conftest import Site
    from tenbin.testing.client import Response

LOGIN = ("Authorization", f"Basic {b64encode(b'boss:secret').decode()}")


def test_only_users_see_the_page(site: Site) -> None:
    for headers in ((), (("Authorization", "Basic eDp5"),)):
        answer = site.get("/stats", *headers)
        assert answer.status == 401
        assert answer.header("www-authenticate") == 'Basic realm="Balancer A"'
    assert site.get("/stats", LOGIN).status == 200


def test_texts_are_escaped_and_options_are_heeded(site: Site) -> None:
    page = site.get("/stats", LOGIN).body.decode()
    assert "&lt;node&gt;" in page
    assert "<node>" not in page
    assert "<script" not in site.get("/stats;csv?scope=<script>", LOGIN).body.decode()
    assert ">clients<" in page
    assert ">clients<" not in site.get("/stats?scope=app", LOGIN).body.decode()
    csv = site.get("/stats;csv", LOGIN).body.decode().splitlines()
    assert csv[0].startswith("# pxname,")
    assert {line.split(",")[0] for line in csv[1:]} == {"web", "app", "clients"}
    rows = json.loads(site.get("/stats;json", LOGIN).body)
    assert rows[0][0]["objType"] == "Frontend"


def test_the_form_of_the_page_steers_servers_and_that_of_strangers_does_not(site: Site) -> None:
    assert _send(site, "s=s1&action=drain&b=app").header("location") == "/stats;st=DENY"
    assert _send(site, "s=s1&action=drain&b=app", "http://evil.example").header("location") == "/stats;st=DENY"
    assert site.api.stat()["app", "s1"]["status"] == "UP"
    own = f"http://127.0.0.1:{site.port}"
    answer = _send(site, "s=s1&action=drain&b=app", own)
    assert (answer.status, answer.header("location")) == (303, "/stats;st=DONE")
    assert site.api.stat()["app", "s1"]["status"] == "DRAIN"
    assert _send(site, "s=s1&action=ready&b=app", own).header("location") == "/stats;st=DONE"
    assert _send(site, "s=nobody&action=ready&b=app", own).header("location") == "/stats;st=NONE"


def test_a_client_cannot_say_by_itself_that_it_may_change_things(site: Site) -> None:
    page = site.get("/stats", LOGIN, ("x-tenbin-page-admin", "1")).body.decode()
    assert page.count('name="action"') == 1, "the condition holds for this address, and is asked once"


def test_prometheus_reads_the_metrics_by_haproxys_names(site: Site) -> None:
    families = {one.name: one for one in text_string_to_metric_families(site.get("/metrics").body.decode())}
    states = {
        sample.labels["state"]: sample.value
        for sample in families["haproxy_server_status"].samples
        if sample.labels["server"] == "s1"
    }
    assert states["UP"] == 1
    assert {"haproxy_frontend_http_requests", "haproxy_backend_active_servers"} <= families.keys()


def _send(site: Site, form: str, origin: str = "") -> Response:
    headers = [LOGIN, ("Content-Type", "application/x-www-form-urlencoded"), *([("Origin", origin)] if origin else [])]
    with site.client() as client:
        return client.request("POST", "/stats", headers, form.encode())
