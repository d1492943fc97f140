"""TLS on a probe's connection: Python's ssl over memory, so that nothing but the link touches the socket.

Owns contexts (made once for settings, off the event loop), the handshake and what its failures are called. What the
data plane would refuse is refused here: versions before 1.2, suites without forward secrecy, names that only stand in
the subject. Sessions are not resumed: each check sees the certificate.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.health.probe.link import NotConnectedError
from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.model.tls import ANY_HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.health.probe.link import Link
    from tenbin.model import ServerTls, TlsSuite


class Contexts:
    """Contexts by their settings; those that changed files make have another stamp and so are others."""

    def __init__(self) -> None:
        self._made: dict[_Key, asyncio.Task[ssl.SSLContext]] = {}

    async def get(self, settings: ServerTls, alpn: tuple[str, ...]) -> ssl.SSLContext:
        """Return the context; raises NotConnectedError (SOCKERR) when a file cannot be used."""
        key = replace(settings, sni="", chosen=None), alpn
        made = self._made.get(key)
        if made is None or (made.done() and (made.cancelled() or made.exception())):
            if len(self._made) >= _MOST_CONTEXTS:
                self._made.clear()
            made = self._made[key] = asyncio.ensure_future(asyncio.to_thread(_context, settings, alpn))
        try:
            return await asyncio.shield(made)
        except _UnusableError as failure:
            raise NotConnectedError(Outcome(CheckStatus.SOCKERR, None, printable(str(failure)))) from None


async def agree(link: Link, context: ssl.SSLContext, name: str) -> TlsChannel:
    """Shake hands with a server of this name or address ("": of any); raises NotConnectedError: L6RSP or L6TOUT."""
    try:
        channel = TlsChannel(link, context, name)
        await channel.handshake()
    except TimeoutError:
        raise NotConnectedError(Outcome(CheckStatus.L6TOUT, None, "no TLS handshake in time")) from None
    except ssl.SSLCertVerificationError as failure:
        raise _refused(_distrust(failure, name)) from None
    except OSError as failure:
        raise _refused(failure_text(failure)) from None
    except ValueError:
        raise _refused(f"no name for TLS: {name}") from None
    return channel


class TlsChannel:
    """Bytes through TLS over a link."""

    def __init__(self, link: Link, context: ssl.SSLContext, name: str) -> None:
        self._link = link
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name or None)

    @property
    def alpn(self) -> str:
        """The protocol that both sides agreed on, "" for none."""
        return self._tls.selected_alpn_protocol() or ""

    @property
    def tls(self) -> str:
        """The version, such as TLSv1.3."""
        return self._tls.version() or ""

    async def handshake(self) -> None:
        """Shake hands; raises OSError, of which ssl.SSLError is one, and TimeoutError."""
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                await self._flush()  # the alert, for the server's log
                raise
            await self._flush()
            if not done:
                await self._fill()

    async def send(self, data: bytes) -> None:
        """Send everything."""
        if data:
            self._tls.write(data)
        await self._flush()

    async def receive(self) -> bytes:
        """Return what has come, b"" at the server's end."""
        while True:
            try:
                return self._tls.read(_READ)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # many servers close without a word
                return b""

    async def _fill(self) -> None:
        data = await self._link.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._link.send(self._outgoing.read())


def failure_text(failure: OSError) -> str:
    """Return what broke a connection, also one with TLS."""
    if not isinstance(failure, ssl.SSLError):
        return (failure.strerror or str(failure)).lower()
    reason = "UNEXPECTED_EOF_WHILE_READING" if isinstance(failure, ssl.SSLEOFError) else failure.reason or ""
    return _REASONS.get(reason) or f"TLS: {reason.lower().replace('_', ' ') or failure}"


class _UnusableError(Exception):
    """A file of the settings cannot be used; the message names it."""


_Key = tuple["ServerTls", tuple[str, ...]]
_READ = 16_384
_MOST_CONTEXTS = 512
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# What the data plane speaks with TLS 1.2; the suites of 1.3 are not for ssl to choose.
_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
}
# OpenSSL's numbers (X509_V_ERR_*) for what is wrong with a certificate.
_NAMES = frozenset({62, 64})
_DISTRUSTED = {
    3: "there is no list of revoked certificates of its authority",
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    12: "the list of revoked certificates has expired",
    18: "the certificate is signed by itself, and not a trusted one",
    19: "an unknown authority: a certificate of its chain is signed by itself, and not a trusted one",
    20: "an unknown authority has signed the certificate",
    21: "an unknown authority has signed the certificate, or the server does not send the chain",
    23: "the certificate was revoked",
    26: "the certificate is not for servers",
}
_REASONS = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS",
    "HTTP_REQUEST": "the server does not speak TLS",
    "UNEXPECTED_EOF_WHILE_READING": "closed during TLS",
    "UNSUPPORTED_PROTOCOL": "no common version of TLS",
    "TLSV1_ALERT_PROTOCOL_VERSION": "no common version of TLS",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the server found nothing in common (alert 40)",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a client certificate (alert 116)",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not know the authority of the client certificate (alert 48)",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server refuses the client certificate (alert 42)",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the client certificate has expired (alert 45)",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "the client certificate was revoked (alert 44)",
    "TLSV1_UNRECOGNIZED_NAME": "the server does not know the name (alert 112)",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "the server speaks none of the protocols (alert 120)",
    "NO_APPLICATION_PROTOCOL": "the server speaks none of the protocols (alert 120)",
    "KEY_VALUES_MISMATCH": "the key is not the certificate's",
    "NO_CERTIFICATE_OR_CRL_FOUND": "no certificate in the file",
}


def _context(settings: ServerTls, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Make a context; reads files."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.hostname_checks_common_name = False
    _limit(context, settings.suite)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if settings.certificate is not None:
        shown = settings.certificate
        with _naming(shown.certificate):
            # A key with a password would ask for it on the terminal.
            context.load_cert_chain(shown.certificate, shown.key, password=_no_password)
    if settings.verify:
        _trust(context, settings)
        context.check_hostname = settings.host != ANY_HOST
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _limit(context: ssl.SSLContext, suite: TlsSuite) -> None:
    """A version that none of the suites is for is not spoken."""
    old = [_SUITES[name] for name in suite.ciphers if name in _SUITES]
    suited = {
        "1.2": bool(old) or not suite.ciphers,
        "1.3": len(old) < len(suite.ciphers) or not suite.ciphers,
    }
    spoken = [_VERSIONS[name] for name in suite.versions or _VERSIONS if suited[name]]
    if spoken:
        context.minimum_version, context.maximum_version = min(spoken), max(spoken)
    context.set_ciphers(":".join(old or _SUITES.values()))


def _trust(context: ssl.SSLContext, settings: ServerTls) -> None:
    # An authority that is named is trusted, also one that is signed by another one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.ca:
        with _naming(settings.ca):
            context.load_verify_locations(settings.ca)
    else:
        context.load_default_certs()
    if settings.crl:
        with _naming(settings.crl):
            context.load_verify_locations(settings.crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


@contextmanager
def _naming(file: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as failure:
        reason = failure_text(failure) if isinstance(failure, OSError) else failure
        raise _UnusableError(f"{file}: {reason}") from None


def _no_password() -> str:
    raise ValueError("the key has a password")


def _refused(text: str) -> NotConnectedError:
    return NotConnectedError(Outcome(CheckStatus.L6RSP, None, printable(text)))


def _distrust(failure: ssl.SSLCertVerificationError, name: str) -> str:
    if failure.verify_code in _NAMES:
        return f"the certificate is not for {name}"
    return _DISTRUSTED.get(failure.verify_code) or f"the certificate: {failure.verify_message}"
