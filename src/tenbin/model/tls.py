"""TLS on both sides, HTTP/2 towards servers, and the PROXY protocol: files by path, never what is in them.

The control plane knows where certificates and keys are and when they change; only the data plane reads them, and checks
read the certificate that is shown to servers. What HAProxy's runtime API is given passes through, and is never shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression


ANY_HOST = "*"


class Protocol(StrEnum):
    """What is spoken to servers; `auto`: what each chooses by ALPN, HTTP/1.1 without TLS."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM chain and its key, absolute paths and perhaps the same file; `ocsp` "" for no answer to staple.

    `stamp` changes whenever one of the files does; `position` is `file:line:column` of where it was named. `chain_text`
    and `key_text` (PEM) stand in place of what files hold, `staple` (hex) in place of `ocsp`: given at run time.
    `names` are the hosts that get it, `*.name` for all below one and `!name` for none; (): those that it is for.
    `options` hold for who gets it, in place of its listener's.
    """

    certificate: str
    key: str
    ocsp: str
    stamp: str
    position: str = field(default="", compare=False)
    chain_text: str = field(default="", repr=False)
    key_text: str = field(default="", repr=False)
    staple: str = ""
    names: tuple[str, ...] = ()
    options: CertificateOptions | None = None


@dataclass(frozen=True, slots=True)
class TlsSuite:
    """Versions ("1.2", "1.3"), cipher suites and groups for the exchange of keys (IANA names), the preferred first.

    () for the default ones.
    """

    versions: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientCertificates:
    """PEM files: `ca` with the authorities that sign for clients, `crl` ("" for none) with what they revoked.

    `required`: a client without a certificate is refused; one with a bad certificate always is. `positions` are
    `file:line:column` of where `ca` and `crl` were named. `names`: clients are told who these authorities are.
    """

    required: bool
    ca: str
    crl: str
    stamp: str
    positions: tuple[str, str] = field(default=("", ""), compare=False)
    names: bool = True


@dataclass(frozen=True, slots=True)
class CertificateOptions:
    """What holds for clients that get a certificate, in place of all that its listener says of the same.

    `http2`: it is offered, where requests are spoken at all.
    """

    suite: TlsSuite
    client: ClientCertificates | None
    http2: bool


@dataclass(frozen=True, slots=True)
class ListenerTls:
    """TLS on a listener: `certificates` (one or more) are chosen by the name that a client asks for.

    `default` is the place of the one for other names, which `strict_sni` refuses instead. `client` None: clients show
    no certificate. `hsts`: the value of Strict-Transport-Security, "" to send none. `resumption`: clients that come
    back are known, by `tickets` that they keep or else by what is kept here.
    """

    certificates: tuple[Certificate, ...]
    default: int
    strict_sni: bool
    suite: TlsSuite
    client: ClientCertificates | None
    resumption: bool
    hsts: str
    tickets: bool = True


@dataclass(frozen=True, slots=True)
class ServerTls:
    """TLS towards a server.

    `sni` is the name that is sent and that its certificate must hold; "": none is sent, and the certificate must hold
    `host`, or the address where that is "" too, or where it is ANY_HOST nothing. `chosen` is an expression in place of
    `sni`: each request (in mode tcp each connection) yields a name anew, or none where it yields "".

    `ca` "" for the system's authorities. `certificate` is shown to a server that asks. `positions` are
    `file:line:column` of where `ca` and `crl` were named.
    """

    verify: bool
    ca: str
    crl: str
    sni: str
    certificate: Certificate | None
    suite: TlsSuite
    stamp: str
    positions: tuple[str, str] = field(default=("", ""), compare=False)
    chosen: Expression | None = None
    host: str = ""


@dataclass(frozen=True, slots=True)
class ProxyIn:
    """Connections of these networks begin with the PROXY protocol, and no others; () for all."""

    networks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SendProxy:
    """The PROXY protocol towards a server: `version` 1 or 2; `tls` tells of the client's TLS (version 2)."""

    version: int
    tls: bool
