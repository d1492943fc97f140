"""A Tenbin with every kind of door, in front of the three demo servers; answers tell what it knows of their client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from support.certificates import make_certificate
from tenbin.testing import Tenbin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import Servers
    from tenbin.testing.client import Address

_TOLD = {
    "X-Tls": "{tls.version}",
    "X-Sni": "{tls.sni}",
    "X-Http": "{http_version}",
    "X-Scheme": "{scheme}",
    "X-Subject": "{tls.client.subject}",
    "X-Name": "{tls.client.name}",
}


@dataclass(frozen=True, slots=True)
class Doors:
    """A running Tenbin, and the files of its certificates and of its clients' ones."""

    tenbin: Tenbin
    folder: Path

    @property
    def localhost(self) -> Path:
        """The certificate of localhost."""
        return self.folder / "localhost.pem"

    @property
    def other(self) -> Path:
        """The certificate of other.test."""
        return self.folder / "other.pem"

    @property
    def client(self) -> Path:
        """A certificate that clients may show."""
        return self.folder / "clients" / "client.pem"

    @property
    def plain(self) -> Address:
        """Without TLS: HTTP/1.1, and HTTP/2 by prior knowledge."""
        return self.tenbin.address

    @property
    def secure(self) -> Address:
        """With TLS."""
        return self.tenbin.address_of("listen2")

    @property
    def known(self) -> Address:
        """With TLS, for clients with a certificate."""
        return self.tenbin.address_of("listen3")


@pytest.fixture(scope="session")
def doors(trio: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Return the running instance."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "clients").mkdir()
    make_certificate(folder / "localhost.pem")
    make_certificate(folder / "other.pem", common_name="other.test", names=("other.test",))
    authority = make_certificate(folder / "authority.pem", common_name="an authority")
    make_certificate(folder / "clients" / "client.pem", common_name="a client", authority=authority)
    certificates = [str(folder / "localhost.pem"), str(folder / "other.pem")]
    value = {
        "frontends": {
            "web": {
                "listen": [
                    "{listen}",
                    {"address": "{listen2}", "tls": {"certificates": certificates}},
                    {
                        "address": "{listen3}",
                        "tls": {"certificates": certificates, "client_certificates": {"ca": str(authority)}},
                    },
                ],
                "routes": [
                    {"response": {"set_header": _TOLD}},
                    {"path": "/secure", "when": "not tls", "redirect": {"scheme": "https"}},
                    {"backend": "app"},
                ],
            }
        },
        "backends": {
            "app": {"servers": {name: f"127.0.0.1:{port}" for name, port in trio.ports.items()}},
        },
    }
    with Tenbin(yaml.safe_dump(value, sort_keys=False)) as tenbin:
        yield Doors(tenbin, folder)
