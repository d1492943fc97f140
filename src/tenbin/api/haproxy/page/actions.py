"""What the page's form does: one action on some servers of a backend, by the commands of the runtime API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Call, Said, Seat
from tenbin.api.haproxy.commands import TABLE
from tenbin.api.haproxy.roster import proxies_of
from tenbin.errors import TenbinError
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.port import Runtime

ACTIONS = {
    "ready": ("Set state to READY", "set server {} state ready"),
    "drain": ("Set state to DRAIN", "set server {} state drain"),
    "maint": ("Set state to MAINT", "set server {} state maint"),
    "dhlth": ("Health: disable checks", "disable health {}"),
    "ehlth": ("Health: enable checks", "enable health {}"),
    "hrunn": ("Health: force UP", "set server {} health up"),
    "hnolb": ("Health: force NOLB", "set server {} health stopping"),
    "hdown": ("Health: force DOWN", "set server {} health down"),
    "dagent": ("Agent: disable checks", "disable agent {}"),
    "eagent": ("Agent: enable checks", "enable agent {}"),
    "arunn": ("Agent: force UP", "set server {} agent up"),
    "adown": ("Agent: force DOWN", "set server {} agent down"),
    "shutdown": ("Kill Sessions", "shutdown sessions server {}"),
}
_ALIASES = {"enable": "ready", "disable": "maint", "stop": "drain", "start": "ready"}
OUTCOMES = {
    "DONE": ("done", True),
    "NONE": ("nothing was changed", False),
    "PART": ("only some of it could be done", False),
    "ERRP": ("the form was not understood", False),
    "EXCD": ("the form was too long", False),
    "DENY": ("this is not allowed here", False),
    "UNKN": ("nothing is known of that", False),
}


async def carry_out(runtime: Runtime, fields: dict[str, list[str]]) -> str:
    """Return the code of the outcome: see `OUTCOMES`."""
    name = (fields.get("action") or [""])[0]
    action = ACTIONS.get(_ALIASES.get(name, name))
    backend = _backend(runtime, (fields.get("b") or [""])[0])
    servers = fields.get("s") or []
    if action is None or backend is None:
        return "ERRP"
    if not servers:
        return "NONE"
    done = 0
    for server in servers:
        done += await _told(runtime, tuple(action[1].format(f"{backend}/{server}").split(" ")))
    return "DONE" if done == len(servers) else "PART" if done else "NONE"


async def _told(runtime: Runtime, words: tuple[str, ...]) -> bool:
    command = TABLE.find(words)
    if command is None:
        return False
    try:
        answer = await command.run(Call(words, "", Seat(Level.ADMIN, 10.0), runtime))
    except (Said, TenbinError):
        return False
    return answer == ""


def _backend(runtime: Runtime, name: str) -> str | None:
    """A backend by its name, or as `#ID`."""
    for proxy in proxies_of(runtime.state.config):
        if proxy.has_backend and name in (proxy.name, f"#{proxy.number}"):
            return proxy.name
    return None
