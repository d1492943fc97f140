"""Conditions: what they compile to, and that whatever else is written is a mistake with a place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenbin.configfile import expression
from tenbin.configfile.expression.vocabulary import NAMES, Kind
from tenbin.configfile.problem import Mistake
from tenbin.model import All, Any, Compare, Concat, Const, Convert, Fetch, Match, Not

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenbin.configfile.problem import Problem

PATH = Fetch("path")
METHOD = Fetch("method")


@pytest.mark.parametrize(
    ("code", "tree"),
    [
        ('path == "/"', Compare("eq", PATH, Const("/"))),
        ('"/" == path', Compare("eq", PATH, Const("/"))),
        ("80 < port", Compare("gt", Fetch("port"), Const(80))),
        ("port >= -1", Compare("ge", Fetch("port"), Const(-1))),
        ('path.startswith("/a")', Match("beg", PATH, ("/a",))),
        ('path.endswith((".a", ".b"))', Match("end", PATH, (".a", ".b"))),
        ('"a" in path', Match("sub", PATH, ("a",))),
        ('"a" not in path', Not(Match("sub", PATH, ("a",)))),
        ('method in {"GET"}', Match("eq", METHOD, ("GET",))),
        ('matches(path, r"^/\\d")', Match("reg", PATH, ("^/\\d",))),
        ('source in "10.0.0.0/8"', Match("ip", Fetch("source"), ("10.0.0.0/8",))),
        ('header("X-A")', Fetch("header", ("x-a",))),
        ('not cookie("A")', Not(Fetch("cookie", ("A",)))),
        ("query", Fetch("query")),
        ('param("a") is None', Compare("eq", Fetch("param", ("a",)), Const(None))),
        ('path.lower().strip("/") == "a"', Compare("eq", Convert("strip", Convert("lower", PATH), ("/",)), Const("a"))),
        ("len(path) > 5", Compare("gt", Convert("length", PATH), Const(5))),
        ("True", Const(True)),
        ("not not path.startswith('/')", Match("beg", PATH, ("/",))),
    ],
)
def test_what_conditions_compile_to(code: str, tree: object) -> None:
    assert expression.condition(code).expression == tree


def test_logic_is_flat_and_keeps_its_order() -> None:
    a, b, c = (Fetch("header", (name,)) for name in "abc")
    parts = 'header("a") {0} header("b") {0} header("c")'
    assert expression.condition(parts.format("and")).expression == All((a, b, c))
    assert expression.condition(parts.format("or")).expression == Any((a, b, c))
    mixed = expression.condition('header("a") and (header("b") or header("c"))').expression
    assert mixed == All((a, Any((b, c))))


def test_a_chain_is_all_of_its_links() -> None:
    port = Fetch("port")
    tree = expression.condition("80 <= port < 443 != port").expression
    assert isinstance(tree, All)
    assert tree.of[:2] == (Compare("ge", port, Const(80)), Compare("lt", port, Const(443)))


def test_several_lines_are_one_expression() -> None:
    assert (
        expression.condition('\n  path == "/"\n  and port == 80\n').expression
        == expression.condition('path == "/" and port == 80').expression
    )


def test_every_problem_is_told_with_its_place() -> None:
    code = 'pth == "é" and port == "80" or nothing(path)'
    with pytest.raises(Mistake) as raised:
        expression.condition(code)
    assert [code[one.start : one.end] for one in raised.value.problems] == ["pth", '"80"', "nothing"]


def test_uses_tell_what_is_asked_for() -> None:
    compiled = expression.condition('header("a") and source in "::1"')
    assert [(use.name, use.start) for use in compiled.uses] == [("header", 0), ("source", 16)]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", Const("")),
        ("plain", Const("plain")),
        ("{{a}}", Const("{a}")),
        ("{path}", PATH),
        ("a{path}b", Concat((Const("a"), PATH, Const("b")))),
        ('{header("a}b{c".lower())}'.replace(".lower()", ""), None),
        ("{source}:{port}", Concat((Fetch("source"), Const(":"), Fetch("port")))),
        ('{"literal"}-{5}', Const("literal-5")),
    ],
)
def test_interpolated_texts(text: str, tree: object) -> None:
    if tree is None:
        with pytest.raises(Mistake):
            expression.text(text)
    else:
        assert expression.text(text).expression == tree


def test_an_answer_knows_more() -> None:
    assert expression.text("{status}", answer=True).expression == Fetch("status")
    with pytest.raises(Mistake):
        expression.text("{status}")


def test_keys_must_depend_on_the_request() -> None:
    assert expression.key("source").expression == Fetch("source")
    for code in ('"a"', 'path == "/"', "5", "nothing"):
        with pytest.raises(Mistake):
            expression.key(code)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a)",
        r"(a)\1",
        "(?P<x>a)(?P=x)",
        "(?>a)",
        "a++",
        "a{2}+",
        "(",
        "*",
        "a{2}{3}" * 0 + "a**",
    ],
)
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(Mistake):
        expression.condition(f'matches(path, r"{pattern}")')


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d+",
        r"[(?=]",
        r"\\1",
        r"\(?=",
        "(?i)a",
        r"\p{Greek}+",
        "(?P<x>a)",
        "(?<x>a)",
        "[[:alpha:]]",
        "a+?",
        "a{2,3}",
        "^/(a|b)$",
    ],
)
def test_patterns_that_can_be_run(pattern: str) -> None:
    assert expression.condition(f'matches(path, r"{pattern}")').expression == Match("reg", PATH, (pattern,))


def words(text: str) -> list[str]:
    return text.split()


WORDS = st.sampled_from(
    [
        *words("path port source method header cookie len matches nothing and or not in is None True lambda if else"),
        *words("== < != ( ) , . lower startswith 5 1.5 [ ] { } = ! && # : \\ ' - ~ * := f'{x}' é"),
        *('"a"', '"10.0.0.0/8"', "\n", "\0"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_whatever_is_written_compiles_or_is_a_mistake(code: str) -> None:
    for compile_ in (expression.condition, expression.key, lambda code: expression.text(f"a{{{code}}}b")):
        for problem in problems(compile_, code):
            assert problem.message
            assert 0 <= problem.start <= max(problem.end, problem.start) <= len(code) + 3


def problems(compile_: Callable[[str], object], code: str) -> tuple[Problem, ...]:
    try:
        compile_(code)
    except Mistake as error:
        return error.problems
    return ()


@pytest.mark.parametrize(
    "code", ["(" * 5000 + "path" + ")" * 5000, "not " * 2000 + "path", "path" + ".lower()" * 900, "-" * 5000]
)
def test_depth_is_bounded(code: str) -> None:
    with pytest.raises(Mistake):
        expression.condition(code)


def test_facts_of_tls_are_those_of_the_contract() -> None:
    """What the data plane answers, by the vectors that it is tested with."""
    vectors = json.loads((Path(__file__).parents[2] / "contract" / "expressions.json").read_text())
    fetched = {one["expr"]["name"]: one["value"] for one in vectors if one["expr"]["op"] == "fetch"}
    of_tls = {name: about.kind for name, about in NAMES.items() if name.startswith("tls") or name in ("sni", "alpn")}
    assert of_tls.keys() <= fetched.keys()
    truths = {name for name, kind in of_tls.items() if kind is Kind.TRUTH}
    assert truths == {"tls", "tls.resumed", "tls.client.verified"}
    assert all(isinstance(fetched[name], bool) for name in truths)
