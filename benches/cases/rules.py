"""Rules: a haproxy.cfg as people write it, run by HAProxy and by Tenbin, over the same keep-alive clients.

It limits the rate of every address in a stick table, sets fields of requests, chooses a backend by conditions,
keeps visitors with their servers by a cookie, opens a connection to a server for every request, and logs each.
"""

import re
from pathlib import Path

from harness.certificates import certificate
from harness.figures import Row
from harness.load import Load
from harness.proxies import Scene
from harness.rounds import load_row, warm

from cases.bench import Bench

PLAIN = "a haproxy.cfg with rules and log, {} connections"
REUSED = "the same, connections to servers reused, {} connections"
CASES = [PLAIN.format(32), REUSED.format(32)]

_FILE = Path(__file__).parents[2] / "tests" / "acceptance" / "configs" / "dual_servers.cfg"
_CLOSES = "option  http-server-close"


def measure(bench: Bench) -> list[Row]:
    """HAProxy's way with servers as the file says, and the same file without that line."""
    rows = []
    for case, reused in ((PLAIN, False), (REUSED, True)):
        names = ("tenbin", "haproxy")
        with bench.yard.start_all(names, lambda port, reused=reused: _scene(bench, port, reused=reused)) as proxies:
            warm(proxies)
            rows.append(load_row(case.format(32), proxies, bench.rounds, Load(32, bench.seconds)))
    return rows


def _scene(bench: Bench, port: int, *, reused: bool) -> Scene:
    """The file with its addresses in place, without TLS, and with a limit that the load does not reach."""
    folder = bench.yard.folder
    (folder / "503.http").write_text("HTTP/1.0 503 Service Unavailable\r\n\r\n")
    certificate(folder / "server.pem")
    text = _FILE.read_text()
    text = text.replace("bind *:80\n", f"bind 127.0.0.1:{port} backlog 4096\n").replace("bind *:443 ssl", "# bind")
    text = text.replace("bind *:8404", f"bind unix@{folder}/stats-{port}")
    text = re.sub(r"(server \S+) [a-z][a-z0-9-]*:\d+", rf"\1 127.0.0.1:{bench.server}", text)
    text = text.replace("/var/run/haproxy.sock", f"{folder}/api-{port}")
    text = text.replace("/etc/haproxy/errors/", f"{folder}/")
    # The condition is asked as before, and a second one says no.
    text = text.replace("redirect scheme https if !{ ssl_fc }", "redirect scheme https if !{ ssl_fc } { path /none }")
    text = text.replace("gt 10 }", "gt 100000000 }")
    if reused:
        text = text.replace(_CLOSES, "http-reuse always")
    return Scene(port, (), haproxy_cfg=text)
