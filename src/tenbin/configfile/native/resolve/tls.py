"""TLS of listeners and towards servers, and the PROXY protocol, with files found and defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.configfile.expression import Compiled
from tenbin.configfile.native.document.tls import ANY_NAME, GROUPS, SUITES, VERSIONS
from tenbin.configfile.native.resolve.certificates import Found, certificate, certificates
from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.files import look, reason, stamp
from tenbin.configfile.native.resolve.routes import check_names
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.frontend import Mode
from tenbin.model.tls import (
    ANY_HOST,
    CertificateOptions,
    ClientCertificates,
    ListenerTls,
    ProxyIn,
    SendProxy,
    ServerTls,
    TlsSuite,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path as FilePath

    from tenbin.configfile.native.document.proxy import ProxyProtocolDocument, SendProxyDocument
    from tenbin.configfile.native.document.tls import (
        CertificateDocument,
        ClientCertificatesDocument,
        ListenTlsDocument,
        ServerTlsDocument,
    )
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.expression import Expression
    from tenbin.model.values import Address, UnixAddress


@dataclass(frozen=True, slots=True)
class Outward:
    """TLS towards the servers of a backend; `automatic`: each is asked for the name that its address holds."""

    tls: ServerTls
    automatic: bool

    def towards(self, address: Address | UnixAddress) -> ServerTls:
        """TLS towards one of them."""
        name = "" if address.is_literal else address.host.rstrip(".")
        return replace(self.tls, sni=name) if self.automatic else self.tls


def listener_tls(
    context: Context, document: ListenTlsDocument | None, path: Path, mode: Mode, *, http2: bool
) -> ListenerTls | None:
    """Resolve the TLS of an address, which stands at `path`; `http2`: it is offered unless a certificate says else."""
    if document is None:
        return None
    if mode is Mode.TCP and document.hsts is not None:
        message = "`hsts` is a header of answers, and in mode tcp there are none"
        context.error((*path, "hsts"), message, hint="remove it", key=True)
    if version := document.unspoken():
        context.warning((*path, "ciphers"), f"none of these suites is for TLS {version}: it is not spoken")
    found = certificates(context, document.certificates, (*path, "certificates"))
    clients = document.client_certificates
    client = _clients(context, clients, (*path, "client_certificates")) if clients else None
    own = CertificateOptions(document.suite(), client, http2)
    options = [
        _options(context, one, (*path, "certificates", place), own) if one.is_special else None
        for place, one in enumerate(document.certificates)
    ]
    return ListenerTls(
        certificates=tuple(replace(one.certificate, options=options[one.said]) for one in found),
        default=_default(context, document.default, found, (*path, "default")),
        strict_sni=given(document.strict_sni),
        suite=own.suite,
        client=client,
        resumption=given(document.resumption),
        hsts=document.hsts or "",
        tickets=given(document.tickets),
    )


def server_tls(
    context: Context, document: ServerTlsDocument | None, path: Path, mode: Mode | None = None
) -> Outward | None:
    """Resolve TLS towards servers, which stands at `path`; without a mode that of a check, which knows no request."""
    if document is None:
        return None
    verify = given(document.verify)
    if not verify:
        message = "certificates are not verified: whoever answers at the address is taken for the server"
        context.warning((*path, "verify"), message, hint="authorities of your own are named with `ca`", key=True)
        for key in ("ca", "crl"):
            if getattr(document, key) is not None:
                context.warning((*path, key), f"`{key}` has no effect while nothing is verified", key=True)
    if version := document.unspoken():
        context.warning((*path, "ciphers"), f"none of these suites is for TLS {version}: it is not spoken")
    ca = _authorities(context, document.ca, (*path, "ca"))
    crl = _revocations(context, document.crl, (*path, "crl"))
    shown = document.certificate
    tls = ServerTls(
        verify=verify,
        ca=str(ca or ""),
        crl=str(crl or ""),
        sni=document.sni if isinstance(document.sni, str) else "",
        certificate=certificate(context, shown, document.key, path) if shown is not None else None,
        suite=document.suite(),
        stamp=stamp(*(file for file in (ca, crl) if file)),
        positions=(_position(context, ca, (*path, "ca")), _position(context, crl, (*path, "crl"))),
        chosen=_chosen(context, document.sni, (*path, "sni"), mode),
        host=ANY_HOST if document.verify_name == ANY_NAME else document.verify_name or "",
    )
    return Outward(tls, automatic=document.sni is None)


def _chosen(context: Context, name: str | Compiled | None, path: Path, mode: Mode | None) -> Expression | None:
    if not isinstance(name, Compiled):
        return None
    if mode is None:
        context.error(path, "a check knows no request that could choose a name", expected="a name")
    else:
        check_names(context, path, name, mode)
        context.doubts(path, name)
    return name.expression


def proxy_in(document: ProxyProtocolDocument | None) -> ProxyIn | None:
    """Resolve whose connections begin with the PROXY protocol."""
    return None if document is None else ProxyIn(tuple(document.from_ or ()))


def send_proxy(document: SendProxyDocument | None) -> SendProxy | None:
    """Resolve how servers are told of the client."""
    return None if document is None else SendProxy(int(given(document.version)[1:]), given(document.tls))


def _default(context: Context, wanted: str | int | None, found: Sequence[Found], path: Path) -> int:
    """The place of the default certificate: the first, the one at a place, or the one of that name."""
    if wanted is None or not found:
        return 0
    if isinstance(wanted, int):
        if wanted > len(found):
            context.error(path, f"there are {len(found)} certificates", expected=f"1 to {len(found)}, or a name")
        return wanted - 1
    places = [place for place, one in enumerate(found) if wanted in one.names]
    if len(places) == 1:
        return places[0]
    if places:
        hint = f"write its path, or its place, such as {places[0] + 1}"
        context.error(path, f"{len(places)} certificates are called `{wanted}`", hint=hint)
        return 0
    # The last name of each is the one that people mean: without directory and suffix.
    known = [one.names[-1] for one in found]
    expected = f"one of {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}"
    hint = did_you_mean(wanted, known) or "a certificate is called after its file"
    context.error(path, f"no certificate is called `{wanted}`", expected=expected, hint=hint)
    return 0


def _options(
    context: Context, document: CertificateDocument, path: Path, own: CertificateOptions
) -> CertificateOptions | None:
    """What holds for a certificate's clients; what it does not say is its listener's. None where it is all the same."""
    said, client = document.suite(), own.client
    if document.asks_clients:
        clients = document.client_certificates
        client = _clients(context, clients, (*path, "client_certificates")) if clients else None
    versions, ciphers = said.versions or own.suite.versions, said.ciphers or own.suite.ciphers
    groups = said.groups or own.suite.groups
    # All of them is what the default is.
    suite = TlsSuite(
        versions if len(set(versions)) == 1 else (),
        () if ciphers == tuple(SUITES) else ciphers,
        () if groups == GROUPS else groups,
    )
    spoken = {SUITES[one] for one in suite.ciphers or SUITES}
    if spoken.isdisjoint(suite.versions or VERSIONS):
        context.error(
            path, f"none of its suites is for TLS {' or '.join(suite.versions)}", hint="give it `ciphers`, too"
        )
    options = CertificateOptions(suite, client, own.http2 if document.http2 is None else document.http2)
    return None if options == own else options


def _clients(context: Context, document: ClientCertificatesDocument, path: Path) -> ClientCertificates:
    ca = _authorities(context, document.ca, (*path, "ca"))
    crl = _revocations(context, document.crl, (*path, "crl"))
    return ClientCertificates(
        required=document.mode == "required",
        ca=str(ca or ""),
        crl=str(crl or ""),
        stamp=stamp(*(file for file in (ca, crl) if file)),
        positions=(_position(context, ca, (*path, "ca")), _position(context, crl, (*path, "crl"))),
        names=given(document.name_authorities),
    )


def _position(context: Context, file: FilePath | None, path: Path) -> str:
    """Where a file was named; "" for none."""
    return context.position(path) if file else ""


def _authorities(context: Context, name: str | None, path: Path) -> FilePath | None:
    return _pem(context, name, path, "certificate")


def _revocations(context: Context, name: str | None, path: Path) -> FilePath | None:
    return _pem(context, name, path, "revocations")


def _pem(context: Context, name: str | None, path: Path, kind: str) -> FilePath | None:
    """A file that must hold objects of a kind; None for none."""
    if name is None:
        return None
    file = context.files.path(name)
    shown = context.files.shown(file)
    try:
        held = look(file)
    except OSError as error:
        hint = context.files.hint(file) if isinstance(error, FileNotFoundError) else ""
        context.error(path, f"{shown} cannot be read: {reason(error)}", hint=hint)
        return None
    if not getattr(held, kind):
        what, label, command = {
            "certificate": ("certificate", "CERTIFICATE", "x509"),
            "revocations": ("list of revocations", "X509 CRL", "crl"),
        }[kind]
        hint = f"it begins with -----BEGIN {label}-----"
        if held.binary:
            hint = f"openssl {command} -inform der -in {shown} -out {file.stem}.pem makes PEM of DER"
        context.error(path, f"{shown} holds no {what} in PEM", hint=hint)
        return None
    context.files.use(file, path)
    return file
