"""What is asked of a page, who is let in, and which forms are its own."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tenbin.api.haproxy.page import ask
from tenbin.model import StatsPage

PAGE = StatsPage(proxy="fe", service=".stats-fe", uri="/stats", users=(("boss", "a:b"),))


def test_options_follow_semicolons_or_a_question_mark() -> None:
    found = ask.understood(PAGE, "/stats;csv;norefresh;up", "scope=a%3Cb")
    assert (found.form, found.refresh, found.up, found.part) == ("csv", False, True, "a<b")
    assert ask.understood(PAGE, "/stats;st=DONE", "").outcome == "DONE"
    assert ask.understood(PAGE, "/stats/", "").form == "html"
    assert found.link("/stats", "up") == "/stats;up?scope=a%3Cb"


@pytest.mark.parametrize(("text", "good"), [("boss:a:b", True), ("boss:x", False), ("", False), ("boss:a:b ", False)])
def test_names_and_passwords_are_compared_as_a_whole(text: str, good: bool) -> None:
    header = f"Basic {b64encode(text.encode()).decode()}"
    assert ask.logged_in(PAGE, {"authorization": header}) is good


def test_only_the_page_itself_sends_its_form() -> None:
    host = {"host": "lb.example:8404"}
    assert ask.from_the_page({**host, "origin": "http://lb.example:8404"})
    assert ask.from_the_page({**host, "referer": "https://lb.example:8404/stats"})
    for origin in ("http://evil.example", "null", "http://lb.example", "http://lb.example:8404.evil"):
        assert not ask.from_the_page({**host, "origin": origin})
    assert not ask.from_the_page(host)
