"""How problems are shown."""

from __future__ import annotations

from dataclasses import replace

from tenbin.configfile import render
from tenbin.configfile.diagnostics import count, in_order
from tenbin.configfile.suggest import did_you_mean, edit_distance, nearest
from tenbin.errors import Diagnostic, Severity

ONE = Diagnostic(Severity.ERROR, "f.yaml", 3, 5, 4, "bad", "`abcd`", "a number", "write 5", "key: abcd")


def test_a_problem_is_shown_whole() -> None:
    assert render([replace(ONE, column=6)]) == (
        "f.yaml:3:6: error: bad\n    key: abcd\n         ^^^^\n    found `abcd`, expected a number\n    hint: write 5"
    )


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    assert render([Diagnostic(Severity.WARNING, "f", 0, 0, 0, "odd", hint="do")]) == "f: warning: odd\n    hint: do"


def test_colours_change_nothing_else() -> None:
    colored = render([ONE], color=True)
    assert "\x1b[1;31m" in colored
    plain = colored
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[36m"):
        plain = plain.replace(code, "")
    assert plain == render([ONE])


def test_the_caret_stands_below_wide_characters() -> None:
    shown = render([replace(ONE, source="日本: abcd", column=5)]).splitlines()
    assert shown[1:3] == ["    日本: abcd", "          ^^^^"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    shown = render([replace(ONE, source="a\x1b[2Jb\tc", message="\x1b]0;x\x07", file="\x9bf")])
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert "\x07" not in shown


def test_long_lines_are_cut_around_the_caret() -> None:
    shown = render([replace(ONE, source="x" * 1000 + "HERE" + "y" * 1000, column=1001)]).splitlines()
    assert len(shown[1]) < 200
    start = shown[2].index("^")
    assert shown[1][start : start + 4] == "HERE"


def test_problems_come_in_the_order_of_the_file_and_once() -> None:
    later = replace(ONE, line=9)
    whole = replace(ONE, line=0)
    assert in_order([later, ONE, whole, ONE]) == (whole, ONE, later)


def test_problems_are_counted() -> None:
    warning = replace(ONE, severity=Severity.WARNING)
    assert count([ONE, ONE, warning]) == "2 errors and 1 warning"
    assert count([]) == "no problems"


def test_the_nearest_word_is_suggested_or_none() -> None:
    known = ("backend", "backends", "listen", "least_conn")
    assert nearest("backned", known) == "backend"
    assert nearest("LISTEN", known) == "listen"
    assert nearest("least-conn", known) == "least_conn"
    assert nearest("xyz", known) == ""
    assert did_you_mean("lisen", known) == "did you mean `listen`?"
    assert edit_distance("ab", "ba", 5) == 1
    assert edit_distance("kitten", "sitting", 5) == 3
    assert edit_distance("a", "abcdefgh", 3) == 3
