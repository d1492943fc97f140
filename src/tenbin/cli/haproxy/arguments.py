"""The words of HAProxy's command line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class UsageError(ValueError):
    """The words make no sense: HAProxy shows its usage and ends with 1."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for.

    `master`: master-worker mode (`-W`), `notify`: also tell the service manager (`-Ws`); `finish` and `terminate` are
    process ids that make way once this one serves; `debug` the letters behind `-d`; `sockets` of the master CLI;
    `predecessor` is where another process hands its listening sockets over. `maxconn` is for the process,
    `proxy_maxconn` those of a frontend that says nothing itself, `memory` MiB; 0: as the files say.
    """

    files: tuple[Path, ...] = ()
    check: bool = False
    condition: str | None = None
    directory: Path | None = None
    daemon: bool = False
    foreground: bool = False
    master: bool = False
    notify: bool = False
    sockets: tuple[str, ...] = ()
    pidfile: Path | None = None
    finish: tuple[int, ...] = ()
    terminate: tuple[int, ...] = ()
    quiet: bool = False
    verbose: bool = False
    zero_warning: bool = False
    show_version: bool = False
    show_details: bool = False
    peer: str = ""
    maxconn: int = 0
    proxy_maxconn: int = 0
    memory: int = 0
    predecessor: str = ""
    debug: tuple[str, ...] = field(default=())

    @staticmethod
    def parse(words: Sequence[str]) -> Arguments:
        """Read the words behind the program's name; raises `UsageError`."""
        left = list(words)
        found = Arguments()
        while left:
            word = left.pop(0)
            if word == "--":
                found = replace(found, files=(*found.files, *map(Path, left)))
                left.clear()
            elif len(word) < 2 or not word.startswith("-"):
                raise UsageError(word)
            else:
                found = _one(found, word[1:], left)
        if not (found.files or found.condition is not None or found.show_version or found.show_details):
            raise UsageError
        return found


def _one(found: Arguments, option: str, left: list[str]) -> Arguments:
    if option in _FLAGS:
        return _FLAGS[option](found)
    if option.startswith("d"):
        zero = found.zero_warning or option == "dW"
        foreground = found.foreground or option in ("d", "db")
        return replace(found, debug=(*found.debug, option[1:]), zero_warning=zero, foreground=foreground)
    if option in ("sf", "st"):
        return _processes(found, option, left)
    taking = _VALUES.get(option)
    if taking is None or not left:
        raise UsageError(option)
    return taking(found, left.pop(0))


def _processes(found: Arguments, option: str, left: list[str]) -> Arguments:
    numbers = []
    while left and left[0].isdigit():
        numbers.append(int(left.pop(0)))
    if option == "sf":
        return replace(found, finish=(*found.finish, *numbers))
    return replace(found, terminate=(*found.terminate, *numbers))


def _number(text: str) -> int:
    """As C reads it: the digits at its beginning."""
    found = re.match(r"\s*[+-]?\d+", text)
    return int(found[0]) if found else 0


_FLAGS: dict[str, Callable[[Arguments], Arguments]] = {
    "c": lambda found: replace(found, check=True),
    "D": lambda found: replace(found, daemon=True),
    "W": lambda found: replace(found, master=True),
    "Ws": lambda found: replace(found, master=True, notify=True),
    "q": lambda found: replace(found, quiet=True),
    "V": lambda found: replace(found, verbose=True),
    "v": lambda found: replace(found, show_version=True),
    "vv": lambda found: replace(found, show_details=True),
    "4": lambda found: found,
    "6": lambda found: found,
}

_VALUES: dict[str, Callable[[Arguments, str], Arguments]] = {
    "f": lambda found, value: replace(found, files=(*found.files, Path(value))),
    "cc": lambda found, value: replace(found, condition=value),
    "C": lambda found, value: replace(found, directory=Path(value)),
    "S": lambda found, value: replace(found, sockets=(*found.sockets, value)),
    "p": lambda found, value: replace(found, pidfile=Path(value)),
    "L": lambda found, value: replace(found, peer=value),
    "n": lambda found, value: replace(found, maxconn=_number(value)),
    "N": lambda found, value: replace(found, proxy_maxconn=_number(value)),
    "m": lambda found, value: replace(found, memory=_number(value)),
    "x": lambda found, value: replace(found, predecessor=value),
}
