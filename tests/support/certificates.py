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
_NAMES = "DNS:localhost,IP:127.0.0.1"


def make_certificate(
    file: Path, *, common_name: str = "localhost", key: str = "ec", names: str = _NAMES, days: int = 30
) -> Path:
    """Write a certificate that signs itself, with its key in the same file, in one step; return the file."""
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1") if key == "ec" else ("-newkey", "rsa:2048")
    new, secret = file.with_name(f".{file.name}.new"), file.with_name(f".{file.name}.key")
    about = ("-subj", f"/CN={common_name}", "-addext", f"subjectAltName={names}", "-days", str(days))
    _openssl("req", "-x509", "-nodes", *kind, *about, "-keyout", str(secret), "-out", str(new))
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
