"""Owns what a build keeps: a thing is named by everything it is made of, and made once.

A thing appears under its name only when it is whole. Of each kind the newest few stay.
"""

from __future__ import annotations

import hashlib
import shutil
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from imagebuild.command import say
from imagebuild.recipe import CACHE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

KEPT = 3
"""So many of a kind stay: today's, and what another branch may come back to."""
_ENDING = "made"


def key(parts: Iterable[object]) -> str:
    """One name for all that something is made of."""
    digest = hashlib.sha256()
    for part in parts:
        text = str(part).encode()
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()[:20]


def tree_key(folder: Path) -> str:
    """One name for a folder's content: paths, kinds, modes and bytes; no times, no owners.

    Of a link also the bytes it leads to, for what is made of it has those; but of one that is
    absolute, which means another machine's file.
    """
    found: list[object] = []
    for path in sorted(folder.rglob("*")):
        if "__pycache__" in path.parts:
            continue
        found.append(path.relative_to(folder))
        if path.is_symlink():
            found.append(path.readlink())
            if path.readlink().is_absolute():
                continue
        if path.is_file():
            executable = bool(path.stat().st_mode & 0o100)
            found += [executable, hashlib.sha256(path.read_bytes()).hexdigest()]
    return key(found)


def kept(kind: str, name: str, make: Callable[[Path], None]) -> Path:
    """The thing `kind` of that name; made now where there is none.

    `make` is given the place to make it at, file or folder, which does not exist yet.
    """
    folder = CACHE / kind
    place = folder / f"{name}.{_ENDING}"
    if place.exists():
        place.touch()
        return place
    folder.mkdir(parents=True, exist_ok=True)
    say(f"making {kind}")
    with TemporaryDirectory(dir=folder, prefix="new-") as new:
        make(folder / new / "it")
        (folder / new / "it").rename(place)
    place.touch()
    _forget_old(folder)
    return place


def _forget_old(folder: Path) -> None:
    newest_first = sorted(
        folder.glob(f"*.{_ENDING}"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    for old in newest_first[KEPT:]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
