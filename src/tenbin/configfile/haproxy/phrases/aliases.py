"""HAProxy's names for what the vocabulary calls otherwise, and the ACL keywords that carry a match method.

Owns no list of what exists: that is the vocabulary's. Follows sections 7.1 and 7.3 of HAProxy's configuration manual.
"""

from __future__ import annotations

import re

SAME = {
    "src": "source",
    "src_port": "source_port",
    "ssl_fc": "tls",
    "hdr": "req.hdr",
    "hdr_cnt": "req.hdr_cnt",
    "hdr_ip": "req.hdr_ip",
    "hdr_val": "req.hdr_val",
    "shdr": "res.hdr",
    "shdr_cnt": "res.hdr_cnt",
    "shdr_ip": "res.hdr_ip",
    "shdr_val": "res.hdr_val",
    "cook": "req.cook",
    "cook_cnt": "req.cook_cnt",
    "cook_val": "req.cook_val",
    "cookie": "req.cook",
    "scook": "res.cook",
    "scook_cnt": "res.cook_cnt",
    "scook_val": "res.cook_val",
    "urlp": "url_param",
    "urlp_val": "url_param_val",
    "payload": "req.payload",
    "payload_lv": "req.payload_lv",
    "rdp_cookie": "req.rdp_cookie",
    "rdp_cookie_cnt": "req.rdp_cookie_cnt",
    "req_rdp_cookie": "req.rdp_cookie",
    "req_rdp_cookie_cnt": "req.rdp_cookie_cnt",
    "req_len": "req.len",
    "req_proto_http": "req.proto_http",
    "req_ssl_sni": "req.ssl_sni",
    "req_ssl_ver": "req.ssl_ver",
    "req_ssl_hello_type": "req.ssl_hello_type",
    "rep_ssl_hello_type": "res.ssl_hello_type",
    "req_ver": "req.ver",
    "resp_ver": "res.ver",
}
"""The same fetch by another name."""

NATIVE = {
    "dst_port": "port",
    "ssl_fc_sni": "tls.sni",
    "ssl_fc_alpn": "tls.alpn",
    "ssl_fc_cipher": "tls.cipher",
    "ssl_fc_is_resumed": "tls.resumed",
    "req.ssl_sni": "sni",
}
"""Fetches that a native name stands for where the vocabulary does not have HAProxy's."""

FOREIGN = re.compile(r"source(_port)?|port|host|header|param|scheme|http_version|tls(\..*)?|server|sni|alpn|log\..*")
"""Native names, which HAProxy's language does not know."""

OF_ANSWER = {"hdr": "res.hdr", "cookie": "res.cook"}
"""Names that mean the answer's where an answer is looked at."""

TRACKED = re.compile(r"sc([0-9]+)_([a-z0-9_]+)")
"""`sc0_x(...)` is `sc_x(0,...)`."""

OWN_TABLE = re.compile(r"src_(?!is_local|port)[a-z0-9_]+|table_(avl|cnt)")
"""Fetches that look into the proxy's own table when none is named."""

OWN_TABLE_CHANGED = re.compile(r"table_(inc|clr)_gpc[01]?")
"""Converters that change the proxy's own table when none is named."""

REFERENCES = (
    (re.compile(r"(src_|sc_|table_)(?!is_local|port)[a-z0-9_]+|in_table"), "table"),
    (re.compile(r"be_(?!id|name|.*timeout|max_retries).*|nbsrv|queue|avg_queue|connslots"), "backend"),
    (re.compile(r"fe_(conn|req_rate|sess_rate)"), "frontend"),
    (re.compile(r"srv_(?!id|name).*"), "server"),
    (re.compile(r"http_auth(_group)?"), "userlist"),
)
"""Fetches and converters whose last argument names something of the configuration."""

OF_REQUEST = re.compile(r"req\..*|path|pathq|query|base.*|url.*|http_auth.*")
"""Fetches that look at the request itself, which HAProxy has forgotten when the answer comes."""

OWN_PROXY = frozenset((
    "avg_queue", "be_conn", "be_conn_free", "be_sess_rate", "connslots", "fe_conn", "fe_req_rate", "fe_sess_rate",
    "nbsrv", "queue",
))  # fmt: skip
"""Fetches that tell of the proxy itself when none is named."""

CONVERTERS = {"map": "map_str", "length": "size"}
"""The same converter by another name; `length` itself is the native one, which knows a length of what is absent."""

FOREIGN_CONVERTERS = frozenset(("strip", "size", "str", "int", "ip", "bool_text"))
"""Converters that HAProxy's language does not know."""

_PREFIXED = frozenset(("base", "cook", "hdr", "path", "scook", "shdr", "url", "urlp"))
_METHODS = frozenset(("beg", "dir", "dom", "end", "len", "reg", "sub"))
_OTHERS = {
    "payload": "bin",
    "payload_lv": "bin",
    "ssl_fc_sni_end": "end",
    "ssl_fc_sni_reg": "reg",
    "req.ssl_ver": "ver",
    "req_ssl_ver": "ver",
}


def keyword(name: str) -> tuple[str, str]:
    """Split an ACL keyword into its fetch and its match method, "" for that of the fetch's kind."""
    base, _, method = name.rpartition("_")
    if base in _PREFIXED and method in _METHODS:
        return base, method
    method = _OTHERS.get(name, "")
    return (base if name.startswith("ssl_fc_sni_") and method else name), method


def keywords() -> tuple[str, ...]:
    """All ACL keywords that carry a match method, for hints."""
    return tuple(f"{base}_{method}" for base in sorted(_PREFIXED) for method in sorted(_METHODS))
