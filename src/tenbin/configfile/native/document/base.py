"""What all parts of the document have in common: unknown keys, short forms, the narrow types of their values.

A document is what was written, checked on its own and in short forms made long, but not yet resolved: None still means
"not given" here.
"""

from functools import cache
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationInfo, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.tree import INVALID, Map, Seq
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.configfile.suggest import did_you_mean

Notes = list[tuple[Map, str, Problem]]
"""Problems with keys, collected beside pydantic's errors: the mapping, the key in it, what is wrong with it."""


class Document(BaseModel):
    """A mapping of the file. `what` is how messages call it; `elsewhere` maps keys that people write to a hint.

    `later`: keys of features that this version does not have, and what they come with.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        arbitrary_types_allowed=True,
        json_schema_extra={"additionalProperties": False},
    )

    what: ClassVar[str] = "this mapping"
    elsewhere: ClassVar[Mapping[str, str]] = {}
    later: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, data: object, info: ValidationInfo) -> object:
        if not isinstance(data, dict):
            if data is None:
                raise mistake(f"{cls.what} is empty", expected="a mapping", hint="remove the key, or fill it in")
            found = values.describe(data)
            raise mistake(f"{found} instead of {cls.what}", expected=f"a mapping with {_some(_keys(cls))}")
        known = _keys(cls)
        if isinstance(data, Map) and isinstance(info.context, list) and not data.keys() <= known:
            for key in data.keys() - known:
                info.context.append((data, key, cls._unknown(key)))
        return data

    @classmethod
    def _unknown(cls, key: str) -> Problem:
        if key in cls.later:
            return Problem(f"`{key}` comes with {cls.later[key]}, which this version does not have yet")
        hint = cls.elsewhere.get(key) or did_you_mean(key, _keys(cls))
        expected = f"one of {', '.join(sorted(_keys(cls)))}"
        return Problem(f"{cls.what} has no key `{key}`", expected=expected, hint=hint)


def setting(description: str, default: object = None, *, shown: object = None, unit: str = "") -> Any:  # noqa: ANN401
    """A key of a document. `shown` is the default that the reference tells when the document itself holds None."""
    extra: dict[str, Any] = {}
    told = default if shown is None else shown
    if told is not None:
        extra["default"] = told if isinstance(told, bool | int | str | list) else str(told)
    if unit:
        extra["x-unit"] = unit
    return Field(default, description=description, json_schema_extra=extra or None)


def required(description: str) -> Any:  # noqa: ANN401
    """A key of a document that must be given."""
    return Field(description=description)


def made(**entries: object) -> Map:
    """The long form of something that was written short."""
    mapping = Map((0, 0))
    mapping.update(entries)
    return mapping


def one_of(document: Document, keys: tuple[str, ...], *, what: str, needed: bool = True) -> str:
    """Return which one of these keys was given, "" for none. Raises `Mistake` for two, or for none when one is needed."""
    given = [key for key in keys if getattr(document, key) not in (None, False)]
    if len(given) > 1:
        both = " and ".join(f"`{key}`" for key in given)
        raise Mistake(Problem(f"{what}: {both} exclude each other", expected=f"one of {', '.join(keys)}", key=given[1]))
    if not given and needed:
        raise Mistake(Problem(f"{what}: it does not say which", expected=f"one of {', '.join(keys)}"))
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
            raise mistake(f"there are no {what}", expected=f"at least one of the {what}")
        return value

    return check


def shape(value: object) -> str | None:
    """Whether a list or a mapping was written, for the two forms that some keys have."""
    return "<list>" if isinstance(value, Seq) else "<mapping>" if isinstance(value, Map) else None


def list_or_mapping(what: str) -> BeforeValidator:
    """A check that a value is a list or a mapping and not empty."""

    def check(value: object) -> object:
        if value is INVALID or isinstance(value, Seq | Map):
            return not_empty(what)(value)
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
    return frozenset(document.model_fields)


def _some(keys: frozenset[str]) -> str:
    names = sorted(keys)
    return ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
