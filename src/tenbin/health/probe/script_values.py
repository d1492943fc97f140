"""Samples of scripts: what an expression such as `res.hdr(x-a),lower` is worth when a step runs. Pure but for the time.

Owns the sources and converters that checks know, which are those of `tenbin.model.check`. Texts hold bytes, one a
character; what is absent is None, which no converter changes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import urllib.parse
import uuid
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenbin.health.probe.script_expect import Heard
    from tenbin.health.target import Target

Value = str | int | bool | None
_CLOCK = SystemClock()
_CALL = re.compile(r"([a-z_0-9.]+)(?:\((.*)\))?\Z", re.DOTALL)
_PART = re.compile(r"((?:[^,(]|\([^)]*\))+)(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class Scene:
    """What an expression may speak of."""

    target: Target
    heard: Heard
    variables: Mapping[str, str]


def evaluate(expression: str, scene: Scene) -> str:
    """Return the text of an expression's value; "" for what is absent or not known."""
    value: Value = None
    for place, part in enumerate(_PART.findall(expression.strip())):
        found = _CALL.match(part.strip())
        if found is None:
            return ""
        name, arguments = found[1], [one.strip().strip("'\"") for one in (found[2] or "").split(",")]
        if not place:
            value = _source(name, arguments, scene)
        elif value is not None:
            value = _CONVERTERS[name](value, arguments, scene) if name in _CONVERTERS else None
    return text_of(value)


def text_of(value: Value) -> str:
    """Return how a value is written."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _source(name: str, arguments: list[str], scene: Scene) -> Value:  # noqa: C901, PLR0911 - one line a name
    first = arguments[0]
    match name:
        case "str":
            return first
        case "int":
            return _number(first)
        case "bool":
            return first in {"true", "yes", "on", "1"}
        case "bin":
            return bytes.fromhex(first).decode("latin-1")
        case "var":
            return scene.variables.get(first)
        case "env":
            return os.environ.get(first)
        case "hostname":
            return os.uname().nodename
        case "date":
            return int(_CLOCK.wall().timestamp()) + _number(first)
        case "rand":
            return int((_CLOCK.jitter(0.5) + 0.5) * (_number(first) or 1 << 32))
        case "uuid":
            return str(uuid.uuid4())
        case "be_name":
            return scene.target.id.backend
        case "srv_name":
            return scene.target.id.server
        case "be_id":
            return scene.target.around.proxy_number
        case "srv_id":
            return scene.target.around.number
        case _:
            return _of_answer(name, arguments, scene.heard)


def _of_answer(name: str, arguments: list[str], heard: Heard) -> Value:
    match name:
        case "res.hdr" | "res.fhdr":
            values = heard.values(arguments[0])
            if name == "res.hdr":
                values = [part.strip() for one in values for part in one.split(",")]
            return values[-1] if values else None
        case "status":
            return heard.status
        case "res.body" if heard.answer is not None:
            return heard.answer.body.decode("latin-1")
        case "res.ver":
            return bytes(heard.data[5:8]).decode("latin-1")
        case "check.payload":
            start, size = _number(arguments[0]), _number(arguments[1]) if len(arguments) > 1 else 0
            data = bytes(heard.data)[start:]
            return (data[:size] if size else data).decode("latin-1")
        case _:
            return None


def _number(value: Value) -> int:
    found = re.match(r"\s*-?\d+", text_of(value))
    return int(found[0]) if found else 0


def _operand(arguments: list[str], scene: Scene) -> int:
    """A number, or the variable that holds one."""
    first = arguments[0]
    return _number(scene.variables.get(first)) if "." in first else _number(first)


def _bytes(value: Value) -> bytes:
    return text_of(value).encode("latin-1", "replace")


def _part(value: Value, arguments: list[str], _: Scene) -> Value:
    """`field(INDEX,DELIMITERS)`: parts are counted from 1, or from the end where it is negative."""
    delimiters = arguments[1] if len(arguments) > 1 and arguments[1] else ","
    parts = re.split(f"[{re.escape(delimiters)}]", text_of(value))
    index = _number(arguments[0])
    place = index - 1 if index > 0 else len(parts) + index
    return parts[place] if index and 0 <= place < len(parts) else ""


def _slice(value: Value, arguments: list[str], _: Scene) -> Value:
    start, text = _number(arguments[0]), text_of(value)
    size = _number(arguments[1]) if len(arguments) > 1 else len(text)
    return text[start : start + size]


def _joined(value: Value, arguments: list[str], scene: Scene) -> Value:
    before, name, after = (*arguments, "", "")[:3]
    return f"{text_of(value)}{before}{scene.variables.get(name, '')}{after}"


def _decoded(value: Value, _arguments: list[str], _scene: Scene) -> Value:
    try:
        return base64.b64decode(_bytes(value), validate=True).decode("latin-1")
    except binascii.Error:
        return None


def _hash(name: str) -> Callable[[Value, list[str], Scene], Value]:
    return lambda value, _arguments, _scene: hashlib.new(name, _bytes(value)).digest().decode("latin-1")


_CONVERTERS: dict[str, Callable[[Value, list[str], Scene], Value]] = {
    "lower": lambda value, _arguments, _scene: text_of(value).lower(),
    "upper": lambda value, _arguments, _scene: text_of(value).upper(),
    "hex": lambda value, _arguments, _scene: _bytes(value).hex().upper(),
    "length": lambda value, _arguments, _scene: len(text_of(value)),
    "base64": lambda value, _arguments, _scene: base64.b64encode(_bytes(value)).decode(),
    "b64dec": _decoded,
    "url_enc": lambda value, _arguments, _scene: urllib.parse.quote_from_bytes(_bytes(value), safe="-._~"),
    "url_dec": lambda value, _arguments, _scene: urllib.parse.unquote_to_bytes(_bytes(value)).decode("latin-1"),
    "sha1": _hash("sha1"),
    "md5": _hash("md5"),
    "crc32": lambda value, _arguments, _scene: zlib.crc32(_bytes(value)),
    "bytes": _slice,
    "field": _part,
    "concat": _joined,
    "add": lambda value, arguments, scene: _number(value) + _operand(arguments, scene),
    "sub": lambda value, arguments, scene: _number(value) - _operand(arguments, scene),
    "mul": lambda value, arguments, scene: _number(value) * _operand(arguments, scene),
    "div": lambda value, arguments, scene: _number(value) // (_operand(arguments, scene) or 1),
    "mod": lambda value, arguments, scene: _number(value) % (_operand(arguments, scene) or 1),
    "neg": lambda value, _arguments, _scene: -_number(value),
    "bool": lambda value, _arguments, _scene: bool(_number(value)),
    "not": lambda value, _arguments, _scene: not _number(value),
    "iif": lambda value, arguments, _scene: (*arguments, "")[0 if _number(value) else 1],
}
