"""Configurations and figures of any size to look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tenbin.model import (
    AccessLog,
    Address,
    Admin,
    AmbiguousPaths,
    Backend,
    BackendLimits,
    Balance,
    Check,
    Config,
    Duration,
    Frontend,
    FrontendLimits,
    GlobalLimits,
    HttpCheck,
    HttpRules,
    IpHashForm,
    Listener,
    LogFormat,
    MemoryLimit,
    Mode,
    OnDown,
    Policy,
    Pool,
    Retry,
    Reuse,
    Server,
    Underscores,
)
from tenbin.model.balance import HashMethod
from tenbin.observe.certificates import CertificateFacts
from tenbin.observe.checks import CheckEntry, CheckSummary
from tenbin.observe.outage import Service
from tenbin.observe.status import Watched
from tenbin.plan import wire

NOW = 1000.0
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = Duration(1000)


def server(name: str, *, host: str = "10.0.0.1", weight: int = 5, backup: bool = False) -> Server:
    return Server(name, Address(host, 3001), weight, backup, 100, 10, None, f"c-{name}", Admin.READY)


def check(rise: int = 2, fall: int = 3) -> Check:
    probe = HttpCheck("GET", "/health", (), ((200, 200),), "")
    return Check(probe, SECOND, SECOND, SECOND, SECOND, rise, fall, 0.0, 0, "")


def backend(name: str, servers: tuple[Server, ...], *, checked: bool = True) -> Backend:
    return Backend(
        name=name,
        mode=Mode.HTTP,
        balance=Balance(
            Policy.ROUND_ROBIN, 2, IpHashForm.FNV1A, None, HashMethod.CONSISTENT, 0, Duration(10_000), SECOND
        ),
        servers=servers,
        sticky=None,
        drain_sticky=True,
        check=check() if checked else None,
        connect=SECOND,
        server=SECOND,
        queue=SECOND,
        tunnel=SECOND,
        max_queue=0,
        retry=Retry(1, (), 20),
        pool=Pool(Reuse.SAFE, 64, SECOND),
        limits=BackendLimits(32_768, 100),
        eject=None,
        slow_start=Duration(0),
        on_down=OnDown.KEEP,
    )


def frontend(name: str = "web", port: int = 8080) -> Frontend:
    return Frontend(
        name=name,
        mode=Mode.HTTP,
        listeners=(Listener(Address("0.0.0.0", port), False, "tenbin.yaml:3:5"),),
        routes=(),
        client=SECOND,
        header=SECOND,
        keep_alive=SECOND,
        tunnel=SECOND,
        handshake=SECOND,
        limits=FrontendLimits(0, 32_768, 100, 8192, 0, 100, None),
        http=HttpRules(trace=False, connect=False, underscores=Underscores.DROP, ambiguous_paths=AmbiguousPaths.PASS),
        trusted_proxies=(),
        forwarding=True,
    )


def config(*backends: Backend) -> Config:
    return Config(
        frontends=(frontend(),),
        backends=backends,
        admin=None,
        threads=2,
        limits=GlobalLimits(20_000, 16_384, 1024, MemoryLimit(size=0, percent=95)),
        drain=Duration(30_000),
        access_log=AccessLog("none", LogFormat.JSON),
        runtime_directory=None,
        watch=False,
        origin="tenbin.yaml",
    )


def two_servers(*, checked: bool = True) -> Config:
    servers = (server("server1"), server("server2", host="10.0.0.2", weight=3))
    return config(backend("app", servers, checked=checked))


def certificate(*names: str) -> CertificateFacts:
    return CertificateFacts(
        file="/c/site.pem",
        position="tenbin.yaml:3:5",
        listeners=("0.0.0.0:8443", "0.0.0.0:8444"),
        servers=("app/server1",),
        names=names or ("a.example", "*.a.example"),
        subject="CN=a.example",
        issuer="CN=Root",
        serial="01",
        fingerprint="ab" * 32,
        key="ecdsa P-256",
        chain=2,
        not_before=AT - timedelta(days=60),
        not_after=AT + timedelta(days=30),
        problems=(),
    )


def times(scale: int = 1) -> wire.Times:
    return wire.Times(
        count=10, mean=1_500 * scale, p50=1_000 * scale, p90=2_000 * scale, p99=5_000 * scale, max=9_000 * scale
    )


def phases() -> wire.Phases:
    return wire.Phases(queue=wire.Times(), connect=times(), first_byte=times(2), total=times(3))


def server_stats(name: str) -> wire.ServerStats:
    return wire.ServerStats(
        name=name,
        address="10.0.0.1:3001",
        weight=5,
        admin="ready",
        health="up",
        ejected=0,
        throttle=100,
        current=2,
        max=9,
        total=120,
        requests=118,
        queue=1,
        queue_max=4,
        bytes_in=1000,
        bytes_out=2000,
        connect_errors=1,
        response_errors=2,
        failures=3,
        retries=3,
        redispatches=4,
        client_aborts=5,
        server_aborts=6,
        denied_responses=7,
        responses=(0, 100, 10, 5, 3, 0),
        connects=20,
        reuses=98,
        idle=8,
        rate=12,
        rate_max=40,
        last_used=-1,
        phases=phases(),
    )


def stats(of: Config) -> wire.Stats:
    return wire.Stats(
        process=process_stats(),
        listeners=tuple(
            wire.ListenerStats(
                address=str(entry.address),
                frontend=parent.name,
                current=3,
                max=7,
                total=55,
                denied=1,
                request_errors=2,
                bytes_in=10,
                bytes_out=20,
                handshakes=50,
                resumed=20,
                handshake_errors=3,
                proxy_errors=1,
                http2_connections=30,
                http2_streams=300,
                glitches=4,
            )
            for parent in of.frontends
            for entry in parent.listeners
        ),
        frontends=tuple(frontend_stats(entry.name) for entry in of.frontends),
        backends=tuple(backend_stats(entry) for entry in of.backends),
    )


def process_stats() -> wire.ProcessStats:
    return wire.ProcessStats(
        pid=4711,
        version="0.1.0",
        generation=8,
        uptime=61_500,
        threads=2,
        connections=3,
        connections_max=7,
        connections_total=55,
        requests=200,
        cpu=1_500_000,
        resident=8_388_608,
        descriptors=40,
        log_dropped=1,
        events_dropped=0,
        accept_pauses=0,
        descriptors_limit=20_000,
        descriptor_waits=0,
        idle_closed=0,
        memory_used=8_388_608,
        memory_limit=0,
        memory_refused=0,
        panics=0,
    )


def frontend_stats(name: str) -> wire.FrontendStats:
    return wire.FrontendStats(
        name=name,
        current=3,
        max=7,
        total=55,
        requests=200,
        bytes_in=3000,
        bytes_out=6000,
        denied=2,
        request_errors=4,
        intercepted=6,
        source_connections_refused=8,
        source_requests_refused=9,
        headers_dropped=8,
        responses=(0, 180, 10, 6, 4, 0),
        rate_connections=5,
        rate_connections_max=15,
        rate_requests=24,
        rate_requests_max=80,
        phases=phases(),
        errors={"no-server-up": 3, "header-timeout": 1},
    )


def backend_stats(of: Backend) -> wire.BackendStats:
    return wire.BackendStats(
        name=of.name,
        current=4,
        max=18,
        total=240,
        requests=236,
        queue=2,
        queue_max=8,
        bytes_in=2000,
        bytes_out=4000,
        denied=1,
        connect_errors=2,
        response_errors=4,
        retries=6,
        redispatches=8,
        client_aborts=10,
        server_aborts=12,
        responses=(0, 200, 20, 10, 6, 0),
        connects=40,
        reuses=196,
        rate=24,
        rate_max=80,
        last_used=0,
        phases=phases(),
        servers=tuple(server_stats(entry.name) for entry in of.servers),
    )


def summary(*, passes: int = 5, failures: int = 0, status: str = "L7OK", history: int = 2) -> CheckSummary:
    entry = CheckEntry(status, 200, 0.003, "OK", AT)
    return CheckSummary(
        status=status,
        code=200,
        duration=0.003,
        text="OK",
        description="Layer7 check passed",
        passes=passes,
        failures=failures,
        rise=2,
        fall=3,
        level=4,
        passed_total=17,
        failed_total=3,
        downs=1,
        history=(entry,) * history,
    )


def watched(check: CheckSummary | None, service: Service | None = None) -> Watched:
    """Return what is known when every server and backend is like this."""
    return Watched(lambda _: check, lambda _: service, lambda _: service)


WATCHED = watched(summary(), Service(True, NOW - 60, downs=2, before=30.0))


def large(count: int) -> Config:
    """One backend for each 100 servers."""
    groups = [
        backend(f"app{group}", tuple(replace(server("x"), name=f"server{place}") for place in range(100)))
        for group in range(count // 100)
    ]
    return config(*groups)
