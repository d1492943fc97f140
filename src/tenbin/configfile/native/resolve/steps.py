"""Checks that go step by step, and greetings in a server's own language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve.context import given
from tenbin.model.check import ProtocolCheck, ScriptCheck, Step, StepKind

if TYPE_CHECKING:
    from tenbin.configfile.native.document.check import CheckDocument
    from tenbin.configfile.native.document.steps import (
        AwaitDocument,
        CheckRequestDocument,
        ConnectDocument,
        GreetingDocument,
        SendDocument,
        StepDocument,
    )


def script(document: CheckDocument) -> ScriptCheck:
    """Resolve `script`; one that sends a request speaks HTTP."""
    steps = document.script or []
    return ScriptCheck(
        steps=tuple(_step(one) for one in steps),
        http=any(one.request is not None for one in steps),
        disable_on_404=given(document.drain_on_404),
        send_state=given(document.send_state),
    )


def greeting(document: GreetingDocument) -> ProtocolCheck:
    """Resolve `greeting`."""
    return ProtocolCheck(given(document.protocol), document.user or "", document.domain or "", document.variant or "")


def _step(document: StepDocument) -> Step:
    comment = document.comment or ""
    if document.connect is not None:
        return _connect(document.connect, comment)
    if document.request is not None:
        return _request(document.request, comment)
    if document.send is not None:
        return _send(document.send, comment)
    if document.expect is not None:
        return _expect(document.expect, comment)
    if document.set_variable is not None:
        return Step(StepKind.SET_VAR, comment, name=document.set_variable, value=document.value or "")
    if document.unset_variable is not None:
        return Step(StepKind.UNSET_VAR, comment, name=document.unset_variable)
    return Step(StepKind.COMMENT, comment)


def _connect(document: ConnectDocument, comment: str) -> Step:
    return Step(
        StepKind.CONNECT,
        comment,
        host=document.address or "",
        port=document.port or 0,
        default=given(document.default),
        tls=given(document.tls),
        sni=document.sni or "",
        send_proxy=given(document.send_proxy),
        alpn=document.alpn or "",
    )


def _request(document: CheckRequestDocument, comment: str) -> Step:
    return Step(
        StepKind.SEND,
        comment,
        method=given(document.method),
        target=given(document.target),
        version=given(document.version),
        headers=tuple((document.headers or {}).items()),
        data=(document.body or "").encode(),
        format=given(document.format),
    )


def _send(document: SendDocument, comment: str) -> Step:
    data = document.hex if document.hex is not None else (document.text or "").encode()
    return Step(StepKind.SEND, comment, data=data, format=given(document.format))


def _expect(document: AwaitDocument, comment: str) -> Step:
    return Step(
        StepKind.EXPECT,
        comment,
        negate=given(document.absent),
        method=given(document.look_at),
        pattern=given(document.pattern),
        header=document.header or "",
        header_by=given(document.header_by),
        pattern_by=given(document.pattern_by),
        min_recv=given(document.at_least),
        ok_status=document.ok_status or "",
        error_status=document.error_status or "",
        timeout_status=document.timeout_status or "",
        on_success=document.on_success or "",
        on_error=document.on_error or "",
    )
