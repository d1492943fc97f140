"""What is asked of a page by its address, and what is sent to it as a form.

Owns the parts after `;` and `?` of the address, the login, and the check that a form comes from the page itself.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote_plus, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.model import StatsPage

MOST_SCOPE = 64
FORMS = ("csv", "json", "json-schema", "typed")


@dataclass(frozen=True, slots=True)
class Ask:
    """`form` html, csv, json, json-schema or typed; `part`: a text that names of proxies hold; `outcome`: of a form."""

    form: str = "html"
    up: bool = False
    no_maint: bool = False
    refresh: bool = True
    part: str = ""
    outcome: str = ""

    def link(self, uri: str, *options: str) -> str:
        """Return the address of the page with these options, in the same scope."""
        kept = [f"scope={quote(self.part, safe='')}"] if self.part else []
        return uri + "".join(f";{option}" for option in options) + (f"?{kept[0]}" if kept else "")


def understood(page: StatsPage, path: str, query: str) -> Ask:
    """Return what an address asks; what it does not know it leaves aside, as HAProxy does."""
    rest = path[len(page.uri.partition("?")[0]) :]
    options = [option for option in f"{rest};{query.replace('&', ';')}".lstrip("/").split(";") if option]
    values = dict(option.split("=", 1) for option in options if "=" in option)
    form = next((option for option in options if option in FORMS), "html")
    return Ask(
        form=form,
        up="up" in options,
        no_maint="no-maint" in options,
        refresh="norefresh" not in options,
        part=unquote_plus(values.get("scope", ""))[:MOST_SCOPE],
        outcome=values.get("st", ""),
    )


def logged_in(page: StatsPage, headers: Mapping[str, str]) -> bool:
    """Return whether the request has the name and password of one of the page's users."""
    if not page.users:
        return True
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = b64decode(token.strip(), validate=True)
    except (Base64Error, ValueError):
        return False
    known = [hmac.compare_digest(given, f"{user}:{password}".encode()) for user, password in page.users]
    return any(known)


def from_the_page(headers: Mapping[str, str]) -> bool:
    """Return whether a form was sent from a page of the same host; without Origin and Referer it was not."""
    origin = headers.get("origin") or headers.get("referer")
    host = headers.get("host", "").lower()
    return bool(origin) and bool(host) and urlsplit(origin or "").netloc.lower() == host


def fields(body: bytes) -> dict[str, list[str]]:
    """Return the fields of a form."""
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=5000)
