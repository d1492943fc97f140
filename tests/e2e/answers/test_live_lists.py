"""Rules for every answer change maps and lists, also on answers of our own; HAProxy knows them there from 2.8 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.runtime_api import tenbin_on
from tenbin.testing.client import fetch
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from pathlib import Path

    from support.servers import Servers

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:%(port)d
  acl seen url_param(k) -f %(list)s
  http-request set-var(txn.k) url_param(k)
  http-request set-var(txn.forget) url_param(forget)
  http-request return status 204 hdr X-Map %%[url_param(k),map(%(map)s,none)] hdr X-Seen yes if { path /ask } seen
  http-request return status 204 hdr X-Map %%[url_param(k),map(%(map)s,none)] if { path /ask }
  http-request deny if { path /deny }
  http-after-response set-map(%(map)s) %%[var(txn.k)] %%[status] unless { status 204 }
  http-after-response add-acl(%(list)s) %%[var(txn.k)] unless { status 204 }
  http-after-response del-map(%(map)s) %%[var(txn.k)] if { var(txn.forget) -m found }
  http-after-response del-acl(%(list)s) %%[var(txn.k)] if { var(txn.forget) -m found }
  default_backend app
backend app
  server s1 127.0.0.1:%(server)d
"""


def test_answers_of_servers_and_our_own_change_maps_and_lists(servers: Servers, tmp_path: Path) -> None:
    names = {"map": tmp_path / "codes.map", "list": tmp_path / "seen.lst"}
    for file in names.values():
        file.write_text("")
    with Lease(1) as lease:
        (port,) = lease.ports
        values = {"port": port, "server": servers.start("s1"), **names}
        with tenbin_on(TEXT % values, tmp_path):

            def told(key: str) -> tuple[str, str]:
                answer = fetch(("127.0.0.1", port), f"/ask?k={key}")
                return answer.header("x-map"), answer.header("x-seen")

            assert told("a") == ("none", "")
            assert fetch(("127.0.0.1", port), "/deny?k=a").status == 403
            assert told("a") == ("403", "yes")
            status = fetch(("127.0.0.1", port), "/?k=b").status
            assert told("b") == (str(status), "yes")
            assert fetch(("127.0.0.1", port), "/ask?k=a&forget=1").status == 204
            assert told("a") == ("none", "")
