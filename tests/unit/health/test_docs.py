"""The example of docs/health.md, as it stands there, against a server that speaks what it asks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tenbin.health.probe import Probes
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import PythonCheck
from unit.health.support import check, target

pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[3] / "docs" / "health.md"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"+PONG\r\n", Outcome(CheckStatus.PROCOK)),
        (b"-LOADING\r\n", Outcome(CheckStatus.PROCERR, None, r"answered b'-LOADING\r\n'")),
    ],
)
async def test_the_example_works(tmp_path: Path, answer: bytes, expected: Outcome) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"PING\r\n"
        writer.write(answer)
        writer.close()

    example = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    file = tmp_path / "checks.py"
    file.write_text(example)
    probes = Probes()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        how = check(PythonCheck(str(file), "check"), timeout=20_000)
        assert await probes(target(port=port, how=how)) == expected
    probes.close()


def test_every_status_is_explained() -> None:
    assert [status for status in CheckStatus if status not in PAGE.read_text()] == [CheckStatus.L7OKC]
