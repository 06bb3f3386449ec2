"""Owns the small file on a handover stick that says whether a spare may work with its parcel.

`released`: the old box has let go. `taken`: the box named there works with it now. `void`: the old
box goes on. No such file, or one that cannot be read, counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.box import volumes

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "charge.json"
_LONGEST = 4096


class Word(StrEnum):
    """What it says."""

    RELEASED = "released"
    TAKEN = "taken"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Token:
    """Of which handover, what, and by which box (its name on sticks)."""

    move: str
    word: Word
    by: str


def write(folder: Path, token: Token) -> None:
    """It is on the stick when this returns; OSErrors fly, ParcelDamaged where it is not."""
    said = asdict(token)
    volumes.publish(folder / _FILE, json.dumps({**said, "check": _check(token)}).encode())


def read(folder: Path) -> Token | None:
    """What it says; None where nothing can be told from it; OSErrors other than that fly."""
    try:
        with (folder / _FILE).open("rb") as file:
            said = json.loads(file.read(_LONGEST))
        token = Token(str(said["move"]), Word(said["word"]), str(said["by"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return None
    return token if said.get("check") == _check(token) else None


def _check(token: Token) -> str:
    """Half a file is no file."""
    return hashlib.sha256("\n".join(("jembatan", *asdict(token).values())).encode()).hexdigest()
