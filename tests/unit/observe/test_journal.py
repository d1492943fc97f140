"""What is said, how it is written, and what is kept."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from io import StringIO

import pytest

from tenbin.model import Address, Admin, Health, LogFormat, ServerId
from tenbin.observe import jsonform, sentences
from tenbin.observe.escape import printable, printable_block
from tenbin.observe.journal import KEPT, Journal
from tenbin.observe.sentences import Level, Sentence
from tenbin.observe.units import count, duration, size
from tenbin.observe.writer import LineWriter
from tenbin.plan import wire

SERVER = ServerId("app", "server1")
DOWN = sentences.server_health(SERVER, Health.DOWN, "L4CON connection refused (3 of 3 checks)", up=1, total=2)


class Noon:
    """It is always noon."""

    def now(self) -> float:
        return 0.0

    def wall(self) -> datetime:
        return datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    def jitter(self, fraction: float) -> float:
        return fraction


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def written(stream: StringIO, form: LogFormat, *said: Sentence) -> str:
    journal = Journal(Noon(), stream, form)
    for sentence in said:
        journal.say(sentence)
    journal.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("sentence", "level", "text"),
    [
        (
            DOWN,
            Level.WARNING,
            "server app/server1 is DOWN: L4CON connection refused (3 of 3 checks); 1 of 2 servers up",
        ),
        (
            sentences.server_health(SERVER, Health.UP, "L7OK 200", up=1, total=1),
            Level.INFO,
            "server app/server1 is UP: L7OK 200; 1 of 1 server up",
        ),
        (
            sentences.backend_lost("app", 2),
            Level.ERROR,
            "backend app has no server up: none of 2 servers may get work, clients get 503",
        ),
        (
            sentences.backend_lost("app", 0),
            Level.ERROR,
            "backend app has no server up: it has no servers, clients get 503",
        ),
        (
            sentences.backend_returned("app", up=1, total=2),
            Level.INFO,
            "backend app serves again; 1 of 2 servers up",
        ),
        (
            sentences.server_admin(SERVER, Admin.READY, Admin.DRAIN),
            Level.INFO,
            "server app/server1 is set to drain (was ready): existing work ends, new work goes elsewhere",
        ),
        (sentences.server_weight(SERVER, 5, 200), Level.INFO, "server app/server1 has weight 200 (was 5)"),
        (
            sentences.server_weight(SERVER, 5, 0),
            Level.INFO,
            "server app/server1 has weight 0 (was 5): it gets no new work",
        ),
        (
            sentences.server_resolved(SERVER, "a.internal", Address("10.0.0.1", 80), None),
            Level.INFO,
            "server app/server1 resolves: a.internal is 10.0.0.1:80",
        ),
        (
            sentences.server_unresolved(SERVER, "a.internal", "no such name"),
            Level.WARNING,
            "server app/server1 gets no work: a.internal does not resolve: no such name",
        ),
        (
            sentences.server_event(
                wire.ServerEvent(
                    event="ejected", backend="app", server="s", reason="5 failures in a row", until=30_000
                ),
                up=1,
                total=2,
            ),
            Level.WARNING,
            "server app/s is EJECTED for 30 s: 5 failures in a row; 1 of 2 servers up",
        ),
        (
            sentences.server_event(
                wire.ServerEvent(event="readmitted", backend="app", server="s", reason=""), up=2, total=2
            ),
            Level.INFO,
            "server app/s is back after its ejection; 2 of 2 servers up",
        ),
        (
            sentences.notice(wire.NoticeEvent(level="error", text="accept paused")),
            Level.ERROR,
            "data plane: accept paused",
        ),
        (
            sentences.journal_dropped(3),
            Level.WARNING,
            "3 journal lines lost: the reader of this log did not keep up",
        ),
        (
            sentences.stopping(now=False, drain=30.0),
            Level.INFO,
            "stops: no new connections, work in progress has 30 s to end",
        ),
        (
            sentences.dataplane_attached(7, 3, spawned=False),
            Level.INFO,
            "data plane attached, it serves generation 3 (process 7)",
        ),
    ],
)
def test_sentences(sentence: Sentence, level: Level, text: str) -> None:
    assert (sentence.level, sentence.text) == (level, text)


def test_json_lines_have_text_and_fields() -> None:
    line = json.loads(written(StringIO(), LogFormat.AUTO, DOWN))
    assert line == {
        "time": "2026-01-02T12:00:00.000+00:00",
        "level": "warning",
        "event": "server_health",
        "text": "server app/server1 is DOWN: L4CON connection refused (3 of 3 checks); 1 of 2 servers up",
        "backend": "app",
        "server": "server1",
        "health": "down",
        "reason": "L4CON connection refused (3 of 3 checks)",
        "up": 1,
        "total": 2,
    }


def test_people_get_a_level_as_a_word_and_colour_on_a_terminal_only() -> None:
    line = "12:00:00Z WARN server app/server1 is DOWN"
    assert written(StringIO(), LogFormat.HUMAN, DOWN).startswith(line)
    assert written(Terminal(), LogFormat.AUTO, DOWN).startswith(f"\x1b[33m{line}")
    assert written(Terminal(), LogFormat.JSON, DOWN).startswith("{")


def test_nothing_from_outside_makes_a_second_line_or_moves_the_cursor() -> None:
    evil = sentences.server_health(
        SERVER, Health.DOWN, 'L7RSP \x1b[2J\r\n{"level": "info"}\x00\u2028\u202e\x9b', up=0, total=1
    )
    for form in (LogFormat.JSON, LogFormat.HUMAN):
        out = written(StringIO(), form, evil)
        assert out.count("\n") == 1
        assert out[:-1].isprintable()
    assert json.loads(written(StringIO(), LogFormat.JSON, evil))["reason"].startswith("L7RSP \\x1b[2J\\r\\n")


def test_diagnostics_keep_their_lines() -> None:
    refused = sentences.reload_refused(7, "tenbin.yaml:3:4: bad\x1b\n  foo\n  ^")
    human = written(StringIO(), LogFormat.HUMAN, refused).splitlines()
    assert human[0] == "12:00:00Z FAIL reload refused, generation 7 stays in force"
    assert [line.strip() for line in human[1:]] == ["tenbin.yaml:3:4: bad\\x1b", "foo", "^"]
    assert json.loads(written(StringIO(), LogFormat.JSON, refused))["details"].count("\n") == 2


def test_the_last_thousand_are_kept() -> None:
    journal = Journal(Noon(), StringIO())
    for number in range(1, KEPT + 51):
        journal.say(sentences.reloaded(number, "x"))
    kept = journal.entries()
    assert [kept[0].number, kept[-1].number, len(kept)] == [51, 1050, 1000]
    assert [entry.number for entry in journal.entries(after=1048)] == [1049, 1050]
    assert [entry.number for entry in journal.entries(after=10, limit=2)] == [1049, 1050]
    assert journal.entries(after=1050) == ()
    assert journal.entries(after=5000) == ()
    assert json.loads(jsonform.dump_entries(kept[:1]))[0]["fields"] == {"generation": 51}
    journal.close()


def test_a_reader_that_stops_does_not_stop_the_writer() -> None:
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as reader, open(writing, "w", encoding="utf-8") as stream:  # noqa: PTH123
        lines = LineWriter(stream, "{} lost".format, queue=100)
        for _ in range(5000):
            lines.line("x" * 100)
        dropped = lines.dropped
        collected: list[str] = []
        taking = threading.Thread(target=lambda: collected.extend(reader))
        taking.start()
        lines.close(5.0)
        stream.close()
        taking.join(5.0)
    assert dropped > 0
    # A busy machine may let the writer tell of some before the rest is lost.
    told = [int(line.split()[0]) for line in collected if line.endswith(" lost\n")]
    assert sum(told) == dropped
    assert len(collected) == 5000 - dropped + len(told)


def test_a_reader_that_goes_away_does_no_harm() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:  # noqa: PTH123
        journal = Journal(Noon(), stream)
        journal.say(DOWN)
        journal.close()
        assert len(journal.entries()) == 1
        with pytest.raises(BrokenPipeError):
            stream.close()


def test_long_texts_are_cut() -> None:
    assert printable("a" * 2000) == "a" * 997 + "..."
    assert printable_block("a\nb\x07") == "a\nb\\x07"
    assert printable("日本 é") == "日本 é"
    assert printable("\ud800") == "\\ud800"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (count(0), "0"),
        (count(99_999), "99999"),
        (count(100_000), "100.0k"),
        (count(1_234_567), "1.2M"),
        (duration(0.0003), "0.3ms"),
        (duration(0.0151), "15ms"),
        (duration(1.25), "1.2s"),
        (duration(60), "1m"),
        (duration(185.4), "3m 5s"),
        (duration(7500), "2h 5m"),
        (duration(90_000), "1d 1h"),
        (size(512), "512B"),
        (size(8_388_608), "8.0MiB"),
        (size(5 * 1024**4), "5.0TiB"),
    ],
)
def test_numbers_for_people(shown: str, text: str) -> None:
    assert shown == text
