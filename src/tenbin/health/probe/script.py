"""The script probe: a chain of steps on one connection after another, judged in HAProxy's words.

Owns what each step does and what its failure is called. A chain of HTTP has one request and one answer a connection;
of TCP, bytes are sent and waited for. Texts are those that operators of HAProxy look for in `last_chk`.
"""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import GarbageError
from tenbin.health.probe.link import NotConnectedError
from tenbin.health.probe.script_expect import Expected, Heard
from tenbin.health.probe.script_text import filled
from tenbin.health.probe.script_values import Scene, evaluate
from tenbin.health.probe.tls import failure_text
from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.model import SendProxy, Step, StepKind

if TYPE_CHECKING:
    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.target import Target
    from tenbin.model import ScriptCheck


async def probe(dialer: Dialer, target: Target, check: ScriptCheck) -> Outcome:
    """Go through the steps; the first that fails is the outcome, else the last one's success."""
    async with AsyncExitStack() as stack:
        run = _Run(dialer, target, check, stack)
        try:
            return await run.all()
        except _FailedError as failure:
            return failure.outcome
        except TimeoutError:
            return Outcome(_status(run.step.timeout_status, CheckStatus.L7TOUT), None, run.place())
        except GarbageError:
            return Outcome(CheckStatus.L7RSP)
        except ssl.SSLError as failure:
            return Outcome(CheckStatus.L6RSP, None, printable(failure_text(failure)))
        except OSError as failure:
            return Outcome(CheckStatus.L7RSP, None, failure.strerror or str(failure))


class _FailedError(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


class _Run:
    """One check under way: the step, its connection, and what was heard on that."""

    def __init__(self, dialer: Dialer, target: Target, check: ScriptCheck, stack: AsyncExitStack) -> None:
        self._dialer = dialer
        self._target = target
        self._check = check
        self._stack = stack
        self._channel: Channel | None = None
        self._heard = Heard(http=check.http, bodiless=False)
        self._variables: dict[str, str] = {}
        self._number = 0
        self.step = _IMPLICIT

    async def all(self) -> Outcome:
        """Every step."""
        steps = list(self._check.steps)
        if self._check.http and not any(step.kind is StepKind.EXPECT for step in steps):
            steps.append(_ANY_SUCCESS)
        if next((step.kind for step in steps if step.kind not in _QUIET), None) is not StepKind.CONNECT:
            await self._connect(_IMPLICIT, 0)
        outcome = Outcome(CheckStatus.L4OK)
        comment = ""
        for number, plain in enumerate(steps, 1):
            step = plain if plain.comment else replace(plain, comment=comment)
            self.step, self._number = step, number
            match step.kind:
                case StepKind.CONNECT:
                    await self._connect(step, number)
                    outcome = Outcome(self._opened(), None, _DONE)
                case StepKind.SEND:
                    await self._send(step)
                    outcome = Outcome(CheckStatus.L7OK, 0, _DONE)
                case StepKind.EXPECT:
                    outcome = await self._expect(step, number)
                case StepKind.SET_VAR:
                    write = filled if step.format else evaluate
                    self._variables[step.name] = write(step.value, self._scene)
                case StepKind.COMMENT:
                    comment = step.comment
                case StepKind.UNSET_VAR:
                    self._variables.pop(step.name, None)
            if step.kind in _SPOKEN:
                comment = ""
        return Outcome(self._opened()) if not steps else outcome

    def _opened(self) -> CheckStatus:
        return CheckStatus.L6OK if self._channel is not None and self._channel.tls else CheckStatus.L4OK

    async def _connect(self, step: Step, number: int) -> None:
        target = self._target
        if number:
            check = replace(target.check, port=step.port or target.check.port, host=step.host or target.check.host)
            announced = (target.way.send_proxy or SendProxy(1, tls=False)) if step.send_proxy else None
            await self._stack.aclose()
            tls = target.way.tls if step.tls or step.default else None
            if tls is not None and step.sni:
                tls = replace(tls, sni=step.sni)
            way = replace(target.way, tls=tls, send_proxy=announced)
            target = replace(target, check=check, way=way)
        alpn = (step.alpn,) if step.alpn else ()
        try:
            self._channel = await self._stack.enter_async_context(self._dialer.open(target, alpn))
        except NotConnectedError as failure:
            text = failure.outcome.text
            text = text[:1].upper() + text[1:] + self._place(step, number)
            raise _FailedError(replace(failure.outcome, text=printable(text))) from None
        self._heard = Heard(http=self._check.http, bodiless=False)

    def _place(self, step: Step, number: int) -> str:
        """Where in a chain of TCP a connection failed."""
        if self._check.http:
            return ""
        if not number:
            return " at initial connection step of tcp-check"
        port = f" (connect port {step.port})" if step.port else " (connect)"
        return f" at step {number} of tcp-check{port}" + (f" comment: '{step.comment}'" if step.comment else "")

    def place(self) -> str:
        """Where in a chain of TCP the time was over."""
        if self._check.http or not self._number:
            return ""
        step = self.step
        what = _wait(step) if step.kind is StepKind.EXPECT else step.kind.value
        comment = f" comment: '{step.comment}'" if step.comment else ""
        return f" at step {self._number} of tcp-check ({what}){comment}"

    async def _send(self, step: Step) -> None:
        if self._channel is None:
            return
        if not self._check.http:
            data = self._fill(step.data.decode("latin-1")).encode("latin-1") if step.format else step.data
            await self._channel.send(data)
            return
        if step.format:
            step = replace(
                step,
                target=self._fill(step.target),
                headers=tuple((name, self._fill(text)) for name, text in step.headers),
                data=self._fill(step.data.decode("latin-1")).encode("latin-1"),
            )
        self._heard = Heard(http=True, bodiless=step.method == "HEAD")
        await self._channel.send(_request(step, _state(self._target) if self._check.send_state else ""))

    async def _expect(self, step: Step, number: int) -> Outcome:
        if step.format:
            step = replace(step, pattern=self._fill(step.pattern), header=self._fill(step.header))
        expected = Expected(step, http=self._check.http)
        while self._channel is not None:
            verdict = expected.judge(self._heard)
            if verdict is not None:
                break
            if self._heard.ended:
                verdict = False
                break
            self._heard.feed(await self._channel.receive())
        else:
            verdict = False
        code = self._heard.status
        if code == _GONE and self._check.disable_on_404 and self._target.around.up:
            return Outcome(CheckStatus.L7OKC, code)
        if verdict:
            text = self._fill(step.on_success) or ("" if self._check.http else _DONE)
            return Outcome(_status(step.ok_status, CheckStatus.L7OK), code or 0, printable(text))
        raise _FailedError(Expected(self._said(step), http=self._check.http).failure(self._heard, number))

    def _fill(self, text: str) -> str:
        return filled(text, self._scene) if "%" in text else text

    @property
    def _scene(self) -> Scene:
        return Scene(self._target, self._heard, self._variables)

    def _said(self, step: Step) -> Step:
        return replace(step, on_error=self._fill(step.on_error)) if step.on_error else step


_QUIET = (StepKind.SET_VAR, StepKind.UNSET_VAR, StepKind.COMMENT)
_SPOKEN = (StepKind.CONNECT, StepKind.SEND)
"""What stands between a comment and the steps that it is not for."""
_IMPLICIT = Step(StepKind.CONNECT)
_ANY_SUCCESS = Step(StepKind.EXPECT, method="status", pattern="200-399")
_DONE = "(tcp-check)"
_GONE = 404


def _wait(step: Step) -> str:
    """What a step of TCP waits for."""
    if step.format:
        return f"expect log-format {step.method}"
    match step.method:
        case "rstring":
            return "expect regex"
        case "rbinary":
            return "expect binary regex"
        case "binary":
            # It is told as it is, as far as a text in C goes.
            return f"expect binary '{bytes.fromhex(step.pattern).partition(bytes(1))[0].decode('latin-1')}'"
        case _:
            return f"expect {step.method} '{step.pattern}'"


def _status(named: str, otherwise: CheckStatus) -> CheckStatus:
    return CheckStatus(named) if named in CheckStatus.__members__ else otherwise


def _state(target: Target) -> str:
    """How the server is doing, for itself to know."""
    around = target.around
    where = around.address or target.where
    return (
        f"{around.text}; address={where.host}; port={where.port}; name={target.id}; node={around.node}; "
        f"weight={around.weight}/{around.total}; scur={around.current}/{around.beside}; qcur={around.queue}"
    )


def _request(step: Step, state: str) -> bytes:
    version = step.version or "HTTP/1.0"
    given = {name.lower() for name, _ in step.headers}
    fields = list(step.headers)
    if state:
        fields.append(("X-Haproxy-Server-State", state))
    if step.data and "content-length" not in given:
        fields.append(("Content-Length", str(len(step.data))))
    if version != "HTTP/1.0" and "connection" not in given:
        fields.append(("Connection", "close"))
    lines = [
        f"{step.method or 'OPTIONS'} {step.target or '/'} {version}",
        *(f"{name}: {text}" for name, text in fields),
    ]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode() + step.data
