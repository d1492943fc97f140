"""Commands on certificates: which are in force, and another one in place of a file's (management manual, 9.3).

A new one is first set, then committed. It is served until the next reload reads the file again, as in HAProxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import INFO, Command, Said
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call
    from tenbin.observe.certificates import CertificateStatus

_SET: dict[str, str] = {}
"""What was set and not yet committed: at most one, by file."""


async def show(call: Call) -> str:
    """`show ssl cert [<file>]`."""
    sight = await call.runtime.sight()
    found = {one.file: one for one in sight.status.certificates}
    name = call.word(3)
    if not name:
        waiting = [f"*{path}" for path in _SET]
        lines = ["# transaction", *waiting] if waiting else []
        return "".join(f"{line}\n" for line in [*lines, *(["# filename", *found] if found else [])])
    one = found.get(name)
    if one is None:
        raise Said("Can't display the certificate: Not found or the certificate is a bundle!\n")
    lines = [f"Filename: {one.file}", "Status: Used"]
    lines += [f"{label}: {value}" for label, value in _facts(one)]
    return "".join(f"{line}\n" for line in lines)


def _facts(one: CertificateStatus) -> list[tuple[str, object]]:
    return [
        ("Serial", one.serial),
        ("notBefore", f"{one.not_before:%b %e %H:%M:%S %Y} GMT"),
        ("notAfter", f"{one.not_after:%b %e %H:%M:%S %Y} GMT"),
        ("Subject Alternative Name", ", ".join(f"DNS:{name}" for name in one.names)),
        ("Algorithm", one.key),
        ("SHA256 FingerPrint", one.fingerprint),
        ("Subject", one.subject),
        ("Issuer", one.issuer),
    ]


async def set_certificate(call: Call) -> str:
    """`set ssl cert <file> <<` and a PEM with certificate and key."""
    path = call.word(3)
    if not path or not call.payload:
        raise Said("'set ssl cert expects a filename and a certificate as a payload\n")
    sight = await call.runtime.sight()
    if path not in {one.file for one in sight.status.certificates}:
        raise Said(f"Can't replace a certificate which is not referenced by the configuration!\nCan't update {path}!\n")
    if _SET and path not in _SET:
        raise Said(f"The ongoing transaction is about '{next(iter(_SET))}' but you are trying to set '{path}'\n")
    again = path in _SET
    _SET[path] = call.payload
    raise Said(f"Transaction {'updated' if again else 'created'} for certificate {path}!\n", INFO)


async def commit(call: Call) -> str:
    """`commit ssl cert <file>`."""
    path = call.word(3)
    if not path:
        raise Said("'commit ssl cert expects a filename\n")
    if not _SET:
        raise Said("No ongoing transaction! !\n".replace("! !", "!"))
    if path not in _SET:
        raise Said(f"The ongoing transaction is about '{next(iter(_SET))}' but you are trying to set '{path}'\n")
    await call.runtime.set_certificate(path, _SET[path])
    del _SET[path]
    raise Said(f"Committing {path}.\nSuccess!\n", INFO)


async def abort(call: Call) -> str:
    """`abort ssl cert <file>`."""
    path = call.word(3)
    if not path:
        raise Said("'abort ssl cert' expects a filename\n")
    if path not in _SET:
        raise Said("No ongoing transaction!\n")
    del _SET[path]
    raise Said(f"Transaction aborted for certificate '{path}'!\n", INFO)


COMMANDS = (
    Command(("show", "ssl", "cert"), "show ssl cert [<certfile>]", "certificates that are served", Level.USER, show),
    Command(
        ("set", "ssl", "cert"),
        "set ssl cert <certfile> <payload>",
        "give another certificate for a file's",
        Level.ADMIN,
        set_certificate,
    ),
    Command(("commit", "ssl", "cert"), "commit ssl cert <certfile>", "serve what was given", Level.ADMIN, commit),
    Command(("abort", "ssl", "cert"), "abort ssl cert <certfile>", "forget what was given", Level.ADMIN, abort),
)
