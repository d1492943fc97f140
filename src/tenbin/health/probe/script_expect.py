"""What a script's step expects of what was heard, and in which words it says that this was not so. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import Answer
from tenbin.health.result import CheckStatus, Outcome, printable

if TYPE_CHECKING:
    from tenbin.model import Step

_LIMIT = 65_536


class Heard:
    """Bytes of one connection, and the answer that they are in HTTP."""

    def __init__(self, *, http: bool, bodiless: bool) -> None:
        self.data = bytearray()
        self.ended = False
        self.answer = Answer(bodiless=bodiless) if http else None

    def feed(self, data: bytes) -> None:
        """Take what came, b"" at the end; raises GarbageError."""
        self.data += data[: _LIMIT - len(self.data)]
        if self.answer is None:
            self.ended = not data
        elif data:
            self.answer.feed(data)
            self.ended = self.answer.done
        else:
            self.ended = True
            self.answer.end()

    @property
    def status(self) -> int | None:
        """The answer's status, once it is there."""
        return self.answer.head.status if self.answer is not None and self.answer.head is not None else None

    @property
    def reason(self) -> str:
        """Its reason phrase."""
        return self.answer.head.reason if self.answer is not None and self.answer.head is not None else ""

    def values(self, name: str, by: str = "str") -> list[str]:
        """The values of a header, or of all whose names compare so."""
        head = bytes(self.data).partition(b"\r\n\r\n")[0].decode("latin-1")
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        return [text.strip() for key, _, text in lines if _compares(key.strip().lower(), name.lower(), by)]


class Expected:
    """One expectation; undecided as long as more could change the verdict."""

    def __init__(self, step: Step, *, http: bool) -> None:
        self._step = step
        self._http = http

    def judge(self, heard: Heard) -> bool | None:
        """Whether it holds; None: that is not known yet."""
        step = self._step
        if self._http and heard.status is None:
            return None
        if step.method in _OF_HEADS:
            return self._of_head(heard) is not step.negate
        data = bytes(heard.answer.body) if heard.answer is not None else bytes(heard.data)
        if not self._http and len(data) < step.min_recv and not heard.ended:
            return None
        if data and self._matches(data):
            return not step.negate
        if heard.ended:
            return step.negate and bool(data)
        # What is not to come has not come with as much as was asked for; answers of HTTP are read to their end.
        return True if step.negate and data and not self._http else None

    def failure(self, heard: Heard, number: int) -> Outcome:
        """What is said when it does not hold."""
        step = self._step
        named = CheckStatus(step.error_status) if step.error_status in CheckStatus.__members__ else None
        if self._http:
            comment = f" comment: {step.comment}" if step.comment else ""
            if step.method in _OF_HEADS:
                text = step.on_error or heard.reason + comment
                return Outcome(named or CheckStatus.L7STS, heard.status, printable(text))
            what = "HTTP check matched unwanted content" if step.negate else "HTTP content check did not match"
            return Outcome(named or CheckStatus.L7RSP, heard.status, printable(step.on_error or what + comment))
        comment = f" comment: {step.comment}" if step.comment else ""
        text = step.on_error or f"TCPCHK {self._complaint(heard)} at step {number}{comment}"
        return Outcome(named or CheckStatus.L7RSP, None, printable(text))

    def _complaint(self, heard: Heard) -> str:
        if not heard.data:
            return "got an empty response"
        kinds = {"string": f"'{self._step.pattern}'", "binary": "(binary)", "rbinary": "(binary regex)"}
        verb = "matched unwanted content" if self._step.negate else "did not match content"
        return f"{verb} {kinds.get(self._step.method, '(regex)')}"

    def _of_head(self, heard: Heard) -> bool:
        step = self._step
        if step.method == "status":
            return any(low <= (heard.status or 0) <= high for low, high in _ranges(step.pattern))
        if step.method == "rstatus":
            return re.search(step.pattern, str(heard.status)) is not None
        values = heard.values(step.header, step.header_by)
        if step.method == "hdr":
            values = [part.strip() for value in values for part in value.split(",")]
        return any(not step.pattern or _compares(value, step.pattern, step.pattern_by) for value in values)

    def _matches(self, data: bytes) -> bool:
        step = self._step
        match step.method:
            case "string":
                return step.pattern.encode() in data
            case "binary":
                return bytes.fromhex(step.pattern) in data
            case "rbinary":
                return re.search(step.pattern, data.hex().upper()) is not None
            case _:
                return re.search(step.pattern.encode(), data, re.DOTALL) is not None


def _compares(text: str, pattern: str, by: str) -> bool:
    match by:
        case "beg":
            return text.startswith(pattern)
        case "end":
            return text.endswith(pattern)
        case "sub":
            return pattern in text
        case "reg":
            return re.search(pattern, text) is not None
        case _:
            return text == pattern


def _ranges(text: str) -> list[tuple[int, int]]:
    pairs = [part.strip().partition("-") for part in text.split(",") if part.strip()]
    return [(int(low), int(high or low)) for low, _, high in pairs]


_OF_HEADS = frozenset({"status", "rstatus", "hdr", "fhdr"})
