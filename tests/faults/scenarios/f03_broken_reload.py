"""F03: reloads that cannot succeed: they are refused with a reason, and nothing else happens."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from faults.harness.outcome import Goal, Outcome
from faults.harness.scenario import Scenario, Stage, nothing_failed
from faults.harness.scene import Scene
from tenbin.testing import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faults.harness.outcome import Figures
    from faults.harness.scene import Contestant


def play(stage: Stage) -> Outcome:
    """Break the file in every way, reload after each, and put it right again at the end."""
    scene = Scene(stage.servers.some(2))
    proxy = stage.start(scene)
    refused, told = [], []
    with socket.create_server(("127.0.0.1", 0)) as taken, stage.traffic(proxy) as traffic:
        for name, (prepare, word) in _breaks(proxy, scene, taken).items():
            prepare()
            said = proxy.reload_file()
            refused += [name] if said.code else []
            told += [name] if word in said.text else []
            traffic.run_for(stage.pick(0.1, 1))
            _restore(proxy, scene)
        kept = {fetch(proxy.address, "/api/whoami").server for _ in range(8)} == set(scene.servers)
        mended = proxy.reload_file()
        traffic.run_for(stage.pick(0.2, 1))
        summary = traffic.stop()

    def goals(figures: Figures) -> Sequence[Goal]:
        return (
            nothing_failed(figures),
            Goal("every reload is refused", len(refused) == len(CASES)),
            Goal("every refusal names its place", len(told) == len(CASES)),
            Goal("the old configuration serves on", kept),
            Goal("a good file is accepted afterwards", mended.code == 0),
        )

    extra = {"refused": f"{len(refused)} of {len(CASES)}", "place named": ", ".join(told) or "never"}
    return stage.outcome(proxy, summary, goals, extra)


CASES = ("broken", "missing", "unreadable", "busy port")


def _breaks(proxy: Contestant, scene: Scene, taken: socket.socket) -> dict[str, tuple[Callable[[], object], str]]:
    """Return what to do to the file, and the word that the refusal must contain, by case."""
    name, port = proxy.file.name, taken.getsockname()[1]
    busy = proxy.text(replace(scene, listen=(port,)))
    broken = proxy.text(scene).replace("app", "ap p", 1)

    def unreadable() -> None:
        """A directory: root may read any file."""
        proxy.file.unlink()
        proxy.file.mkdir()

    return {
        "broken": (lambda: proxy.write(broken), f"{name}:"),
        "missing": (proxy.file.unlink, name),
        "unreadable": (unreadable, name),
        "busy port": (lambda: proxy.write(busy), str(port)),
    }


def _restore(proxy: Contestant, scene: Scene) -> None:
    if proxy.file.is_dir():
        proxy.file.rmdir()
    proxy.write(proxy.text(scene))


SCENARIO = Scenario(
    id="F03",
    title="reloads that cannot succeed",
    injected="reload with a broken, a missing and an unreadable file, and with a port that is taken",
    target="0 failed, each refused with its place, the old configuration serves on",
    play=play,
    columns=("refused", "place named"),
)
