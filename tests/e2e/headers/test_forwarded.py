"""`option forwarded` and the converters of RFC 7239 in a haproxy.cfg: what servers are told, and what is read of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.edge import placed, running
from tenbin.testing import Client

if TYPE_CHECKING:
    from pathlib import Path

FRONTEND = """
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend echo
  bind *:81
  http-request return status 200 content-type text/plain lf-string "%[req.fhdr(forwarded)]"
frontend web
  bind *:80
"""
OPTIONS = {
    "": "proto=http;for=127.0.0.1",
    "proto for": "proto=http;for=127.0.0.1",
    "for by by_port": 'by="127.0.0.1:{port}";for=127.0.0.1',
    "host for-expr src,xxh32,hex": 'host="a.test:81";for=_00000000013FB3EE',
    "host-expr str(b.test) by-expr str(_own) for for_port-expr int(10)": 'host="b.test";by=_own;for="127.0.0.1:10"',
    "for-expr str(::1),ipmask(32,128)": 'for="[::1]"',
    "for-expr str(::1),ipmask(32,128) for_port-expr str(a)": 'for="[::1]:_a"',
    "for-expr req.hdr(missing) by-expr str(a/b)": "by=unknown;for=unknown",
    "host-expr str(a/b)": 'host=""',
}


@pytest.mark.parametrize("words", OPTIONS)
def test_servers_are_told_who_the_client_is(words: str, tmp_path: Path) -> None:
    text = f"{FRONTEND}  default_backend app\nbackend app\n  option forwarded {words}\n  server s echo:81\n"
    with placed(text, tmp_path) as config:
        config.file.write_text(config.file.read_text().replace(f":{config.ports['echo']}", f":{config.ports['81']}"))
        with running(config), Client(config.address("80")) as client:
            answer = client.get("/", ("Host", "a.test:81"))
            assert answer.body.decode() == OPTIONS[words].format(port=config.ports["80"])


ELEMENTS = {
    "for=192.0.2.43;proto=http;by=203.0.113.43": "1|192.0.2.43|http|192.0.2.43||192.0.2.43|1",
    'for="[2001:db8:cafe::17]:4711"': "1|[2001:db8:cafe::17]:4711||2001:db8:cafe::17|4711|[2001:db8:cafe::17]|1",
    'for="_gazonk:_p"': "1|_gazonk:_p||_gazonk|_p|__gazonk|",
    "for=unknown": "1|unknown||unknown||_unknown|",
    "for=192.0.2.43:80": "0||||||",
    "for=192.0.2.43; proto=http": "0||||||",
}


def test_elements_are_looked_into(tmp_path: Path) -> None:
    node = "req.hdr(forwarded),rfc7239_field(for)"
    parts = (
        "req.hdr(forwarded),rfc7239_is_valid",
        node,
        "req.hdr(forwarded),rfc7239_field(proto)",
        f"{node},rfc7239_n2nn",
        f"{node},rfc7239_n2np",
        f"{node},rfc7239_n2nn,rfc7239_nn",
        "int(1),rfc7239_np",
    )
    shown = "|".join(f"%[{part}]" for part in parts[:-1])
    text = FRONTEND + (
        "  acl by_address req.hdr(forwarded),rfc7239_field(for),rfc7239_n2nn -m ip 192.0.2.0/24 2001:db8:cafe::/48\n"
        f'  http-request return status 200 content-type text/plain lf-string "{shown}|%[{parts[-1]}]" if by_address\n'
        f'  http-request return status 200 content-type text/plain lf-string "{shown}|"\n'
    )
    with placed(text, tmp_path) as config, running(config), Client(config.address("80")) as client:
        for element, expected in ELEMENTS.items():
            answer = client.get("/", ("Forwarded", element))
            assert answer.body.decode() == expected, element
