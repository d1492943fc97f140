"""What HAProxy makes of samples and conditions: writes `tests/contract/samples.json`, which the data plane replays.

Run it as a module (`python -m conformance.haproxy_samples`, with `src` and `tests` on the path) to write the file anew.
Each case is a frontend of its own on a unix socket; a PROXY line tells it who the client is.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILE = Path(__file__).parent.parent / "contract" / "samples.json"
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
CLIENT = b"PROXY TCP4 10.1.2.3 127.0.0.1 40000 8080\r\n"
DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as sent. `target` and `fields` are those of the request that expressions are held against, too."""

    target: str
    fields: tuple[tuple[str, str], ...]
    body: str = ""
    method: str = "GET"

    def sent(self) -> bytes:
        """Its bytes."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.fields)]
        return "\r\n".join([*lines, "", self.body]).encode()

    def told(self) -> dict[str, object]:
        """As a vector has it."""
        path, _, query = self.target.partition("?")
        host = next((value for name, value in self.fields if name.lower() == "host"), "")
        return {
            "method": self.method,
            "path": path,
            "query": query,
            "host": host.partition(":")[0],
            "headers": [list(field) for field in self.fields],
            "body": self.body,
            "source": "10.1.2.3",
            "source_port": 40000,
            "port": 8080,
        }


def fetch(name: str, *args: str | int) -> dict[str, object]:
    """The wire form of a sample."""
    return {"op": "fetch", "name": name, **({"args": list(args)} if args else {})}


def convert(name: str, given: object, *args: str | int) -> dict[str, object]:
    """The wire form of a converter."""
    return {"op": "convert", "name": name, "input": given, **({"args": list(args)} if args else {})}


def match(method: str, given: object, *patterns: str, ignore_case: bool = False) -> dict[str, object]:
    """The wire form of a condition."""
    return {
        "op": "match",
        "method": method,
        "input": given,
        "patterns": list(patterns),
        "ignore_case": ignore_case,
        "each": True,
    }


FIELDS = (
    ("Host", "WWW.Example.org:8080"),
    ("X-List", 'a, b ,"c,d", e'),
    ("X-List", "f"),
    ("X-Ends", "a,,b,"),
    ("X-Empty", ""),
    ("X-Num", "12abc"),
    ("X-Num", "-7"),
    ("X-Version", "1.5"),
    ("X-Ip", "10.0.0.1, 192.168.7.8:99, [2001:db8::1], what, 172.16.0.9"),
    ("X-Path", "/one/two.three?four=five"),
    ("X-Dom", "www.example.org:8080"),
    ("Cookie", 'sid=abc; theme=Dark; quoted="a;b"; $version=1; last='),
    ("Cookie", "sid=second; empty=; other = spaced ; bare"),
)
REQUESTS = (
    Asked("/api/v1/items?page=2&q=a%20b+c&flag&empty=&page=3;semi=1", FIELDS),
    Asked("/plain", (("Host", "example.org"),)),
    Asked("/a;p=1&r=2?p=3", (("Host", "h"), ("Authorization", "Basic YW5uYTpzZWNyZXQ="))),
    Asked(
        "/form",
        (("Host", "h"), ("Content-Length", "19"), ("Authorization", "Bearer abc.def")),
        "user=a&PAGE=7&x=&y=",
        "POST",
    ),
)

SAMPLES: tuple[tuple[str, dict[str, object]], ...] = (
    *(
        (f"req.hdr(x-list{o})", fetch("req.hdr", "x-list", *n))
        for o, n in (
            ("", ()),
            (",1", (1,)),
            (",2", (2,)),
            (",3", (3,)),
            (",4", (4,)),
            (",5", (5,)),
            (",6", (6,)),
            (",-1", (-1,)),
            (",-2", (-2,)),
            (",-5", (-5,)),
            (",-6", (-6,)),
        )
    ),
    *(
        (f"req.fhdr(x-list{o})", fetch("req.fhdr", "x-list", *n))
        for o, n in (
            ("", ()),
            (",1", (1,)),
            (",2", (2,)),
            (",3", (3,)),
            (",-2", (-2,)),
        )
    ),
    *((f"req.hdr(x-ends,{n})", fetch("req.hdr", "x-ends", n)) for n in (1, 2, 3, 4, 5)),
    *(
        (f"req.{f}hdr_cnt({n})", fetch(f"req.{f}hdr_cnt", n))
        for f in ("", "f")
        for n in ("x-list", "x-ends", "x-empty", "x-none")
    ),
    ("req.hdr(x-empty)", fetch("req.hdr", "x-empty")),
    ("req.hdr(x-none)", fetch("req.hdr", "x-none")),
    ("req.hdr_names", fetch("req.hdr_names")),
    ("req.hdr_names(:)", fetch("req.hdr_names", ":")),
    ("req.hdr_val(x-num)", fetch("req.hdr_val", "x-num")),
    ("req.hdr_val(x-num,1)", fetch("req.hdr_val", "x-num", 1)),
    ("req.hdr_val(x-version)", fetch("req.hdr_val", "x-version")),
    ("req.hdr_val(x-path)", fetch("req.hdr_val", "x-path")),
    *(
        (f"req.hdr_ip(x-ip{o})", fetch("req.hdr_ip", "x-ip", *n))
        for o, n in (
            ("", ()),
            (",1", (1,)),
            (",2", (2,)),
            (",3", (3,)),
            (",4", (4,)),
            (",-1", (-1,)),
            (",-2", (-2,)),
        )
    ),
    *(
        (f"req.cook({n})", fetch("req.cook", n))
        for n in ("sid", "theme", "quoted", "empty", "last", "other", "bare", "none", "SID")
    ),
    ("req.cook", fetch("req.cook")),
    ("req.cook_cnt(sid)", fetch("req.cook_cnt", "sid")),
    ("req.cook_cnt(none)", fetch("req.cook_cnt", "none")),
    ("req.cook_val(sid)", fetch("req.cook_val", "sid")),
    *((f"url_param({n})", fetch("url_param", n)) for n in ("page", "q", "flag", "empty", "semi", "none", "PAGE", "p")),
    ("url_param(p,;)", fetch("url_param", "p", ";")),
    ("url_param(r,;)", fetch("url_param", "r", ";")),
    ("urlp_val(page)", fetch("url_param_val", "page")),
    ("req.body_param(user)", fetch("req.body_param", "user")),
    ("req.body_param(x)", fetch("req.body_param", "x")),
    ("req.body", fetch("req.body")),
    ("req.body_len", fetch("req.body_len")),
    ("base", fetch("base")),
    ("baseq", fetch("baseq")),
    ("base32", fetch("base32")),
    ("url32", fetch("url32")),
    ("base32+src,hex", convert("hex", fetch("base32+src"))),
    ("url32+src,hex", convert("hex", fetch("url32+src"))),
    ("path", fetch("path")),
    ("pathq", fetch("pathq")),
    ("url", fetch("url")),
    ("req.ver", fetch("req.ver")),
    ("method", fetch("method")),
    ("src", fetch("source")),
    ("src_port", fetch("source_port")),
    ("http_auth_user", fetch("http_auth_user")),
    ("http_auth_pass", fetch("http_auth_pass")),
    ("http_auth_type", fetch("http_auth_type")),
    ("http_auth_bearer", fetch("http_auth_bearer")),
    ("int(-5)", fetch("int", -5)),
    ("ipv6(::1)", fetch("ipv6", "::1")),
    ("var(txn.none,xyz)", fetch("var", "txn.none", "xyz")),
)

LIST, NUM, ADDRESSES = fetch("req.hdr", "x-list"), fetch("req.hdr", "x-num"), fetch("req.hdr", "x-ip")
PATH, DOM, FOLDER = fetch("path"), fetch("req.hdr", "x-dom"), fetch("req.hdr", "x-path")
CONDITIONS: tuple[tuple[str, dict[str, object]], ...] = (
    ("req.hdr(x-list) b", match("str", LIST, "b")),
    ("req.hdr(x-list) B", match("str", LIST, "B")),
    ("req.hdr(x-list) -i B", match("str", LIST, "B", ignore_case=True)),
    ("req.hdr(x-list) -m found", match("found", LIST)),
    ("req.hdr(x-none) -m found", match("found", fetch("req.hdr", "x-none"))),
    ("req.hdr(x-empty) -m found", match("found", fetch("req.hdr", "x-empty"))),
    ("req.hdr(x-empty) -m len 0", match("len", fetch("req.hdr", "x-empty"), "0")),
    ("req.hdr(x-none) -m len 0", match("len", fetch("req.hdr", "x-none"), "0")),
    ("req.hdr(x-list) -m len 5", match("len", LIST, "5")),
    ("req.fhdr(x-list) -m len 16:20", match("len", fetch("req.fhdr", "x-list"), "16:20")),
    ("req.hdr(x-num) -m int 12", match("int", NUM, "12")),
    ("req.hdr(x-num) -m int lt 0", match("int", NUM, "lt 0")),
    ("req.hdr(x-path) -m int 0", match("int", FOLDER, "0")),
    ("req.hdr(x-empty) -m int 0", match("int", fetch("req.hdr", "x-empty"), "0")),
    ("req.hdr(x-num) -m bool", match("bool", NUM)),
    ("req.hdr(x-path) -m bool", match("bool", FOLDER)),
    ("req.hdr(x-ip) -m ip 172.16.0.0/12", match("ip", ADDRESSES, "172.16.0.0/12")),
    ("req.hdr(x-ip) -m ip 192.168.0.0/16", match("ip", ADDRESSES, "192.168.0.0/16")),
    ("req.hdr_ip(x-ip) 192.168.0.0/16", match("ip", fetch("req.hdr_ip", "x-ip"), "192.168.0.0/16")),
    ("req.hdr_ip(x-ip) 2001:db8::/32", match("ip", fetch("req.hdr_ip", "x-ip"), "2001:db8::/32")),
    ("src 10.0.0.0/8", match("ip", fetch("source"), "10.0.0.0/8")),
    ("src -m str 10.1.2.3", match("str", fetch("source"), "10.1.2.3")),
    ("src -m beg 10.1.", match("beg", fetch("source"), "10.1.")),
    ("src_port 40000", match("int", fetch("source_port"), "40000")),
    ("src_port ge 1024", match("int", fetch("source_port"), "ge 1024")),
    ("src_port -m str 40000", match("str", fetch("source_port"), "40000")),
    ("src_port -m len 5", match("len", fetch("source_port"), "5")),
    ("path -m beg /api/", match("beg", PATH, "/api/")),
    ("path -m beg -i /API/", match("beg", PATH, "/API/", ignore_case=True)),
    ("path -m end items", match("end", PATH, "items")),
    ("path -m sub v1", match("sub", PATH, "v1")),
    ("path -m dir v1", match("dir", PATH, "v1")),
    ("path -m dir /api/v1", match("dir", PATH, "/api/v1")),
    ("path -m dir ap", match("dir", PATH, "ap")),
    ("path -m reg ^/api/v[0-9]+/", match("reg", PATH, "^/api/v[0-9]+/")),
    ("path -m str /plain", match("str", PATH, "/plain")),
    ("req.hdr(x-path) -m dir two.three", match("dir", FOLDER, "two.three")),
    ("req.hdr(x-path) -m dir four=five", match("dir", FOLDER, "four=five")),
    ("req.hdr(x-path) -m dom two", match("dom", FOLDER, "two")),
    ("req.hdr(x-dom) -m dom example.org", match("dom", DOM, "example.org")),
    ("req.hdr(x-dom) -m dom ample.org", match("dom", DOM, "ample.org")),
    ("req.hdr(x-dom) -m dom .org", match("dom", DOM, ".org")),
    ("req.hdr(x-list),length -m int 5", match("int", convert("size", LIST), "5")),
    ("req.hdr(x-list) -m bin 62", match("bin", LIST, "62")),
    ("req.cook(sid) abc", match("str", fetch("req.cook", "sid"), "abc")),
    ("req.cook(sid) second", match("str", fetch("req.cook", "sid"), "second")),
    ("url_param(page) 3", match("str", fetch("url_param", "page"), "3")),
    ("url_param(flag) -m found", match("found", fetch("url_param", "flag"))),
    ("url_param(empty) -m found", match("found", fetch("url_param", "empty"))),
    ("method POST", match("str", fetch("method"), "POST")),
    ("always_true", match("bool", fetch("always_true"))),
    ("always_false", match("bool", fetch("always_false"))),
    ("int(7) 1:7", match("int", fetch("int", 7), "1:7")),
    ("req.hdr_cnt(x-list) 5", match("int", fetch("req.hdr_cnt", "x-list"), "5")),
    ("req.proto_http", match("bool", fetch("req.proto_http"))),
)


def vectors() -> list[dict[str, object]]:
    """Every case with every request, and what HAProxy has answered."""
    cases = [*SAMPLES, *CONDITIONS]
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)):
        return [
            {"name": name, "expr": expr, "request": number, "value": answer}
            for place, (name, expr) in enumerate(cases)
            for number, request in enumerate(REQUESTS)
            for answer in [_asked(Path(folder) / str(place), request)]
        ]


def written(found: Sequence[dict[str, object]]) -> str:
    """The file's text: requests once, then a line for each vector."""
    requests = ",\n".join(f"  {json.dumps(request.told())}" for request in REQUESTS)
    lines = ",\n".join(f"  {json.dumps(vector)}" for vector in found)
    return f'{{"requests": [\n{requests}\n],\n"vectors": [\n{lines}\n]}}\n'


def _configuration(folder: Path) -> str:
    lines = ["defaults", " mode http", " timeout client 5s", " timeout server 5s", " timeout connect 1s"]
    page = "http-request return status 200 content-type text/plain"
    for place, (name, _) in enumerate(SAMPLES):
        lines += [f"frontend f{place}", f" bind unix@{folder / str(place)} accept-proxy", " option http-buffer-request"]
        lines += [f' {page} lf-string "=%[{name}]" if {{ {name} -m found }}', f" {page} string absent"]
    for place, (name, _) in enumerate(CONDITIONS, len(SAMPLES)):
        lines += [f"frontend f{place}", f" bind unix@{folder / str(place)} accept-proxy"]
        lines += [f" {page} string true if {{ {name} }}", f" {page} string false"]
    return "\n".join([*lines, ""])


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    (folder / "haproxy.cfg").write_text(_configuration(folder))
    process = subprocess.Popen([HAPROXY or "haproxy", "-q", "-db", "-f", folder / "haproxy.cfg"])
    clock = SystemClock()
    end = clock.now() + DEADLINE
    try:
        last = folder / str(len(SAMPLES) + len(CONDITIONS) - 1)
        while not last.exists():
            if process.poll() is not None or clock.now() > end:
                raise RuntimeError("HAProxy does not run")
        yield
    finally:
        process.terminate()
        process.wait()


def _asked(path: Path, request: Asked) -> str | bool | None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(str(path))
        connection.sendall(CLIENT + request.sent())
        answer = b""
        while b"\r\n\r\n" not in answer or len(answer) < _end(answer):
            piece = connection.recv(65536)
            if not piece:
                break
            answer += piece
    body = answer.partition(b"\r\n\r\n")[2].decode("latin-1")
    if body.startswith("="):
        return body[1:]
    return {"true": True, "false": False, "absent": None}[body]


def _end(answer: bytes) -> int:
    head, _, _ = answer.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(head) + 4 + int(length.partition(b":")[2])


if __name__ == "__main__":
    FILE.write_text(written(vectors()))
