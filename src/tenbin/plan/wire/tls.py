"""TLS and the PROXY protocol in a snapshot: files by path, and texts only where they were given at run time."""

from typing import Literal

from pydantic import Field

from tenbin.plan.wire.expression import Expr, Wire


class Certificate(Wire):
    """A PEM chain and its key (perhaps the same file); `stamp` changes whenever one of the files does.

    `chain_text` and `key_text` (PEM) stand in place of what these files hold, `staple` (hex) in place of `ocsp`.
    `names`, if any, are the hosts that get it: `*.name` for all below one, `!name` for none. `options` hold for who
    gets it, in place of the listener's.
    """

    certificate: str
    key: str
    ocsp: str = ""
    stamp: str = ""
    chain_text: str | None = Field(default=None, repr=False)
    key_text: str | None = Field(default=None, repr=False)
    staple: str = ""
    names: tuple[str, ...] = ()
    options: "CertificateOptions | None" = None
    position: str = ""


class TlsSuite(Wire):
    """Versions, cipher suites and groups (IANA names), the preferred first; empty for the default ones."""

    versions: tuple[Literal["1.2", "1.3"], ...] = ()
    ciphers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class ClientCertificates(Wire):
    """PEM files: `ca` with the authorities of clients, `crl` ("" for none) with what they revoked.

    `names`: clients are told who these authorities are.
    """

    required: bool
    ca: str
    crl: str = ""
    stamp: str = ""
    names: bool = True


class CertificateOptions(Wire):
    """What holds for clients that get a certificate, in place of all that the listener says of the same."""

    suite: TlsSuite = TlsSuite()
    client: ClientCertificates | None = None
    http2: bool = False


class ListenerTls(Wire):
    """TLS on a listener; `default` is the place of the certificate for unknown names.

    `handshake`: milliseconds; `handshakes`: at once, 0 for no limit; `hsts`: the header's value, "" to send none.
    """

    certificates: tuple[Certificate, ...]
    default: int = 0
    strict_sni: bool = False
    suite: TlsSuite = TlsSuite()
    client: ClientCertificates | None = None
    resumption: bool = True
    tickets: bool = True
    handshake: int
    handshakes: int = 0
    hsts: str = ""


class ServerTls(Wire):
    """TLS towards a server. `ca` "" for the system's authorities.

    `sni` "" for none: then `host` is verified, or the address, or ("*") no name. `chosen`: it by request.
    """

    verify: bool = True
    ca: str = ""
    crl: str = ""
    sni: str = ""
    chosen: Expr | None = None
    host: str = ""
    certificate: Certificate | None = None
    suite: TlsSuite = TlsSuite()
    stamp: str = ""


class ProxyIn(Wire):
    """Networks whose connections begin with the PROXY protocol; none named: all do."""

    networks: tuple[str, ...] = ()


class ProxyOut(Wire):
    """The PROXY protocol towards a server; `tls` tells of the client's TLS (version 2)."""

    version: Literal[1, 2]
    tls: bool = False
