"""Routes: a condition, edits of the messages, and at most one action that decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression


class HeaderVerb(StrEnum):
    """`set` removes what is there and adds one, `add` appends one, `remove` removes all."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """One edit of one header; `value` is a text expression (Const "" for remove)."""

    verb: HeaderVerb
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Changes the path that the server sees: `prefix` must match at a segment border and becomes `to`.

    Neither ends with a slash ("" is the root): a path is rewritten when it is `prefix` or goes on with `/` after it,
    to `to` and what went on, or to `/` when that is empty.
    """

    prefix: str
    to: str


@dataclass(frozen=True, slots=True)
class ToBackend:
    """Balance the request over this backend's servers.

    `name`, if given, is a text expression for each request, and `backend` is "": where no backend has that name, the
    request goes where the last route without a condition says.
    """

    backend: str
    name: Expression | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with `code` (301 302 303 307 308) and this Location, a text expression."""

    location: Expression
    code: int


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer with this status, headers and body; the body of a file was read with the configuration."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse with this status (400-599)."""

    status: int


Action = ToBackend | Redirect | Respond | Deny


@dataclass(frozen=True, slots=True)
class Route:
    """When `when` holds (None: always), edit, then act; without an action the next routes go on.

    `position` is `file:line:column` of the route in the configuration, for explanations.
    """

    when: Expression | None
    request: tuple[HeaderEdit, ...]
    answer: tuple[HeaderEdit, ...]
    rewrite: Rewrite | None
    action: Action | None
    position: str
