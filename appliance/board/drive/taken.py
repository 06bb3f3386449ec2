"""Owns the note of how far a drive was taken: as of which stamp everything on it was accepted.

`taken` beside the images, root's own. An image with another stamp has what exists nowhere else.
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


def images(folder: Path) -> list[Path]:
    """The images of one drive, the one in force last."""
    return sorted(folder.glob("[0-9]*.img"))


def current(folder: Path) -> Path | None:
    """The image in force."""
    return next(iter(images(folder)[::-1]), None)


def note(image: Path, as_of: str) -> None:
    """Everything on that image, as of that stamp, was taken. Raises DiskFull."""
    durable.publish(image.with_name(_NOTE), as_of.encode(), mode=0o600)


def untaken(drives: Path) -> Iterator[Path]:
    """The images in force in the folder of all drives on which something may be that was not."""
    for folder in sorted(drives.iterdir()) if drives.is_dir() else ():
        image = current(folder)
        if image and _noted(folder) != stamp(image):
            yield image


def _noted(folder: Path) -> str:
    with suppress(FileNotFoundError):
        return (folder / _NOTE).read_text(encoding="ascii", errors="replace")
    return ""
