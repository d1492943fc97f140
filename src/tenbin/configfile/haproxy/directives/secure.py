"""The words of TLS that `bind`, `server` and the lines of a crt-list have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives.common import FRONTEND, Arguments, Directive
from tenbin.configfile.haproxy.draft import TlsDraft
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line

VERSIONS = {"SSLv3": "3.0", "TLSv1.0": "1.0", "TLSv1.1": "1.1", "TLSv1.2": "1.2", "TLSv1.3": "1.3"}
_NAMED = {"sslv3": "3.0", "tlsv10": "1.0", "tlsv11": "1.1", "tlsv12": "1.2", "tlsv13": "1.3"}
_OLD = ("3.0", "1.0", "1.1")
_GROUPS = {
    "X25519": "x25519",
    **dict.fromkeys(("P-256", "prime256v1", "secp256r1"), "secp256r1"),
    **dict.fromkeys(("P-384", "secp384r1"), "secp384r1"),
}
"""What OpenSSL calls the groups that are spoken."""


def _version(attribute: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    def read(reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
        text = arguments.text()
        version = VERSIONS.get(text, "")
        if not version:
            hint = did_you_mean(text, VERSIONS)
            reading.error(arguments.last, f"expects one of {', '.join(VERSIONS)}, not '{text}'.", hint)
        elif version in _OLD:
            if attribute == "highest":
                reading.refused(arguments.last, f"{text} is not spoken: TLS 1.2 and 1.3 are.")
            else:
                reading.approximated(arguments.last, "TLS 1.2 is the lowest version that is spoken")
        setattr(draft, attribute, version)

    return read


def _force(version: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    def read(reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
        if version in _OLD:
            reading.refused(arguments.last, f"'{arguments.last.text}': TLS 1.2 and 1.3 are spoken.")
        draft.lowest = draft.highest = version

    return read


def _without(version: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    def read(_reading: Reading, draft: TlsDraft, _arguments: Arguments) -> None:
        draft.without.add(version)

    return read


def _ca(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.ca = arguments.take()


def _crl(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.crl = arguments.take()


def certificate(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    """`crt FILE`."""
    word = arguments.take()
    if word:
        draft.certificates.append(word)


def _ciphers(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.ciphers = arguments.text()


def _suites(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.suites = arguments.text()


def _groups(reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    written = arguments.text().split(":")
    draft.groups = tuple(dict.fromkeys(_GROUPS[one] for one in written if one in _GROUPS))
    unknown = [one for one in written if one not in _GROUPS]
    if unknown:
        left = "the others" if draft.groups else "all that are spoken"
        reading.approximated(arguments.last, f"{', '.join(unknown)}: it is not spoken; {left} hold")


def _unnamed(_reading: Reading, draft: TlsDraft, _arguments: Arguments) -> None:
    draft.ca_names = False


def _alpn(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.alpn = tuple(one for one in arguments.text().split(",") if one)


def _no_alpn(_reading: Reading, draft: TlsDraft, _arguments: Arguments) -> None:
    draft.alpn = ()


def _key(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.parts = draft.parts._replace(key=arguments.take())


def _ocsp(_reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
    draft.parts = draft.parts._replace(ocsp=arguments.take())


def options(
    reading: Reading,
    said: TlsDraft,
    arguments: Arguments,
    known: Mapping[str, Callable[[Reading, TlsDraft, Arguments], None]] | None = None,
) -> None:
    """Read what may be said of one certificate."""
    known = OF_CERTIFICATES if known is None else known
    while arguments:
        word = arguments.text()
        if word not in known:
            reading.error(arguments.last, f"unknown ssl keyword '{word}'.", did_you_mean(word, known))
            return
        known[word](reading, said, arguments)


def use(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`ssl-f-use crt FILE [WORD ...]`: a certificate for every address of a frontend that has TLS."""
    said = TlsDraft()
    options(reading, said, Arguments(reading, line), {**OF_CERTIFICATES, "crt": certificate})
    if said.certificates:
        draft.uses.append(said)
    elif not reading.failed:
        reading.error(line, "'ssl-f-use' expects the file of a certificate.", "name it with `crt`")


def verify(*known: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    """`verify`, of which a side knows these forms."""

    def read(reading: Reading, draft: TlsDraft, arguments: Arguments) -> None:
        text = arguments.text()
        if text not in known:
            methods = ", ".join(repr(one) for one in known)
            message = f"'verify' : unknown verify method '{text}', only {methods} are supported."
            reading.error(arguments.last, message, did_you_mean(text, known))
        draft.verify = text

    return read


def ignored(count: int, why: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    """A word with so many arguments that has no effect."""

    def read(reading: Reading, _draft: TlsDraft, arguments: Arguments) -> None:
        word = arguments.last
        for _ in range(count):
            arguments.take()
        reading.ignored(word, f"`{word.text}`: {why}")

    return read


def refused(why: str) -> Callable[[Reading, TlsDraft, Arguments], None]:
    """A word, with all that follows it, without which something else would be meant."""

    def read(reading: Reading, _draft: TlsDraft, arguments: Arguments) -> None:
        reading.refused(arguments.last, f"'{arguments.last.text}': {why}.")
        arguments.skip(len(arguments.rest))

    return read


def _nothing(_reading: Reading, _draft: TlsDraft, _arguments: Arguments) -> None:
    """What holds anyway."""


def _tickets(_reading: Reading, draft: TlsDraft, _arguments: Arguments) -> None:
    draft.tickets = True


def _no_tickets(_reading: Reading, draft: TlsDraft, _arguments: Arguments) -> None:
    draft.tickets = False


_NO_ERRORS = "bad certificates are refused"
_CHOSEN = "the TLS library chooses"

WORDS: dict[str, Callable[[Reading, TlsDraft, Arguments], None]] = {
    "ca-file": _ca,
    "crl-file": _crl,
    "crt": certificate,
    "ciphers": _ciphers,
    "ciphersuites": _suites,
    "alpn": _alpn,
    "no-alpn": _no_alpn,
    "npn": ignored(1, "ALPN has taken its place"),
    "ssl-min-ver": _version("lowest"),
    "ssl-max-ver": _version("highest"),
    **{f"force-{name}": _force(version) for name, version in _NAMED.items()},
    **{f"no-{name}": _without(version) for name, version in _NAMED.items()},
    "curves": _groups,
    "ecdhe": _groups,
    "sigalgs": ignored(1, _CHOSEN),
    "client-sigalgs": ignored(1, _CHOSEN),
    "allow-0rtt": ignored(0, "early data is not taken"),
    "ktls": ignored(1, "records are encrypted by the process"),
    "renegotiate": ignored(0, "it is never done"),
    "no-renegotiate": ignored(0, "it is never done"),
}
"""What both sides know."""

OF_LISTENERS: dict[str, Callable[[Reading, TlsDraft, Arguments], None]] = {
    **WORDS,
    "verify": verify("none", "optional", "required"),
    "ca-verify-file": ignored(1, "all authorities of `ca-file` are named to clients"),
    "no-ca-names": _unnamed,
    "tls-tickets": _tickets,
    "no-tls-tickets": _no_tickets,
    "ca-ignore-err": ignored(1, _NO_ERRORS),
    "crt-ignore-err": ignored(1, _NO_ERRORS),
    "prefer-client-ciphers": ignored(0, _CHOSEN),
    "tls-ticket-keys": ignored(1, "keys of tickets are made and changed by the data plane"),
    "ocsp-update": ignored(1, "OCSP answers are read from files"),
    "default-crt": certificate,
}
FILES: dict[str, Callable[[Reading, TlsDraft, Arguments], None]] = {
    "key": _key,
    "ocsp": _ocsp,
    "issuer": ignored(1, "the chain of a certificate stands in its file"),
    "sctl": ignored(1, "time stamps of certificates are not sent"),
    "ocsp-update": OF_LISTENERS["ocsp-update"],
}
"""What goes with the file of a certificate."""
OF_CERTIFICATES: dict[str, Callable[[Reading, TlsDraft, Arguments], None]] = FILES | {
    name: OF_LISTENERS[name]
    for name in (
        "allow-0rtt", "alpn", "no-alpn", "npn", "ca-file", "ca-verify-file", "crl-file", "ciphers", "ciphersuites",
        "client-sigalgs", "curves", "ecdhe", "no-ca-names", "sigalgs", "ssl-min-ver", "ssl-max-ver", "verify",
    )
}  # fmt: skip
"""What may be said of one certificate of a listener, in place of what its line says."""
OF_SERVERS: dict[str, Callable[[Reading, TlsDraft, Arguments], None]] = {
    **WORDS,
    "verify": verify("none", "required"),
    "tls-tickets": _nothing,
    "no-tls-tickets": ignored(0, "sessions with servers are resumed as each server wants it"),
    "ssl-reuse": ignored(0, "sessions are resumed"),
    "no-ssl-reuse": ignored(0, "sessions are resumed"),
    "no-sni-auto": ignored(0, "no name is sent unless `sni` says so"),
    "sni-auto": ignored(0, "no name is sent unless `sni` says so"),
    "no-check-sni-auto": ignored(0, "no name is sent unless `check-sni` says so"),
}

DIRECTIVES = {"ssl-f-use": Directive(use, FRONTEND, in_defaults=False)}
