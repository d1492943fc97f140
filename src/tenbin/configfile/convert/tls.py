"""TLS and the PROXY protocol in the native language, on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.convert.words import template
from tenbin.configfile.native.document.tls import ANY_NAME
from tenbin.model.tls import ANY_HOST

if TYPE_CHECKING:
    from tenbin.configfile.convert.notes import Yaml
    from tenbin.model.tls import ListenerTls, SendProxy, ServerTls, TlsSuite


def listener_tls(found: ListenerTls) -> Yaml:
    """Write TLS of an address."""
    certificates = [
        one.certificate if one.key == one.certificate else {"certificate": one.certificate, "key": one.key}
        for one in found.certificates
    ]
    written: Yaml = {"certificates": certificates}
    if found.default:
        written["default"] = found.default + 1
    if found.strict_sni:
        written["strict_sni"] = True
    if found.client is not None:
        client: Yaml = {"mode": "required" if found.client.required else "optional", "ca": found.client.ca}
        written["client_certificates"] = {**client, "crl": found.client.crl} if found.client.crl else client
    if not found.resumption:
        written["resumption"] = False
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


def _suite(found: TlsSuite) -> Yaml:
    written: Yaml = {}
    if found.versions:
        written["versions"] = list(found.versions)
    if found.ciphers:
        written["ciphers"] = list(found.ciphers)
    return written
