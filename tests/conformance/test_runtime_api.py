"""Answers of the runtime API beside those of HAProxy 2.6, on the same file, command by command."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from support.reference import HAPROXY
from support.runtime_api import Api, haproxy_on, tenbin_on
from tenbin.testing.ports import lease

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy to compare with")

TEXT = """
global
  stats socket {socket} mode 600 level admin
  set-var proc.limit int(9)
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:%d
  default_backend app
backend app
  balance roundrobin
  server s1 127.0.0.1:%d weight 3 cookie c1
  server s2 127.0.0.1:%d maxconn 10
backend clients
  stick-table type ip size 100k expire 30s store gpc0,http_req_rate(10s)
"""
SAME = """
get weight app/s1 | get weight app/none | get weight app | get weight | set weight app/s1 x | set weight app/s1 257
set weight app/s1 50%% | get weight app/s1 | set weight app/s1 5 | get weight app/s1 | set weight app/s1 100%%
set server app/s1 | set server app | set server none/s1 state ready | set server app/s1 state what
set server app/s1 state drain | set server app/s1 state maint | set server app/s1 state ready
set server app/s1 health what | set server app/s1 agent up | set server app/s2 check-port 80
set server app/s1 addr 127.0.0.1 | set server app/s1 addr x | set server app/s1 addr 127.0.0.1 port x
set server app/s1 addr 127.0.0.3 | set server app/s1 fqdn x
enable health app/s1 | enable agent app/s1 | disable agent app/s1 | enable server app | disable server app/none
disable server app/s1 | enable server app/s1 | disable frontend web | disable frontend web | enable frontend web
enable frontend web | enable frontend none | shutdown frontend none | set maxconn frontend web
set maxconn frontend none 1 | set maxconn frontend web 500 | set maxconn server app/s1 20 | set maxconn global 400
set rate-limit | set rate-limit what | set rate-limit connections global 0 | set rate-limit sessions global 7000
set rate-limit connections | set rate-limit connections global | set rate-limit connections global x
set rate-limit ssl-sessions global 9000 | set maxconn global x | set maxconn global | set maxconn global 99999999
clear counters | clear counters all
add server app | add server none/x 127.0.0.1:1 | add server app/s1 127.0.0.1:1 | add server app/n 127.0.0.1:1
add server app/c 127.0.0.1:1 check inter 5s weight 4 | enable health app/c | disable health app/c
enable health app/n | add server app/t 127.0.0.1:1 track app/s1 | add server app/t 127.0.0.1:1 track none/x
add server app/t 127.0.0.1:1 cookie x | add server app/t 127.0.0.1:1 resolvers x
add server app/t 127.0.0.1:1 ssl verify none | add server app
add server app/u | add server clients/u 127.0.0.1:1 | del server clients/u | enable agent app/n | del server app/c
del server app/t | del server app | del server | del server none/x | show errors none | show errors 0 |
del server app/none | del server app/n | shutdown sessions server app/s1 | shutdown session 0x1
set timeout | set timeout cli x | set timeout cli 10 | set severity-output what | set severity-output number
set severity-output number;get weight app/none | set severity-output string;get weight app/none
expert-mode | experimental-mode | get var proc.x | get var proc.none | get var proc.limit | get var txn.x | get var
set var proc.limit int(3) | experimental-mode on;set var proc.limit int(2),add(3) | get var proc.limit
experimental-mode on;set var proc.limit fmt a%[int(7)] | get var proc.limit | experimental-mode on;set var proc.limit
experimental-mode on;set var txn.x int(1) | experimental-mode on;set var proc.limit a b | show env NOSUCH
experimental-mode on;set var proc.limit none(1) | show map | get map x y | show map x | show acl x | add acl
del acl | del map | set map | clear map | clear map x | show backend | show cli level | user;show cli level
prompt;get weight app/s2 | show table none | show table clients | set table clients key 10.0.0.1 data.gpc0 3
show table clients data.gpc0 gt 5 | show table clients data.none gt 1 | show table clients data.gpc0 what 1
show table clients data.gpc0 gt x | show table clients key | show table clients key 10.9.9.9 | clear table
clear table clients data.gpc0 eq 3 | clear table clients | show table clients what | show ssl cert
show ssl cert x | show ssl cert *x | set ssl cert | commit ssl cert | commit ssl cert x | abort ssl cert
abort ssl cert x | new ssl cert | new ssl cert /n.pem
new ssl cert /n.pem | show ssl cert /n.pem | commit ssl cert /n.pem | del ssl cert
del ssl cert x | del ssl cert /n.pem | del ssl cert /n.pem | set ssl ocsp-response | set ssl ocsp-response AAAA
set ssl ocsp-response !! | set ssl cert x | show servers state none
"""
COMMANDS = [command.strip().replace("%%", "%") for command in SAME.replace("\n", "|").split("|") if command.strip()]


class Both:
    """The same commands for both."""

    def __init__(self, ours: Api, theirs: Api) -> None:
        self.ours = ours
        self.theirs = theirs


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    with (
        lease(3) as mine,
        lease(3) as other,
        haproxy_on(TEXT % other.ports, folder) as theirs,
        tenbin_on(TEXT % mine.ports, folder, compat="2.6") as ours,
    ):
        yield Both(ours, theirs)


def test_every_command_is_answered_as_by_haproxy(both: Both) -> None:
    found = {command: (both.ours(command), both.theirs(command)) for command in COMMANDS}
    assert {command: pair for command, pair in found.items() if _plain(pair[0]) != _plain(pair[1])} == {}


def test_statistics_have_the_columns_and_rows_of_haproxy(both: Both) -> None:
    ours, theirs = both.ours.stat(), both.theirs.stat()
    assert list(ours) == list(theirs)
    for name, row in theirs.items():
        fixed = list(row)[:103]
        assert list(ours[name])[:103] == fixed
        empty = {column for column in fixed if (row[column] == "") != (ours[name][column] == "")}
        assert empty - {"src_ilim", "slim"} == set(), name
        same = ("svname", "status", "weight", "act", "bck", "iid", "sid", "type", "mode", "algo", "cookie", "uweight")
        assert {key: ours[name][key] for key in same} == {key: row[key] for key in same}, name


def test_typed_outputs_tell_of_the_same_places_tags_and_types(both: Both) -> None:
    ours, theirs = (_typed(api("show stat typed")) for api in (both.ours, both.theirs))
    assert {key: (tags, theirs[key]) for key, tags in ours.items() if theirs.get(key, tags) != tags} == {}
    ours, theirs = (_typed(api("show info typed")) for api in (both.ours, both.theirs))
    assert ours == theirs


def test_json_is_shaped_as_that_of_haproxy(both: Both) -> None:
    for command in ("show stat json", "show info json"):
        ours, theirs = (json.loads(api(command)) for api in (both.ours, both.theirs))
        first = [part[0] if isinstance(part[0], dict) else part[0][0] for part in (ours, theirs)]
        assert first[0].keys() == first[1].keys()
        assert first[0]["tags"] == first[1]["tags"]


def test_states_of_servers_are_told_in_the_same_lines(both: Both) -> None:
    ours, theirs = (_states(api("show servers state")) for api in (both.ours, both.theirs))
    assert ours == theirs
    lines = [api("show servers conn").splitlines() for api in (both.ours, both.theirs)]
    assert [line.split()[:2] for line in lines[0]] == [line.split()[:2] for line in lines[1]]


def _plain(text: str) -> str:
    """Without what is chance: places in memory, and the sentences of help."""
    text = re.sub(r"0x[0-9a-f]+", "0x", re.sub(r"exp=\d+", "exp=", text))
    return re.sub(r"(?m)^  .*\n", "", text)


def _typed(text: str) -> dict[str, str]:
    found = {}
    for line in text.strip().splitlines():
        place, tags, kind, _ = line.split(":", 3)
        if ".-." not in place:
            found[place if place.count(".") < 5 else place.split(".", 3)[-1] + place[0]] = f"{tags}:{kind}"
    return {name: tags for name, tags in found.items() if not re.match(r"1[0-2]\d\.", name)}


def _states(text: str) -> list[list[str]]:
    rows = [line.split() for line in text.splitlines()[2:] if line]
    # Ports are each one's own; times since changes go on, and levels of what is not checked mean nothing.
    return [row[:9] + row[10:12] + row[13:18] for row in rows]
