"""Growth: CPU per request as servers and routes become many.

Many servers are distinct addresses of one server. They are used in two ways. With `hash` and two paths, two of them
get all requests: this shows what finding a server among many costs. With `round_robin` every server gets its turn and
so a connection of its own: this adds what the kernel needs for 10 000 connections, so HAProxy is measured beside it.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from harness.figures import Figure, Row
from harness.load import Load, run
from harness.proxies import Running, Scene
from harness.servers import addresses

from cases.bench import Bench
from tenbin.testing import lease

COUNTS = (2, 100, 10_000)
ROUTES = (1, 100, 10_000)
SERVERS_HASHED = "{:,} servers, hash on the path"
SERVERS_IN_TURN = "{:,} servers, round robin, one thread"
ROUTES_BY_PATH = "{:,} routes by path"
ROUTES_BY_HOST = "{:,} routes by host and path"
RULES = (100, 10_000)
RULES_BY_HOST = "{:,} use_backend rules by host and path"

_PATHS = 64
_HOSTS = 100
_HASH = "balance: {hash: path}"


def measure_servers(bench: Bench) -> list[Row]:
    """2, 100 and 10 000 servers."""
    paths = _paths(bench, "hashed", ["/one", "/another"])

    def hashed(port: int, count: int) -> Scene:
        return Scene(port, addresses(bench.server, count), balance=_HASH)

    def in_turn(port: int, count: int) -> Scene:
        # One thread: with two, each would want a connection to every server, more than there may be descriptors.
        return Scene(port, addresses(bench.server, count), threads=1)

    rows = _rows(bench, SERVERS_HASHED, {count: str(paths) for count in COUNTS}, hashed, ("tenbin",))
    return rows + _rows(bench, SERVERS_IN_TURN, dict.fromkeys(COUNTS, ""), in_turn, ("tenbin", "haproxy"))


def measure_routes(bench: Bench) -> list[Row]:
    """1, 100 and 10 000 routes, asked for evenly; the last one has no condition."""
    server = addresses(bench.server, 1)

    def by_path(port: int, count: int) -> Scene:
        return Scene(port, server, routes=[*(f"{{prefix: /r{i}/, backend: app}}" for i in range(count)), _LAST])

    def by_host(port: int, count: int) -> Scene:
        routes = [f"{{host: h{i % _HOSTS}.test, prefix: /r{i}/, backend: app}}" for i in range(count)]
        return Scene(port, server, routes=[*routes, _LAST])

    arguments = {count: str(_paths(bench, f"routes-{count}", _asked(count))) for count in ROUTES}
    rows = _rows(bench, ROUTES_BY_PATH, arguments, by_path, ("tenbin",))
    return rows + _rows(bench, ROUTES_BY_HOST, arguments, by_host, ("tenbin",))


_LAST = "{backend: app}"


def measure_use_backend(bench: Bench) -> list[Row]:
    """100 and 10 000 `use_backend` rules of a haproxy.cfg, to 100 backends."""

    def by_host(port: int, count: int) -> Scene:
        return Scene(port, (), haproxy_cfg=_use_backend(port, bench.server, count))

    arguments = {count: str(_paths(bench, f"rules-{count}", _asked(count))) for count in RULES}
    return _rows(bench, RULES_BY_HOST, arguments, by_host, ("tenbin",))


def _use_backend(port: int, server: int, count: int) -> str:
    """Return a configuration with every second condition named, as people write them."""
    lines = [
        "global\n  nbthread 2\n  maxconn 8200",
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s",
        f"frontend web\n  bind 127.0.0.1:{port}",
        "\n".join(f"  acl of_{i} hdr(host) -i h{i % _HOSTS}.test" for i in range(0, count, 2)),
    ]
    for i in range(count):
        host = f"of_{i}" if i % 2 == 0 else f"{{ req.hdr(host) -i h{i % _HOSTS}.test }}"
        lines.append(f"  use_backend b{i % _HOSTS} if {host} {{ path_beg /r{i}/ }}")
    lines.append("  default_backend b0")
    lines += [f"backend b{i}\n  server s 127.0.0.1:{server}" for i in range(_HOSTS)]
    return "\n".join(lines) + "\n"


def _rows(
    bench: Bench,
    case: str,
    arguments: dict[int, str],
    scene: Callable[[int, int], Scene],
    names: Sequence[str],
) -> list[Row]:
    """All sizes run side by side and take turns, as proxies do elsewhere."""
    names = [name for name in names if not bench.yard.missing(name, "http")]
    measured: dict[tuple[int, str], list[float]] = {(count, name): [] for count in arguments for name in names}
    with ExitStack() as stack:
        running: dict[tuple[int, str], Running] = {}
        for count, name in measured:
            plan = scene(stack.enter_context(lease(1)).ports[0], count)
            running[count, name] = stack.enter_context(bench.yard.start(name, plan))
        for (count, _), proxy in running.items():
            # Long enough that every server has its connection.
            run(proxy, Load(32, 1, argument=arguments[count]))
        for _ in range(bench.rounds):
            for (count, name), proxy in running.items():
                measured[count, name].append(run(proxy, Load(32, bench.seconds, argument=arguments[count])).cpu_us)
    return [
        Row(case.format(count), "CPU µs/request", {name: Figure(tuple(measured[count, name])) for name in names})
        for count in arguments
    ]


def _asked(count: int) -> list[str]:
    """Paths and hosts that lead to routes spread evenly over all."""
    places = (i * count // _PATHS for i in range(_PATHS))
    return [f"/r{place}/x h{place % _HOSTS}.test" for place in places]


def _paths(bench: Bench, name: str, paths: Sequence[str]) -> Path:
    file = bench.yard.folder / f"{name}.paths"
    file.write_text("\n".join(paths) + "\n")
    return file
