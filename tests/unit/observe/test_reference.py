"""docs/observability.md names everything that it promises to keep."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from tenbin.observe import certificates, checks, figures, sentences
from tenbin.observe import status as statuses
from tenbin.observe.condition import Condition
from tenbin.observe.prometheus import render
from unit.observe.test_prometheus import status

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(\w+)`", PAGE))


def test_every_metric_is_documented_and_no_other() -> None:
    rendered = set(re.findall(r"^# TYPE (\S+)", render(status()), re.MULTILINE))
    assert {name for name in NAMED if name.startswith("tenbin_")} == rendered


def test_every_field_of_the_status_is_documented() -> None:
    for kind in (
        statuses.Status,
        statuses.FrontendStatus,
        statuses.ListenerStatus,
        statuses.BackendStatus,
        statuses.ServerStatus,
        certificates.CertificateStatus,
        checks.CheckSummary,
        checks.CheckEntry,
        figures.ProcessFigures,
        figures.FrontendTraffic,
        figures.ListenerTraffic,
        figures.BackendTraffic,
        figures.ServerTraffic,
        figures.Phases,
        figures.Times,
    ):
        assert {field.name for field in fields(kind)} <= NAMED, kind
    assert {str(condition) for condition in Condition} <= NAMED
    assert {str(validity) for validity in certificates.Validity} <= NAMED


def test_every_event_is_documented() -> None:
    source = "".join(Path(str(module.__file__)).read_text(encoding="utf-8") for module in (sentences, certificates))
    events = set(re.findall(r'^\s+"([a-z]+_[a-z_]+|started|stopping|reloaded)",$', source, re.MULTILINE))
    events |= set(re.findall(r'Sentence\(Level\S+, "([a-z_]+)"', source))
    assert len(events) > 15
    assert events <= NAMED
