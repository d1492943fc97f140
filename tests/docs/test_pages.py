"""Every command and every code block of README and docs does what its page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from conformance.summary import Summary, save
from docs.blocks import Block, read
from docs.figures import QUOTES, Quote, steadiness
from docs.runner import Page
from tenbin.cli import tenbin

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))

GIVEN = {
    "docs/observability.md": """\
listen: "127.0.0.1:8080"
backends: {app: {servers: {server1: "127.0.0.1:3001", server2: "127.0.0.1:3002"}}}
admin: {address: "127.0.0.1:8404", token: a-token-of-this-page}
"""
}
"""Instances that pages talk to without saying how they came to be."""


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if read(page)], ids=_name)
def test_what_a_page_shows_works(page: Path) -> None:
    with Page() as tried:
        if _name(page) in GIVEN:
            tried.start(GIVEN[_name(page)])
        for shown in read(page):
            try:
                tried.run(shown)
            except BaseException as error:
                error.add_note(f"{_name(page)}:{shown.line}")
                raise


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = []
    for link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if page != "index.md" and f"({page})" not in index] == []


@pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: quote.made_by)
def test_the_readme_shows_what_was_measured(quote: Quote) -> None:
    found = quote.found((ROOT / "README.md").read_text())
    block = quote.block()
    if block is None:
        pytest.skip(f"nothing was measured yet: {quote.made_by}")
    assert found == block


def test_what_the_readme_says_of_faults_is_counted_right(tmp_path: Path) -> None:
    machine = {"haproxy": "2.6", "nginx": "1.22", "date": "today"}
    clean = dict.fromkeys(("must_not", "excess", "poisoned", "changed"), 0)
    save(
        tmp_path,
        machine,
        [
            Summary("tenbin", "1", "req", 9, 9, clean),
            Summary("tenbin", "1", "resp", 4, 4, clean),
            Summary("nginx", "1", "req", 9, 7, {**clean, "must_not": 1, "excess": 1, "changed": 5}),
            Summary("nginx", "1", "resp", 4, 1, {**clean, "poisoned": 1}),
        ],
    )
    outcomes = [
        {"contestant": "tenbin", "figures": {"requests": 100, "failed": {}}, "missed": []},
        {"contestant": "tenbin", "figures": {"requests": 50, "failed": {}}, "missed": []},
        {
            "contestant": "nginx",
            "figures": {"requests": 90, "failed": {"reset": 2, "timeout": 1}},
            "missed": ["0 failed"],
        },
    ]
    (tmp_path / "faults.json").write_text(json.dumps({"machine": machine, "outcomes": outcomes}))
    lines = (steadiness(tmp_path) or "").splitlines()
    assert "| bad requests handled as they must be | 9 of 9 | - | 7 of 9 |" in lines
    assert "| bad messages passed on all the same | 0 | - | 3 |" in lines
    assert "| faults with failed requests | 0 of 2 | 0 of 0 | 1 of 1 |" in lines
    assert "| requests failed in them | 0 of 150 | 0 of 0 | 3 of 90 |" in lines
    assert "| faults in which every target was reached | 2 of 2 | 0 of 0 | 0 of 1 |" in lines


def test_every_command_and_option_is_described() -> None:
    text = (ROOT / "docs/cli.md").read_text()
    missing = []
    for name, command in _commands(tenbin):
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        missing += [option for option in options if f"`{option}" not in text and f" {option} " not in text]
        missing += [name] if f"`tenbin {name}" not in text else []
    assert missing == []


def test_the_tests_that_the_architecture_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "ARCHITECTURE.md").read_text()))
    sources = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named
    assert [name for name in sorted(named) if f"def {name}(" not in sources] == []


def test_blocks_are_read_as_they_are_meant(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- file: x.yaml -->\n```yaml\na: 1\n```\n\n```text\nb\n```\n")
    assert read(page) == [Block("yaml", "a: 1\n", "file: x.yaml", 3), Block("text", "b\n", "", 7)]


def _commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
