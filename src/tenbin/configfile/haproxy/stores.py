"""Sections `crt-store`: certificates by name, each with the files that go with it (manual, "Certificate Storage")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives import secure
from tenbin.configfile.haproxy.directives.common import Arguments, one_word
from tenbin.configfile.haproxy.draft import Parts, TlsDraft
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.configfile.haproxy.tree import Section

_WORDS = ("crt-base", "key-base", "load")
_REFUSED = ("acme", "domains", "generate-dummy")


def read(reading: Reading, section: Section) -> None:
    """`crt-base`, `key-base`, and `load crt FILE [alias NAME] [key FILE] ...`; a store may have no name."""
    reading.exact(section.head)
    bases: dict[str, str | None] = dict.fromkeys(("crt-base", "key-base"))
    for line in section.lines:
        name = line.words[0].text
        reading.exact(line)
        if name in bases:
            word = one_word(reading, line)
            bases[name] = word.text if word else None
        elif name == "load":
            _load(reading, section.name, line, Parts(base=bases["crt-base"], key_base=bases["key-base"]))
        else:
            hint = did_you_mean(name, _WORDS)
            reading.error(line, f"unknown keyword '{name}' in 'crt-store' section", hint)


def _load(reading: Reading, store: str, line: Line, parts: Parts) -> None:
    said = TlsDraft(parts=parts)
    alias: list[Word] = []
    known = secure.FILES | {
        "crt": secure.certificate,
        "alias": lambda _reading, _said, arguments: alias.extend(word for word in (arguments.take(),) if word),
        **dict.fromkeys(_REFUSED, secure.refused("certificates come from files")),
    }
    secure.options(reading, said, Arguments(reading, line), known)
    if not said.certificates:
        reading.error(line, "'load' expects the file of a certificate.", "name it with `crt`")
        return
    file = said.certificates[0]
    name = f"@{store}/{alias[0].text if alias else file.text}"
    if name in reading.stores:
        reading.error(alias[0] if alias else file, f"'{name}' is already in a crt-store.")
        return
    reading.stores[name] = file, said.parts
