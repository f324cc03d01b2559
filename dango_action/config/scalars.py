"""Scalars as YAML 1.2's core schema reads them: `off` and `2024-01-01` are text, `0o17` is 15."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value: TypeAlias = "str | int | float | bool | None"

CORE = "tag:yaml.org,2002:"

# Python refuses to print integers of more than 4300 digits; what can't be printed can't be passed on as JSON.
MOST_DIGITS = 1000

# YAML 1.2.2, section 10.3.2
_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_TRUE = re.compile(r"(?:true|True|TRUE)")
_FALSE = re.compile(r"(?:false|False|FALSE)")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NAN = re.compile(r"\.(?:nan|NaN|NAN)")


def _without_dot(text: str) -> float:
    return float(text.replace(".", ""))


def _integer(base: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        if len(text) > MOST_DIGITS:
            raise ValueError(MOST_DIGITS)
        return int(text, base)

    return convert


_KINDS: Mapping[str, tuple[tuple[re.Pattern[str], Callable[[str], Value]], ...]] = {
    "null": ((_NULL, lambda _: None),),
    "bool": ((_TRUE, lambda _: True), (_FALSE, lambda _: False)),
    "int": ((_INT, _integer(10)), (_OCTAL, _integer(0)), (_HEXADECIMAL, _integer(0))),
    "float": ((_FLOAT, float), (_INFINITY, _without_dot), (_NAN, _without_dot)),
    "str": ((re.compile(r"(?s:.*)"), str),),
}
_ORDER = ("null", "bool", "int", "float", "str")


def resolve(text: str) -> Value:
    """Return the value of a plain scalar.

    Raises:
        ValueError: an integer with more than `MOST_DIGITS` digits.

    """
    return next(convert(text) for kind in _ORDER for pattern, convert in _KINDS[kind] if pattern.fullmatch(text))


def tagged(tag: str, text: str) -> Value:
    """Return the value of a scalar with an explicit tag of the core schema.

    Raises:
        ValueError: there is no such tag, or the text is not of its form.

    """
    if tag == "!":
        return text
    kind = tag.removeprefix(CORE)
    if tag.startswith(CORE):
        for pattern, convert in _KINDS.get(kind, ()):
            if pattern.fullmatch(text):
                return convert(text)
    raise ValueError(kind)
