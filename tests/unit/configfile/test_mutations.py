"""Whatever becomes of a file, reading it gives a configuration or says what is wrong, and nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tenbin.configfile import render
from tenbin.configfile.reader import Outcome, examine_text
from tenbin.errors import Severity

GOLDEN = Path(__file__).parents[2] / "golden"
TEXTS = [
    path.read_text(encoding="utf-8").partition("\n----\n")[0] + "\n"
    for folder in ("config-ok", "config-errors")
    for path in sorted((GOLDEN / folder).glob("*.txt"))
    if path.stem not in ("yaml-billion-laughs", "yaml-too-deep")
]


def words(text: str) -> list[str]:
    return text.split()


PIECES = [
    *("", " ", "\n", "\t", ": ", "- ", "&a ", "<<: ", "!x ", "|\n", ">\n", "---\n", "\x00", "\x85", "\ufeff", "\r"),
    *words(": { } [ ] \" ' # *a null true -1 1.5 .nan ${X} ${ é % @ 99999999999999999999"),
    *["listen", "backends", "servers", "routes", "when"],
]


def examined(text: str) -> Outcome:
    outcome = examine_text(text, "f.yaml", environment={"HOST": "h"}, directory=GOLDEN)
    errors = [one for one in outcome.diagnostics if one.severity is Severity.ERROR]
    assert (outcome.config is None) == bool(errors)
    lines = text.split("\n")
    for one in outcome.diagnostics:
        assert one.message
        if one.line:
            assert 1 <= one.line <= len(lines)
            assert 1 <= one.column <= len(lines[one.line - 1]) + 1
    render(outcome.diagnostics, color=True)
    return outcome


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        start = draw(st.integers(min_value=0, max_value=len(text)))
        end = min(len(text), start + draw(st.integers(min_value=0, max_value=12)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
    return text


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_changed_characters(text: str) -> None:
    examined(text)


@st.composite
def rearranged(draw: st.DrawFn) -> str:
    lines = [
        line for text in draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)) for line in text.split("\n")
    ]
    return "\n".join(draw(st.permutations(lines))[: draw(st.integers(min_value=1, max_value=40))])


@settings(max_examples=150, deadline=None)
@given(rearranged())
def test_rearranged_lines(text: str) -> None:
    examined(text)


KEYS = st.sampled_from(
    words(
        "listen mode routes frontends backends servers check sticky balance when backend web app address weight http "
        "timeouts limits admin redirect respond request set_header x"
    )
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), KEYS,
    st.sampled_from([":80", "a:80", "2s", "1k", "GET /", 'path == "/"', "{path}", "tcp", "/a", "10.0.0.0/8", "50%"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_any_shape(value: dict[str, object]) -> None:
    import yaml

    examined(yaml.dump(value, default_flow_style=None))


def test_all_texts_as_they_are() -> None:
    for text in TEXTS:
        examined(text)
