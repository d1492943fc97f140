"""The scenarios, one file a fault, in the order of their numbers."""

from __future__ import annotations

from faults.scenarios import (
    f01_reload,
    f03_broken_reload,
    f04_drain,
    f05_kill,
    f06_stop,
    f07_drop,
    f08_reset,
    f09_flapping,
    f10_all_down,
    f12_bad_servers,
    f13_bytes,
    f19_full_disk,
    f19_stopped_reader,
    f20_crash,
    f21_control_plane,
    f22_clock,
    f30_soak,
)

SCENARIOS = (
    f01_reload.SCENARIO,
    f03_broken_reload.SCENARIO,
    f04_drain.SCENARIO,
    f05_kill.SCENARIO,
    f06_stop.SCENARIO,
    f07_drop.SCENARIO,
    f08_reset.SCENARIO,
    f09_flapping.SCENARIO,
    f10_all_down.SCENARIO,
    f12_bad_servers.SCENARIO,
    f13_bytes.SCENARIO,
    f19_full_disk.SCENARIO,
    f19_stopped_reader.SCENARIO,
    f20_crash.SCENARIO,
    f21_control_plane.SCENARIO,
    f22_clock.SCENARIO,
    f30_soak.SCENARIO,
)
