"""TLS and the PROXY protocol in the native language, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import template
from tenbin.configfile.native.document.tls import ANY_NAME, GROUPS, SUITES, VERSIONS
from tenbin.model.tls import ANY_HOST, TlsSuite

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Yaml
    from tenbin.model.tls import Certificate, ClientCertificates, ListenerTls, SendProxy, ServerTls


def listener_tls(found: ListenerTls) -> Yaml:
    """Write TLS of an address."""
    written: Yaml = {"certificates": [_certificate(one, found.suite) for one in found.certificates]}
    if found.default:
        written["default"] = found.default + 1
    if found.strict_sni:
        written["strict_sni"] = True
    if found.client is not None:
        written["client_certificates"] = _clients(found.client)
    if not found.resumption:
        written["resumption"] = False
    if not found.tickets:
        written["tickets"] = False
    if found.hsts:
        written["hsts"] = found.hsts
    return written | _suite(found.suite)


def server_tls(found: ServerTls) -> Yaml:
    """Write TLS towards a server."""
    written: Yaml = {"verify": found.verify, "sni": template(found.chosen) if found.chosen else found.sni}
    if found.host:
        written["verify_name"] = ANY_NAME if found.host == ANY_HOST else found.host
    written |= {key: getattr(found, key) for key in ("ca", "crl") if getattr(found, key)}
    if found.certificate:
        written |= {"certificate": found.certificate.certificate, "key": found.certificate.key}
    return written | _suite(found.suite)


def send_proxy(found: SendProxy) -> object:
    """Write how servers are told of the client."""
    return {"version": "v2", "tls": True} if found.tls else f"v{found.version}"


def _certificate(found: Certificate, common: TlsSuite) -> object:
    """The path alone, where that says it all; `common` holds where it says nothing of versions and suites."""
    written: Yaml = {} if found.key == found.certificate else {"key": found.key}
    if found.ocsp and found.ocsp != f"{found.certificate}.ocsp":
        written["ocsp"] = found.ocsp
    if found.names:
        written["names"] = list(found.names)
    if found.options is not None:
        client = found.options.client
        written |= {"client_certificates": _clients(client) if client else False, "http2": found.options.http2}
        written |= _suite(_whole(found.options.suite, common))
    return {"certificate": found.certificate, **written} if written else found.certificate


def _whole(said: TlsSuite, common: TlsSuite) -> TlsSuite:
    """All that there is, where the defaults hold although something else does beside."""
    return TlsSuite(
        said.versions or (VERSIONS if common.versions else ()),
        said.ciphers or (tuple(SUITES) if common.ciphers else ()),
        said.groups or (GROUPS if common.groups else ()),
    )


def _clients(found: ClientCertificates) -> Yaml:
    written: Yaml = {"mode": "required" if found.required else "optional", "ca": found.ca}
    if found.crl:
        written["crl"] = found.crl
    if not found.names:
        written["name_authorities"] = False
    return written


def _suite(found: TlsSuite) -> Yaml:
    written: Yaml = {}
    if found.versions:
        written["versions"] = list(found.versions)
    if found.ciphers:
        written["ciphers"] = list(found.ciphers)
    if found.groups:
        written["groups"] = list(found.groups)
    return written
