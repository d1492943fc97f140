"""Files of certificates and authorities: where they are, in which store, and which key goes with which certificate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.draft import Parts
from tenbin.configfile.native.resolve.certificates import key_names
from tenbin.configfile.native.resolve.files import look, reason, stamp
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Certificate

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.settings import Global

_NO_CERTIFICATES = (".key", ".ocsp", ".issuer", ".sctl", ".dh")
_ALONE = Parts()


class Pems:
    """Finds files; `watched` are those whose change counts."""

    def __init__(self, reading: Reading, settings: Global) -> None:
        self._reading = reading
        self._settings = settings
        self.watched: set[Path] = set()

    def file(self, word: Word, *, authority: bool = False) -> str:
        """The absolute path of a file that must be there; "" when it is not."""
        base = self._settings.authorities if authority else self._settings.certificates
        return self._found(word, base, "ca-file" if authority else "crt")

    def certificates(self, word: Word, parts: Parts = _ALONE) -> list[Certificate]:
        """The certificate in a file or of a store, or all of a directory."""
        loaded = self._loaded(word)
        if loaded is None and word.text.startswith("@"):
            hint = did_you_mean(word.text, self._reading.stores) or "it is `load`ed in a section `crt-store`"
            self._reading.error(word, f"unable to find the certificate '{word.text}' in a crt-store.", hint)
            return []
        file, parts = loaded or (word, parts)
        base = self._settings.certificates if parts.base is None else parts.base
        name = self._found(file, base, "crt")
        if not name:
            return []
        path = Path(name)
        files = [path]
        if path.is_dir():
            entries = sorted(one for one in path.iterdir() if not one.name.startswith("."))
            files = [one for one in entries if one.is_file() and not one.name.endswith(_NO_CERTIFICATES)]
        return [one for each in files if (one := self._certificate(word, each, parts)) is not None]

    def _loaded(self, word: Word) -> tuple[Word, Parts] | None:
        """What a store holds under a name, or where it has none under a path."""
        stores = self._reading.stores
        if word.text.startswith("@") or not stores:
            return stores.get(word.text)
        wanted = self._path(word.text, self._settings.certificates)
        for name, (file, parts) in stores.items():
            if name == f"@/{file.text}" and wanted == self._path(file.text, parts.base or self._settings.certificates):
                return file, parts
        return None

    def _path(self, name: str, base: str) -> Path:
        return Path(os.path.normpath(self._reading.directory / base / name))

    def _found(self, word: Word, base: str, kind: str) -> str:
        path = self._path(word.text, base)
        if not path.exists():
            self._reading.error(word, f"unable to stat SSL certificate from file '{path}' : no such file ({kind}).")
            return ""
        self.watched.add(path)
        return str(path)

    def _certificate(self, word: Word, path: Path, parts: Parts) -> Certificate | None:
        try:
            held = look(path)
        except OSError as error:
            self._reading.error(word, f"unable to load certificate from file '{path}': {reason(error)}.")
            return None
        if not held.certificate:
            self._reading.error(word, f"unable to load certificate chain from file '{path}': no start line.")
            return None
        key = self._key(path, parts, inside=held.key)
        if key is None:
            self._reading.error(word, f"No Private Key found in '{path}' or '{path}.key'.")
            return None
        base = self._settings.certificates if parts.base is None else parts.base
        ocsp = (
            path.with_name(f"{path.name}.ocsp") if parts.ocsp is None else Path(self._found(parts.ocsp, base, "ocsp"))
        )
        files = [one for one in dict.fromkeys((path, key, ocsp)) if one.is_file()]
        self.watched.update(files)
        answer = str(ocsp) if ocsp in files else ""
        return Certificate(str(path), str(key), answer, stamp(*files), word.position)

    def _key(self, path: Path, parts: Parts, *, inside: bool) -> Path | None:
        """The file of the key: the one that is named, that of the certificate, or one beside it."""
        if parts.key is not None:
            base = self._settings.keys if parts.key_base is None else parts.key_base
            return Path(self._found(parts.key, base, "key"))
        beside = (path.with_name(name) for name in key_names(path))
        return path if inside else next((one for one in beside if one.is_file()), None)
