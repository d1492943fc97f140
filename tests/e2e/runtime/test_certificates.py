"""Certificates given over the runtime API: who is served them, and for how long."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from support.runtime_api import Api, tenbin_on
from tenbin.testing.ports import lease
from tenbin.testing.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:%(port)d ssl crt %(file)s
  http-request return status 200
"""


@dataclass
class Place:
    """A listener with a certificate from a file."""

    api: Api
    port: int
    file: Path
    authority: trustme.CA

    def issue(self, name: str) -> str:
        """Return a new certificate with its key."""
        made = self.authority.issue_cert(name)
        return b"".join(pem.bytes() for pem in (*made.cert_chain_pems, made.private_key_pem)).decode()

    def served(self) -> str:
        """Return the name that a new client is shown."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        context.check_hostname = False
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain, context.wrap_socket(plain) as secured:
            found = secured.getpeercert()
            assert found is not None
            return str(found["subjectAltName"][0][1])

    def output(self) -> str:
        """Return all that Tenbin has written."""
        folder = self.file.parent
        files = [path for path in folder.rglob("*") if path.is_file() and path != self.file]
        return "".join(path.read_text(errors="replace") for path in files)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("rt")
    authority = trustme.CA()
    file = folder / "site.pem"
    with lease() as leased:
        made = Place(Api(folder / "api"), leased.ports[0], file, authority)
        file.write_text(made.issue("first.example"))
        with tenbin_on(TEXT % {"port": leased.ports[0], "file": file}, folder) as made.api:
            yield made


def test_a_committed_certificate_is_served_by_the_next_handshake_until_a_reload(place: Place) -> None:
    name = place.file
    assert place.served() == "first.example"
    other = place.issue("second.example")
    assert place.api(f"set ssl cert {name} <<\n{other}") == f"Transaction created for certificate {name}!\n\n"
    assert place.served() == "first.example"
    assert place.api("show ssl cert") == f"# transaction\n*{name}\n# filename\n{name}\n\n"
    assert "DNS:second.example" in place.api(f"show ssl cert *{name}")
    assert place.api(f"commit ssl cert {name}") == f"Committing {name}.\nSuccess!\n\n"
    assert place.served() == "second.example"
    assert "DNS:second.example" in place.api(f"show ssl cert {name}")
    told = place.api("show info")
    os.kill(int(told.partition("\nPid: ")[2].split("\n")[0]), signal.SIGHUP)
    wait_for(lambda: place.served() == "first.example", 20, "the reload reads the file again")


def test_what_does_not_fit_is_refused_and_changes_nothing(place: Place) -> None:
    name = place.file
    chain, _, key = place.issue("second.example").partition("-----BEGIN EC")
    other = "-----BEGIN EC" + place.issue("third.example").partition("-----BEGIN EC")[2]
    assert "Can't load the payload" in place.api(f"set ssl cert {name} <<\nno certificate\n")
    assert "not referenced by the configuration" in place.api(f"set ssl cert {name}.none <<\n{chain}")
    place.api(f"set ssl cert {name} <<\n{chain}")
    assert "at least a certificate and a private key" in place.api(f"commit ssl cert {name}")
    place.api(f"set ssl cert {name}.key <<\n{other}")
    assert "inconsistencies between private key and certificate" in place.api(f"commit ssl cert {name}")
    assert place.served() == "first.example"
    place.api(f"set ssl cert {name}.key <<\n-----BEGIN EC{key}")
    assert place.api(f"commit ssl cert {name}").endswith("Success!\n\n")
    assert place.served() == "second.example"


def test_keys_are_in_no_answer_and_no_file(place: Place) -> None:
    text = place.issue("second.example")
    secret = text.partition("-----BEGIN EC")[2].splitlines()[1]
    place.api(f"set ssl cert {place.file} <<\n{text}")
    place.api(f"commit ssl cert {place.file}")
    assert place.served() == "second.example"
    told = "".join(place.api(command) for command in ("show ssl cert", f"show ssl cert {place.file}", "show env"))
    assert secret not in told + place.output()
