"""What all parts of the document have in common: unknown keys, short forms, the narrow types of their values.

A document is what was written, checked on its own and in short forms made long, but not yet resolved: None still means
"not given" here.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.tree import INVALID, Map, Seq
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.configfile.secrets import hide
from tenbin.configfile.suggest import did_you_mean

Notes = list[tuple[Map, str, Problem]]
"""Problems with keys, collected beside pydantic's errors: the mapping, the key in it, what is wrong with it."""


_SECTIONS = ("timeouts", "limits", "http", "per_source", "request", "response", "rewrite")
_COLON = "a key is followed by a colon and a space"


class Document(BaseModel):
    """A mapping of the file. `what` is how messages call it, `instead` how they call it when it is none.

    `elsewhere` maps keys that people write to a hint. `later`: keys of features that this version does not have, and
    what they come with.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        arbitrary_types_allowed=True,
        json_schema_extra={"additionalProperties": False},
    )

    what: ClassVar[str] = "this mapping"
    instead: ClassVar[str] = ""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    later: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: object, info: ValidationInfo) -> object:
        if isinstance(data, cls):
            return data
        if not isinstance(data, dict):
            if data is None:
                raise mistake(f"{cls.what} is empty", expected="a mapping", hint="remove the key, or fill it in")
            found = f"{values.describe(data)} instead of {cls.instead or cls.what}"
            raise mistake(found, expected=f"a mapping with {_some(_keys(cls))}", hint=cls.instead and _COLON)
        known = _keys(cls)
        if isinstance(data, Map) and isinstance(info.context, list) and not data.keys() <= known:
            for key in data.keys() - known:
                info.context.append((data, key, cls._unknown(key)))
        if isinstance(data, Map) and isinstance(info.context, list):
            for key in _SECTIONS:
                if key in data and data[key] is None:
                    problem = Problem(f"`{key}` is empty", expected="a mapping", hint="remove the key, or fill it in")
                    info.context.append((data, key, problem))
        return data

    @classmethod
    def _unknown(cls, key: str) -> Problem:
        if key in cls.later:
            return Problem(f"`{key}` comes with {cls.later[key]}, which this version does not have yet")
        hint = cls.elsewhere.get(key) or did_you_mean(key, _keys(cls))
        expected = "" if hint else f"one of {', '.join(sorted(_keys(cls)))}"
        return Problem(f"{cls.what} has no key `{hide(key)}`", expected=expected, hint=hint)


def setting(description: str, default: object = None, *, shown: object = None, secret: bool = False) -> Any:
    """A key of a document. `shown` is the default that the reference tells when the document itself holds None.

    What is `secret` is not part of the document's repr.
    """
    extra: dict[str, Any] = {}
    told = default if shown is None else shown
    if isinstance(told, str) and ("`" in told or " " in told):
        # A rule instead of a value: editors would insert it.
        extra["x-default"] = told
    elif told is not None:
        extra["default"] = told if isinstance(told, bool | int | str) else "0s" if str(told) == "0ms" else str(told)
    return Field(default, description=description, json_schema_extra=extra or None, repr=not secret)


def required(description: str, *, key: str | None = None) -> Any:
    """A key of a document that must be given. `key` is how the file calls it where Python has no such name."""
    return Field(description=description, alias=key)


def made(**entries: object) -> Map:
    """The long form of something that was written short."""
    mapping = Map((0, 0))
    mapping.update(entries)
    return mapping


def one_of(document: Document, keys: tuple[str, ...], *, what: str, lacking: str = "") -> str:
    """Return which one of these keys was given, "" for none.

    Raises `Mistake` for two; for none too when `lacking` says what the document then lacks.
    """
    given = [key for key in keys if getattr(document, key) not in (None, False)]
    if len(given) > 1:
        message = f"{what} has `{given[0]}` and `{given[1]}`, which exclude each other"
        raise Mistake(Problem(message, expected=f"one of {', '.join(keys)}", key=given[1]))
    if not given and lacking:
        raise Mistake(Problem(f"{what} does not say {lacking}", expected=f"one of {', '.join(keys)}"))
    return given[0] if given else ""


def choice(value: object, options: tuple[str, ...], what: str, foreign: Mapping[str, str] | None = None) -> str:
    """Return a word that is one of the options. `foreign` maps words of other programs to a hint."""
    if isinstance(value, str) and value in options:
        return value
    hint = ""
    if isinstance(value, str):
        hint = (foreign or {}).get(value, "") or did_you_mean(value, options)
    raise mistake(f"not {what}", expected=f"one of {', '.join(options)}", hint=hint)


def whole(value: object, low: int, high: int) -> int:
    """Return a whole number in a range."""
    expected = f"a whole number from {low} to {high}" if high < 2**31 - 1 else f"a whole number, {low} or more"
    if isinstance(value, bool) or not isinstance(value, int):
        hint = ""
        if isinstance(value, str) and value.isascii() and value.isdigit():
            hint = f"without quotes: {int(value[:18])}"
        raise mistake("not a whole number", expected=expected, hint=hint)
    if not low <= value <= high:
        raise mistake("the number is out of range", expected=expected)
    return value


def flag(value: object) -> bool:
    """Return true or false."""
    if isinstance(value, bool):
        return value
    spelled = {"on": "true", "yes": "true", "enabled": "true", "off": "false", "no": "false", "disabled": "false"}
    word = spelled.get(str(value).lower(), "")
    raise mistake("neither true nor false", expected="true or false", hint=f"YAML 1.2 writes {word}" if word else "")


def switch(value: object) -> object:
    """`true` is a mapping without entries, so all defaults; `false` and null are None, so nothing of the kind."""
    return made() if value is True else None if value is False else value


def written(document: Document, key: str) -> bool:
    """Whether a key was given at all; a key that was switched off was."""
    return key in document.model_fields_set


def as_list(value: object) -> object:
    """One thing or a list of things, always as a list."""
    return value if isinstance(value, list) else [value]


def not_empty(what: str) -> Callable[[object], object]:
    """A check that a list or mapping holds something."""

    def check(value: object) -> object:
        if value is None or (isinstance(value, list | dict) and not value):
            raise mistake(f"there are no {what}", expected="at least one")
        return value

    return check


def shape(value: object) -> str | None:
    """Whether a list or a mapping was written, for the two forms that some keys have."""
    return "<list>" if isinstance(value, Seq) else "<mapping>" if isinstance(value, Map) else None


def list_or_mapping(what: str, *, may_be_empty: bool = False) -> BeforeValidator:
    """A check that a value is a list or a mapping, and not empty unless it may be."""

    def check(value: object) -> object:
        if value is INVALID or isinstance(value, Seq | Map):
            return value if may_be_empty else not_empty(what)(value)
        found = values.describe(value)
        raise mistake(f"{found} instead of {what}", expected=f"a list of {what}, or a mapping of names to {what}")

    return BeforeValidator(check)


Item = TypeVar("Item")
Entry = TypeVar("Entry")

ListOrMapping = Annotated[
    Annotated[list[Item], Tag("<list>")] | Annotated[dict[str, Entry], Tag("<mapping>")],
    Discriminator(shape),
]
"""Anonymous items, or named entries."""


@cache
def _keys(document: type["Document"]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in document.model_fields.items())


def _some(keys: frozenset[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
