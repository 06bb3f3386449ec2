"""Owns what a route asks of one value: how it is written in the settings, and whether it holds.

`"CR*"` is a wildcard, `["CR", "DX"]` or `{ in = [...] }` one of several, `{ regex = "..." }` a
regular expression found anywhere in the value, `{ not = ... }` the contrary of any of these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NoReturn

from appliance.settings.hours import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIME = "time"
WEEKDAY = "weekday"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_FORMS = 'a text, a list of texts, or one of { regex = "..." }, { not = ... }, { in = [...] }'
_LINE = re.compile(r"[^\x00-\x1f\x7f]*")


class Condition:
    """What is asked of one value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Like(Condition):
    """A wildcard over the whole value: `*` for anything, `?` for one character; case counts."""

    wildcard: str

    def __str__(self) -> str:
        """As people read it."""
        return f'"{self.wildcard}"'


@dataclass(frozen=True, slots=True)
class Regex(Condition):
    """A regular expression, found anywhere in the value unless it has ^ and $."""

    pattern: str

    def __str__(self) -> str:
        """As people read it."""
        return f'something with the pattern "{self.pattern}"'


@dataclass(frozen=True, slots=True)
class OneOf(Condition):
    """One of several wildcards."""

    wildcards: tuple[str, ...]

    def __str__(self) -> str:
        """As people read it."""
        return " or ".join(f'"{wildcard}"' for wildcard in self.wildcards)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    """The contrary; it holds where there is no value, too."""

    condition: Condition

    def __str__(self) -> str:
        """As people read it."""
        return f"not {self.condition}"


def read(raw: object) -> Condition:
    """A condition from what TOML has. Raises ValueError with the reason."""
    match raw:
        case str():
            return Like(_line(raw))
        case list():
            return _one_of(raw)
        case {"regex": str(pattern), **rest} if not rest:
            return Regex(_compiled(pattern))
        case {"in": list(texts), **rest} if not rest:
            return _one_of(texts)
        case {"not": inner, **rest} if not rest:
            return Not(read(inner))
    return _refuse(f"must be {_FORMS}")


def holds(keyword: str, condition: Condition, value: str) -> bool:
    """Whether a value is what is asked; of several (ImageType) one must be, of `not` none.

    Trailing spaces and empty components of a name make no difference (PS3.5 6.2).
    """
    if isinstance(condition, Not):
        return not holds(keyword, condition.condition, value)
    is_it = _test(keyword, condition)
    whole = value.rstrip("^ ")
    return is_it(whole) or any(is_it(each.strip().rstrip("^ ")) for each in whole.split("\\"))


def wrong(keyword: str, condition: Condition) -> str:
    """Why a condition on a time or a weekday could not be meant so; "" for all others."""
    for text in _texts(condition):
        if keyword == WEEKDAY and text not in WEEKDAYS:
            return f"{text!r} must be one of {', '.join(WEEKDAYS)}"
        if keyword == TIME and not _is_span(text):
            return f"{text!r} is not a time of the day such as 19:00-06:00"
    return ""


def _test(keyword: str, condition: Condition) -> Callable[[str], bool]:
    fits = _covers if keyword == TIME else fnmatchcase
    match condition:
        case Like(text):
            return lambda value: fits(value, text)
        case OneOf(texts):
            return lambda value: any(fits(value, text) for text in texts)
        case Regex(pattern):
            return lambda value: bool(re.search(pattern, value))
        case _:
            return lambda _: True  # what could not be read asks for nothing


def _covers(value: str, span: str) -> bool:
    """Whether a time of the day (19:32) lies in a stretch of it."""
    if not value:
        return False
    moment = datetime.strptime(value, "%H:%M").replace(tzinfo=UTC)
    return Span.parse(span).covers(moment)


def _texts(condition: Condition) -> Iterator[str]:
    match condition:
        case Like(text) | Regex(text):
            yield text
        case OneOf(texts):
            yield from texts
        case Not(inner):
            yield from _texts(inner)
        case _:
            return


def _is_span(text: str) -> bool:
    try:
        Span.parse(text)
    except ValueError:
        return False
    return True


def _one_of(texts: list[object]) -> OneOf:
    if not texts:
        _refuse("must not be an empty list")
    return OneOf(tuple(_line(text) for text in texts))


def _line(text: object) -> str:
    if not isinstance(text, str):
        _refuse(f"must be {_FORMS}")
    if not _LINE.fullmatch(text):
        _refuse("must be one line without control characters")
    return text


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        _refuse(f"is not a regular expression: {error}")
    return pattern


def _refuse(reason: str) -> NoReturn:
    raise ValueError(reason)
