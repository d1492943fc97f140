"""Conditions choose, actions act: every condition's word and every action, seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tenbin.testing import Client, Tenbin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.servers import Servers

ROUTES = """\
frontends:
  web:
    listen: "{listen}"
    routes:
      - {response: {set_header: {X-Seen: "yes {status}"}, remove_header: Server}}
      - {when: path.startswith("/v2/") and method == "GET", backend: two}
      - {when: host == "admin.test", backend: two}
      - {when: 'header("x-kind").lower() == "beta"', backend: two}
      - {when: 'cookie("group") == "b"', backend: two}
      - {when: 'param("v") in ("2", "two")', backend: two}
      - {when: 'source in "127.0.0.8/30"', backend: two}
      - {when: 'matches(path, "^/item/[0-9]+$")', backend: two}
      - {when: path.endswith(".php") or "wp-" in path, deny: 403}
      - {when: not header("x-key") and path.startswith("/private"), deny: 401}
      - {path: /old, redirect: {location: "/new?from={path}", code: 301}}
      - {prefix: /secure/, redirect: {scheme: https}}
      - {prefix: /moved/, redirect: {prefix: "https://other.test", code: 307}}
      - {path: /hello, respond: {status: 200, headers: {Content-Type: text/plain, X-Made: here}, body: "hello\\n"}}
      - {path: /gone, respond: 410}
      - {path: /file, respond: {file: FILE}}
      - prefix: /edit/
        request: {set_header: {X-Set: "{method} {host}"}, add_header: {X-Add: more}, remove_header: [X-Gone]}
        rewrite: {prefix: /edit/, to: /}
        backend: one
      - {prefix: /strip/, strip_prefix: /strip, backend: one}
      - {host: "*.wild.test", backend: two}
      - {prefix: /, backend: one}
backends:
  one: {servers: ["127.0.0.1:ONE"]}
  two: {servers: ["127.0.0.1:TWO"]}
"""


@pytest.fixture(scope="module")
def routed(trio: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenbin]:
    file = tmp_path_factory.mktemp("routes") / "page.html"
    file.write_text("<h1>page</h1>")
    text = ROUTES.replace("ONE", str(trio.port("server1"))).replace("TWO", str(trio.port("server2")))
    with Tenbin(text.replace("FILE", str(file))) as tenbin:
        yield tenbin


@pytest.mark.parametrize(
    ("target", "headers", "server"),
    [
        ("/api/whoami", [], "server1"),
        ("/v2/x", [], "server2"),
        ("/v2", [], "server1"),
        ("/x", [("Host", "admin.test")], "server2"),
        ("/x", [("Host", "ADMIN.test:80")], "server2"),
        ("/x", [("Host", "admin.test.evil")], "server1"),
        ("/x", [("X-Kind", "BETA")], "server2"),
        ("/x", [("X-Kind", "betas")], "server1"),
        ("/x", [("Cookie", "a=1; group=b")], "server2"),
        ("/x", [("Cookie", "group=bb")], "server1"),
        ("/x?a=1&v=two", [], "server2"),
        ("/x?v=3", [], "server1"),
        ("/item/42", [], "server2"),
        ("/item/42x", [], "server1"),
        ("/x", [("Host", "a.wild.test")], "server2"),
        ("/x", [("Host", "wild.test")], "server1"),
    ],
)
def test_conditions(routed: Tenbin, target: str, headers: list[tuple[str, str]], server: str) -> None:
    assert routed.get(target, *headers).server == server


def test_the_source_decides(routed: Tenbin) -> None:
    for source, server in (("127.0.0.9", "server2"), ("127.0.0.12", "server1")):
        with Client(routed.address, source=source) as client:
            assert client.get("/x").server == server


def test_the_method_decides(routed: Tenbin) -> None:
    with routed.client() as client:
        assert client.request("POST", "/v2/x", body=b"").server == "server1"


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/a.php", [], 403),
        ("/wp-login", [], 403),
        ("/private/x", [], 401),
        ("/private/x", [("X-Key", "1")], 404),
        ("/gone", [], 410),
    ],
)
def test_refusals(routed: Tenbin, target: str, headers: list[tuple[str, str]], status: int) -> None:
    answer = routed.get(target, *headers)
    assert answer.status == status
    if status in (401, 403):
        assert answer.header("tenbin-reason") == "denied"


@pytest.mark.parametrize(
    ("target", "code", "location"),
    [
        ("/old", 301, "/new?from=/old"),
        ("/secure/a?b=c", 302, "https://shop.test/secure/a?b=c"),
        ("/moved/a?b=c", 307, "https://other.test/moved/a?b=c"),
    ],
)
def test_redirects(routed: Tenbin, target: str, code: int, location: str) -> None:
    answer = routed.get(target, ("Host", "shop.test"))
    assert (answer.status, answer.header("location")) == (code, location)


def test_answers_of_its_own(routed: Tenbin) -> None:
    answer = routed.get("/hello")
    assert (answer.status, answer.body, answer.header("x-made")) == (200, b"hello\n", "here")
    assert answer.header("content-type") == "text/plain"
    page = routed.get("/file")
    assert page.body == b"<h1>page</h1>"
    assert page.header("content-type").startswith("text/html")
    with routed.client() as client:
        head = client.request("HEAD", "/hello")
        assert (head.body, head.header("content-length")) == (b"", "6")
        assert client.get("/hello").body == b"hello\n"


def test_requests_are_edited(routed: Tenbin) -> None:
    answer = routed.get("/edit/echo", ("Host", "e.test"), ("X-Set", "old"), ("X-Add", "one"), ("X-Gone", "x"))
    value = answer.json()
    headers = value["headers"]
    assert value["path"] == "/echo"
    assert ["x-set", "GET e.test"] in headers
    assert [item for name, item in headers if name == "x-add"] == ["one", "more"]
    assert "x-gone" not in dict(headers)


def test_a_prefix_is_stripped(routed: Tenbin) -> None:
    assert routed.get("/strip/echo?a=b").json()["target"] == "/echo?a=b"


def test_answers_are_edited(routed: Tenbin) -> None:
    assert routed.get("/api/whoami").header("x-seen") == "yes 200"
    assert routed.get("/nothing").header("x-seen") == "yes 404"


def test_routes_hold_on_one_connection(routed: Tenbin) -> None:
    with routed.client() as client:
        for _ in range(3):
            assert client.get("/v2/x").server == "server2"
            assert client.get("/x").server == "server1"
            assert client.get("/gone").status == 410
