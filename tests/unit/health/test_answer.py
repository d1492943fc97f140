"""The strict parsing of a server's answer."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenbin.health.probe.answer import BODY_LIMIT, Answer, GarbageError
from unit.health.support import at_leisure

OK = b"HTTP/1.1 200 OK\r\n"


def parse(data: bytes, *, bodiless: bool = False, closed: bool = True) -> Answer:
    answer = Answer(bodiless=bodiless)
    answer.feed(data)
    if closed and not answer.done:
        answer.end()
    return answer


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", 200, b"hello"),
        (OK + b"content-length:5 \r\n\r\nhello more", 200, b"hello"),
        (OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 200, b"hello"),
        (OK + b"\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.0 503 \r\n\r\n", 503, b""),
        (b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", 503, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n" + OK + b"\r\nx", 200, b"x"),
    ],
)
def test_good_answers(data: bytes, status: int, body: bytes) -> None:
    answer = parse(data)
    assert answer.head is not None
    assert (answer.head.status, bytes(answer.body), answer.done) == (status, body, True)


def test_an_answer_to_head_has_no_body() -> None:
    assert parse(OK + b"Content-Length: 9\r\n\r\n", bodiless=True, closed=False).done


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP/1 answer"),
        (b"HTTP/2 200 OK\r\n\r\n", "not an HTTP/1 answer"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "bad status line"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "bad status line"),
        (b"HTTP/1.1 200 O\x00K\r\n\r\n", "bad status line"),
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "without a carriage return"),
        (OK + b"Name : x\r\n\r\n", "bad header field"),
        (OK + b"A: b\r\n folded\r\n\r\n", "bad header field"),
        (OK + b"A: b\rc\r\n\r\n", "bad header field"),
        (OK + b"A: b\r\n" * 101 + b"\r\n", "bad header field"),
        (OK + b"A: " + b"x" * 40_000, "head longer"),
        (OK + b"A: " + b"x" * 40_000 + b"\r\n\r\n", "head longer"),
        (OK + b"Content-Length: -1\r\n\r\n", "bad Content-Length"),
        (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "bad Content-Length"),
        (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "both"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n", "unknown transfer coding"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "bad chunk size"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", "chunk longer"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 400, "too long"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "unexpected 101"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "unexpected 100"),
        (OK + b"Content-Length: 9\r\n\r\nhello", "in the middle of the body"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "in the middle of the body"),
        (OK + b"Con", "in the middle of the head"),
        (b"", "closed without an answer"),
    ],
)
def test_garbage(data: bytes, reason: str) -> None:
    with pytest.raises(GarbageError, match=reason):
        parse(data)


@at_leisure
@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.integers(0, 400), max_size=8))
def test_an_answer_is_the_same_however_it_is_split(chunks: list[bytes], cuts: list[int]) -> None:
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n"
    data += b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk)
    answer = Answer(bodiless=False)
    feed_split(answer, data + b"0\r\n\r\n", cuts)
    assert (answer.done, bytes(answer.body)) == (True, b"".join(chunks))


@at_leisure
@given(
    st.sampled_from([OK + b"A b\r\n\r\n", OK + b"Content-Length: x\r\n\r\n", b"GARBAGE\r\n\r\n"]),
    st.lists(st.integers(0, 60)),
)
def test_garbage_is_garbage_however_it_is_split(data: bytes, cuts: list[int]) -> None:
    with pytest.raises(GarbageError):
        feed_split(Answer(bodiless=False), data, cuts)


def feed_split(answer: Answer, data: bytes, cuts: list[int]) -> None:
    for start, end in pairwise(sorted({0, *(min(cut, len(data)) for cut in cuts), len(data)})):
        answer.feed(data[start:end])


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 300000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_no_more_than_the_limit_is_kept(framing: bytes) -> None:
    answer = Answer(bodiless=False)
    answer.feed(OK + framing + b"\r\n" + (b"493e0\r\n" if b"chunked" in framing else b""))
    for _ in range(30):
        if not answer.done:
            answer.feed(b"x" * 10_000)
    assert answer.done
    assert bytes(answer.body) == b"x" * BODY_LIMIT


@at_leisure
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_an_answer_or_garbage(data: bytes) -> None:
    answer = Answer(bodiless=False)
    try:
        answer.feed(data)
        answer.end()
    except GarbageError:
        return
    assert answer.done
