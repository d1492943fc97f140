"""The second reader agrees with h11 on what is right, and refuses what h11 lets pass."""

from __future__ import annotations

import h11
import pytest

from conformance.strict import read_answer, read_requests

HEAD = b"POST /a?b HTTP/1.1\r\nHost: a.test\r\n"
RIGHT = (
    HEAD + b"Content-Length: 5\r\nX: a \xe9\tb \r\n\r\nhello",
    HEAD + b"Transfer-Encoding: Chunked\r\n\r\n5;x=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
    b"GET http://a.test:80/x HTTP/1.1\r\nHost: A.test\r\n\r\n",
)
WRONG = {
    "bare LF": HEAD + b"X: a\nY: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\nHost: a\n\n",
    "folded line": HEAD + b"X: a\r\n b\r\n\r\n",
    "control byte": HEAD + b"X: a\x01b\r\n\r\n",
    "NUL": HEAD + b"X: a\0b\r\n\r\n",
    "length and coding": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "equal lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "signed length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "two hosts": HEAD + b"Host: b.test\r\n\r\n",
    "other host": b"GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "fragment": b"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "space before colon": HEAD + b"X : a\r\n\r\n",
    "chunk end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
    "chunk line": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
    "coding in 1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("raw", RIGHT)
def test_both_read_the_same(raw: bytes) -> None:
    parser = h11.Connection(h11.SERVER)
    parser.receive_data(raw)
    request = parser.next_event()
    assert isinstance(request, h11.Request)
    body = bytearray()
    while isinstance(event := parser.next_event(), h11.Data):
        body += event.data
    reading = read_requests(raw)
    assert (reading.refusal, reading.rest, len(reading.whole)) == ("", b"", 1)
    message = reading.whole[0]
    assert (message.method, message.target, message.body) == (request.method, request.target, bytes(body))
    # h11 lowers the value of Transfer-Encoding.
    assert [(name, value.lower()) for name, value in message.fields] == [(n, v.lower()) for n, v in request.headers]
    assert isinstance(event, h11.EndOfMessage)
    assert list(message.trailers) == list(event.headers)


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG.keys())
def test_what_is_doubtful_is_refused(raw: bytes) -> None:
    reading = read_requests(raw)
    assert not reading.whole
    assert reading.refusal not in ("", "incomplete")


@pytest.mark.parametrize("raw", RIGHT)
def test_what_is_cut_is_incomplete(raw: bytes) -> None:
    for end in range(1, len(raw)):
        reading = read_requests(raw[:end])
        assert (reading.whole, reading.refusal) == ([], "incomplete"), raw[:end]
    first, second = read_requests(raw + raw).whole
    assert first == second


def test_nothing_follows_a_message_that_closes() -> None:
    closing = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    reading = read_requests(closing + closing)
    assert (len(reading.whole), reading.rest) == (1, closing)


def test_answers_end_as_their_request_says() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    assert read_answer(raw + b"more").rest == b"more"
    assert read_answer(raw, b"HEAD").rest == b"ok"
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert [message.status for message in read_answer(interim + raw).whole] == [103, 200]
    assert read_answer(b"HTTP/1.1 200 OK\r\n\r\nall of it").whole[0].body == b"all of it"
    assert read_answer(b"hello").refusal == "incomplete"
    assert read_answer(b"hello\r\n\r\n").refusal
