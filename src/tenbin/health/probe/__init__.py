"""The probes, one file a kind: each asks one server one question and says what it saw.

A probe never raises for what a server, a program or a user's function does: everything they do is an outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.health.probe import exec_, http, tcp
from tenbin.health.probe.channel import Dialer
from tenbin.health.probe.python import PythonProbe
from tenbin.model import AgentCheck, ExecCheck, GrpcCheck, HttpCheck, ProtocolCheck, PythonCheck, ScriptCheck, TcpCheck

if TYPE_CHECKING:
    from tenbin.health.result import Outcome
    from tenbin.health.target import Target


class Probes:
    """All kinds behind one call; owns the threads that Python checks run in, and TLS settings once read."""

    def __init__(self) -> None:
        self._dialer = Dialer()
        self._python = PythonProbe()

    async def __call__(self, target: Target) -> Outcome:
        """Check the target once, within its time."""
        within = target.within
        match target.check.probe:
            case HttpCheck() as kind:
                return await http.probe(self._dialer, target, kind)
            case TcpCheck():
                return await tcp.probe(self._dialer, target)
            case GrpcCheck() as kind:
                from tenbin.health.probe import grpc  # only who asks over HTTP/2 pays for it

                return await grpc.probe(self._dialer, target, kind)
            case ExecCheck() as kind:
                return await exec_.probe(target, kind, within)
            case PythonCheck() as kind:
                return await self._python(target, kind, within)
            case ScriptCheck() as kind:
                from tenbin.health.probe import script

                return await script.probe(self._dialer, target, kind)
            case ProtocolCheck() as kind:
                from tenbin.health.probe import protocol

                return await protocol.probe(self._dialer, target, kind)
            case AgentCheck() as kind:
                from tenbin.health.probe import agent

                return await agent.probe(self._dialer, target, kind)

    def close(self) -> None:
        """Let the threads end; checks under way in them are cancelled."""
        self._python.close()
