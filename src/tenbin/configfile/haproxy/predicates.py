r"""Conditions of `.if` lines and of `haproxy -cc`: what this program can do, and what the environment says.

Answers are those that are true of Tenbin: a feature that it does not have is not claimed. Follows section 2.4 of
HAProxy's configuration manual.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FEATURES = frozenset(
    (
        "ACCEPT4", "CPU_AFFINITY", "CRYPT_H", "EPOLL", "GETADDRINFO", "LIBCRYPT", "LINUX_SPLICE", "OPENSSL", "PRCTL",
        "PROMEX", "RT", "SLZ", "SYSTEMD", "THREAD",
    )
)  # fmt: skip
"""HAProxy's names of what Tenbin can do; `OPENSSL` stands for TLS, `SLZ` for compression."""

OPENSSL = "3.0.0"
"""The version of OpenSSL whose abilities Tenbin's TLS compares with."""

_ENABLED = frozenset(("EPOLL", "GETADDRINFO", "REUSEPORT", "SPLICE"))


class ConditionError(ValueError):
    """A condition cannot be parsed; `start` is the offset of what is wrong."""

    def __init__(self, message: str, start: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start


@dataclass(frozen=True, slots=True)
class About:
    """What conditions ask about: the environment and the version of HAProxy that is meant."""

    environment: Mapping[str, str]
    version: tuple[int, int]


def holds(text: str, about: About) -> bool:
    """Evaluate a condition. Raises `ConditionError`."""
    if not text.strip():
        return False
    condition = _Condition(text, about)
    value = condition.either()
    condition.end()
    return value


class _Condition:
    """A condition while it is read from left to right; all of it is read, also what no longer matters."""

    def __init__(self, text: str, about: About) -> None:
        self._text = text
        self._about = about
        self._at = 0

    def either(self) -> bool:
        value = self._both()
        while self._skip("||"):
            right = self._both()
            value = value or right
        return value

    def end(self) -> None:
        self._blanks()
        if self._at < len(self._text):
            raise ConditionError(f"unexpected character '{self._text[self._at]}' at the end", self._at)

    def _both(self) -> bool:
        value = self._term()
        while self._skip("&&"):
            right = self._term()
            value = value and right
        return value

    def _term(self) -> bool:
        if self._skip("!"):
            return not self._term()
        if self._skip("("):
            value = self.either()
            if not self._skip(")"):
                raise ConditionError("expected ')' after conditional expression", self._at)
            return value
        self._blanks()
        start = self._at
        if found := _INTEGER.match(self._text, start):
            self._at = found.end()
            return int(found[0]) != 0
        found = _CALL.match(self._text, start)
        predicate = _PREDICATES.get(found[1]) if found else None
        if not found or predicate is None:
            raise ConditionError(f"unparsable conditional expression '{self._text[start:]}'", start)
        self._at = found.end()
        arguments = self._arguments(found[1])
        if len(arguments) != predicate.arity:
            missing = "missing" if len(arguments) < predicate.arity else "too many"
            raise ConditionError(f"{missing} arguments for predicate '{found[1]}'", self._at)
        return predicate.ask(self._about, arguments)

    def _arguments(self, name: str) -> list[str]:
        """Everything up to the closing parenthesis, split at commas; quotes and backslashes protect."""
        arguments, current, quote = [], "", ""
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if quote:
                quote, current = ("", current) if char == quote else (quote, current + char)
            elif char in "\"'":
                quote = char
            elif char == "\\":
                current += self._text[self._at : self._at + 1]
                self._at += 1
            elif char == ",":
                arguments.append(current)
                current = ""
            elif char == ")":
                return [*arguments, current]
            else:
                current += char
        place = len(arguments) + 1
        message = f"expected ')' in argument {place} of predicate '{name}' used in conditional expression"
        raise ConditionError(message, len(self._text))

    def _skip(self, token: str) -> bool:
        self._blanks()
        if self._text.startswith(token, self._at):
            self._at += len(token)
            return True
        return False

    def _blanks(self) -> None:
        while self._text[self._at : self._at + 1] in (" ", "\t"):
            self._at += 1


@dataclass(frozen=True, slots=True)
class _Predicate:
    arity: int
    ask: Callable[[About, Sequence[str]], bool]


def _at_least(version: str, wanted: str) -> bool:
    return _numbers(version) >= _numbers(wanted)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version; `dev` and letters behind them do not count."""
    found = [int(part) for part in re.findall(r"\d+", re.split(r"[-a-z]", version, maxsplit=1)[0])]
    return (*found, 0, 0, 0)[:3]


def _haproxy(about: About) -> str:
    return f"{about.version[0]}.{about.version[1]}.0"


_INTEGER = re.compile(r"[+-]?\d+(?![\w.])")
_CALL = re.compile(r"(\w+)\(")
_PREDICATES = {
    "defined": _Predicate(1, lambda about, args: args[0] in about.environment),
    "feature": _Predicate(1, lambda _, args: args[0] in FEATURES),
    "streq": _Predicate(2, lambda _, args: args[0] == args[1]),
    "strneq": _Predicate(2, lambda _, args: args[0] != args[1]),
    "strstr": _Predicate(2, lambda _, args: args[1] in args[0]),
    "version_atleast": _Predicate(1, lambda about, args: _at_least(_haproxy(about), args[0])),
    "version_before": _Predicate(1, lambda about, args: not _at_least(_haproxy(about), args[0])),
    "openssl_version_atleast": _Predicate(1, lambda _, args: _at_least(OPENSSL, args[0])),
    "openssl_version_before": _Predicate(1, lambda _, args: not _at_least(OPENSSL, args[0])),
    "ssllib_name_startswith": _Predicate(1, lambda _, args: "OpenSSL".startswith(args[0])),
    "awslc_api_atleast": _Predicate(1, lambda _about, _args: False),
    "awslc_api_before": _Predicate(1, lambda _about, _args: False),
    "enabled": _Predicate(1, lambda _, args: args[0] in _ENABLED),
}
