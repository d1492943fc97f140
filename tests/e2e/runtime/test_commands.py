"""What operators do over the runtime API is done to traffic."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tenbin.testing import wait_for
from tenbin.testing.client import ExchangeError

if TYPE_CHECKING:
    from e2e.runtime.conftest import Site

SOCAT = shutil.which("socat")


def test_drained_servers_get_no_work_and_ready_ones_do(site: Site) -> None:
    assert site.api("set server app/s1 state drain") == "\n"
    assert {site.get("/api/whoami").json()["server"] for _ in range(6)} == {"server2"}
    assert site.api.stat()["app", "s1"]["status"] == "DRAIN"
    assert site.api("enable server app/s1") == "\n"
    assert {site.get("/api/whoami").json()["server"] for _ in range(8)} == {"server1", "server2"}


def test_weights_are_absolute_or_parts_of_the_first(site: Site) -> None:
    assert site.api("set weight app/s1 50%") == "\n"
    assert site.api("get weight app/s1") == "1 (initial 3)\n\n"
    assert site.api("set server app/s1 weight 7") == "\n"
    assert site.api("get weight app/s1") == "7 (initial 3)\n\n"
    assert site.api("set weight app/s1 257") == "Absolute weight can only be between 0 and 256 inclusive.\n\n"


def test_a_new_server_works_once_it_is_enabled_and_can_be_removed(site: Site) -> None:
    assert site.api(f"add server app/fresh 127.0.0.1:{site.spare} weight 10") == "New server registered.\n\n"
    assert "server3" not in {site.get("/api/whoami").json()["server"] for _ in range(6)}
    assert site.api("enable server app/fresh") == "\n"
    wait_for(lambda: site.get("/api/whoami").json()["server"] == "server3", 5, "the new server gets work")
    assert site.api("del server app/fresh").startswith("Only servers in maintenance")
    site.api("disable server app/fresh")
    assert site.api("del server app/fresh").startswith("Server deleted.")
    assert ("app", "fresh") not in site.api.stat()


def test_a_frontend_that_is_disabled_refuses_until_it_is_enabled(site: Site) -> None:
    assert site.api("disable frontend web") == "\n"
    with pytest.raises(ExchangeError, match="refused"):
        site.get("/")
    assert site.api.stat()["web", "FRONTEND"]["status"] == "PAUSED"
    assert site.api("enable frontend web") == "\n"
    assert site.get("/api/whoami").status == 200


def test_patterns_change_at_run_time_one_by_one_and_all_at_once(site: Site) -> None:
    name = site.api("show acl").splitlines()[1].split("(", 1)[1].split(")")[0]
    assert site.get("/blocked").status == 403
    site.api(f"add acl {name} /more")
    assert site.get("/more").status == 403
    assert site.api(f"del acl {name} /blocked") == "\n"
    assert site.get("/blocked").status != 403
    assert site.api(f"prepare acl {name}") == "New version created: 1\n\n"
    site.api(f"add acl @1 {name} <<\n/one\n/two\n")
    assert site.get("/one").status != 403
    assert site.api(f"commit acl @1 {name}") == "\n"
    assert [site.get(path).status == 403 for path in ("/one", "/two", "/more")] == [True, True, False]


def test_passwords_of_the_page_are_in_no_answer(site: Site) -> None:
    asked = ("show map", "show acl", "show map #0", "show map #1", "show map .stats-web", "show env", "show info")
    assert not [command for command in asked if "secret" in site.api(command)]


def test_entries_of_tables_are_set_shown_and_cleared(site: Site) -> None:
    assert site.api("set table clients key 10.0.0.1 data.gpc0 3") == "\n"
    shown = site.api("show table clients").splitlines()
    assert shown[0] == "# table: clients, type: ip, size:100, used:1"
    assert "key=10.0.0.1 use=0" in shown[1]
    assert shown[1].endswith("gpc0=3 http_req_rate(10000)=0")
    assert len(site.api("show table clients data.gpc0 gt 3").splitlines()) == 2
    assert site.api("clear table clients key 10.0.0.1") == "\n"
    assert "used:0" in site.api("show table clients")


def test_counters_begin_anew(site: Site) -> None:
    for _ in range(3):
        site.get("/api/whoami")
    wait_for(lambda: site.api.stat()["app", "BACKEND"]["stot"] == "3", 5, "three are counted")
    assert site.api("clear counters all") == "\n"
    row = site.api.stat()["app", "BACKEND"]
    assert (row["stot"], row["bin"], row["hrsp_2xx"], row["smax"]) == ("0", "0", "0", "0")
    site.get("/api/whoami")
    wait_for(lambda: site.api.stat()["app", "BACKEND"]["stot"] == "1", 5, "one is counted")


def test_who_may_only_look_changes_nothing(site: Site) -> None:
    assert site.api("set server app/s1 state maint", level="user") == "Permission denied\n\n"
    assert site.api.stat()["app", "s1"]["status"] == "UP"
    assert "127.0.0.1" not in site.api("show stat", level="user")
    assert site.api("user;set weight app/s1 1").endswith("Permission denied\n\n")


def test_several_commands_are_one_line_and_a_prompt_keeps_the_connection(site: Site) -> None:
    assert site.api("get weight app/s1;get weight app/s2") == "3 (initial 3)\n\n1 (initial 1)\n\n"
    assert site.api("prompt;get weight app/s2;quit") == "\n> 1 (initial 1)\n\n> "


@pytest.mark.skipif(SOCAT is None, reason="there is no socat")
def test_one_liners_with_socat_work_as_they_are_printed(site: Site) -> None:
    def run(line: str) -> str:
        command = f'echo "{line}" | {SOCAT} stdio {site.api.path}'
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=20).stdout

    assert run("show stat").startswith("# pxname,svname,")
    assert run("set server app/s1 state drain") == "\n"
    assert "DRAIN" in run("show stat")
    assert run("set server app/s1 state ready") == "\n"
