"""Commands on variables of the process: `get var`, `set var`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.haproxy import asfile
from tenbin.api.haproxy.command import INFO, Command, Said
from tenbin.api.haproxy.roster import version_of
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call

_KINDS = {"int": "sint"}


async def get_var(call: Call) -> str:
    """`get var <name>`."""
    name = call.word(2)
    if not name:
        raise Said("Missing process-wide variable identifier.\n")
    if not name.startswith("proc."):
        raise Said("Variable not found.\n")
    found = await call.runtime.variable(name)
    if not found.kind:
        raise Said("Variable not found.\n")
    shown = "".join(char if " " <= char <= "~" else "." for char in found.text)
    raise Said(f"{name}: type={_KINDS.get(found.kind, found.kind)} value=<{shown}>", INFO)


async def set_var(call: Call) -> str:
    """`set var <name> [expr|fmt] <expression>`: in versions before 2.7 only in experimental mode."""
    if version_of(call.runtime.state.config) < (2, 7) and not call.seat.experimental:
        raise Said("This command is restricted to experimental mode only.\n")
    name, words = call.word(2), list(call.words[3:])
    if not name:
        raise Said("Missing process-wide variable identifier.\n")
    if not words:
        raise Said("Missing either 'expr', 'fmt' or expression.\n")
    kind = "set-var"
    if len(words) > 1:
        if words[0] not in {"expr", "fmt"}:
            raise Said(f"'set var': arg type must be either 'expr' or 'fmt' but got '{words[0]}'.")
        kind = "set-var-fmt" if words[0] == "fmt" else kind
        words = words[1:]
    if not name.startswith("proc."):
        raise Said(f"'set var': cannot set variable '{name}', only scope 'proc' is permitted here.")
    await call.runtime.variable(name, asfile.variable(name, words, call.runtime.state.config, form=kind))
    return ""


COMMANDS = (
    Command(("get", "var"), "get var <name>", "a variable of the process", Level.OPERATOR, get_var),
    Command(("set", "var"), "set var <name> [fmt|expr] {<fmt>|<expr>}", "change a variable", Level.OPERATOR, set_var),
)
