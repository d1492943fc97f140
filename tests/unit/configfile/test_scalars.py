"""What plain YAML scalars mean."""

from __future__ import annotations

import math

import pytest

from tenbin.configfile.native.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", -math.inf),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["on", "off", "yes", "no", "y", "22:22", "0755", "00", "1_000", "0b1", "1.2.3", "10.0.0.1", "2s", "50%", "-",
     "2026-11-21", "nULL", "tRue", "0x", "1e", ".", "+", "\u0661"],
)  # fmt: skip
def test_everything_else_is_text(text: str) -> None:
    assert resolve(text) == text


def test_nan() -> None:
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


def test_huge_numbers_stay_cheap() -> None:
    assert resolve("9" * 100_000) == "9" * 100_000
