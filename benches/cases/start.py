"""Start: milliseconds from starting the program to the first answer that comes through it."""

import socket

from harness.child import Child
from harness.clock import now, pause
from harness.dataplane import Dataplane, Prepared
from harness.figures import Figure, Row
from harness.proxies import Scene, tenbin_text

from cases.bench import Bench
from tenbin.testing import lease

CASE = "start to first answer"
_REQUEST = b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n"
_STEP = 0.0005


def measure(bench: Bench) -> list[Row]:
    """Tenbin's sockets are bound before, as its control plane does; the others bind theirs and are asked until then."""
    times = 5 if bench.quick else 20
    figures = {"tenbin": Figure(tuple(_tenbin(bench) for _ in range(times)))}
    for name in ("haproxy", "nginx"):
        if not bench.yard.missing(name, "http"):
            figures[name] = Figure(tuple(_other(bench, name) for _ in range(times)))
    return [Row(CASE, "ms", figures)]


def _tenbin(bench: Bench) -> float:
    with lease(1) as ports:
        folder = bench.yard.new_folder("start")
        prepared = Prepared(tenbin_text(_scene(bench, ports.ports[0])), folder)
        with socket.create_connection(("127.0.0.1", ports.ports[0]), timeout=10) as client:
            client.sendall(_REQUEST)
            begin = now()
            with Dataplane(bench.yard.programs.dataplane, folder) as child:
                child.give(prepared)
                return _first_answer(client, begin)


def _other(bench: Bench, name: str) -> float:
    with lease(1) as ports:
        scene = _scene(bench, ports.ports[0])
        begin = now()
        with bench.yard.launch(name, scene) as child, _connected(scene.port, child) as client:
            client.sendall(_REQUEST)
            return _first_answer(client, begin)


def _scene(bench: Bench, port: int) -> Scene:
    return Scene(port, (f"127.0.0.1:{bench.server}",))


def _connected(port: int, child: Child) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            child.check()
            pause(_STEP)


def _first_answer(client: socket.socket, begin: float) -> float:
    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("the first answer is not 200")
    return (now() - begin) * 1000
