"""TLS of addresses and towards servers: files are found, versions and ciphers translated."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.lexer import split
from tenbin.configfile.native.resolve.certificates import key_names
from tenbin.configfile.native.resolve.files import look, reason, stamp
from tenbin.model import Certificate, ClientCertificates, Const, ListenerTls, Mode, ServerTls, TlsSuite
from tenbin.model.tls import ANY_HOST

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.draft import TlsDraft
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.settings import Global
    from tenbin.model import Expression

_NO_CERTIFICATES = (".key", ".ocsp", ".issuer", ".sctl", ".dh")
_CIPHERS = {
    f"ECDHE-{who}-{name}": f"TLS_ECDHE_{who}_WITH_{iana}"
    for who in ("ECDSA", "RSA")
    for name, iana in (
        ("AES128-GCM-SHA256", "AES_128_GCM_SHA256"),
        ("AES256-GCM-SHA384", "AES_256_GCM_SHA384"),
        ("CHACHA20-POLY1305", "CHACHA20_POLY1305_SHA256"),
    )
}
_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


class Files:
    """Finds the files of TLS, and notes those whose change counts."""

    def __init__(self, reading: Reading, settings: Global) -> None:
        self._reading = reading
        self._settings = settings
        self.watched: set[Path] = set()

    def listener(self, draft: TlsDraft) -> ListenerTls | None:
        """TLS of an address; None when it has none, or nothing that can be used."""
        if not draft.on:
            return None
        found = [one for word in draft.certificates for one in self._certificates(word)]
        found += [one for word in draft.lists for one in self._listed(word)]
        common = self._settings.bind_tls
        return ListenerTls(
            certificates=tuple({(one.certificate, one.names): one for one in found}.values()),
            default=0,
            strict_sni=draft.strict_sni or common.strict_sni,
            suite=self._suite(draft, common),
            client=self._clients(draft),
            resumption=True,
            hsts="",
        )

    def server(self, draft: TlsDraft, who: str, word: Word, *, sni: str = "", scope: Scope | None = None) -> ServerTls:
        """TLS towards a server. With a `scope` its own `sni` counts; a check (None) asks for this one."""
        verify = (draft.verify or ("required" if self._settings.verify_servers else "none")) == "required"
        ca = draft.ca
        if verify and ca is None:
            reason_ = "verify is enabled by default but no CA file specified"
            message = f"{who} {reason_ if not draft.verify else 'verify is required but no CA file specified'}."
            self._reading.error(
                word, message, "name one with `ca-file` (@system-ca for the system's), or `verify none`"
            )
        authority = "" if ca is None or ca.text.startswith("@system") else self._file(ca, authority=True)
        crl = self._file(draft.crl, authority=True) if draft.crl else ""
        shown = self._certificates(draft.certificates[0]) if draft.certificates else []
        constant, chosen = self._name(draft, scope) if scope is not None else ("", None)
        return ServerTls(
            verify=verify,
            ca=authority,
            crl=crl,
            sni=sni or constant,
            certificate=shown[0] if shown else None,
            suite=self._suite(draft, self._settings.server_tls),
            stamp=stamp(*(Path(one) for one in (authority, crl) if one)),
            positions=(ca.position if ca and authority else "", draft.crl.position if draft.crl and crl else ""),
            chosen=chosen,
            host=(draft.name or ANY_HOST) if verify else "",
        )

    def _name(self, draft: TlsDraft, scope: Scope) -> tuple[str, Expression | None]:
        """What `sni` asks for: a name, or what yields one."""
        if draft.sni is None:
            return "", None
        phase = "request" if scope.mode is Mode.HTTP else "content"
        found = phrases.sample(self._reading, scope, [draft.sni], phase)
        return (str(found.value), None) if isinstance(found, Const) else ("", found)

    def _clients(self, draft: TlsDraft) -> ClientCertificates | None:
        if draft.verify not in ("optional", "required"):
            return None
        word = draft.ca
        if word is None:
            place = (draft.certificates or draft.lists)[0]
            self._reading.error(place, f"'verify {draft.verify}' needs authorities.", "name their file with `ca-file`")
            return None
        ca = self._file(word, authority=True)
        crl = self._file(draft.crl, authority=True) if draft.crl else ""
        files = [Path(one) for one in (ca, crl) if one]
        positions = (word.position, draft.crl.position if draft.crl and crl else "")
        return ClientCertificates(draft.verify == "required", ca, crl, stamp(*files), positions)

    def _file(self, word: Word, *, authority: bool = False) -> str:
        """The absolute path of a file that must be there; "" when it is not."""
        base = self._settings.authorities if authority else self._settings.certificates
        path = Path(os.path.normpath(self._reading.directory / base / word.text))
        if not path.exists():
            kind = "ca-file" if authority else "crt"
            self._reading.error(word, f"unable to stat SSL certificate from file '{path}' : no such file ({kind}).")
            return ""
        self.watched.add(path)
        return str(path)

    def _certificates(self, word: Word) -> list[Certificate]:
        """The certificate in a file, or all of a directory."""
        name = self._file(word)
        if not name:
            return []
        path = Path(name)
        files = [path]
        if path.is_dir():
            entries = sorted(one for one in path.iterdir() if not one.name.startswith("."))
            files = [one for one in entries if one.is_file() and not one.name.endswith(_NO_CERTIFICATES)]
        return [one for file in files if (one := self._certificate(word, file)) is not None]

    def _certificate(self, word: Word, path: Path) -> Certificate | None:
        try:
            held = look(path)
        except OSError as error:
            self._reading.error(word, f"unable to load certificate from file '{path}': {reason(error)}.")
            return None
        if not held.certificate:
            self._reading.error(word, f"unable to load certificate chain from file '{path}': no start line.")
            return None
        key = (
            path
            if held.key
            else next((one for name in key_names(path) if (one := path.with_name(name)).is_file()), None)
        )
        if key is None:
            self._reading.error(word, f"No Private Key found in '{path}' or '{path}.key'.")
            return None
        ocsp = path.with_name(f"{path.name}.ocsp")
        files = [one for one in dict.fromkeys((path, key, ocsp)) if one.is_file()]
        self.watched.update(files)
        answer = str(ocsp) if ocsp in files else ""
        return Certificate(str(path), str(key), answer, stamp(*files), word.position)

    def _listed(self, word: Word) -> list[Certificate]:
        """The certificates of a crt-list: a file, perhaps options in brackets, perhaps names."""
        name = self._file(word)
        if not name:
            return []
        found = []
        for number, text in enumerate(Path(name).read_text(encoding="utf-8", errors="replace").split("\n"), 1):
            line = split(text.strip(), name, number, {})
            if not line.words:
                continue
            names = self._filters(word, [one.text for one in line.words[1:]])
            shown = self._certificates(line.words[0]._replace(line=word.line, column=word.column, file=word.file))
            found += [replace(one, names=names) for one in shown]
        return found

    def _filters(self, word: Word, texts: list[str]) -> tuple[str, ...]:
        """The hosts that a line of a crt-list names, behind what it says in brackets."""
        if texts and texts[0].startswith("["):
            self._reading.approximated(
                word, "what stands in brackets in a list is not used: the `bind` line says it all"
            )
            closing = next((place for place, text in enumerate(texts) if text.endswith("]")), len(texts))
            texts = texts[closing + 1 :]
        return tuple(text.lower() for text in texts if text.lstrip("!") != "*")

    def _suite(self, draft: TlsDraft, common: TlsDraft) -> TlsSuite:
        lowest, highest = draft.lowest or common.lowest, draft.highest or common.highest
        without = draft.without | common.without
        versions = tuple(
            version
            for version in ("1.3", "1.2")
            if version not in without and (not lowest or lowest <= version) and (not highest or version <= highest)
        )
        written = draft.ciphers or common.ciphers
        ciphers = [_CIPHERS[one] for one in written.split(":") if one in _CIPHERS]
        suites = [one for one in (draft.suites or common.suites).split(":") if one in _SUITES]
        if not ciphers and not suites:
            return TlsSuite(versions if len(versions) == 1 else ())
        chosen = (*(suites or _SUITES), *(ciphers or _CIPHERS.values()))
        return TlsSuite(versions if len(versions) == 1 else (), chosen)
