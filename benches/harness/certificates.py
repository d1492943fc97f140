"""The certificate of every proxy: ECDSA on P-256, made by openssl."""

import subprocess
from pathlib import Path


def certificate(file: Path) -> Path:
    """Make it, with its key in the same file, unless it is there."""
    if not file.exists():
        key = file.with_suffix(".key")
        command = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-newkey", "ec"]
        command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(file)]
        subprocess.run(command, check=True, capture_output=True)
        file.write_bytes(file.read_bytes() + key.read_bytes())
        # Started by root, nginx and Tenbin read it before they become others.
        file.chmod(0o600)
    return file
