"""Owns turning TOML tables into the schema's records; finds every fault, not only the first."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Annotated, Any, NoReturn, get_args, get_origin, get_type_hints

from appliance.settings import conditions
from appliance.settings.conditions import Condition
from appliance.settings.schema import KINDS, Settings
from appliance.settings.values import bad_name, did_you_mean

_EXPECTED = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the settings: where, and why."""

    key: str
    reason: str

    def __str__(self) -> str:
        """As the contract prints it, the file's name left to the caller."""
        return f"{self.key}: {self.reason}"


class _WrongError(Exception):
    """A value cannot be used; the message is the reason."""


def read(text: str) -> tuple[Settings, list[Fault]]:
    """The settings in a TOML text, and what is wrong with it.

    With faults the settings are only good for looking for more of them: what could not be read
    stands there as its default, or as nothing.
    """
    faults: list[Fault] = []
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Settings(), [syntax_fault(error)]
    settings: Settings = _record(Settings, raw, "", faults)
    return settings, faults


def label(table: str, number: int, name: object) -> str:
    """How a fault calls one entry of an array of tables: by a good name, else by place from 1."""
    named = isinstance(name, str) and not bad_name(name)
    return f"{table}.{name}" if named else f"{table}[{number}]"


def syntax_fault(error: tomllib.TOMLDecodeError) -> Fault:
    """What tomllib says as "reason (at line 3, column 5)"."""
    reason, _, place = str(error).rpartition(" (at ")
    return Fault(place.rstrip(")"), reason)


def _record(cls: type, raw: Mapping[str, object], key: str, faults: list[Fault]) -> Any:
    known = {_toml_key(field): field for field in fields(cls)}
    faults += _strangers(cls, raw, known, key)
    given: dict[str, Any] = {}
    for word, field in known.items():
        place = _join(key, word)
        if word in raw:
            given[field.name] = _field(field, _hints(cls)[field.name], raw[word], place, faults)
        elif field.default is MISSING and field.default_factory is MISSING:
            faults.append(Fault(place, "is missing"))
            given[field.name] = _nothing(_hints(cls)[field.name])
    return cls(**given)


def _strangers(
    cls: type, raw: Mapping[str, object], known: Mapping[str, object], key: str
) -> list[Fault]:
    """Faults for the keys of a table that the record does not have."""
    return [
        Fault(_join(key, word), f"is not a known key{_of_other_kinds(cls, word, known)}")
        for word in raw
        if word not in known
    ]


def _of_other_kinds(cls: type, word: str, known: Mapping[str, object]) -> str:
    """Which other kinds have that key; else what it may be a misspelling of."""
    siblings = next((kinds for base, kinds in KINDS.items() if issubclass(cls, base)), {})
    having = [
        kind for kind, record in siblings.items() if word in {_toml_key(f) for f in fields(record)}
    ]
    if having:
        return f' here; it goes with kind = "{having[0]}"'
    return did_you_mean(word, known)


def _field(field: Field[Any], hint: Any, raw: object, place: str, faults: list[Fault]) -> Any:
    try:
        return _value(hint, raw, place, faults, _default(field))
    except _WrongError as wrong:
        faults.append(Fault(place, str(wrong)))
        default = _default(field)
        return _nothing(hint) if default is MISSING else default


def _value(hint: Any, raw: object, place: str, faults: list[Fault], default: object) -> Any:
    """`raw` as the annotation wants it; the field's own default needs no check."""
    if get_origin(hint) is not Annotated:
        return _plain(hint, raw, place, faults)
    base, *checks = get_args(hint)
    value = _plain(base, raw, place, faults)
    if value != default:
        for reason in filter(None, (check(value) for check in checks)):
            _refuse(reason)
    return value


def _plain(hint: Any, raw: object, place: str, faults: list[Fault]) -> Any:
    if get_origin(hint) is tuple:
        return _array(get_args(hint)[0], raw, place, faults)
    if get_origin(hint) is Mapping:
        return _mapping(get_args(hint)[1], _table(raw), place, faults)
    if get_origin(hint) is UnionType:
        return _optional(get_args(hint)[0], raw, place, faults)
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, _table(raw), place, faults)
    return _single(hint, raw)


def _single(hint: type, raw: object) -> Any:
    if issubclass(hint, Condition):
        return _condition(raw)
    return _word(hint, raw) if issubclass(hint, StrEnum) else _scalar(hint, raw)


def _optional(cls: type, raw: object, place: str, faults: list[Fault]) -> Any:
    """A record that may be left out: `true` is one with its defaults, `false` is none."""
    if isinstance(raw, bool):
        return cls() if raw else None
    if not isinstance(raw, dict):
        _refuse("must be true, false or a table")
    return _record(cls, raw, place, faults)


def _mapping(
    hint: Any, raw: Mapping[str, object], place: str, faults: list[Fault]
) -> dict[str, Any]:
    """Keys whose value is wrong stay, so that the keys can be checked too."""
    values: dict[str, Any] = {}
    for word, value in raw.items():
        try:
            values[word] = _value(hint, value, _join(place, word), faults, MISSING)
        except _WrongError as wrong:
            faults.append(Fault(_join(place, word), str(wrong)))
            values[word] = _nothing(hint)
    return values


def _array(hint: Any, raw: object, place: str, faults: list[Fault]) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        _refuse("must be a list in square brackets")
    if not (isinstance(hint, type) and is_dataclass(hint)):
        return tuple(_value(hint, entry, place, faults, MISSING) for entry in raw)
    return tuple(
        _entry(hint, table, label(place, number, table.get("name")), faults)
        for number, table in enumerate(map(_table, raw), 1)
    )


def _entry(cls: type, raw: Mapping[str, object], key: str, faults: list[Fault]) -> Any:
    """A record, of the class that its kind asks for; of an unknown kind nothing else is said."""
    kinds = KINDS.get(cls)
    if kinds is None:
        return _record(cls, raw, key, faults)
    kind = raw.get("kind")
    if isinstance(kind, str) and kind in kinds:
        return _record(kinds[kind], raw, key, faults)
    reason = f"must be one of {', '.join(kinds)}" if "kind" in raw else "is missing"
    faults.append(Fault(f"{key}.kind", reason))
    return _record(cls, {"name": raw.get("name", "")}, key, [])


def _table(raw: object) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        _refuse("must be a table")
    return raw


def _refuse(reason: str) -> NoReturn:
    raise _WrongError(reason) from None


def _word(hint: type[StrEnum], raw: object) -> StrEnum:
    try:
        return hint(_scalar(str, raw))
    except ValueError:
        _refuse(f"must be one of {', '.join(hint)}")


def _condition(raw: object) -> Condition:
    try:
        return conditions.read(raw)
    except ValueError as error:
        _refuse(str(error))


def _scalar(hint: type, raw: object) -> Any:
    """A TOML whole number will do where a number is wanted; true is not a number."""
    if type(raw) is hint:
        return raw
    if hint is float and type(raw) is int:
        return float(raw)
    _refuse(f"must be {_EXPECTED[hint]}")


def _nothing(hint: Any) -> Any:
    """The empty value of an annotation: "", 0, () or {}."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    kind = get_origin(base) or base
    return {} if kind is Mapping else kind()


def _toml_key(field: Field[Any]) -> str:
    return str(field.metadata.get("toml", field.name))


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _join(key: str, word: str) -> str:
    return f"{key}.{word}" if key else word


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return get_type_hints(cls, include_extras=True)
