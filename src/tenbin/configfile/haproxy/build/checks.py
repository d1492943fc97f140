"""Checks of servers, with HAProxy's defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.model import (
    AgentCheck,
    AsServer,
    Check,
    Duration,
    ExecCheck,
    Observe,
    OnErrors,
    Probe,
    Protocol,
    ScriptCheck,
    SendProxy,
    Step,
    StepKind,
    TcpCheck,
)

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.tls import Files
    from tenbin.configfile.haproxy.draft import CheckDraft, ProxyDraft, ServerDraft
    from tenbin.configfile.haproxy.settings import Global
    from tenbin.model import ServerTls

_QUIET = (StepKind.SET_VAR, StepKind.UNSET_VAR, StepKind.COMMENT)
_SUCCESS = "200-399"
_LAYERS = {"layer4": 4, "layer7": 7}
_ON_ERRORS = {
    "fastinter": OnErrors.FAST_CHECKS,
    "fail-check": OnErrors.FAIL_CHECK,
    "sudden-death": OnErrors.SUDDEN_DEATH,
    "mark-down": OnErrors.MARK_DOWN,
}
_PROTOCOLS = {"h1": Protocol.HTTP1, "h2": Protocol.HTTP2}


def check(draft: ProxyDraft, server: ServerDraft, files: Files, settings: Global) -> Check | None:
    """The check of one server; None when it has none."""
    if not server.check:
        return None
    elsewhere = bool(server.port or server.host)
    return Check(
        probe=_probe(draft.check),
        every=Duration(server.inter),
        fast=Duration(server.fast if server.fast >= 0 else server.inter),
        down=Duration(server.down if server.down >= 0 else server.inter),
        timeout=Duration(draft.timeouts.get("check") or server.inter),
        rise=server.rise,
        fall=server.fall,
        jitter=settings.spread / 100,
        port=server.port,
        host=server.host,
        tls=_of_steps(draft.check, server, files) or _tls(server, files, elsewhere=elsewhere),
        send_proxy=_send_proxy(server, elsewhere=elsewhere),
        protocol=_protocol(server, elsewhere=elsewhere),
        observe=_observe(server),
    )


def _protocol(server: ServerDraft, *, elsewhere: bool) -> Protocol | AsServer:
    """What `check-proto` says, else what `check-alpn` lets both agree on."""
    if server.check_protocol in _PROTOCOLS:
        return _PROTOCOLS[server.check_protocol]
    if "h2" in server.check_alpn:
        return Protocol.HTTP2 if len(server.check_alpn) == 1 else Protocol.AUTO
    return Protocol.HTTP1 if elsewhere or server.check_alpn else AsServer.AS_SERVER


def _observe(server: ServerDraft) -> Observe | None:
    layer = _LAYERS.get(server.observe)
    return Observe(layer, server.error_limit, _ON_ERRORS[server.on_error]) if layer is not None else None


def agent(server: ServerDraft) -> AgentCheck | None:
    """The agent beside a server; None when there is none."""
    if not server.agent or not server.agent_port:
        return None
    return AgentCheck(server.agent_host, server.agent_port, Duration(server.agent_every), server.agent_send)


def _of_steps(check: CheckDraft, server: ServerDraft, files: Files) -> ServerTls | None:
    """What steps that connect with TLS do so with, on a server that has none for requests."""
    steps = check.steps if check.kind == "http" else check.tcp_steps if check.kind == "script" else []
    if server.tls.on or server.word is None or not any(step.tls for step in steps):
        return None
    return files.server(server.tls, f"server '{server.name}'", server.word, sni=server.check_sni)


def _tls(server: ServerDraft, files: Files, *, elsewhere: bool) -> ServerTls | AsServer | None:
    if server.check_tls is None and (elsewhere or not server.tls.on):
        return None if elsewhere else AsServer.AS_SERVER
    if server.check_tls is False:
        return None
    if server.tls.on and not server.check_sni:
        return AsServer.AS_SERVER
    word = server.word
    return files.server(server.tls, f"server '{server.name}'", word, sni=server.check_sni) if word else None


def _send_proxy(server: ServerDraft, *, elsewhere: bool) -> SendProxy | AsServer | None:
    if server.check_proxy:
        return SendProxy(server.proxy_version or 1, server.proxy_tls)
    return None if elsewhere else AsServer.AS_SERVER


def _probe(draft: CheckDraft) -> Probe:
    if draft.kind == "http":
        return _http(draft)
    if draft.kind == "script" and draft.tcp_steps:
        return ScriptCheck(tuple(draft.tcp_steps), http=False)
    if draft.kind == "protocol" and draft.protocol is not None:
        return draft.protocol
    if draft.kind == "exec" and draft.command:
        return ExecCheck((draft.command,), path=draft.path, places=True)
    return TcpCheck()


def _http(draft: CheckDraft) -> ScriptCheck:
    """The request that `option httpchk` describes is the first one, with what `http-check send` says beside it."""
    own = Step(
        StepKind.SEND,
        method=draft.method,
        target=draft.target,
        version=draft.version,
        headers=tuple(draft.headers),
        data=draft.body,
    )
    steps = list(draft.steps)
    first = next((at for at, step in enumerate(steps) if step.kind not in _QUIET), 0)
    if first < len(steps) and steps[first].kind is StepKind.CONNECT:
        first += 1
    if first < len(steps) and steps[first].kind is StepKind.SEND:
        steps[first] = _merged(own, steps[first], asked=draft.sent)
    else:
        steps.insert(first, own)
    if not any(step.kind is StepKind.EXPECT for step in steps):
        steps.append(Step(StepKind.EXPECT, method="status", pattern=_SUCCESS))
    whole = [_whole(step) if step.kind is StepKind.SEND else step for step in steps]
    return ScriptCheck(tuple(whole), http=True, disable_on_404=draft.disable_on_404, send_state=draft.send_state)


def _merged(own: Step, sent: Step, *, asked: bool) -> Step:
    """What the option says goes before what the step says; what neither says is the default."""
    if not asked:
        return sent
    return replace(
        sent,
        method=own.method or sent.method,
        target=own.target or sent.target,
        version=own.version if own.version != "HTTP/1.0" or not sent.version else sent.version,
        headers=(*own.headers, *sent.headers),
        data=sent.data or own.data,
    )


def _whole(step: Step) -> Step:
    return replace(
        step,
        method=step.method or "OPTIONS",
        target=step.target or "/",
        version=step.version or "HTTP/1.0",
    )
