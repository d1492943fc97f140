"""TLS of addresses and towards servers: files are found, versions and ciphers translated."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.build.lists import entries
from tenbin.configfile.haproxy.build.pems import Pems
from tenbin.configfile.haproxy.build.suites import over, suite
from tenbin.configfile.native.resolve.files import reason, stamp
from tenbin.model import Certificate, CertificateOptions, ClientCertificates, Const, ListenerTls, Mode, ServerTls
from tenbin.model.tls import ANY_HOST

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading, Scope
    from tenbin.configfile.haproxy.draft import BindDraft, ProxyDraft, TlsDraft
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.settings import Global
    from tenbin.model import Expression

_ALPN_BY_DEFAULT = (2, 8)


class Files:
    """Finds the files of TLS, and notes those whose change counts."""

    def __init__(self, reading: Reading, settings: Global) -> None:
        self._reading = reading
        self._settings = settings
        self._pems = Pems(reading, settings)

    @property
    def watched(self) -> set[Path]:
        """All that were found."""
        return self._pems.watched

    def listener(self, bind: BindDraft, proxy: ProxyDraft) -> ListenerTls | None:
        """TLS of an address, with what its frontend uses; None when it has none, or nothing that can be used."""
        draft = bind.tls
        if not draft.on:
            return None
        if draft.alpn is None and proxy.mode != "http":
            draft.alpn = ()
        places = [*draft.certificates, *draft.lists, *(word for use in proxy.uses for word in use.certificates)]
        if not places:
            message = f"Proxy '{proxy.name}': no SSL certificate specified for bind '{bind.word.text}' (use 'crt')."
            self._reading.error(bind.word, message, "name a file with `crt`")
            return None
        own = self._options(bind, draft, places[0])
        found = [one for word in draft.certificates for one in self._pems.certificates(word)]
        found += [one for word in draft.lists for one in self._listed(word, bind, own)]
        found += [one for use in proxy.uses for word in use.certificates for one in self._with(bind, word, use, own)]
        return ListenerTls(
            certificates=tuple({(one.certificate, one.names, one.options): one for one in found}.values()),
            default=0,
            strict_sni=draft.strict_sni or self._settings.bind_tls.strict_sni,
            suite=own.suite,
            client=own.client,
            resumption=True,
            hsts="",
            tickets=self._settings.bind_tls.tickets is not False if draft.tickets is None else draft.tickets,
        )

    def offers_http2(self, bind: BindDraft, draft: TlsDraft) -> bool:
        """Whether `h2` is among the protocols that are offered."""
        by_default = ("h2", "http/1.1") if self._reading.version >= _ALPN_BY_DEFAULT else ()
        return bind.protocol == "h2" or "h2" in (by_default if draft.alpn is None else draft.alpn)

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
        authority = "" if ca is None or ca.text.startswith("@system") else self._pems.file(ca, authority=True)
        crl = self._pems.file(draft.crl, authority=True) if draft.crl else ""
        shown = self._pems.certificates(draft.certificates[0]) if draft.certificates else []
        constant, chosen = self._name(draft, scope) if scope is not None else ("", None)
        return ServerTls(
            verify=verify,
            ca=authority,
            crl=crl,
            sni=sni or constant,
            certificate=shown[0] if shown else None,
            suite=suite(draft, self._settings.server_tls),
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

    def _clients(self, draft: TlsDraft, place: Word) -> ClientCertificates | None:
        """What clients must show. Files that a list names are told of at the list's own place, which is in the text."""
        if draft.verify not in ("optional", "required"):
            return None
        word = draft.ca
        if word is None:
            self._reading.error(place, f"'verify {draft.verify}' needs authorities.", "name their file with `ca-file`")
            return None
        ca = self._pems.file(word, authority=True)
        crl = self._pems.file(draft.crl, authority=True) if draft.crl else ""
        files = [Path(one) for one in (ca, crl) if one]
        of_ca, of_crl = (
            one.position if one and one.file == place.file else place.position for one in (word, draft.crl)
        )
        positions = (of_ca, of_crl if crl else "")
        return ClientCertificates(draft.verify == "required", ca, crl, stamp(*files), positions, draft.ca_names)

    def _listed(self, word: Word, bind: BindDraft, own: CertificateOptions) -> list[Certificate]:
        """The certificates of a crt-list; `own` is what their listener says of the same."""
        path = Path(os.path.normpath(self._reading.directory / word.text))
        try:
            lines = entries(self._reading, path)
        except OSError as error:
            self._reading.error(word, f"'crt-list' : unable to open file '{path}': {reason(error)}.")
            return []
        self.watched.add(path)
        found: list[Certificate] = []
        for line in lines:
            # A list is no text that places can be shown of: they are where it is named.
            place = line.certificate._replace(line=word.line, column=word.column, file=word.file)
            found += [replace(one, names=line.names) for one in self._with(bind, place, line.said, own)]
        return found

    def _with(self, bind: BindDraft, word: Word, said: TlsDraft | None, own: CertificateOptions) -> list[Certificate]:
        """Certificates of which something is said apart; `own` is what their listener says."""
        if said is None:
            return self._pems.certificates(word)
        options: CertificateOptions | None = self._options(bind, over(bind.tls, said), word)
        options = None if options == own else options
        return [replace(one, options=options) for one in self._pems.certificates(word, said.parts)]

    def _options(self, bind: BindDraft, draft: TlsDraft, place: Word) -> CertificateOptions:
        """What holds for clients that get a certificate; its files are told of at this place."""
        client = self._clients(draft, place)
        return CertificateOptions(suite(draft, self._settings.bind_tls), client, self.offers_http2(bind, draft))
