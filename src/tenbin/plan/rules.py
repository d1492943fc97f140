"""Rule sets, own answers, tables, lists and log lines of the model as those on the wire, member for member."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from tenbin.plan import wire
from tenbin.plan.expression import expression, optional

if TYPE_CHECKING:
    from tenbin.model.logs import LogFormat, LogTarget, ProxyLog
    from tenbin.model.rules import Act, Answer, Bandwidth, Rule, Rules
    from tenbin.model.table import LiveList


def rules(sets: Rules) -> wire.Rules:
    """Translate the rule sets of a frontend or backend."""
    return wire.Rules(
        connection=_each(sets.connection),
        session=_each(sets.session),
        content=_each(sets.content),
        request=_each(sets.request),
        answer_content=_each(sets.answer_content),
        answer=_each(sets.answer),
        after=_each(sets.after),
        inspect_delay=sets.inspect_delay,
        answer_inspect_delay=sets.answer_inspect_delay,
    )


def answers(own: tuple[tuple[int, Answer], ...]) -> tuple[tuple[int, wire.Answer], ...]:
    """Translate own answers by status."""
    return tuple((status, answer(one)) for status, one in own)


def answer(own: Answer) -> wire.Answer:
    """Translate one answer."""
    return wire.Answer(
        status=own.status,
        reason=own.reason,
        headers=tuple((name, expression(value)) for name, value in own.headers),
        body=b64encode(own.body).decode(),
        text=optional(own.text),
    )


def live_list(one: LiveList) -> wire.LiveList:
    """Translate a list."""
    return wire.LiveList(name=one.name, entries=one.entries, is_map=one.is_map, stamp=one.stamp)


def log(one: ProxyLog, pid: int) -> wire.ProxyLog:
    """Translate the lines of a frontend; `pid` is the process that operators know."""
    return wire.ProxyLog(
        targets=tuple(_target(target) for target in one.targets),
        format=_parts(one.format),
        error=_parts(one.error),
        structured=_parts(one.structured),
        tag=one.tag,
        host=one.host,
        pid=pid,
        null=one.null,
        normal=one.normal,
        early=one.early,
        raise_errors=one.raise_errors,
        captures=tuple(
            wire.Capture(answer=capture.answer, header=capture.header, length=capture.length)
            for capture in one.captures
        ),
        cookie=one.cookie,
        cookie_length=one.cookie_length,
    )


def line(format_: LogFormat) -> tuple[wire.LogPart, ...]:
    """Translate the format of a line, or of a text that is made like one."""
    return _parts(format_)


def _each(set_: tuple[Rule, ...]) -> tuple[wire.Rule, ...]:
    return tuple(wire.Rule(when=optional(rule.when), act=_act(rule.act), position=rule.position) for rule in set_)


def _act(act: Act) -> wire.Act:
    return wire.Act(
        verb=act.verb.value,
        name=act.name,
        value=optional(act.value),
        to=optional(act.to),
        pattern=act.pattern,
        ignore_case=act.ignore_case,
        template=optional(act.template),
        method=act.method,
        number=act.number,
        index=act.index,
        answer=answer(act.answer) if act.answer else None,
        bandwidth=_bandwidth(act.bandwidth) if act.bandwidth else None,
    )


def _bandwidth(one: Bandwidth) -> wire.Bandwidth:
    return wire.Bandwidth(
        name=one.name,
        is_up=one.is_up,
        bytes=one.limit,
        period=one.period,
        least=one.least,
        table=one.table,
        key=optional(one.key),
    )


def _target(target: LogTarget) -> wire.LogTarget:
    return wire.LogTarget(
        address=target.address,
        envelope=target.envelope.value,
        facility=target.facility,
        level=target.level,
        least=target.least,
        length=target.length,
        sample=target.sample,
        ranges=target.ranges,
    )


def _parts(parts: LogFormat) -> tuple[wire.LogPart, ...]:
    return tuple(
        wire.LogPart(
            value=expression(part.value),
            quote=part.quote,
            escape=part.escape,
            hex=part.hex,
            dash=part.dash,
            key=part.key,
        )
        for part in parts
    )
