"""Owns the lock files and their renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagebuild import archive, lock
from imagebuild.command import say
from imagebuild.errors import NotLocked
from imagebuild.recipe import HERE

if TYPE_CHECKING:
    from pathlib import Path

    from imagebuild.lock import Lock
    from imagebuild.recipe import Recipe

FOLDER = HERE / "lock"
PYTHON = FOLDER / "python.lock"
"""Python packages that only the box has, in pip's words."""
MACHINES = ("amd64", "arm64")
"""An image can be built on these."""


def image_file(recipe: Recipe) -> Path:
    """The lock of what ends in the image, and of what compiles for it."""
    return FOLDER / f"image-{recipe.architecture}.lock"


def tools_file(machine: str) -> Path:
    """The lock of the programs that put the image together, on such a machine."""
    return FOLDER / f"tools-{machine}.lock"


def require_tools(machine: str) -> Lock:
    """The tools' lock. Raises NotLocked where an image cannot be built on such a machine."""
    if machine not in MACHINES:
        raise NotLocked(what=f"a machine of the architecture {machine}", file="lock/tools-*")
    return lock.load(tools_file(machine))


def relock(recipe: Recipe, mirror: str) -> None:
    """Write every lock anew, from what Debian has today; says what changed."""
    FOLDER.mkdir(exist_ok=True)
    here = archive.Archive.open(recipe, recipe.architecture, mirror)
    _write(image_file(recipe), archive.lock_image(here, recipe))
    for machine in MACHINES:
        here = archive.Archive.open(recipe, machine, mirror)
        _write(tools_file(machine), archive.lock_tools(here, recipe))


def _write(file: Path, new: Lock) -> None:
    old = lock.load(file) if file.exists() else None
    for line in changes(old, new):
        say(f"{file.name}: {line}")
    file.write_text(lock.render(lock.renewed(old, new)), encoding="utf-8")


def changes(old: Lock | None, new: Lock) -> list[str]:
    """What a new lock has otherwise, a line for each package."""
    before = {deb.name: deb.version for deb in old.debs} if old else {}
    after = {deb.name: deb.version for deb in new.debs}
    lines = [f"- {name} {before[name]}" for name in sorted(before.keys() - after.keys())]
    lines += [f"+ {name} {after[name]}" for name in sorted(after.keys() - before.keys())]
    return lines + [
        f"{name} {before[name]} -> {after[name]}"
        for name in sorted(before.keys() & after.keys())
        if before[name] != after[name]
    ]
