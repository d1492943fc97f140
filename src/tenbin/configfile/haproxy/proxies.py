"""Sections of proxies: each line to its directive, and what a section as a whole must have."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.directives import logs, options
from tenbin.configfile.haproxy.directives.common import BACKEND, FRONTEND, no_more
from tenbin.configfile.haproxy.directives.table import TABLE
from tenbin.configfile.haproxy.draft import ProxyDraft, inherited
from tenbin.configfile.suggest import did_you_mean

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.directives.common import Directive
    from tenbin.configfile.haproxy.lexer import Line, Word
    from tenbin.configfile.haproxy.tree import Section

_NAME = re.compile(r"[A-Za-z0-9_.:-]+\Z")
_NEGATABLE = {"option": options.option, "log": logs.log}
_ELSEWHERE = ("busy-polling", "set-dumpable", "strict-limits", "insecure-fork-wanted", "numa-cpu-mapping")
_RULES = ("acl", "http-request", "http-response", "http-after-response", "tcp-request", "tcp-response")


class Proxies:
    """The proxies of a configuration, and the defaults that were met on the way."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.found: list[ProxyDraft] = []
        self._of_name: dict[str, list[ProxyDraft]] = {}
        self._last: ProxyDraft | None = None
        self._named: dict[str, ProxyDraft] = {}
        self._used: set[int] = set()

    def read(self, section: Section) -> None:
        """Read a section: defaults, frontend, backend or listen."""
        reading = self._reading
        words = section.head.words
        reading.section = f"{section.kind} {section.name}".strip()
        name, base = self._head(section)
        draft = inherited(base) if base else ProxyDraft(section.kind, name, section.head)
        draft.kind, draft.name, draft.head = section.kind, name, section.head
        draft.binds, draft.uses, draft.servers, draft.phrases = [], [], [], []
        draft.check.inherited, draft.latest = True, 0
        draft.inherited = base if section.kind != "defaults" else None
        self._used.add(id(base))
        if section.kind == "defaults":
            draft.description, draft.number = "", 0
            self._last = draft
            if name:
                self._named[name] = draft
        elif not self._twice(draft, words):
            self.found.append(draft)
            self._of_name.setdefault(name, []).append(draft)
        reading.exact(section.head)
        for line in section.lines:
            _directive(reading, draft, line)

    @property
    def unused(self) -> list[ProxyDraft]:
        """Named defaults that no proxy inherits: their rules are looked at all the same."""
        return [draft for draft in self._named.values() if id(draft) not in self._used]

    def _head(self, section: Section) -> tuple[str, ProxyDraft | None]:
        """The name of a section and the defaults that it starts from."""
        reading, words, kind = self._reading, section.head.words, section.kind
        rest = list(words[1:])
        base = self._last if kind != "defaults" else None
        name = ""
        if rest and rest[0].text != "from":
            name = rest.pop(0).text
            if not _NAME.match(name):
                stray = next(char for char in name or " " if not _NAME.match(char))
                message = f"character '{stray}' is not permitted in '{kind}' name '{name}'."
                reading.error(words[1], message)
        elif kind != "defaults":
            reading.error(section.head, f"'{kind}' expects an <id> argument", f"such as `{kind} web`")
        if rest and rest[0].text == "from":
            base = self._from(kind, rest) or base
            rest = rest[2:]
        if rest:
            hint = "addresses stand in `bind` lines" if kind in ("frontend", "listen") else ""
            reading.error(rest[0], f"'{kind}' cannot handle unexpected argument '{rest[0].text}'.", hint)
        return name, base

    def _from(self, kind: str, rest: list[Word]) -> ProxyDraft | None:
        if len(rest) < 2:
            self._reading.error(rest[0], f"'{kind} ... from' expects the name of a defaults section.")
            return None
        base = self._named.get(rest[1].text)
        if base is None:
            hint = did_you_mean(rest[1].text, self._named)
            message = f"'{kind}' : 'defaults' section '{rest[1].text}' not found."
            self._reading.error(rest[1], message, hint)
        return base

    def _twice(self, draft: ProxyDraft, words: tuple[Word, ...]) -> bool:
        """Two of one name, where both are frontends or both are backends, are a mistake."""
        for other in self._of_name.get(draft.name, ()) if draft.name else ():
            frontends = other.is_frontend and draft.is_frontend
            if frontends or (other.is_backend and draft.is_backend):
                message = (
                    f"{draft.kind} '{draft.name}' has the same name as {other.kind} '{other.name}' "
                    f"declared at {other.head.file}:{other.head.number}."
                )
                self._reading.error(words[1], message)
                return True
        return False


def _directive(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    word = line.words[0]
    if word.text in ("no", "default"):
        _negated(reading, draft, line)
        return
    directive = TABLE.get(word.text)
    if directive is None:
        hint = did_you_mean(word.text, TABLE)
        reading.error(word, f"unknown keyword '{word.text}' in '{draft.kind}' section", hint)
        return
    if draft.kind == "defaults":
        if not directive.in_defaults:
            reading.error(word, f"'{word.text}' not allowed in 'defaults' section.")
            return
        if word.text in _RULES and not draft.name and (line.words[1:2] and line.words[1].text != "inspect-delay"):
            message = f"'{word.text}' not permitted in anonymous 'defaults' sections."
            reading.error(word, message, "give the section a name")
            return
    fits = _fits(reading, draft, word, directive)
    if not fits and word.text in _MUST_FIT:
        return
    if len(line.words) - 1 < directive.least:
        reading.error(word, f"'{word.text}' expects {_plural(directive.least)}.")
        return
    if not fits:
        # What has no effect here is read all the same, to find what is wrong with it.
        reading.ignored(line, f"it is not for a {draft.kind}")
        directive.read(reading, inherited(draft), line)
        return
    if directive.most >= 0:
        no_more(reading, line, directive.most + 1)
    reading.exact(line)
    directive.read(reading, draft, line)


def _negated(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    prefix = line.words[0].text
    name = line.words[1].text if len(line.words) > 1 else ""
    read = _NEGATABLE.get(name)
    if read is None or (prefix == "default" and name == "log"):
        message = (
            "negation/default currently supported only for options, log, busy-polling, set-dumpable, strict-limits "
            "and insecure-fork-wanted."
        )
        reading.error(line.words[0], message)
        return
    reading.exact(line)
    read(reading, draft, line._replace(words=line.words[1:]), prefix)


def _fits(reading: Reading, draft: ProxyDraft, word: Word, directive: Directive) -> bool:
    """HAProxy warns of most directives that stand on the wrong side, and refuses a few."""
    if (directive.sides & FRONTEND and draft.is_frontend) or (directive.sides & BACKEND and draft.is_backend):
        return True
    side = "frontend" if directive.sides == FRONTEND else "backend"
    told = f"because {draft.kind} '{draft.name}' has no {side} capability."
    if word.text in _MUST_FIT:
        reading.error(word, f"'{word.text}' not allowed {told}")
    else:
        reading.warning(word, f"'{word.text}' ignored {told}")
    return False


_MUST_FIT = ("server", "server-template", "default-server", "tcp-response", "use-server", "retry-on", "declare")


def _plural(count: int) -> str:
    return "an argument" if count == 1 else f"{count} arguments"
