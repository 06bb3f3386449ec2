"""Owns changing the settings text entry by entry; comments and order of the rest stay.

Every edit is done twice, on the plain values and on the text with its comments. Should the text
not mean the plain values afterwards, the values win and the comments are lost.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import tomlkit

from appliance.errors import NotThere
from appliance.settings.load import refusal
from appliance.settings.reader import syntax_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def with_entry(text: str, table: str, entry: Mapping[str, object]) -> str:
    """`text` with the [[table]] entry of that name added or changed.

    Keys that `entry` does not mention stay; those it gives as "" or None go. Raises BadSettings
    where the text is not TOML; whether the result is good, `history.publish` says.
    """
    if _find(_plain(text).get(table, []), entry["name"]) is None:
        return _appended(text, table, {k: v for k, v in entry.items() if v not in ("", None)})
    return _edited(text, lambda document: _change(_find(document[table], entry["name"]), entry))


def without_entry(text: str, table: str, name: str) -> str:
    """`text` without the [[table]] entry of that name. Raises NotThere, BadSettings."""
    if _find(_plain(text).get(table, []), name) is None:
        raise NotThere(what=f'{table} "{name}"')
    return _edited(text, lambda document: _drop(document, table, name))


def with_table(text: str, table: str, values: Mapping[str, object]) -> str:
    """`text` with keys of a single table such as [box] set, or removed where "" or None."""
    if table not in _plain(text):
        text = _introduced(text, f"[{table}]")
    return _edited(text, lambda document: _change(document[table], values))


def _plain(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = "jembatan.toml"
        raise refusal(msg, syntax_fault(error)) from error


def _edited(text: str, edit: Callable[[Any], None]) -> str:
    wanted = _plain(text)
    edit(wanted)
    document = tomlkit.parse(text)
    edit(document)
    return _faithful(tomlkit.dumps(document), wanted)


def _appended(text: str, table: str, entry: Mapping[str, object]) -> str:
    """An array of tables may go on at the end of the file, whatever stands between."""
    wanted = _plain(text)
    wanted[table] = [*wanted.get(table, []), entry]
    lines = [f"{key} = {_inline(value).as_string()}\n" for key, value in entry.items()]
    return _faithful(_introduced(text, f"[[{table}]]") + "".join(lines), wanted)


def _introduced(text: str, header: str) -> str:
    return f"{text.rstrip()}\n\n{header}\n".lstrip()


def _faithful(text: str, wanted: Mapping[str, Any]) -> str:
    return text if _means(text, wanted) else tomlkit.dumps(wanted)


def _means(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _find(entries: Any, name: object) -> Any:
    return next((entry for entry in entries if entry.get("name") == name), None)


def _change(entry: Any, values: Mapping[str, object]) -> None:
    for key, value in values.items():
        if value in ("", None):
            entry.pop(key, None)
        elif isinstance(entry, tomlkit.items.Table):
            _put(entry, key, _inline(value))
        else:
            entry[key] = value


def _put(entry: tomlkit.items.Table, key: str, value: tomlkit.items.Item) -> None:
    """Put a new key above the blank lines and comments that introduce the next table."""
    if key in entry:
        entry[key] = value
        return
    body = entry.value.body
    tail: list[Any] = []
    while body and body[-1][0] is None:
        tail.insert(0, body.pop())
    entry[key] = value
    body.extend(tail)


def _drop(document: Any, table: str, name: str) -> None:
    kept = [entry for entry in document[table] if entry.get("name") != name]
    if not kept:
        del document[table]
        return
    document[table].remove(_find(document[table], name))


def _inline(value: object) -> tomlkit.items.Item:
    """A value on one line; tomlkit would make tables of their own of what is nested."""
    if isinstance(value, dict):
        pairs = tomlkit.inline_table()
        pairs.update({key: _inline(inner) for key, inner in value.items()})
        return pairs
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend(map(_inline, value))
        return array
    return tomlkit.item(value)
