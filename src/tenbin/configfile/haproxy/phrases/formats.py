"""The formats of lines that HAProxy knows by a name."""

from __future__ import annotations

_HTTP = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r"
_TLS = "%[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"

FORMATS = {
    "httplog": _HTTP,
    "httpslog": f"{_HTTP} {_TLS}",
    "tcplog": "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq",
    "clf": (
        '%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc '
        "%ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"
    ),
    "http": "Connect from %ci:%cp to %fi:%fp (%f/HTTP)",
    "tcp": "Connect from %ci:%cp to %fi:%fp (%f/TCP)",
    "error": "%ci:%cp [%t] %ft: %[fc_err_str]",
}
"""`http` and `tcp` are those of a frontend without a format, by its mode; `error` that of failed handshakes."""
