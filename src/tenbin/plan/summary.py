"""What a change will do, in words: one line such as `+1 server app/s4, ~2 timeouts of web, -1 route`.

Pure. Compares configurations, not files: what an operator moved around in the file without effect is no change.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from tenbin.model import Backend, Certificate, Config, Duration, Frontend, Listener

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

_SHOWN = 3
"""So many names are told; beyond, only their number."""


@dataclass(frozen=True, slots=True)
class _Change:
    """`sign` is + added, - removed, ~ changed; `names` what it happened to, `of` the object they belong to.

    `how` is what they have become.
    """

    sign: str
    noun: str
    names: tuple[str, ...]
    of: str = ""
    how: str = ""

    def __str__(self) -> str:
        count = len(self.names)
        noun = self.noun if count == 1 else f"{self.noun}s"
        named = [name for name in self.names if name]
        shown = f" {', '.join(named)}" if 0 < len(named) <= _SHOWN else ""
        of, how = f" of {self.of}" if self.of else "", f" ({self.how})" if self.how else ""
        return f"{self.sign}{count} {noun}{shown}{of}{how}"


def changes(old: Config, new: Config) -> tuple[str, ...]:
    """Return each kind of change as a phrase, what was added first in each group; () when nothing changes."""
    found = [
        *_listeners(old, new),
        *_certificates(old, new),
        *_members("frontend", old.frontends, new.frontends),
        *_members("backend", old.backends, new.backends),
    ]
    backends = {backend.name: backend for backend in old.backends}
    for backend in new.backends:
        before = backends.get(backend.name)
        if before is not None and before != backend:
            found += _backend(before, backend)
    frontends = {frontend.name: frontend for frontend in old.frontends}
    for frontend in new.frontends:
        previous = frontends.get(frontend.name)
        if previous is not None and previous != frontend:
            found += _frontend(previous, frontend)
    return tuple(str(change) for change in [*found, *_globals(old, new)])


def sentence(old: Config, new: Config, *, generations: tuple[int, int], kept: int) -> str:
    """Return the line that is printed before a reload; `kept` is how many client connections it leaves alone."""
    found = changes(old, new)
    what = ", ".join(found) or "nothing changes"
    connections = "connection" if kept == 1 else "connections"
    return f"generation {generations[0]} → {generations[1]}: {what}; {kept} {connections} kept"


def _listeners(old: Config, new: Config) -> list[_Change]:
    before, after = _by_address(old), _by_address(new)
    found = _plus_minus("listener", set(before), set(after))
    changed: dict[str, list[str]] = {}
    for address, listener in after.items():
        previous = before.get(address)
        if previous is not None and _settled(previous) != _settled(listener):
            how = "" if bool(previous.tls) == bool(listener.tls) else "TLS now" if listener.tls else "no TLS any more"
            changed.setdefault(how, []).append(address)
    return [*found, *(_Change("~", "listener", tuple(sorted(names)), how=how) for how, names in changed.items())]


def _by_address(config: Config) -> dict[str, Listener]:
    return {str(listener.address): listener for frontend in config.frontends for listener in frontend.listeners}


def _settled(listener: Listener) -> tuple[Listener, str]:
    """A listener without its place in the file and its certificates, which are told of apart, but for the default."""
    tls = listener.tls
    if tls is None:
        return replace(listener, position=""), ""
    bare = replace(tls, certificates=(), default=0)
    return replace(listener, position="", tls=bare), tls.certificates[tls.default].certificate


def _certificates(old: Config, new: Config) -> list[_Change]:
    """Files that listeners show, each once however many listeners do; changed ones were renewed."""
    before, after = _by_file(old), _by_file(new)
    renewed = tuple(sorted(file for file in after if file in before and before[file] != after[file]))
    found = _plus_minus("certificate", set(before), set(after))
    return [*found, _Change("~", "certificate", renewed)] if renewed else found


def _by_file(config: Config) -> dict[str, Certificate]:
    secured = [one.tls for one in _by_address(config).values() if one.tls]
    return {one.certificate: one for tls in secured for one in tls.certificates}


def _members(noun: str, old: Iterable[Frontend | Backend], new: Iterable[Frontend | Backend]) -> list[_Change]:
    return _plus_minus(noun, {item.name for item in old}, {item.name for item in new})


def _plus_minus(noun: str, old: set[str], new: set[str]) -> list[_Change]:
    signed = (("+", new - old), ("-", old - new))
    return [_Change(sign, noun, tuple(sorted(names))) for sign, names in signed if names]


def _backend(old: Backend, new: Backend) -> list[_Change]:
    before = {f"{old.name}/{server.name}": server for server in old.servers}
    after = {f"{new.name}/{server.name}": server for server in new.servers}
    found = _plus_minus("server", set(before), set(after))
    same = [name for name in after if name in before and before[name] != after[name]]
    if same:
        found.append(_Change("~", "server", tuple(sorted(same))))
    if not found and old.servers != new.servers:
        found.append(_Change("~", "order of servers", ("",), new.name))
    return [*found, *_settings(old, new, skip=("name", "servers"))]


def _frontend(old: Frontend, new: Frontend) -> list[_Change]:
    before, after = [_content(route) for route in old.routes], [_content(route) for route in new.routes]
    added, removed = _differences(before, after)
    # A route has no name: what was taken away and put back in its place counts as changed.
    changed = min(added, removed)
    counted = (("~", changed), ("+", added - changed), ("-", removed - changed))
    found = [_Change(sign, "route", ("",) * count, new.name) for sign, count in counted if count]
    if not found and before != after:
        found.append(_Change("~", "order of routes", ("",), new.name))
    return [*found, *_settings(old, new, skip=("name", "routes", "listeners"))]


def _content(route: object) -> tuple[object, ...]:
    """A route without its place in the file, which shifts with every line above it."""
    return tuple(getattr(route, field.name) for field in fields(route) if field.name != "position")  # type: ignore[arg-type]


def _differences(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[int, int]:
    """How many were added and how many removed, counting those that stand there twice."""
    before, after = Counter(old), Counter(new)
    return (after - before).total(), (before - after).total()


def _settings(old: object, new: object, *, skip: tuple[str, ...], of: str | None = None) -> list[_Change]:
    """Durations are counted together as timeouts; every other setting is told by its name."""
    different = [
        field.name
        for field in fields(new)  # type: ignore[arg-type]
        if field.name not in skip and getattr(old, field.name) != getattr(new, field.name)
    ]
    owner = of if of is not None else str(getattr(new, "name", ""))
    timeouts = tuple(name for name in different if isinstance(getattr(new, name), Duration))
    others = tuple(name for name in different if name not in timeouts)
    found = [_Change("~", "timeout", ("",) * len(timeouts), owner)] if timeouts else []
    return [*found, _Change("~", "setting", others, owner)] if others else found


def _globals(old: Config, new: Config) -> list[_Change]:
    return _settings(old, new, skip=("frontends", "backends", "origin", "watched"), of="")
