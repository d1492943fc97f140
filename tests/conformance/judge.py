"""What may be wrong with a row that was played, each kind of fault with a name of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conformance.meaning import answer_changes, kept_fields, request_changes
from conformance.streams import read_streams
from conformance.strict import Message, Reading, bare, read_answer, read_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from conformance.rows import Row
    from conformance.server import Seen

CLASS = "class"
"""The answer is none of the expected."""
MUST_NOT = "must_not"
"""The other side received what the row forbids."""
EXCESS = "excess"
"""The server saw more requests than the row allows, or than a strict reader finds in it."""
UNCLEAN = "unclean"
"""The server saw a bare CR, LF or NUL outside of bodies, or no valid request."""
CHANGED = "changed"
"""What arrived means something else than what was sent."""
FORGIVEN = "forgiven"
"""The server saw a request that a strict reader refuses in what was sent."""
POISONED = "poisoned"
"""A client got something else than its own answer."""
SPLIT = "split"
"""One byte a segment gives another result than the whole."""

_SAME: dict[str, tuple[set[str], ...]] = {
    "req": (),
    # An error in a body shows before or after the head has gone out: as a refusal, or as an end that shows.
    "resp": ({"502", "504", "abort"},),
    # A GOAWAY is lost where bytes were not read; and who resets may be faster than the server or not.
    "h2": ({"connection-error", "close"}, {"alive", "forward-ok"}),
}
"""Outcomes of which it is a matter of time which one it is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken rule, by its name above, and what was seen."""

    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.text}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a row went: the class of what came back, what the server read, and everything that broke a rule."""

    row: Row
    variant: str
    got: str
    seconds: float
    problems: tuple[Problem, ...]
    messages: tuple[Message, ...] = field(default=(), repr=False)
    judged: bool = False
    """The input is valid by the strict reader and was held against what arrived."""

    @property
    def name(self) -> str:
        """The row's id, and how it was sent when that was not in one piece."""
        return f"{self.row.id}/{self.variant}" if self.variant else self.row.id

    @property
    def ok(self) -> bool:
        """Whether the outcome is one of the expected, and nothing else was wrong."""
        return not self.problems

    def broke(self, rule: str) -> bool:
        """Whether it broke this rule."""
        return any(problem.rule == rule for problem in self.problems)

    def __str__(self) -> str:
        texts = "; ".join(map(str, self.problems)) or self.got
        return f"{self.name}: {texts} [{self.row.category}: {self.row.note}]"


def judge(row: Row, variant: str, result: tuple[str, bytes, float], seen: Seen, others: Sequence[str]) -> Outcome:
    """Judge the class that came back with its bytes, what the server saw, and what other requests got."""
    got, received, seconds = result
    problems = [Problem(POISONED, text) for text in others]
    if got not in row.expected:
        problems.append(Problem(CLASS, f"got {got}, not {' or '.join(sorted(row.expected))}"))
    if row.must_not and _is_judged(row, got):
        other = received if row.kind == "resp" else seen.data
        if row.must_not.search(other.decode("latin-1")):
            problems.append(Problem(MUST_NOT, f"the other side received what matches {row.must_not.pattern!r}"))
    messages, unclean = _server_side(seen)
    problems += unclean
    judged = False
    if row.kind != "resp":
        sent = read_streams(row.raw) if row.kind == "h2" else read_requests(row.raw)
        judged = bool(sent.messages and messages)
        problems += _requests(row, got, seen, (sent, messages))
    elif got == "pass":
        problems += (changes := _answer(row, received)) or ()
        judged = changes is not None
    return Outcome(row, variant, got, seconds, tuple(problems), tuple(messages), judged)


def split_problems(whole: Outcome, cut: Outcome) -> Iterator[Problem]:
    """What one byte a segment changes."""
    alike = (*_SAME[cut.row.kind], _late(cut.row))
    if whole.got != cut.got and not any({whole.got, cut.got} <= group for group in alike):
        yield Problem(SPLIT, f"got {cut.got}, and {whole.got} in one piece")
    elif _comparable(whole) != _comparable(cut) and whole.got == "forward-ok":
        yield Problem(SPLIT, "the server reads other requests than in one piece")


def _late(row: Row) -> frozenset[str]:
    """Return the outcomes of a frame that comes before its stream's answer has left, or after.

    A half-closed stream and a closed one have errors of their own (RFC 9113, 5.1).
    """
    return row.expected if row.category == "frame" and "forward-ok" in row.expected else frozenset()


def _comparable(outcome: Outcome) -> list[tuple[object, ...]]:
    return [(m.method, m.target, kept_fields(m), m.body, m.trailers) for m in outcome.messages]


def _is_judged(row: Row, got: str) -> bool:
    return row.kind != "resp" or got not in ("502", "504")


def _server_side(seen: Seen) -> tuple[list[Message], list[Problem]]:
    """Read the recorded bytes a second time; h11 has read them already and noted its faults."""
    messages: list[Message] = []
    problems = [Problem(UNCLEAN, text) for text in seen.faults]
    for stream in seen.streams.values():
        data = bytes(stream)
        # A connection that is used again is not closed after a message that asks for it.
        while data:
            reading = read_requests(data)
            messages += (message for message in reading.messages if not message.target.startswith(b"/good/"))
            if reading.refusal not in ("", "incomplete"):
                problems.append(Problem(UNCLEAN, f"the server got {reading.refusal}"))
            if reading.refusal or not reading.messages:
                break
            data = reading.rest
        if found := bare(_heads(messages, bytes(stream))):
            problems.append(Problem(UNCLEAN, f"bare {found!r} in the forwarded head"))
    return messages, problems


def _heads(messages: Sequence[Message], stream: bytes) -> bytes:
    """The head that a stream begins with; those behind it the strict reader has seen."""
    return stream.partition(b"\r\n\r\n")[0] if messages else b""


def _requests(row: Row, got: str, seen: Seen, both: tuple[Reading, list[Message]]) -> Iterator[Problem]:
    sent, arrived = both
    if 0 <= row.max_fwd < seen.requests:
        yield Problem(EXCESS, f"the server saw {seen.requests} requests, at most {row.max_fwd} allowed")
    if got == "forward-ok" and not seen.requests:
        yield Problem(CLASS, "answered without asking the server")
    # h11 finds more in doubtful bytes than the strict reader does.
    found = max(len(arrived), seen.requests)
    if found > len(sent.messages):
        text = f"the server saw {found} requests, a strict reader {len(sent.messages)}"
        yield Problem(EXCESS if sent.messages else FORGIVEN, f"{text}: {sent.refusal}")
    for before, after in zip(sent.messages, arrived, strict=False):
        if before.head_only and not after.head_only and sent.refusal != "incomplete":
            yield Problem(FORGIVEN, sent.refusal)
        for change in request_changes(before, after):
            yield Problem(CHANGED, change)


def _answer(row: Row, received: bytes) -> list[Problem] | None:
    """How a passed answer differs from the server's; None when the server's own is doubtful."""
    method = b"HEAD" if row.method == "HEAD" else b"GET"
    sent, got = read_answer(row.raw, method), read_answer(received, method)
    if not got.whole or got.refusal or got.rest:
        return [Problem(UNCLEAN, f"the client got {got.refusal or got.rest[:80]!r}")]
    if not sent.whole or sent.refusal:
        return None
    return [Problem(CHANGED, change) for change in answer_changes(sent.whole[-1], got.whole[-1])]
