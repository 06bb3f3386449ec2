"""Owns the note of how far a drive was taken: as of which stamp everything on it was accepted.

`taken` beside the images, root's own. An image with another stamp has what exists nowhere else. A
word after the stamp says that what is left of it cannot be taken: that is nowhere else either.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from appliance import durable
from appliance.board.drive.image import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOTE = "taken"
_IN_PART = "in-part"


def images(folder: Path) -> list[Path]:
    """The images of one drive, the one in force last."""
    return sorted(folder.glob("[0-9]*.img"))


def current(folder: Path) -> Path | None:
    """The image in force."""
    return next(iter(images(folder)[::-1]), None)


def note(image: Path, as_of: str, *, in_part: bool = False) -> None:
    """Everything on that image, as of that stamp, was taken, or `in_part` only what can be.

    Raises DiskFull.
    """
    said = f"{as_of} {_IN_PART}" if in_part else as_of
    durable.publish(image.with_name(_NOTE), said.encode(), mode=0o600)


def untaken(drives: Path) -> Iterator[Path]:
    """The images in force in the folder of all drives on which something may be that was not."""
    for folder in sorted(drives.iterdir()) if drives.is_dir() else ():
        image = current(folder)
        if image and _noted(folder) != stamp(image):
            yield image


def is_settled(image: Path) -> bool:
    """Whether all that can be taken of that image, as it is now, was taken."""
    return _noted(image.parent).partition(" ")[0] == stamp(image)


def _noted(folder: Path) -> str:
    with suppress(FileNotFoundError):
        return (folder / _NOTE).read_text(encoding="ascii", errors="replace")
    return ""
