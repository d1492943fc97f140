"""Draws status.svg: the status of a real instance with a server down, one drained, and some requests answered.

Run it with Tenbin installed: `.venv/bin/python docs/images/status.py`.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from tenbin.observe import jsonform, table
from tenbin.testing import Load, RunningLoad, Tenbin, config_text, fetch, lease, start_backend

SEED = "tenbin-status"
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
line-height: {line_height}px; }} .{unique_id}-title {{ font-size: 18px; font-family: sans-serif; }}
{styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>{lines}</defs>{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""
"""rich's own drawing, without the fonts that it fetches from elsewhere."""


def main() -> None:
    """Run the instance and write the picture beside this file."""
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        ports = stack.enter_context(lease(3)).ports
        names = {f"server{number}": port for number, port in enumerate(ports, 1)}
        servers = {name: start_backend(name, port, Path(folder)) for name, port in names.items()}
        for process in servers.values():
            stack.callback(process.kill)
        backend = {"check": {"http": "GET /health", "every": "200ms", "fall": 2}}
        tenbin = stack.enter_context(Tenbin(config_text(names, backend, log="none")))
        for name in names:
            tenbin.wait_health(f"app/{name}", "up")
        load = stack.enter_context(RunningLoad(tenbin.address, Load(rps=500, duration=60)))
        load.wait_until(4)
        servers["server2"].kill()
        tenbin.wait_health("app/server2", "down")
        tenbin.run_cli("server", "drain", "app/server3")
        load.wait_until(7)
        status = fetch(tenbin.admin, "/api/v1/status").body.decode()
        load.stop()
        status = status.replace(f"{tenbin.folder}/", "")
    draw(status, Path(__file__).with_suffix(".svg"))


def draw(status: str, target: Path) -> None:
    """Draw the table of this status document."""
    console = Console(record=True, width=104, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print("[bold]$ tenbin status[/]")
    console.print(table.render(jsonform.load(status), width=console.width), soft_wrap=True)
    target.write_text(console.export_svg(title="tenbin", code_format=FORMAT, unique_id=SEED))


if __name__ == "__main__":
    main()
