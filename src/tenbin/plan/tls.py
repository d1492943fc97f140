"""TLS and the PROXY protocol of the model as they go on the wire.

Owns the translation only: which files there are was found out by the reader, and what is in them only the data plane
reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from tenbin.plan.expression import optional
from tenbin.plan.wire import tls as wire

if TYPE_CHECKING:
    from tenbin import model


def listener_tls(tls: model.ListenerTls, frontend: model.Frontend) -> wire.ListenerTls:
    """Translate a listener's TLS; how long handshakes take, and how many there are, its frontend says."""
    return wire.ListenerTls(
        certificates=tuple(_certificate(one) for one in tls.certificates),
        default=tls.default,
        strict_sni=tls.strict_sni,
        suite=_suite(tls.suite),
        client=_client(tls.client) if tls.client else None,
        resumption=tls.resumption,
        tickets=tls.tickets,
        handshake=frontend.handshake.ms,
        handshakes=frontend.limits.handshakes,
        hsts=tls.hsts,
    )


def server_tls(tls: model.ServerTls) -> wire.ServerTls:
    """Translate TLS towards a server."""
    return wire.ServerTls(
        verify=tls.verify,
        ca=tls.ca,
        crl=tls.crl,
        sni=tls.sni,
        chosen=optional(tls.chosen),
        host=tls.host,
        certificate=_certificate(tls.certificate) if tls.certificate else None,
        suite=_suite(tls.suite),
        stamp=tls.stamp,
    )


def proxy_in(proxy: model.ProxyIn) -> wire.ProxyIn:
    """Translate whose connections begin with the PROXY protocol."""
    return wire.ProxyIn(networks=proxy.networks)


def proxy_out(proxy: model.SendProxy) -> wire.ProxyOut:
    """Translate how a server is told of the client."""
    return wire.ProxyOut(version=cast("Literal[1, 2]", proxy.version), tls=proxy.tls)


def _certificate(one: model.Certificate) -> wire.Certificate:
    return wire.Certificate(
        certificate=one.certificate,
        key=one.key,
        ocsp=one.ocsp,
        stamp=one.stamp,
        chain_text=one.chain_text or None,
        key_text=one.key_text or None,
        staple=one.staple,
        names=one.names,
        options=_options(one.options) if one.options else None,
        position=one.position,
    )


def _options(options: model.CertificateOptions) -> wire.CertificateOptions:
    client = _client(options.client) if options.client else None
    return wire.CertificateOptions(suite=_suite(options.suite), client=client, http2=options.http2)


def _suite(suite: model.TlsSuite) -> wire.TlsSuite:
    versions = cast("tuple[Literal['1.2', '1.3'], ...]", suite.versions)
    return wire.TlsSuite(versions=versions, ciphers=suite.ciphers, groups=suite.groups)


def _client(client: model.ClientCertificates) -> wire.ClientCertificates:
    return wire.ClientCertificates(
        required=client.required, ca=client.ca, crl=client.crl, stamp=client.stamp, names=client.names
    )
