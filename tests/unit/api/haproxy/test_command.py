"""Lines of the runtime API become commands, and what means nothing gets an answer that helps."""

from __future__ import annotations

import pytest

from tenbin.api.haproxy.command import ERROR, Said, parse, severe
from tenbin.api.haproxy.commands import TABLE
from tenbin.model import Level


@pytest.mark.parametrize(
    ("line", "commands", "payload"),
    [
        ("show stat", (("show", "stat"),), None),
        ("  show   info ; show\tstat ;", (("show", "info"), ("show", "stat")), None),
        ("add acl f a\\ b\\;c", (("add", "acl", "f", "a b;c"),), None),
        ("add map m <<", (("add", "map", "m"),), ""),
        ("add map @1 m <<END", (("add", "map", "@1", "m"),), "END"),
        ("add acl f a<<b", (("add", "acl", "f", "a<<b"),), None),
        ("", (), None),
    ],
)
def test_a_line_is_commands_and_the_end_of_a_payload(
    line: str, commands: tuple[tuple[str, ...], ...], payload: str | None
) -> None:
    found = parse(line)
    assert (found.commands, found.payload) == (commands, payload)


def test_the_longest_words_select_a_command() -> None:
    found = TABLE.find(("set", "maxconn", "server", "a/b", "3"))
    assert found is not None
    assert found.words == ("set", "maxconn", "server")
    assert TABLE.find(("set", "maxconn")) is None


def test_the_beginning_of_commands_lists_them_and_nonsense_lists_what_looks_like_it() -> None:
    beginning = TABLE.help(("set", "maxconn"), Level.ADMIN).splitlines()
    assert [line.split()[2] for line in beginning[1:4]] == ["frontend", "global", "server"]
    assert "show stat" in TABLE.help(("show", "stats"), Level.USER)
    assert beginning[-1].split(":")[0].strip() == "quit"


def test_help_shows_only_what_the_level_allows() -> None:
    assert "set server" not in TABLE.help((), Level.USER)
    assert "set server" in TABLE.help((), Level.ADMIN)


def test_severities_stand_before_short_answers() -> None:
    answer = Said("No such server.\n", ERROR)
    assert [severe(answer, form) for form in ("none", "number", "string")] == [
        "No such server.\n",
        "[3]: No such server.\n",
        "[err]: No such server.\n",
    ]
