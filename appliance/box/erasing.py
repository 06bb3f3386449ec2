"""Owns jembatan-erase.txt: what whoever has the card in hand wants erased.

They could as well install another box, or put their own key for SSH beside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.box import bootfat, textfile
from appliance.errors import MisnamedWish, UnclearWish
from appliance.settings import access

if TYPE_CHECKING:
    from pathlib import Path

NAME = "jembatan-erase.txt"
"""On the boot partition, beside jembatan.txt."""
_TWICE = f"{NAME}.txt"


class Wish(StrEnum):
    """What the file says."""

    PASSWORD = "erase password"  # noqa: S105 - the words that take it away
    EVERYTHING = "erase everything"
    UNCLEAR = ""


def wish(boot: Path) -> Wish | None:
    """What is to be erased; None where there is no such file."""
    path = boot / NAME
    if not path.exists():
        return None
    try:
        lines = list(textfile.lines(path.read_bytes()))
    except textfile.NotText:
        return Wish.UNCLEAR
    words = " ".join(line.key if line.value is None else NAME for line in lines).lower()
    return Wish(words) if words in set(Wish) else Wish.UNCLEAR


def must_be_clear(boot: Path) -> None:
    """Raises UnclearWish where nobody can tell what is to be erased, MisnamedWish."""
    if wish(boot) is Wish.UNCLEAR:
        raise UnclearWish
    if (boot / _TWICE).exists():
        raise MisnamedWish(name=_TWICE)


def forget_password(boot: Path, root: Path) -> None:
    """Where that is wanted; before any service runs. It stays wanted until it is done."""
    if wish(boot) is Wish.PASSWORD:
        access.clear(root)
        with bootfat.writable(boot):
            bootfat.erase(boot, NAME)
