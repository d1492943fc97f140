"""Commands on certificates: which are in force, and another one in place of a file's (management manual, 9.3).

A new one is first set, then committed. It is served until the next reload reads the file again, as in HAProxy. Keys go
one way only: no answer holds one.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import INFO, Command, Said
from tenbin.api.haproxy.vault import in_force
from tenbin.errors import Severity
from tenbin.model import Certificate, Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call
    from tenbin.dataplane import certificates

_PARTS = (".key", ".ocsp", ".issuer", ".sctl")
_OTHERS = ", ".join(_PARTS[2:])
_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


async def show(call: Call) -> str:
    """`show ssl cert [[*]<file>]`; with the star, what was set and not yet committed."""
    vault, name = call.runtime.vault, call.word(3)
    if not name:
        lines = ["# transaction", f"*{vault.pending.certificate}"] if vault.pending is not None else []
        names = sorted({*_served(call), *vault.unused})
        return "".join(f"{line}\n" for line in [*lines, *(["# filename", *names] if names else [])])
    one, status = _named(call, name)
    if one is None:
        raise Said("Can't display the certificate: Not found or the certificate is a bundle!\n")
    lines = [f"Filename: {name}"]
    if not one.key and not one.chain_text:
        lines.append("Status: Empty")
    else:
        lines += [f"Status: {status}", *_facts((await call.runtime.judge([replace(one, key="")]))[0])]
    return "".join(f"{line}\n" for line in [*lines, "OCSP Response Key: "])


def _named(call: Call, name: str) -> tuple[Certificate | None, str]:
    vault = call.runtime.vault
    if name.startswith("*"):
        pending = vault.pending
        return (pending if pending is not None and pending.certificate == name[1:] else None), "Unused"
    served = _served(call).get(name)
    return (served, "Used") if served is not None else (vault.unused.get(name), "Unused")


def _facts(one: certificates.Certificate) -> list[str]:
    facts = [
        ("Serial", one.serial.upper()),
        ("notBefore", f"{datetime.fromtimestamp(one.not_before, UTC):%b %e %H:%M:%S %Y} GMT"),
        ("notAfter", f"{datetime.fromtimestamp(one.not_after, UTC):%b %e %H:%M:%S %Y} GMT"),
        ("Subject Alternative Name", ", ".join(_alternative(name) for name in one.names)),
        ("Algorithm", one.key.replace("ecdsa P-", "EC").replace("rsa ", "RSA")),
        ("SHA1 FingerPrint", one.sha1.upper()),
        ("Subject", _oneline(one.subject)),
        ("Issuer", _oneline(one.issuer)),
    ]
    for subject, issuer in one.others:
        facts += [("Chain Subject", _oneline(subject)), ("Chain Issuer", _oneline(issuer))]
    return [f"{label}: {value}" for label, value in facts]


def _alternative(name: str) -> str:
    is_address = ":" in name or name.replace(".", "").isdigit()
    return f"IP Address:{name}" if is_address else f"DNS:{name}"


def _oneline(name: str) -> str:
    """A distinguished name as OpenSSL has always shown it: `/O=Example/CN=a.example`."""
    return "".join(f"/{part}" for part in reversed(_UNESCAPED_COMMA.split(name)) if part)


async def create(call: Call) -> str:
    """`new ssl cert <file>`: an empty one, to be set."""
    path = call.word(3)
    if not path:
        raise Said("'new ssl cert' expects a filename\n")
    if path in call.runtime.vault.unused or path in _served(call):
        raise Said(f"Certificate '{path}' already exists!\n")
    call.runtime.vault.unused[path] = Certificate(path, "", "", "")
    raise Said(f"New empty certificate store '{path}'!\n", INFO)


async def delete(call: Call) -> str:
    """`del ssl cert <file>`: of one that nobody uses."""
    path, vault = call.word(3), call.runtime.vault
    if not path:
        raise Said("'del ssl cert' expects a certificate name\n")
    if path in _served(call):
        raise Said(f"Can't remove the certificate: certificate '{path}' in use, can't be deleted!\n\n")
    if path not in vault.unused:
        raise Said(f"Can't remove the certificate: certificate '{path}' doesn't exist!\n\n")
    del vault.unused[path]
    raise Said(f"Certificate '{path}' deleted!\n", INFO)


async def set_certificate(call: Call) -> str:
    """`set ssl cert <file> <<` and a PEM with certificate and key; `<file>.key` or `.ocsp`: this part alone."""
    path, vault = call.word(3), call.runtime.vault
    if not path or not call.payload:
        raise Said("'set ssl cert expects a filename and a certificate as a payload\n")
    base, part = _base(call, path)
    if base is None:
        raise Said(f"Can't replace a certificate which is not referenced by the configuration!\nCan't update {path}!\n")
    pending = vault.pending
    if pending is not None and pending.certificate != base.certificate:
        about = f"The ongoing transaction is about '{pending.certificate}' but you are trying to set '{path}'"
        raise Said(f"{about}\nCan't update {path}!\n")
    changed = await _changed(call, pending or base, part)
    if changed is None:
        raise Said(f"unable to load certificate from file '{path}'.\nCan't load the payload\nCan't update {path}!\n")
    vault.pending = changed
    done = "created" if pending is None else "updated"
    raise Said(f"Transaction {done} for certificate {base.certificate}!\n", INFO)


def _base(call: Call, path: str) -> tuple[Certificate | None, str]:
    """The certificate that a name means, and which part of it."""
    known = {**call.runtime.vault.unused, **_served(call)}
    if path in known:
        return known[path], ""
    for part in _PARTS:
        if path.endswith(part) and path.removesuffix(part) in known:
            return known[path.removesuffix(part)], part
    return None, ""


async def _changed(call: Call, one: Certificate, part: str) -> Certificate | None:
    """The certificate with a part replaced by the payload; None where that is not such a part."""
    text = call.payload
    if part in _OTHERS.split(", "):
        raise Said(f"Tenbin sends neither issuers nor SCTs of their own: no {_OTHERS}.\n")
    if part == ".ocsp":
        answer = _decoded(text)
        return replace(one, staple=answer.hex()) if answer else None
    if part == ".key":
        return replace(one, key=one.key or one.certificate, key_text=text) if _KEY.search(text) else None
    has_key = _KEY.search(text) is not None
    key, key_text = (one.key or one.certificate, text) if has_key else ("", "")
    changed = replace(one, chain_text=text, key=key, key_text=key_text, ocsp="", staple="")
    found = (await call.runtime.judge([replace(changed, key="")]))[0]
    return None if _errors(found) or not found.not_after else changed


async def commit(call: Call) -> str:
    """`commit ssl cert <file>`."""
    path, vault = call.word(3), call.runtime.vault
    if not path:
        raise Said("'commit ssl cert expects a filename\n")
    refused = f"\nCan't commit {path}!\n"
    pending = vault.pending
    if pending is None:
        raise Said(f"No ongoing transaction! !{refused}")
    if path != pending.certificate:
        about = f"The ongoing transaction is about '{pending.certificate}' but you are trying to set '{path}'"
        raise Said(f"{about}{refused}")
    if not pending.key:
        raise Said(f"The transaction must contain at least a certificate and a private key!{refused}")
    if _errors((await call.runtime.judge([pending]))[0]):
        raise Said(f"inconsistencies between private key and certificate loaded '{path}'.{refused}")
    if path in vault.unused:
        vault.unused[path] = pending
    else:
        await call.runtime.set_certificate(pending)
    vault.pending = None
    uses = sum(one.certificate == path for one in in_force(call.runtime.state.config))
    raise Said(f"Committing {path}{'.' * uses}\nSuccess!\n", INFO)


async def abort(call: Call) -> str:
    """`abort ssl cert <file>`."""
    path, vault = call.word(3), call.runtime.vault
    if not path:
        raise Said("'abort ssl cert' expects a filename\n")
    if vault.pending is None:
        raise Said("No ongoing transaction!\n")
    if path != vault.pending.certificate:
        raise Said(
            f"The ongoing transaction is about '{vault.pending.certificate}' but you are trying to abort a "
            f"transaction for '{path}'\n"
        )
    vault.pending = None
    raise Said(f"Transaction aborted for certificate '{path}'!\n", INFO)


async def set_staple(call: Call) -> str:
    """`set ssl ocsp-response <answer>`, or as a payload, in base64: it is stapled to the certificate that it is for."""
    text = call.payload or call.word(3)
    if not text:
        raise Said("'set ssl ocsp-response' expects response in base64 encoding.\n")
    answer = _decoded(text)
    if not answer:
        raise Said("'set ssl ocsp-response' received invalid base64 encoded response.\n")
    if not answer.startswith(_SEQUENCE):
        raise Said(_UNFIT["is not an OCSP answer"])
    served = [replace(one, staple=answer.hex()) for one in _served(call).values()]
    complaint = "OCSP single response: Certificate ID does not match any certificate or issuer.\n"
    for one, found in zip(served, await call.runtime.judge(served), strict=True):
        about = next((problem.text for problem in found.problems if "OCSP" in problem.text), "")
        if not about:
            about = next((problem.text for problem in found.problems if "not good" in problem.text), "")
        if not about and not _errors(found):
            await call.runtime.set_certificate(one)
            raise Said("OCSP Response updated!\n", INFO)
        complaint = next((text for sign, text in _UNFIT.items() if sign in about), complaint)
    raise Said(complaint)


_SEQUENCE = b"\x30"
"""What every message in DER begins with that is more than a value."""
_UNFIT = {
    "is not an OCSP answer": "Unable to parse OCSP response.\n",
    "not good": "OCSP single response: certificate status not good\n",
    "too old": "OCSP single response: no longer valid.\n",
}


def _served(call: Call) -> dict[str, Certificate]:
    """The certificates in force by their files."""
    return {one.certificate: one for one in in_force(call.runtime.state.config)}


def _errors(found: certificates.Certificate) -> bool:
    return any(problem.level is Severity.ERROR for problem in found.problems)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        return b""


COMMANDS = (
    Command(("show", "ssl", "cert"), "show ssl cert [<certfile>]", "certificates that are served", Level.USER, show),
    Command(("new", "ssl", "cert"), "new ssl cert <certfile>", "make an empty certificate", Level.ADMIN, create),
    Command(
        ("set", "ssl", "cert"),
        "set ssl cert <certfile> <payload>",
        "give another certificate for a file's",
        Level.ADMIN,
        set_certificate,
    ),
    Command(("commit", "ssl", "cert"), "commit ssl cert <certfile>", "serve what was given", Level.ADMIN, commit),
    Command(("abort", "ssl", "cert"), "abort ssl cert <certfile>", "forget what was given", Level.ADMIN, abort),
    Command(("del", "ssl", "cert"), "del ssl cert <certfile>", "forget what nobody uses", Level.ADMIN, delete),
    Command(
        ("set", "ssl", "ocsp-response"),
        "set ssl ocsp-response <resp|payload>",
        "staple an answer to its certificate",
        Level.ADMIN,
        set_staple,
    ),
)
