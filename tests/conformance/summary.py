"""How a proxy did, in numbers, and several of them beside each other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from conformance.judge import CHANGED, CLASS, EXCESS, FORGIVEN, MUST_NOT, POISONED, SPLIT, UNCLEAN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.judge import Outcome

COMPARED = (CLASS, MUST_NOT, EXCESS, POISONED)
"""The rules by which proxies are compared: those that do not depend on what a proxy is meant to change."""
_RULES = (MUST_NOT, EXCESS, POISONED, UNCLEAN, FORGIVEN, CHANGED, SPLIT)
_KINDS = {"req": "requests", "resp": "answers", "h2": "HTTP/2 connections"}


@dataclass(frozen=True, slots=True)
class Summary:
    """Of one proxy and kind of rows: how many there are, had an acceptable outcome, and broke each rule.

    A row counts as acceptable by its outcome in one piece, and as breaking a rule when it did in any way it was sent.
    """

    proxy: str
    version: str
    kind: str
    rows: int
    acceptable: int
    broken: dict[str, int]


def summary(proxy: str, version: str, outcomes: Sequence[Outcome]) -> tuple[Summary, ...]:
    """Count, each kind apart."""
    found = {kind: [one for one in outcomes if one.row.kind == kind] for kind in _KINDS}
    return tuple(_summary(proxy, version, kind, some) for kind, some in found.items() if some)


def table(summaries: Sequence[Summary]) -> str:
    """Return the comparison as a table in Markdown."""
    lines = [
        "| proxy | rows | acceptable | let through what must not | more requests than allowed | poisoned answers |",
        "|---|---|---|---|---|---|",
    ]
    for one in summaries:
        counts = " | ".join(str(one.broken[rule]) for rule in (MUST_NOT, EXCESS, POISONED))
        name = f"{one.proxy} {one.version}".strip()
        lines.append(f"| {name} | {one.rows} {_KINDS[one.kind]} | {one.acceptable} | {counts} |")
    return "\n".join(lines) + "\n"


def save(folder: Path, machine: Mapping[str, str], summaries: Sequence[Summary]) -> None:
    """Write `conformance.md` and `conformance.json`, from which README quotes."""
    about = "; ".join(f"{name} {value}" for name, value in machine.items())
    (folder / "conformance.md").write_text(f"# Bad messages\n\n{about}.\n\n{table(summaries)}", encoding="utf-8")
    content = {"machine": dict(machine), "summaries": [asdict(one) for one in summaries]}
    (folder / "conformance.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _summary(proxy: str, version: str, kind: str, outcomes: Sequence[Outcome]) -> Summary:
    whole = [outcome for outcome in outcomes if not outcome.variant]
    broken = {rule: len({one.row.id for one in outcomes if one.broke(rule)}) for rule in _RULES}
    acceptable = sum(not outcome.broke(CLASS) for outcome in whole)
    return Summary(proxy, version, kind, len(whole), acceptable, broken)
