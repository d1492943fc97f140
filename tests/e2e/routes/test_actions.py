"""Every form of every action: redirects, answers of its own, refusals, and what is rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.scripted import ScriptedServer
from tenbin.testing import Tenbin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer
    from support.servers import Servers

CONFIG = """\
frontends:
  web:
    listen: "{listen}"
    routes:
      - {path: /as-text, redirect: "https://text.test{url}"}
      - {path: /location, redirect: {location: "/to?{query}&{method}", code: 303}}
      - {path: /scheme, redirect: {scheme: https, code: 308}}
      - {path: /prefix, redirect: {prefix: "http://other.test:81/x", code: 301}}
      - {path: /by-header, redirect: {location: '/u/{header("x-user").lower()}/{cookie("c")}/{param("p")}', code: 307}}
      - {path: /braces, redirect: "/{{literal}}"}
      - {path: /next, redirect: '/{param("next")}'}
      - {path: /else, redirect: '{param("next")}'}
      - {when: '"evil" in path', redirect: "{url}"}
      - {path: /number, respond: 204}
      - {path: /json, respond: {status: 201, headers: {Content-Type: application/json, X-A: b}, body: '{"a": 1}'}}
      - {path: /file.json, respond: {status: 503, file: FILE}}
      - {path: /true, deny: true}
      - {path: /deny, deny: {status: 451}}
      - {when: 'param("code") == "400"', deny: 400}
      - {when: 'param("code") == "401"', deny: 401}
      - {when: 'param("code") == "404"', deny: 404}
      - {when: 'param("code") == "429"', deny: 429}
      - {when: 'param("code") == "503"', deny: 503}
      - request: {set_header: {X-Both: "{host}|{source}|{path}|{query}"}, remove_header: [X-Drop, X-Drop-Too]}
        response: {set_header: {X-From: "{server} {status}"}, add_header: {X-List: more}, remove_header: Content-Type}
      - {prefix: /v1, rewrite: {prefix: /v1, to: /base/v2}, backend: raw}
      - {prefix: /base/, rewrite: {prefix: /base/, to: /}, backend: raw}
      - {prefix: /strip, strip_prefix: /strip, backend: raw}
      - {backend: app}
backends:
  app: {servers: {only: "127.0.0.1:PORT"}}
  raw: {servers: {raw: "127.0.0.1:RAW"}}
"""


def say_target(peer: Peer) -> None:
    """Answer with the target that was asked for."""
    while head := peer.read_head():
        target = head.split()[1]
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(target), target))


@pytest.fixture(scope="module")
def acting(trio: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenbin]:
    file = tmp_path_factory.mktemp("actions") / "down.json"
    file.write_text('{"down": true}')
    with ScriptedServer(say_target) as raw:
        text = CONFIG.replace("PORT", str(trio.port("server1"))).replace("RAW", str(raw.port))
        with Tenbin(text.replace("FILE", str(file))) as tenbin:
            yield tenbin


@pytest.mark.parametrize(
    ("target", "code", "location"),
    [
        ("/as-text?a=b", 302, "https://text.test/as-text?a=b"),
        ("/location?a=b", 303, "/to?a=b&GET"),
        ("/scheme?a=b", 308, "https://shop.test/scheme?a=b"),
        ("/prefix?a=b", 301, "http://other.test:81/x/prefix?a=b"),
        ("/by-header?p=3", 307, "/u/ann/2/3"),
        ("/by-header", 307, "/u/ann/2/"),
        ("/braces", 302, "/{literal}"),
        ("/next?next=a/b", 302, "/a/b"),
        ("/next?next=/evil.test", 302, "/evil.test"),
        ("/next?next=%5cevil.test", 302, "/evil.test"),
        ("/next?next=%09/evil.test", 302, "/%09/evil.test"),
        ("/else?next=//evil.test", 302, "/evil.test"),
        ("//evil.test/x", 302, "/evil.test/x"),
        ("/\\evil.test", 302, "/evil.test"),
        ("/a//evil", 302, "/a//evil"),
        ("/strip//evil.test", 302, "/strip//evil.test"),
    ],
)
def test_redirects(acting: Tenbin, target: str, code: int, location: str) -> None:
    answer = acting.get(target, ("Host", "shop.test"), ("X-User", "ANN"), ("Cookie", "b=1; c=2"))
    assert (answer.status, answer.header("location")) == (code, location)


def test_a_redirect_that_needs_a_host_is_refused_without_one(acting: Tenbin) -> None:
    with acting.client() as client:
        client.send(b"GET /scheme HTTP/1.0\r\n\r\n")
        answer = client.read_response()
    assert (answer.status, answer.header("location")) == (400, "")


def test_what_a_client_says_cannot_add_a_header_to_a_redirect(acting: Tenbin) -> None:
    answer = acting.get("/by-header?p=%0d%0aSet-Cookie:%20a=b", ("X-User", "ann"))
    assert answer.status in (307, 400)
    assert not answer.all("set-cookie")


def test_a_redirect_does_not_cost_the_connection(acting: Tenbin) -> None:
    with acting.client() as client:
        assert client.request("POST", "/as-text", body=b"x" * 50).status == 302
        assert client.request("HEAD", "/as-text").body == b""
        assert client.get("/api/fast").status == 200


def test_answers_of_its_own(acting: Tenbin) -> None:
    with acting.client() as client:
        assert (client.get("/number").status, client.get("/number").body) == (204, b"")
        made = client.get("/json")
        assert (made.status, made.json(), made.header("content-type")) == (201, {"a": 1}, "application/json")
        assert made.header("x-a") == "b"
        page = client.get("/file.json")
        assert (page.status, page.json(), page.header("content-type")) == (503, {"down": True}, "application/json")
        head = client.request("HEAD", "/file.json")
        assert (head.status, head.body, head.header("content-length")) == (503, b"", "14")
        assert client.request("POST", "/json", body=b"y" * 30).status == 201
        assert client.get("/api/fast").status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [("/true", 403), ("/deny", 451), *((f"/x?code={code}", code) for code in (400, 401, 404, 429, 503))],
)
def test_refusals_say_so(acting: Tenbin, target: str, status: int) -> None:
    with acting.client() as client:
        answer = client.get(target)
        assert (answer.status, answer.header("tenbin-reason")) == (status, "denied")
        assert answer.body.startswith(str(status).encode())
        assert client.get("/api/fast").status == 200, "the connection is kept"


def test_headers_are_made_of_the_request(acting: Tenbin) -> None:
    headers = [("Host", "Shop.Test:80"), ("X-Drop", "1"), ("x-drop-too", "2"), ("X-Both", "old")]
    answer = acting.get("/echo?a=b", *headers)
    got = answer.json()["headers"]
    assert [value for name, value in got if name == "x-both"] == ["shop.test|127.0.0.1|/echo|a=b"]
    assert not {"x-drop", "x-drop-too"} & {name for name, _ in got}
    assert answer.header("x-from") == "only 200"
    assert answer.header("x-list") == "more"
    assert answer.header("content-type") == ""


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        ("/v1?a=b&c", "/base/v2?a=b&c"),
        ("/v1/x/y?q=/v1", "/base/v2/x/y?q=/v1"),
        ("/v1/a%2Fb?x", "/base/v2/a%2Fb?x"),
        ("/base/echo?x=1", "/echo?x=1"),
        ("/strip/echo?strip=/strip", "/echo?strip=/strip"),
        ("/strip/echo", "/echo"),
        ("/strip/echo?", "/echo?"),
        ("/strip?a=b", "/?a=b"),
    ],
)
def test_paths_are_rewritten_and_queries_are_not(acting: Tenbin, target: str, seen: str) -> None:
    assert acting.get(target).body.decode() == seen


def test_a_prefix_ends_where_a_segment_does(acting: Tenbin) -> None:
    assert acting.get("/v1x").status == 404
    assert acting.get("/stripped").status == 404
