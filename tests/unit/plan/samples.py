"""Configurations to compile: one with everything in it, and one of any size."""

from __future__ import annotations

from dataclasses import replace

from tenbin.model import (
    AccessLog,
    Address,
    Admin,
    All,
    AmbiguousPaths,
    Any,
    Backend,
    BackendLimits,
    Balance,
    Certificate,
    Check,
    ClientCertificates,
    Compare,
    Concat,
    Config,
    Const,
    Convert,
    Deny,
    Duration,
    Eject,
    Fetch,
    Frontend,
    FrontendLimits,
    GlobalLimits,
    HashMethod,
    HeaderEdit,
    HeaderVerb,
    HttpRules,
    IpHashForm,
    Listener,
    ListenerTls,
    LogFormat,
    Match,
    MemoryLimit,
    Mode,
    Not,
    Observe,
    OnDown,
    OnErrors,
    Passive,
    PerSource,
    Policy,
    Pool,
    Protocol,
    ProxyIn,
    Rate,
    Redirect,
    Respond,
    Retry,
    Reuse,
    Rewrite,
    Route,
    SendProxy,
    Server,
    ServerTls,
    StickyCookie,
    StickyKey,
    StickySource,
    TcpCheck,
    TlsSuite,
    ToBackend,
    Underscores,
)

SECOND = Duration(1000)
CHECK = Check(TcpCheck(), Duration(2000), SECOND, SECOND, SECOND, 2, 3, 0.1, 0, "")


def server(name: str, port: int = 3000, **fields: object) -> Server:
    values: dict[str, object] = {
        "name": name,
        "address": Address("10.0.0.1", port),
        "weight": 1,
        "backup": False,
        "max_connections": 0,
        "max_queue": 0,
        "passive": None,
        "cookie": name,
        "admin": Admin.READY,
    }
    return Server(**{**values, **fields})  # type: ignore[arg-type]


def backend(name: str, *servers: Server, **fields: object) -> Backend:
    values: dict[str, object] = {
        "name": name,
        "mode": Mode.HTTP,
        "balance": balance(),
        "servers": servers,
        "sticky": None,
        "drain_sticky": True,
        "check": CHECK,
        "connect": Duration(5000),
        "server": Duration(30_000),
        "queue": Duration(5000),
        "tunnel": Duration(3_600_000),
        "max_queue": 0,
        "retry": Retry(1, (), 20),
        "pool": Pool(Reuse.SAFE, 64, Duration(60_000)),
        "limits": BackendLimits(32_768, 100),
        "eject": None,
        "slow_start": Duration(0),
        "on_down": OnDown.KEEP,
    }
    return Backend(**{**values, **fields})  # type: ignore[arg-type]


def balance(policy: Policy = Policy.ROUND_ROBIN, **fields: object) -> Balance:
    values: dict[str, object] = {
        "policy": policy,
        "draws": 2,
        "ip_form": IpHashForm.FNV1A,
        "key": None,
        "method": HashMethod.CONSISTENT,
        "load_factor": 0,
        "decay": Duration(10_000),
        "error_penalty": SECOND,
    }
    return Balance(**{**values, **fields})  # type: ignore[arg-type]


def frontend(
    name: str = "web", *routes: Route, listen: tuple[str, ...] = ("127.0.0.1:8080",), **fields: object
) -> Frontend:
    listeners = tuple(
        Listener(Address(host.strip("[]"), int(port)), lenient=False, position=f"tenbin.yaml:{line}:11")
        for line, address in enumerate(listen, 3)
        for host, _, port in [address.rpartition(":")]
    )
    values: dict[str, object] = {
        "name": name,
        "mode": Mode.HTTP,
        "listeners": listeners,
        "routes": routes or (route(ToBackend("app")),),
        "client": Duration(30_000),
        "header": Duration(10_000),
        "keep_alive": Duration(60_000),
        "tunnel": Duration(3_600_000),
        "handshake": Duration(5000),
        "limits": FrontendLimits(0, 32_768, 100, 8192, 0, 0, None),
        "http": HttpRules(
            trace=False, connect=False, underscores=Underscores.DROP, ambiguous_paths=AmbiguousPaths.PASS
        ),
        "trusted_proxies": (),
        "forwarding": True,
    }
    return Frontend(**{**values, **fields})  # type: ignore[arg-type]


def certificate(name: str, names: tuple[str, ...] = (), **fields: str) -> Certificate:
    values = {"ocsp": "", "stamp": "1-2-3", "position": "tenbin.yaml:4:40", **fields}
    made = Certificate(f"/etc/tenbin/{name}.pem", f"/etc/tenbin/{name}.key", values["ocsp"], values["stamp"])
    return replace(made, position=values["position"], names=names)


def listener_tls(*certificates: Certificate, **fields: object) -> ListenerTls:
    values: dict[str, object] = {
        "certificates": certificates or (certificate("site"),),
        "default": 0,
        "strict_sni": False,
        "suite": TlsSuite(),
        "client": None,
        "resumption": True,
        "hsts": "",
    }
    return ListenerTls(**{**values, **fields})  # type: ignore[arg-type]


def server_tls(**fields: object) -> ServerTls:
    values: dict[str, object] = {
        "verify": True,
        "ca": "",
        "crl": "",
        "sni": "",
        "certificate": None,
        "suite": TlsSuite(),
        "stamp": "",
    }
    return ServerTls(**{**values, **fields})  # type: ignore[arg-type]


def route(action: ToBackend | Redirect | Respond | Deny | None, **fields: object) -> Route:
    values: dict[str, object] = {
        "when": None,
        "request": (),
        "answer": (),
        "rewrite": None,
        "action": action,
        "position": "tenbin.yaml:9:7",
    }
    return Route(**{**values, **fields})  # type: ignore[arg-type]


def config(frontends: tuple[Frontend, ...] = (), backends: tuple[Backend, ...] = (), **fields: object) -> Config:
    values: dict[str, object] = {
        "frontends": frontends or (frontend(),),
        "backends": backends or (backend("app", server("s1", 3001), server("s2", 3002)),),
        "admin": None,
        "threads": 2,
        "limits": GlobalLimits(20_000, 16_384, 1024, MemoryLimit(size=0, percent=95)),
        "drain": Duration(30_000),
        "access_log": AccessLog("none", LogFormat.JSON),
        "runtime_directory": None,
        "watch": False,
        "origin": "tenbin.yaml",
    }
    return Config(**{**values, **fields})  # type: ignore[arg-type]


def large(servers: int) -> Config:
    many = (server(f"s{i}", 1024 + i % 60_000) for i in range(servers))
    return config(backends=(backend("app", *many),))


def everything() -> Config:
    """Every kind of route, expression, policy and memory, and every field away from its default somewhere."""
    by_name = route(ToBackend("db"), when=Match("eq", Fetch("sni"), ("db.example",)))
    raw = frontend("raw", by_name, route(ToBackend("db")), listen=("127.0.0.1:5432",), mode=Mode.TCP)
    full = server(
        "s1",
        3001,
        weight=256,
        backup=True,
        max_connections=100,
        max_queue=10,
        passive=Passive(3, Duration(10_000)),
        admin=Admin.MAINT,
        tls=server_tls(
            verify=False,
            ca="/etc/tenbin/ca.pem",
            crl="/etc/tenbin/revoked.pem",
            sni="app.example",
            certificate=certificate("client"),
            suite=TlsSuite(("1.2",), ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)),
            stamp="7-8-9",
        ),
        send_proxy=SendProxy(2, tls=True),
        check=replace(CHECK, observe=Observe(7, 10, OnErrors.SUDDEN_DEATH)),
        end_when_down=True,
        end_backups_when_up=True,
        user_timeout=Duration(20_000),
        max_reuse=9,
    )
    app = backend(
        "app",
        full,
        server("s2", address=Address("app.internal", 3002), admin=Admin.DRAIN, weight=0),
        server(
            "s3",
            address=Address("::1", 3003),
            tls=server_tls(host="*", chosen=Fetch("host")),
            send_proxy=SendProxy(1, tls=False),
        ),
        balance=balance(Policy.HASH, key=Fetch("header", ("x-user",)), method=HashMethod.MAGLEV, load_factor=125),
        sticky=StickyCookie(
            "SERVERID", plain=True, attributes=("Path=/", "HttpOnly"), max_idle=SECOND, max_life=SECOND
        ),
        drain_sticky=False,
        max_queue=500,
        retry=Retry(2, (502, 503), 10),
        pool=Pool(Reuse.ALWAYS, 8, SECOND),
        eject=Eject(5, Duration(30_000), Duration(300_000), 50),
        slow_start=Duration(15_000),
        on_down=OnDown.CLOSE_CONNECTIONS,
        protocol=Protocol.AUTO,
    )
    others = [
        backend(f"b-{policy}", server("one"), balance=balance(policy, ip_form=IpHashForm.NGINX, draws=3))
        for policy in Policy
        if policy is not Policy.HASH
    ]
    db = backend("db", server("pg"), mode=Mode.TCP, sticky=StickySource(Duration(60_000), 1000), check=None)
    keyed = backend("keyed", server("one"), sticky=StickyKey(Fetch("cookie", ("sid",)), SECOND, 10))
    return config(
        (_web(), raw), (app, *others, db, keyed), access_log=AccessLog("/var/log/tenbin.log", LogFormat.HUMAN)
    )


def _listeners() -> tuple[Listener, ...]:
    """Without TLS, with some, and with everything."""
    client = ClientCertificates(
        required=True, ca="/etc/tenbin/clients.pem", crl="/etc/tenbin/clients.crl", stamp="4-5-6"
    )
    full = listener_tls(
        certificate("site", ocsp="/etc/tenbin/site.pem.ocsp"),
        certificate("other", ("*.other.example", "!own.other.example")),
        default=1,
        strict_sni=True,
        suite=TlsSuite(("1.3",), ("TLS_AES_128_GCM_SHA256",)),
        client=client,
        resumption=False,
        hsts="max-age=31536000",
    )
    place = "tenbin.yaml:4:11"
    return (
        Listener(Address("0.0.0.0", 8080), lenient=True, position=place, http2=True, proxy_protocol=ProxyIn(())),
        Listener(Address("::1", 8443), lenient=False, position=place, http2=True, tls=full),
        Listener(
            Address("127.0.0.1", 8444),
            lenient=False,
            position=place,
            tls=listener_tls(),
            proxy_protocol=ProxyIn(("10.0.0.0/8",)),
        ),
    )


def _web() -> Frontend:
    path = Fetch("path")
    upgrade = Convert("lower", Fetch("header", ("upgrade",)))
    condition = All(
        (
            Any(
                (Match("beg", path, ("/api/", "/v2/"), ignore_case=True), Match("ip", Fetch("source"), ("10.0.0.0/8",)))
            ),
            Not(Compare("eq", upgrade, Const("websocket"))),
            Compare("ge", Fetch("port"), Const(1024)),
            Compare("ne", Fetch("scheme"), Const("https")),
            Compare("eq", Fetch("param", ("x",)), Const("1")),
        )
    )
    edits = (
        HeaderEdit(HeaderVerb.SET, "x-path", Concat((Const("p="), path))),
        HeaderEdit(HeaderVerb.ADD, "x-more", Const("ü")),
        HeaderEdit(HeaderVerb.REMOVE, "server", Const("")),
    )
    return frontend(
        "web",
        route(None, request=edits),
        route(Deny(403), when=Not(Fetch("tls.client.verified"))),
        route(ToBackend("app"), when=condition, answer=edits, rewrite=Rewrite("/api", "")),
        route(Redirect(Concat((Const("https://"), Fetch("host"), path)), 308), when=Match("end", path, (".html",))),
        route(Respond(200, (("content-type", "text/plain"),), b"\x00hello\n"), when=Match("eq", path, ("/hello",))),
        route(Deny(429), when=Match("reg", path, ("^/x[0-9]+$",))),
        listeners=_listeners(),
        handshake=Duration(3000),
        limits=FrontendLimits(
            1000, 16_384, 50, 4096, 1_048_576, 100, PerSource(100, Rate(10, SECOND), 56, 5000), 50, 20, 10
        ),
        http=HttpRules(trace=True, connect=True, underscores=Underscores.PASS, ambiguous_paths=AmbiguousPaths.REFUSE),
        trusted_proxies=("10.0.0.0/8", "::1/128"),
        forwarding=False,
    )
