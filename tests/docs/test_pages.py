"""Every command and every code block of README and docs does what its page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from docs.blocks import Block, read
from docs.figures import BEGIN, END, RESULTS, block
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


def test_the_readme_shows_what_was_measured() -> None:
    text = (ROOT / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    if not RESULTS.exists():
        pytest.skip("nothing was measured yet: make bench")
    assert text[text.index(BEGIN) : text.index(END) + len(END)] == block(RESULTS)


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
