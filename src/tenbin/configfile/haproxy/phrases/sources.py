"""Where samples come from, for the one place where there is nothing to look at: a variable set as the process begins.

Owns HAProxy's words for these sources, and which samples are known without any.
"""

from __future__ import annotations

import re

NOWHERE = "process"
"""The phase of a variable of the process: no connection, no message."""


def source(name: str) -> str:
    """Return what a sample of the vocabulary is taken from; "" for one that needs nothing."""
    return next((told for pattern, told in _SOURCES if pattern.fullmatch(name)), "")


_SOURCES = (
    (re.compile(r"source|source_port|port|src_.*|dst.*|fc_.*"), "client address"),
    (re.compile(r"method|capture\.req\..*|http_first_req"), "HTTP request"),
    (re.compile(r"status|res\.comp.*|capture\.res\..*|txn\.status"), "HTTP response"),
    (re.compile(r"req\.(len|payload.*|ssl_.*|rdp_cookie.*)|sni|alpn"), "request buffer"),
    (re.compile(r"res\.(len|payload.*|ssl_.*)"), "response buffer"),
    (re.compile(r"res\..*"), "HTTP response headers"),
    (re.compile(r"tls(\..*)?|ssl_[fc]_.*|ssl_fc_.*|scheme"), "client-side connection"),
    (re.compile(r"ssl_bc.*|ssl_s_.*"), "server-side connection"),
    (re.compile(r"bc_.*"), "server address"),
    (re.compile(r"be_(name|id|.*_timeout|max_retries)|cur_.*"), "backend"),
    (re.compile(r"fe_(name|id|defbe|client_timeout)|so_(name|id)"), "frontend"),
    (re.compile(r"server|srv_(name|id)"), "server"),
    (
        re.compile(r"path|pathq|query|url.*|param|host|header|cookie|http_version|base.*|req\..*|http_auth.*"),
        "HTTP request headers",
    ),
)
