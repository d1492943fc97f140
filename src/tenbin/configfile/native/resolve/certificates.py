"""Certificates in every layout that people have, down to explicit files: certificate, key, OCSP answer.

Owns which names are looked for, and what is told when they are not there. Which hosts a certificate is for, whether its
key fits and when it expires, the data plane's program says.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.context import given
from tenbin.configfile.native.resolve.files import Pem, look, reason, stamp
from tenbin.model.tls import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path as FilePath

    from tenbin.configfile.native.document.tls import CertificateDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path

_SUFFIXES = (".pem", ".crt", ".cer", ".cert")
_FULL, _FULL_KEY, _ITS_PARTS = "fullchain.pem", "privkey.pem", frozenset(("cert.pem", "chain.pem"))
"""What certbot leaves in `live/NAME/`; the parts are in the whole already."""
_NAMELESS = frozenset(("fullchain", "cert", "certificate", "tls"))
"""Such a file is called after its directory."""


@dataclass(frozen=True, slots=True)
class Found:
    """A certificate and the names by which `default` may call it; `said` is the place of its entry in the list."""

    certificate: Certificate
    names: tuple[str, ...]
    said: int = 0


def certificates(context: Context, documents: Sequence[CertificateDocument], path: Path) -> tuple[Found, ...]:
    """Find the files of all certificates of one listener, whose list stands at `path`."""
    found: dict[tuple[str, tuple[str, ...]], Found] = {}
    for index, document in enumerate(documents):
        place, names = (*path, index), tuple(document.names or ())
        of_this: dict[tuple[str, tuple[str, ...]], Found] = {}
        for one in _Finder(context, place).find(document):
            # For other hosts it may stand there once more.
            key = os.path.realpath(one.certificate.certificate), names
            before = of_this.get(key)
            # Two names in one directory for the same file are one certificate: `default.pem` may be a link.
            made = replace(one, certificate=replace(one.certificate, names=names), said=index)
            of_this[key] = replace(before, names=before.names + one.names) if before else made
        for key in of_this.keys() & found.keys():
            shown = context.files.shown(context.files.path(of_this[key].certificate.certificate))
            hint = f"the first time is at {found[key].certificate.position}"
            context.error(place, f"the certificate {shown} is named twice", hint=hint)
        found.update(of_this)
    return tuple(found.values())


def certificate(context: Context, name: str, key: str | None, path: Path) -> Certificate | None:
    """Find one certificate, which stands at `path` in `certificate` with its `key`; None if there is none."""
    finder = _Finder(context, (*path, "certificate"))
    target = context.files.path(name)
    if target.is_dir():
        context.error((*path, "certificate"), "this is a directory", expected="a file")
        return None
    one = finder.file(target, key=key)
    return one.certificate if one else None


def key_names(certificate: FilePath) -> tuple[str, ...]:
    """Return the names under which the key of a certificate is looked for beside it."""
    names = (f"{certificate.stem}.key", f"{certificate.name}.key", f"{certificate.stem}-key.pem")
    return (*names, _FULL_KEY, "key.pem") if certificate.stem in _NAMELESS else names


class _Finder:
    """Looks for files, and tells what is wrong at one place of the configuration."""

    def __init__(self, context: Context, place: Path) -> None:
        self._context = context
        self._files = context.files
        self._place = place

    def find(self, document: CertificateDocument) -> list[Found]:
        """Everything that one entry stands for."""
        name = given(document.certificate)
        target = self._files.path(name)
        if target.is_dir():
            if document.key or document.ocsp:
                hint = "name the file of the certificate, or the directory alone"
                self._wrong("this is a directory, which holds its keys itself", hint=hint)
            return self._directory(target)
        one = self.file(target, key=document.key, ocsp=document.ocsp)
        if document.ocsp is None:
            for answer in _answers(target):
                # It may come to be there; of a directory's files the directory tells.
                self._files.watch(target.with_name(answer))
        return [replace(one, names=(name, *one.names))] if one else []

    def file(self, target: FilePath, *, key: str | None = None, ocsp: str | None = None) -> Found | None:
        """One certificate by its file; what is not given is looked for beside it."""
        held = self._look(target)
        if held is None:
            return None
        if not held.certificate:
            self._no_certificate(target, held)
            return None
        return self._complete(target, held, key, ocsp)

    def _complete(self, target: FilePath, held: Pem, key: str | None, ocsp: str | None) -> Found | None:
        """A certificate with its key, in it or beside it."""
        beside = self._files.names_in(target.parent)
        if key is not None:
            key_file: FilePath | None = self._given(key, "key")
        elif held.key and not held.encrypted:
            key_file = target
        else:
            key_file = self._key_beside(target, beside, encrypted=held.encrypted)
        stapled = self._given(ocsp, "ocsp") if ocsp is not None else _first(target, _answers(target), beside)
        return self._found(target, key_file, stapled) if key_file else None

    def _directory(self, target: FilePath) -> list[Found]:
        """Every certificate in a directory, and certbot's in directories below it, in the order of their names."""
        self._files.watch(target)
        found: list[Found] = []
        told = len(self._context.diagnostics)
        for name in self._candidates(target):
            below = target / name
            if below.is_dir():
                self._files.watch(below)
                one = self.file(below / _FULL)
            else:
                # Keys, parameters and others may stand beside certificates.
                held = self._look(below)
                one = self._complete(below, held, None, None) if held and held.certificate else None
            found += [one] if one else []
        if not found and len(self._context.diagnostics) == told:
            message = f"there are no certificates in {self._files.shown(target)}{os.sep}"
            hint = f"looked for *{', *'.join(_SUFFIXES)} and */{_FULL}"
            self._wrong(message, hint=hint)
        return found

    def _candidates(self, target: FilePath) -> list[str]:
        names = self._files.names_in(target)
        parts = _ITS_PARTS if {_FULL, _FULL_KEY} <= names else frozenset()
        return [
            name
            for name in sorted(names)
            if not name.startswith(".")
            and name not in parts
            and (name.lower().endswith(_SUFFIXES) or (target / name / _FULL).is_file())
        ]

    def _look(self, file: FilePath) -> Pem | None:
        try:
            return look(file)
        except OSError as error:
            self._unreadable(file, error)
            return None

    def _unreadable(self, file: FilePath, error: OSError) -> None:
        hint = self._files.hint(file) if isinstance(error, FileNotFoundError) else ""
        self._wrong(f"{self._files.shown(file)} cannot be read: {reason(error)}", hint=hint)

    def _no_certificate(self, file: FilePath, held: Pem) -> None:
        shown = self._files.shown(file)
        hint = "it begins with -----BEGIN CERTIFICATE-----"
        if held.binary:
            hint = f"openssl x509 -inform der -in {shown} -out {file.stem}.pem makes PEM of DER"
        elif held.key:
            hint = "name the certificate: its key is found beside it"
        message = f"{shown} holds {'a private key and ' if held.key else ''}no certificate in PEM"
        self._wrong(message, hint=hint)

    def _key_beside(self, target: FilePath, beside: frozenset[str], *, encrypted: bool) -> FilePath | None:
        names = key_names(target)
        key = _first(target, names, beside)
        shown = self._files.shown(target)
        if key is None and encrypted:
            hint = f"openssl pkey -in {shown} -out {shown}.key writes it without one, and it is found there"
            self._wrong(f"the key in {shown} needs a passphrase, which nobody can type here", hint=hint)
        elif key is None:
            message = f"there is no private key for {shown}, neither in it nor beside it"
            hint = f"looked for {', '.join(names)}; or write {{certificate: {shown}, key: ...}}"
            self._wrong(message, hint=hint)
        elif not os.access(key, os.R_OK):
            self._wrong(f"{self._files.shown(key)} cannot be read")
        return key

    def _given(self, name: str, step: str) -> FilePath | None:
        """A file that was named; None when it cannot be read."""
        file = self._files.path(name)
        place = (*self._place, step) if self._place[-1] != "certificate" else (*self._place[:-1], step)
        if file.is_file() and os.access(file, os.R_OK):
            return file
        why = "permission denied" if file.is_file() else "this is a directory" if file.is_dir() else "no such file"
        hint = self._files.hint(file) if why == "no such file" else ""
        self._context.error(place, f"{self._files.shown(file)} cannot be read: {why}", hint=hint)
        return None

    def _found(self, target: FilePath, key: FilePath, ocsp: FilePath | None) -> Found:
        files = dict.fromkeys(file for file in (target, key, ocsp) if file is not None)
        for file in files:
            self._files.use(file, self._place)
        position = self._context.position(self._place)
        one = Certificate(str(target), str(key), str(ocsp or ""), stamp(*files), position)
        names = [str(target), self._files.shown(target), target.name, target.stem]
        return Found(one, (*names, target.parent.name) if target.stem in _NAMELESS else tuple(names))

    def _wrong(self, message: str, *, hint: str = "") -> None:
        self._context.error(self._place, message, hint=hint)


def _answers(target: FilePath) -> tuple[str, str]:
    """The names of an OCSP answer beside a certificate."""
    return f"{target.name}.ocsp", f"{target.stem}.ocsp"


def _first(target: FilePath, names: Iterable[str], beside: frozenset[str]) -> FilePath | None:
    return next((target.with_name(name) for name in names if name in beside), None)
