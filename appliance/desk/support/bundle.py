"""Owns the support bundle: what is in it, as one document, as text for a person, as a file.

What a person reads before giving it away is all there is: the text is made of the document itself,
key by key, and the file holds both and nothing else.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.call import ask
from appliance.clock import stamp
from appliance.desk.support.account import account
from appliance.desk.support.marks import Marks
from appliance.desk.support.outline import Outline
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.clock import Clock
    from appliance.journal.journal import Journal, Paths
    from appliance.settings.schema import Settings

FORMAT = 1
NAME = "jembatan-support.zip"
_PATIENCE_S = 90.0
_WIDTH = 96
_PREFACE = """What is in this file
====================

The state of a Jembatan box, for whoever helps with it. It holds no name, number, birth date or
image of any patient, no password and no address of your network: words that somebody typed or a
modality sent were replaced by marks such as ~3f09ac, or left out, before this was written. The
same word has the same mark here, and nobody can get the word back from it.

All of it stands below. support.json holds the same for programs; there is nothing else.
"""


def document(
    journal: Journal | None, settings: Settings, machine: Mapping[str, Any], clock: Clock
) -> dict[str, Any]:
    """The whole bundle; `journal` None is a box that never ran."""
    marks = Marks()
    return {
        "format": FORMAT,
        "version": __version__,
        "made_at": stamp(clock.utc()),
        "machine": machine.get("facts", {}),
        "settings": Outline(marks).of(settings),
        "journal": account(journal, marks, clock) if journal else None,
        "log": machine.get("log", {}),
    }


def machine_of(paths: Paths) -> dict[str, Any]:
    """What the steward says of the machine; on a workstation, without one, what anybody may."""
    try:
        return ask(paths.run / "steward.sock", {"op": "support-machine"}, _PATIENCE_S)
    except Problem:
        from appliance.box.machine import operations  # noqa: PLC0415 - not on a box

        return dict(operations()["support-machine"]({}))  # type: ignore[arg-type]  # no Handing


def text(bundle: Mapping[str, Any]) -> str:
    """The same for a person to read."""
    return _PREFACE + "\n".join(_lines(bundle, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    """A line for each fact; records of a list that fit are one line each."""
    pad = "  " * depth
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _entry(key, each, depth)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, dict) and not any(map(_is_deep, each.values())):
                yield pad + "- " + ", ".join(f"{k} {_short(v)}" for k, v in each.items())
            else:
                yield pad + "-"
                yield from _lines(each, depth + 1)


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if value and _is_deep(value):
        if not depth:
            yield from ("", key, "-" * len(key))
        else:
            yield f"{pad}{key}:"
        yield from _lines(value, depth + 1)
    else:
        yield f"{pad}{key}: {_short(value)}"


def _is_deep(value: Any) -> bool:
    """Whether it takes lines of its own."""
    if isinstance(value, list | tuple):
        return any(isinstance(each, dict | list) for each in value)
    return isinstance(value, dict)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value in (None, "", {}) else str(value)


def packed(bundle: Mapping[str, Any]) -> bytes:
    """As a file to send: the text first, then the document."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as parcel:
        parcel.writestr("READ ME FIRST.txt", text(bundle).replace("\n", "\r\n"))
        parcel.writestr("support.json", json.dumps(bundle, indent=1, ensure_ascii=True))
    return target.getvalue()
