"""The scenarios, one file a fault, in the order of their numbers."""

from __future__ import annotations

from faults.scenarios import f01_reload, f05_kill, f07_drop

SCENARIOS = (f01_reload.SCENARIO, f05_kill.SCENARIO, f07_drop.SCENARIO)
