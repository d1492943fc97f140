"""Metrics as Prometheus' own parser reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tenbin.model import Health, ServerId
from tenbin.observe.certificates import certificate_status
from tenbin.observe.prometheus import render
from tenbin.observe.status import Status, build
from tenbin.state.overlay import Overlay
from unit.observe import samples
from unit.observe.test_status import best

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenbin.model import Config


def status(config: Config | None = None, overlay: Overlay | None = None) -> Status:
    config = config or samples.two_servers()
    return build(config, overlay or Overlay(), samples.stats(config), samples.WATCHED, samples.NOW, 0.25)


def parsed(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Parse, and fail when a sample is there twice."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(page: str, name: str, labels: Mapping[str, str] | None = None) -> float:
    return parsed(page)[name, frozenset((labels or {}).items())]


FIRST = {"backend": "app", "server": "server1"}


def test_every_level_is_there() -> None:
    page = render(status())
    assert value(page, "tenbin_dataplane_up") == 1
    assert value(page, "tenbin_generation") == 8
    assert value(page, "tenbin_process_cpu_seconds_total") == 1.5
    assert value(page, "tenbin_listener_connections_total", {"frontend": "web", "address": "0.0.0.0:8080"}) == 55
    assert value(page, "tenbin_frontend_responses_total", {"frontend": "web", "code": "5xx"}) == 4
    assert value(page, "tenbin_frontend_errors_total", {"frontend": "web", "reason": "no-server-up"}) == 3
    assert value(page, "tenbin_backend_active_servers", {"backend": "app"}) == 2
    assert value(page, "tenbin_server_requests_total", FIRST) == 118
    assert value(page, "tenbin_server_checks_total", {**FIRST, "result": "failed"}) == 3
    assert value(page, "tenbin_server_check_status", {**FIRST, "status": "L7OK"}) == 1


def test_percentiles_are_seconds_and_absent_without_samples() -> None:
    page = render(status())
    labels = {**FIRST, "phase": "first_byte", "quantile": "0.99"}
    assert value(page, "tenbin_server_duration_seconds", labels) == 0.01
    assert ("tenbin_server_duration_seconds", frozenset({**labels, "phase": "queue"}.items())) not in parsed(page)


def test_means_stand_beside_the_percentiles() -> None:
    page = render(status())
    means = {**FIRST, "phase": "total"}
    assert value(page, "tenbin_server_duration_mean_seconds", means) == 0.0045
    assert ("tenbin_server_duration_mean_seconds", frozenset({**means, "phase": "queue"}.items())) not in parsed(page)
    assert value(page, "tenbin_server_failures_total", FIRST) == 3
    assert value(page, "tenbin_backend_reuses_total", {"backend": "app"}) == 196
    assert value(page, "tenbin_listener_request_errors_total", {"frontend": "web", "address": "0.0.0.0:8080"}) == 2


def test_outages_are_counted_for_servers_and_backends() -> None:
    page = render(status())
    for name, labels in (("server", FIRST), ("backend", {"backend": "app"})):
        assert value(page, f"tenbin_{name}_downs_total", labels) == 2
        assert value(page, f"tenbin_{name}_downtime_seconds_total", labels) == 30


def test_a_server_is_in_one_state() -> None:
    page = render(status(overlay=Overlay().changed(ServerId("app", "server1"), health=Health.DOWN, weight=200)))
    states = {
        dict(labels)["state"]: number
        for (name, labels), number in parsed(page).items()
        if name == "tenbin_server_state" and dict(labels)["server"] == "server1"
    }
    assert states.pop("down") == 1
    assert set(states.values()) == {0}
    assert value(page, "tenbin_server_up", FIRST) == 0
    assert value(page, "tenbin_server_weight", FIRST) == 200
    assert value(page, "tenbin_server_overridden", FIRST) == 1


def test_odd_names_do_not_break_the_format() -> None:
    odd = 'a"b\\c\nd{e},f="é'
    page = render(status(samples.config(samples.backend(odd, (samples.server(odd),)))))
    assert value(page, "tenbin_server_weight", {"backend": odd, "server": odd}) == 5


def test_without_the_data_plane_counters_are_absent_rather_than_zero() -> None:
    page = render(build(samples.two_servers(), Overlay(), None, samples.WATCHED, samples.NOW, 7.5))
    assert value(page, "tenbin_dataplane_up") == 0
    assert value(page, "tenbin_stats_age_seconds") == 7.5
    assert value(page, "tenbin_server_weight", FIRST) == 5
    assert not [name for name, _ in parsed(page) if name.endswith("requests_total")]


def test_certificates_are_told_by_the_moment_of_their_end() -> None:
    odd = samples.certificate('a"b', "c")
    watched = replace(samples.WATCHED, certificates=(certificate_status(odd, samples.AT),))
    page = render(build(samples.two_servers(), Overlay(), None, watched, samples.NOW, 0))
    about = {"certificate": "/c/site.pem", "names": 'a"b,c', "key": "ecdsa P-256"}
    end = int(odd.not_after.timestamp())
    for listener in odd.listeners:
        assert value(page, "tenbin_certificate_expiry_seconds", {**about, "listener": listener}) == end
    towards = {**about, "backend": "app", "server": "server1"}
    assert value(page, "tenbin_server_certificate_expiry_seconds", towards) == end


def test_names_follow_the_conventions() -> None:
    page = render(status())
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    helps = re.findall(r"^# HELP (\S+) .+\.$", page, re.MULTILINE)
    assert list(types) == helps, "every metric has its help, once"
    for name, kind in types.items():
        assert re.fullmatch(r"tenbin_[a-z_]+(http2_[a-z_]+)?", name)
        assert (kind == "counter") == name.endswith("_total"), name
        assert not re.search(r"_(ms|kb|percent|milliseconds)(_|$)", name)


def test_two_thousand_servers_render_quickly() -> None:
    large = status(samples.large(2000))
    assert best(lambda: render(large)) < 0.15
