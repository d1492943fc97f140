"""Single values: durations, rates, sizes, percentages, addresses, networks, names. Each is parsed once, and narrow.

Every function takes what YAML gave and returns the narrow value, or raises `Mistake` that says what was expected.
"""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from tenbin.configfile.native.tree import Map, Seq
from tenbin.configfile.problem import mistake
from tenbin.model.values import Address, Duration, Inherited, Rate, UnixAddress

LONGEST = Duration(365 * 24 * 3_600_000)

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,6})?(?:ms|s|m|h|d))+")
_STEP = re.compile(r"([0-9.]+)(ms|s|m|h|d)")
_LOOSE_DURATION = re.compile(r"([0-9.]+)\s*([A-Za-z]+)")
_SPELLED_UNITS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hour": "h", "hours": "h", "day": "d", "days": "d", "msec": "ms", "millis": "ms", "milliseconds": "ms",
    "ms": "ms", "s": "s", "m": "m", "h": "h", "d": "d",
}  # fmt: skip

_SIZE = re.compile(r"([0-9]{1,15})([kmg])", re.IGNORECASE)
_FACTORS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_LOOSE_SIZE = re.compile(r"([0-9]+)\s*([kmg])i?b?", re.IGNORECASE)

_RATE = re.compile(r"(-?[0-9]{1,12}) ?/ ?([0-9a-z.]+)")
_LARGEST_RATE = 1_000_000
_SHORTEST_WINDOW = Duration(100)
_LONGEST_WINDOW = Duration(86_400_000)

_LONGEST_PATH = 107
"""Bytes of a unix socket's name (unix(7))."""

_PERCENT = re.compile(r"([0-9]{1,6})\s*%")
_LABELS = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\[\]-]{0,127}")
_NUMERIC_HOST = re.compile(r"[0-9.]+")


def duration(value: object) -> Duration:
    """A length of time such as `250ms`, `2s`, `1m30s`; at most a year, in whole milliseconds."""
    expected = "a duration such as 250ms, 2s or 1h"
    if isinstance(value, bool) or not isinstance(value, str):
        number = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        hint = f"a duration has a unit: {value}s?" if number else ""
        raise mistake("not a duration", expected=expected, hint=hint)
    if not _DURATION.fullmatch(value):
        loose = _LOOSE_DURATION.fullmatch(value.strip().lower())
        unit = _SPELLED_UNITS.get(loose[2], "") if loose else ""
        hint = f"write {loose[1]}{unit}" if loose and unit else ""
        if value.strip().isdigit():
            hint = f"a duration has a unit: {value.strip()}s?"
        raise mistake("not a duration", expected=expected, hint=hint)
    steps = [(Decimal(number), unit) for number, unit in _STEP.findall(value)]
    milliseconds = sum(number * _UNITS[unit] for number, unit in steps)
    if milliseconds != int(milliseconds):
        raise mistake("a duration is not finer than milliseconds", expected=expected)
    if milliseconds > LONGEST.ms:
        raise mistake("the duration is longer than a year", expected="at most 365d")
    return Duration(int(milliseconds))


def rate(value: object) -> Rate:
    """So many in a time such as `10/s`, `100/10s`, `600/1m`; the time is from 100ms to a day."""
    expected = "a rate such as 10/s, 100/10s or 600/1m"
    if not isinstance(value, str) or not (match := _RATE.fullmatch(value)):
        hint = f"a rate names a time: {value}/s?" if isinstance(value, int) and not isinstance(value, bool) else ""
        raise mistake("not a rate", expected=expected, hint=hint)
    count, time = int(match[1]), match[2]
    if time[0] not in "0123456789":
        time = f"1{time}"
    if not _DURATION.fullmatch(time):
        raise mistake(f"`{match[2]}` is not a time", expected=expected)
    if not 1 <= count <= _LARGEST_RATE:
        raise mistake("the rate is out of range", expected=f"1 to {_LARGEST_RATE} in a time, or false for no limit")
    window = duration(time)
    if not _SHORTEST_WINDOW <= window <= _LONGEST_WINDOW:
        raise mistake("the time of the rate is out of range", expected="a time from 100ms to 1d")
    return Rate(count, window)


def size(value: object) -> int:
    """A number of bytes: `8192`, `16k`, `1m`, `2g` (powers of 1024)."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    expected = "a size such as 8192, 16k or 1m"
    if not isinstance(value, str):
        raise mistake("not a size", expected=expected)
    if not (match := _SIZE.fullmatch(value)):
        loose = _LOOSE_SIZE.fullmatch(value.strip())
        hint = f"write {loose[1]}{loose[2].lower()}" if loose else ""
        raise mistake("not a size", expected=expected, hint=hint)
    return int(match[1]) * _FACTORS[match[2].lower()]


def percent(value: object) -> int:
    """A percentage: `20%`, or the number alone."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := _PERCENT.fullmatch(value)):
        return int(match[1])
    hint = ""
    if isinstance(value, float) and 0 < value <= 1:
        hint = f"write {round(value * 100)}%"
    raise mistake("not a percentage", expected="a percentage such as 20%", hint=hint)


def listen_address(value: object) -> Address | UnixAddress | Inherited:
    """Where to listen: `:8080`, `*:8080`, `127.0.0.1:80`, `[::1]:80`, `name:80`, `unix@/path`, `fd@3`."""
    expected = "an address such as :8080, 127.0.0.1:8080 or [::1]:8080"
    if (unix := _unix(value)) is not None:
        return unix
    if isinstance(value, str) and value.startswith("fd@"):
        if not value[3:].isascii() or not value[3:].isdigit():
            raise mistake("the number of a descriptor is needed", expected="such as fd@3")
        return Inherited(int(value[3:12]))
    if isinstance(value, str) and value[:1] in (":", "*") and value.count(":") == 1:
        value = "0.0.0.0:" + value.removeprefix("*").removeprefix(":")
    elif isinstance(value, int) and not isinstance(value, bool):
        raise mistake("a port alone is not an address", expected=expected, hint=f'on every interface: ":{value}"')
    return _address(value, expected)


def admin_address(value: object) -> Address:
    """Where the admin API listens besides its own socket."""
    address = listen_address(value)
    if not isinstance(address, Address):
        hint = "on a socket it listens anyway: `tenbin status` shows where"
        raise mistake("the admin API listens on a host and a port", expected="an address such as :9180", hint=hint)
    return address


def server_address(value: object) -> Address | UnixAddress:
    """Where a server is: `10.0.0.1:80`, `[::1]:80`, `name:80`, `unix@/path`. Names are resolved at run time."""
    expected = "an address such as 10.0.0.1:8080 or app.internal:8080"
    if (unix := _unix(value)) is not None:
        return unix
    if isinstance(value, str) and value[:1] in (":", "*"):
        raise mistake(
            "a server's address needs a host",
            expected=expected,
            hint=f'on this machine: "127.0.0.1{value.lstrip("*")}"',
        )
    if isinstance(value, int) and not isinstance(value, bool):
        raise mistake(
            "a server's address needs a host", expected=expected, hint=f'on this machine: "127.0.0.1:{value}"'
        )
    return _address(value, expected)


def host(value: object) -> str:
    """A host without a port: an IP address or a name, in lower case and without brackets."""
    if not isinstance(value, str):
        raise mistake("not a host", expected="a name or an IP address")
    return _host(value.removeprefix("[").removesuffix("]"), value, "a name or an IP address")


def host_pattern(value: object) -> str:
    """A host that requests ask for: `example.org`, or `*.example.org` for every name below it; lower case."""
    expected = "a name such as example.org or *.example.org"
    if not isinstance(value, str) or not value:
        raise mistake("not a host", expected=expected)
    if re.search(r":[0-9]*$", value) and not value.endswith("]") and value.count(":") == 1:
        raise mistake("a host has no port here", expected=expected, hint=f"leave it out: {value.partition(':')[0]}")
    wildcard = "*." if value.startswith("*.") else ""
    return wildcard + _host(value.removeprefix("*.").removeprefix("[").removesuffix("]"), value, expected)


def network(value: object) -> str:
    """An address or network in its usual form, such as `10.0.0.0/8`."""
    expected = "a network such as 10.0.0.0/8 or ::1"
    if not isinstance(value, str):
        raise mistake("not a network", expected=expected)
    try:
        return str(ip_network(value))
    except ValueError as error:
        hint = f"the network is {ip_network(value, strict=False)}" if "host bits" in str(error) else ""
        raise mistake("not a network", expected=expected, hint=hint) from None


def name(value: str, what: str) -> str:
    """The name of a frontend, backend or server."""
    if not _NAME.fullmatch(value):
        expected = "letters, digits and _ . - : [ ], at most 128, the first a letter, a digit or _"
        raise mistake(f"this cannot be the name of a {what}", expected=expected)
    return value


def text(value: object) -> str:
    """A text. What YAML takes for something else is not guessed back."""
    if isinstance(value, str):
        return value
    raise mistake(f"{describe(value)} instead of a text", expected="a text", hint=_quotes(value))


def describe(value: object) -> str:
    """What kind of thing YAML gave."""
    if value is None:
        return "nothing"
    for kinds, words in (
        (bool, "true or false"),
        (int | float, "a number"),
        (str, "a text"),
        (Map | dict, "a mapping"),
        (Seq | list, "a list"),
    ):
        if isinstance(value, kinds):
            return words
    return "something else"


def is_literal(host: str) -> bool:
    """Whether a host is an IP address."""
    return _literal(host) is not None


def _quotes(value: object) -> str:
    if isinstance(value, Map) and len(value) == 1 and next(iter(value.values())) is None:
        return f'put it in quotes: "{{{next(iter(value))}}}"'
    return "put it in quotes" if isinstance(value, bool | int | float) else ""


def _unix(value: object) -> UnixAddress | None:
    """A socket in the file system, or by an abstract name; None for everything else."""
    expected = "a socket such as unix@/run/app.sock or abns@name"
    if not isinstance(value, str):
        return None
    if value.startswith(("/", "unix:")):
        hint = f"write unix@{value.removeprefix('unix:')}"
        raise mistake("a path alone is not an address", expected=expected, hint=hint)
    kind, at, path = value.partition("@")
    if not at or kind not in ("unix", "abns"):
        return None
    if not path or len(path.encode()) > _LONGEST_PATH or (kind == "unix" and not path.startswith("/")):
        raise mistake(f"an absolute path of at most {_LONGEST_PATH} bytes is needed", expected=expected)
    return UnixAddress(path, abstract=kind == "abns")


def _address(value: object, expected: str) -> Address:
    if not isinstance(value, str):
        raise mistake("not an address", expected=expected)
    if "://" in value:
        bare = value.partition("://")[2].partition("/")[0]
        raise mistake("an address is not a URL", expected=expected, hint=f"leave the rest out: {bare}" if bare else "")
    head, colon, port = value.rpartition(":")
    if not colon or head.startswith("[") != head.endswith("]"):
        if value.endswith("]") or not colon:
            raise mistake("the port is missing", expected=expected, hint=f"such as {value}:80")
        raise mistake("the brackets do not match", expected=expected)
    if ":" in head and not head.startswith("["):
        raise mistake("an IPv6 address stands in brackets", expected=expected, hint=_brackets(value, head, port))
    return Address(_host(head.removeprefix("[").removesuffix("]"), head, expected), _port(port, expected))


def _brackets(value: str, head: str, port: str) -> str:
    """What was meant by an IPv6 address without brackets: the last part is a port when the rest is an address."""
    if _literal(head) is not None:
        return f"write [{head}]:{port}"
    return f"write [{value}]:80" if _literal(value) is not None else ""


def _port(text: str, expected: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= 65535:
        message = f"`{text}` is not a port" if text else "the port is missing"
        raise mistake(message, expected="a port from 1 to 65535" if text else expected)
    return int(text)


def _host(host: str, written: str, expected: str) -> str:
    literal = _literal(host)
    if literal is not None:
        return str(literal)
    if written.startswith("["):
        raise mistake(f"`{host}` is not an IPv6 address", expected=expected)
    if _NUMERIC_HOST.fullmatch(host):
        raise mistake(f"`{host}` is not an IP address", expected=expected)
    if len(host) > 253 or not _LABELS.fullmatch(host):
        raise mistake(f"`{host}` is not a host" if host else "the host is missing", expected=expected)
    return host.lower()


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
