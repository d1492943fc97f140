"""`compression` lines: which answers are compressed, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.model import Coding

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Line, Word

_REQUESTS = "bodies of requests are not compressed"


def compression(reading: Reading, draft: ProxyDraft, line: Line) -> None:
    """`compression algo|type|offload|minsize-res|direction ...`."""
    words = line.words
    what = words[1].text if len(words) > 1 else ""
    draft.compression.is_wanted = True
    match what:
        case "algo" | "algo-res":
            _algorithms(reading, draft, words[2:], line)
        case "type" | "type-res":
            draft.compression.types += [word.text for word in words[2:]]
            if len(words) < 3:
                reading.error(words[1], f"'compression {what}' expects <type>.")
        case "minsize-res":
            _least(reading, draft, words[2:], line)
        case "offload" if draft.kind == "defaults":
            reading.warning(line, "'compression' : 'offload' ignored in 'defaults' section.")
        case "offload":
            draft.compression.offload = True
        case "direction" if [word.text for word in words[2:]] == ["response"]:
            pass
        case "algo-req" | "type-req" | "minsize-req" | "direction":
            reading.ignored(line, _REQUESTS)
        case _:
            reading.error(words[1] if len(words) > 1 else line, "'compression' expects 'algo', 'type' or 'offload'.")


def _algorithms(reading: Reading, draft: ProxyDraft, words: list[Word] | tuple[Word, ...], line: Line) -> None:
    if not words:
        reading.error(line, "parsing [compression algo] : expects <algorithm>.")
    for word in words:
        if word.text in tuple(Coding):
            draft.compression.algorithms.append(Coding(word.text))
        else:
            reading.error(word, f"'compression' : '{word.text}' is not a supported algorithm.")


def _least(reading: Reading, draft: ProxyDraft, words: list[Word] | tuple[Word, ...], line: Line) -> None:
    try:
        draft.compression.min_size = values.size(words[0].text) if words else -1
    except ValueError:
        draft.compression.min_size = -1
    if draft.compression.min_size < 0:
        draft.compression.min_size = 0
        reading.error(line, "'compression minsize-res' expects a size.")
