"""Owns the hint that a DICOMDIR is: which files it says must be there, and are not.

Nothing is taken because a DICOMDIR names it, nor left because it does not. PS3.10 8.6 says what
one should look like; those that modalities write do not always.
"""

from __future__ import annotations

import errno
import os
import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from appliance.peek import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_MOST_BYTES = 32 << 20
_MOST_REFERENCES = 200_000
_MOST_NAMES = 100_000
_REMEMBERED_FOLDERS = 256
_LONGEST = 1024
_REFERENCED_FILE_ID = re.compile(rb"\x04\x00\x00\x15(?:CS(..)|(..)\x00\x00)", re.DOTALL)
_VERSION = re.compile(r";\d*$")


class Missing(NamedTuple):
    """How many files a DICOMDIR names that are not there, and one of them."""

    number: int = 0
    example: str = ""


def is_dicomdir(name: str) -> bool:
    """Whether a file of that name is one, as file systems of all kinds write it."""
    return _plain(name) == "DICOMDIR"


def missing(dicomdir: Path) -> Missing:
    """What it lists and is not below its folder. OSErrors fly."""
    names = lru_cache(_REMEMBERED_FOLDERS)(_names)
    lost = [each for each in references(dicomdir) if not _is_there(dicomdir.parent, each, names)]
    return Missing(len(lost), "/".join(lost[0])) if lost else Missing()


def references(dicomdir: Path) -> set[tuple[str, ...]]:
    """The Referenced File IDs (0004,1500) it holds, in their components."""
    with opened(dicomdir) as peek:
        content = peek.at(0, min(peek.size, _MOST_BYTES))
    return set(islice(_found(content), _MOST_REFERENCES))


def _found(content: bytes) -> Iterator[tuple[str, ...]]:
    for tag in _REFERENCED_FILE_ID.finditer(content):
        length = int.from_bytes(tag[1] or tag[2], "little")
        if 0 < length <= _LONGEST:
            value = content[tag.end() : tag.end() + length]
            yield tuple(part.strip(" \0") for part in value.decode("latin-1").split("\\"))


def _is_there(
    folder: Path, reference: tuple[str, ...], names: Callable[[Path], dict[str, str]]
) -> bool:
    for part in reference:
        found = names(folder).get(_plain(part), "")
        # A name is only looked up in a listing: neither ".." nor "/" is ever in one.
        if not found:
            return False
        folder /= found
    return True


def _names(folder: Path) -> dict[str, str]:
    """What is in a folder, by plain name; nothing where it is none."""
    try:
        with os.scandir(folder) as entries:
            return {_plain(entry.name): entry.name for entry in islice(entries, _MOST_NAMES)}
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP}:
            return {}
        raise


def _plain(name: str) -> str:
    """A name without what file systems add to it or leave out: case, `;1`, a dot at the end."""
    return _VERSION.sub("", name).rstrip(".").upper()
