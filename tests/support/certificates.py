"""Certificates for localhost, made on the spot by openssl, and clients that trust them and nothing else."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenbin.testing.client import Address

OPENSSL = shutil.which("openssl", path="/usr/bin:/usr/local/bin:/bin")


def make_certificate(
    file: Path,
    *,
    common_name: str = "localhost",
    names: Sequence[str] = (),
    authority: Path | None = None,
    days: int = 30,
) -> Path:
    """Write a certificate with its key in the same file, in one step; return the file.

    It is of these host names, or else of localhost and 127.0.0.1. Without an authority it signs itself, and may sign
    others.
    """
    new, secret = file.with_name(f".{file.name}.new"), file.with_name(f".{file.name}.key")
    of = ",".join(f"DNS:{name}" for name in names) or "DNS:localhost,IP:127.0.0.1"
    signed = ("-CA", str(authority), "-CAkey", str(authority), "-addext", "basicConstraints=CA:FALSE")
    _openssl(
        *("req", "-x509", "-nodes", "-days", str(days), "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-subj", f"/CN={common_name}", "-addext", f"subjectAltName={of}"),
        *(signed if authority else ()),
        *("-keyout", str(secret), "-out", str(new)),
    )
    new.write_bytes(new.read_bytes() + secret.read_bytes())
    secret.unlink()
    new.chmod(0o600)
    new.replace(file)
    return file


def trusting(file: Path, *protocols: str, identity: Path | None = None) -> ssl.SSLContext:
    """Return what a client needs: whom it trusts, the protocols that it offers, and who it is."""
    context = ssl.create_default_context(cafile=file)
    if protocols:
        context.set_alpn_protocols(protocols)
    if identity is not None:
        context.load_cert_chain(identity)
    return context


def served(address: Address) -> str:
    """Return the certificate that an address serves now (PEM), whoever signed it."""
    return ssl.get_server_certificate(address, timeout=5)


def client_hello(protocols: Sequence[str] = ()) -> bytes:
    """Return the first bytes of a client that asks for localhost."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    half = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return outgoing.read()


def _openssl(*arguments: str) -> None:
    subprocess.run((OPENSSL or "openssl", *arguments), check=True, capture_output=True, stdin=subprocess.DEVNULL)
