"""Sections that are no proxies: users, tables of peers, error pages, resolvers; and those that Tenbin does not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import stores
from tenbin.configfile.haproxy.context import Scope
from tenbin.configfile.haproxy.directives.replies import file_answer
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import UserList

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.lexer import Line
    from tenbin.configfile.haproxy.tree import Section
    from tenbin.model import Answer, Table


@dataclass(slots=True)
class Others:
    """What was found in these sections."""

    userlists: list[UserList] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def read(reading: Reading, found: Others, section: Section) -> None:
    """Read one of them."""
    reading.section = f"{section.kind} {section.name}".strip()
    if section.kind in _REFUSED:
        reading.refused(section.head, f"section '{section.kind}': {_REFUSED[section.kind]}.")
        _all(reading, section, refused=True)
    elif section.kind == "crt-store":
        stores.read(reading, section)
    elif section.kind in _IGNORED:
        reading.ignored(section.head, _IGNORED[section.kind])
        _all(reading, section, refused=False)
    elif len(section.head.words) < 2:
        reading.error(section.head, f"'{section.kind}' expects a name as argument.")
    else:
        reading.exact(section.head)
        _READERS[section.kind](reading, found, section)


def _all(reading: Reading, section: Section, *, refused: bool) -> None:
    for line in section.lines:
        why = f"it is of the section '{section.kind}'"
        if not refused:
            reading.ignored(line, why)


def _users(reading: Reading, found: Others, section: Section) -> None:
    """`user NAME password|insecure-password P [groups G,...]` and `group NAME [users U,...]`."""
    if section.name in reading.userlists:
        reading.warning(section.head, f"ignoring duplicated userlist '{section.name}'.")
        return
    users: dict[str, tuple[str, bool]] = {}
    groups: dict[str, set[str]] = {}
    for line in section.lines:
        words = [word.text for word in line.words]
        reading.exact(line)
        if words[0] == "user" and len(words) > 1:
            _user(reading, line, users, groups)
        elif words[0] == "group" and len(words) > 1:
            names = words[3].split(",") if len(words) > 3 and words[2] == "users" else []
            for name in names:
                groups.setdefault(name, set()).add(words[1])
        else:
            hint = did_you_mean(words[0], ("user", "group"))
            reading.error(line, f"unknown keyword '{words[0]}' in 'userlist' section", hint)
    rows = tuple((name, text, plain, tuple(sorted(groups.get(name, ())))) for name, (text, plain) in users.items())
    found.userlists.append(UserList(section.name, rows))
    reading.userlists.add(section.name)


def _user(reading: Reading, line: Line, users: dict[str, tuple[str, bool]], groups: dict[str, set[str]]) -> None:
    words = [word.text for word in line.words]
    name, password, plain = words[1], "", False
    if name in users:
        reading.error(line.words[1], f"user '{name}' already exists.")
        return
    at = 2
    while at < len(words):
        if words[at] in ("password", "insecure-password") and at + 1 < len(words):
            password, plain = words[at + 1], words[at] == "insecure-password"
        elif words[at] == "groups" and at + 1 < len(words):
            groups.setdefault(name, set()).update(words[at + 1].split(","))
        else:
            reading.error(
                line.words[at], "unknown keyword in 'userlist' section", "password, insecure-password, groups"
            )
            return
        at += 2
    users[name] = (password, plain)


def _peers(reading: Reading, found: Others, section: Section) -> None:
    """The tables of a peers section; what is counted is not shared with other machines."""
    from tenbin.configfile.haproxy import phrases

    scope = Scope(section.name, "peers")
    for line in section.lines:
        word = line.words[0].text
        if word == "table" and len(line.words) > 2:
            reading.exact(line)
            name = f"{section.name}/{line.words[1].text}"
            table = phrases.stick_table(reading, scope, name, line.words[2:])
            if table is not None:
                found.tables.append(table)
                reading.tables[name] = table
        elif word in (
            "peer",
            "server",
            "bind",
            "default-server",
            "default-bind",
            "log",
            "shards",
            "disabled",
            "enabled",
        ):
            reading.ignored(line, "counters are not shared with other machines")
        else:
            reading.error(line, f"unknown keyword '{word}' in 'peers' section", did_you_mean(word, _PEERS_WORDS))


def _errors(reading: Reading, _found: Others, section: Section) -> None:
    """`errorfile CODE FILE` lines."""
    answers: dict[int, Answer] = {}
    for line in section.lines:
        word = line.words[0].text
        reading.exact(line)
        if word != "errorfile":
            hint = did_you_mean(word, ("errorfile",))
            reading.error(line, f"unknown keyword '{word}' in 'http-errors' section", hint)
            continue
        answer = file_answer(reading, line)
        if answer:
            answers[answer[0]] = answer[1]
    reading.http_errors[section.name] = answers


def _resolvers(reading: Reading, _found: Others, section: Section) -> None:
    """Names are looked up by the system's own settings, each for as long as its answer is good."""
    reading.resolvers.add(section.name)
    reading.approximated(section.head, "names are looked up as the system is set up to")
    for line in section.lines:
        word = line.words[0].text
        if word in _RESOLVER_WORDS:
            reading.ignored(line, "names are looked up as the system is set up to")
        else:
            reading.error(line, f"unknown keyword '{word}' in 'resolvers' section", did_you_mean(word, _RESOLVER_WORDS))


_PEERS_WORDS = ("peer", "server", "bind", "table", "default-server", "default-bind", "log", "shards", "disabled")
_RESOLVER_WORDS = (
    "nameserver", "parse-resolv-conf", "hold", "timeout", "resolve_retries", "accepted_payload_size",
)  # fmt: skip
_READERS: dict[str, Callable[[Reading, Others, Section], None]] = {
    "userlist": _users,
    "peers": _peers,
    "http-errors": _errors,
    "resolvers": _resolvers,
}
_IGNORED = {
    "mailers": "mail is not sent; see the journal of events and the metrics",
    "cache": "answers are not kept, so each request goes to a server",
    "traces": "there are no traces of HAProxy's kind",
    "log-profile": "the formats of frontends hold",
    "program": "programs are started by the service manager",
}
_REFUSED = {
    "fcgi-app": "FastCGI is not spoken",
    "ring": "lines go to a file descriptor, a socket or a syslog server, not to a ring",
    "log-forward": "logs are not forwarded",
    "healthcheck": "checks stand in backends",
    "acme": "certificates come from files",
}
