"""What crosses the seam is used on its other side: a setting that nobody reads is a promise that nobody keeps."""

from __future__ import annotations

import re

import pytest

from house.files import ROOT

SOURCES = ROOT / "crates/engine/src"
WIRE = SOURCES / "wire"
READER = ROOT / "src/tenbin/configfile/haproxy"
_FIELD = re.compile(r"^ +pub (\w+):", re.MULTILINE)


def _uses(name: str, text: str) -> bool:
    """Whether a field of that name is read there: after a dot, or where a value is taken apart."""
    return bool(re.search(rf"\.{name}\b(?!\()|[{{,(]\s*(?:ref )?{name}\s*[,:}}]", text))


def unread(folder: dict[str, str], rest: str) -> list[str]:
    """Return the fields of the wire's files that neither the engine nor another file of the wire reads."""
    found = []
    for file, text in folder.items():
        others = rest + "".join(other for name, other in folder.items() if name != file)
        own = _FIELD.sub("", text)
        found += [f"{file}: {name}" for name in _FIELD.findall(text) if not _uses(name, others + own)]
    return found


def test_the_engine_reads_every_field_that_it_is_sent() -> None:
    folder = {file.name: file.read_text() for file in sorted(WIRE.glob("*.rs"))}
    rest = "".join(file.read_text() for file in SOURCES.rglob("*.rs") if file.parent != WIRE)
    assert len(folder) > 5
    assert unread(folder, rest) == []


def test_what_the_reader_of_haproxys_language_keeps_is_built_into_something() -> None:
    kept = re.findall(r"^    (\w+): ", (READER / "draft.py").read_text(), re.MULTILINE)
    texts = [file.read_text() for file in READER.rglob("*.py") if file.name != "draft.py"]
    assert len(kept) > 100
    used = rf"\.({'|'.join(kept)})\b(?! *=[^=])|\"({'|'.join(kept)})\""
    found = {match[1] or match[2] for text in texts for match in re.finditer(used, text)}
    assert set(kept) - found == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fn f(s: &Server) { s.limit }", []),
        ("fn f(Server { limit, .. }: Server) {}", []),
        ("fn f(s: &Server) { s.limit() }", ["server.rs: limit"]),
        ("fn f() { let limit = 1; }", ["server.rs: limit"]),
    ],
)
def test_a_field_that_nobody_reads_is_found(text: str, expected: list[str]) -> None:
    assert unread({"server.rs": "pub struct Server {\n    pub limit: u32,\n}\n"}, text) == expected
