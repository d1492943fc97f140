"""Actions that remember: variables, stick counters, captures, live lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.haproxy.phrases import lists, variables
from tenbin.configfile.haproxy.phrases.words import Wrong
from tenbin.model import Capture
from tenbin.model.expression import Const, Expression
from tenbin.model.rules import Act, Verb

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.phrases.actions.line import Line

SLOTS = 12
"""Counters that a connection or request can have at once."""

_LISTS = {
    "set-map": Verb.SET_MAP,
    "del-map": Verb.DEL_MAP,
    "add-acl": Verb.ADD_ACL,
    "del-acl": Verb.DEL_ACL,
}


def set_var(line: Line) -> Act:
    """`set-var(name[,conditions])` and `set-var-fmt`."""
    name, *conditions = line.arguments(1, 5, "set-var(<scope>.<name>[,<cond>]) <expression>")
    _checked(line, name, conditions)
    is_text = line.name == "set-var-fmt"
    value = line.format("a format string") if is_text else line.sample("an expression").expression
    return Act(Verb.SET_VAR, name=name, value=value, method=",".join(conditions))


def unset_var(line: Line) -> Act:
    """`unset-var(name)`."""
    (name,) = line.arguments(1, 1, "unset-var(<scope>.<name>)")
    _checked(line, name, [])
    return Act(Verb.UNSET_VAR, name=name)


def track(line: Line) -> Act:
    """`track-scN KEY [table NAME]`."""
    number = line.name.removeprefix("track-sc")
    if not number.isdigit() or int(number) >= SLOTS:
        message = f"{number or 'missing'} track-sc number exceeding {SLOTS - 1} (MAX_SESS_STKCTR-1) value"
        raise Wrong(message).at(line.word)
    key = line.sample("a key")
    table, word = line.place.scope.name, line.word
    if line.phrase.skip("table"):
        word = line.take("the name of a table")
        table = word.text
    line.wants(word, "table", table)
    return Act(Verb.TRACK, name=table, number=int(number), value=key.expression)


def count(line: Line) -> Act:
    """`sc-inc-gpc(i,sc)`, `sc-inc-gpc0(sc)`, `sc-inc-gpc1(sc)`, `sc-add-gpc(i,sc) N`."""
    verb = Verb.ADD_GPC if line.name == "sc-add-gpc" else Verb.INC_GPC
    index, slot, name = _counter(line)
    value = _number(line) if verb is Verb.ADD_GPC else None
    return Act(verb, number=slot, index=index, name=name, value=value)


def tag(line: Line) -> Act:
    """`sc-set-gpt(i,sc) N`, `sc-set-gpt0(sc) N`."""
    index, slot, name = _counter(line)
    return Act(Verb.SET_GPT, number=slot, index=index, name=name, value=_number(line))


def capture(line: Line) -> Act:
    """`capture SAMPLE len N | id N`."""
    usage = "<expression> [ 'len' <length> | id <idx> ]"
    found = line.sample(usage)
    word = line.take(usage)
    number = line.take(usage) if word.text in ("len", "id") else None
    if number is None or not number.text.isdigit() or (word.text == "len" and number.text == "0"):
        raise Wrong(f"expects {usage}").at(word)
    answer = line.place.of_answer
    name = "answer" if answer else "request"
    if word.text == "id":
        slots = [one.length for one in line.place.scope.captures if one.answer is answer]
        length = slots[int(number.text)] if int(number.text) < len(slots) else 0
        return Act(Verb.CAPTURE, value=found.expression, number=length, index=int(number.text), name=name)
    if answer:
        raise Wrong("expects an id: `len` is for requests").at(word)
    if not line.place.scope.is_frontend:
        raise Wrong(f"proxy '{line.place.scope.name}' has no frontend capability").at(line.word)
    captures = line.place.scope.captures
    slot = sum(one.answer is answer for one in captures)
    captures.append(Capture(answer, "", int(number.text)))
    return Act(Verb.CAPTURE, value=found.expression, number=int(number.text), index=slot, name=name)


def change_list(line: Line) -> Act:
    """`set-map(file) KEY VALUE`, `del-map(file) KEY`, `add-acl(file) KEY`, `del-acl(file) KEY`."""
    verb = _LISTS[line.name]
    usage = "exactly 2 arguments" if verb is Verb.SET_MAP else "exactly 1 argument"
    if not line.argument:
        raise Wrong(f"expects {line.name}(<file name>)").at(line.word)
    try:
        name = lists.changed(line.place, line.argument, is_map=line.name.endswith("-map"))
    except Wrong as wrong:
        raise wrong.at(line.word) from None
    key = line.format(usage)
    to = line.format(usage) if verb is Verb.SET_MAP else None
    return Act(verb, name=name, value=key, to=to)


def _checked(line: Line, name: str, conditions: list[str]) -> None:
    try:
        variables.check(name)
        for one in conditions:
            variables.check_condition(one)
    except Wrong as wrong:
        raise wrong.at(line.word) from None


def _counter(line: Line) -> tuple[int, int, str]:
    """Which counter of which slot: `gpc(1,0)`, or the old `gpc0(0)`."""
    old = line.name[-1].isdigit()
    usage = f"{line.name}({'' if old else '<idx>,'}<sc-id>)"
    if old and line.argument is None:
        line.argument = "0"
    given = line.arguments(1 if old else 2, 1 if old else 2, usage)
    if not all(one.isdigit() for one in given) or int(given[-1]) >= SLOTS:
        raise Wrong(f"expects {usage}, numbers both").at(line.word)
    if old:
        return int(line.name[-1]), int(given[0]), line.name.rpartition("-")[2]
    if int(given[0]) >= 100:
        raise Wrong(f"Maximum index is 99, not {given[0]}").at(line.word)
    return int(given[0]), int(given[1]), ""


def _number(line: Line) -> Expression:
    word = line.take("an integer or an expression")
    return Const(int(word.text)) if word.text.isdigit() else line.sample_of(word).expression
