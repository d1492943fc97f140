"""The files that both sides of the seam are tested against.

`PYTHONPATH=src:tests python -m unit.plan.contract` writes them anew after the contract changed on purpose.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tenbin.plan import wire
from unit.plan.contract import CONTRACT, documents

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = documents()


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_files_are_what_is_written_now(name: str) -> None:
    assert json.loads((CONTRACT / name).read_text(encoding="utf-8")) == DOCUMENTS[name]


@pytest.mark.parametrize("path", sorted(CONTRACT.glob("snapshot-*.json")), ids=lambda path: path.name)
def test_a_snapshot_is_read_back_as_it_was(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert wire.Snapshot.model_validate_json(text).model_dump(mode="json") == json.loads(text)


def test_every_frame_is_read_back_as_it_was() -> None:
    frames = json.loads((CONTRACT / "frames.json").read_text(encoding="utf-8"))
    for frame in frames:
        model = getattr(wire, frame["model"])
        assert model.model_validate_json(json.dumps(frame["frame"])).model_dump(mode="json") == frame["frame"]
    named = {frame["model"] for frame in frames}
    assert named >= {
        "Hello",
        "Welcome",
        "Apply",
        "Patch",
        "Counted",
        "Restore",
        "Refused",
        "ServerEvent",
        "NoticeEvent",
    }


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValueError, match="extra"):
        wire.Stop.model_validate_json('{"type": "stop", "id": 1, "more": 2}')
