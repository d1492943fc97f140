"""What requests and connections tell of a server, beside its check."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from tenbin.configfile.native.document.base import Document, made, required, setting
from tenbin.configfile.native.document.types import Positive, words
from tenbin.model.check import OnErrors

WATCHED = {"connections": 4, "answers": 7}
"""What is watched, and the layer that it is of."""

_FOREIGN = {"layer4": "it is `connections`", "layer7": "it is `answers`"}
_LATER = {
    "fastinter": "it is `fast_checks`",
    "fail-check": "it is `fail_check`",
    "sudden-death": "it is `sudden_death`",
    "mark-down": "it is `mark_down`",
}


class ObserveDocument(Document):
    """Requests watch the servers, too: too many errors in a row have consequences."""

    what: ClassVar[str] = "`observe`"
    elsewhere: ClassVar[dict[str, str]] = {
        "layer": "it is `on`",
        "error_limit": "it is `errors`",
        "on_error": "it is `then`",
    }

    on: Annotated[str | None, *words("what is watched", *WATCHED, foreign=_FOREIGN)] = required(
        "`connections`: whether they open. `answers`: also whether what comes back is right, and no 5xx."
    )
    errors: Positive = setting("So many errors in a row are too many.", 10)
    then: Annotated[str | None, *words("what follows", *OnErrors, foreign=_LATER)] = setting(
        "`fast_checks`: the next check comes within `fast`. `fail_check`: it counts as a failed check. `sudden_death`: "
        "the next failed check takes the server down. `mark_down`: it is down.",
        OnErrors.FAIL_CHECK.value,
    )


def _short(value: object) -> object:
    return made(on=value) if isinstance(value, str) else value


Observe = Annotated[ObserveDocument | None, BeforeValidator(_short, json_schema_input_type=ObserveDocument | str)]
