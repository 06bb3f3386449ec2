"""Owns a host that writes on the stick which the box poses as: mtools, straight into the image."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from appliance.board.drive.image import file_system

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_MTOOLS = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Host:
    """Whoever has that image as its stick."""

    def __init__(self, image: Path) -> None:
        self.image = image

    def writes(self, name: str, content: bytes, at: datetime | None = None) -> None:
        """A file, whatever had that name; `at` is the time it is given."""
        there = self.image.with_name("on-the-host")
        there.write_bytes(content)
        if at:
            os.utime(there, (at.timestamp(), at.timestamp()))
        self._does("mcopy", "-D", "o", "-m", str(there), f"::/{name}")
        there.unlink()

    def makes_folder(self, name: str) -> None:
        self._does("mmd", f"::/{name}")

    def renames(self, name: str, to: str) -> None:
        self._does("mren", f"::/{name}", f"::/{to}")

    def deletes(self, name: str) -> None:
        self._does("mdel", f"::/{name}")

    def has(self) -> list[str]:
        listing = self._does("mdir", "-b", "-/", "::", may_be_none=True)
        return sorted(line.removeprefix("::/") for line in listing.splitlines())

    def _does(self, program: str, *arguments: str, may_be_none: bool = False) -> str:
        where = f"{self.image}@@{file_system(self.image).offset_bytes}"
        command = [program, "-i", where, *arguments]
        done = subprocess.run(
            command, env=_MTOOLS, check=not may_be_none, capture_output=True, text=True
        )
        return done.stdout


class Unpacker:
    """A view into images by other people's code: what mtools copies out of them.

    Stands in for the kernel's own vfat, which not every kernel these tests run on has.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def open(self, name: str, image: Path) -> int:
        self._number += 1
        top = self._folder / f"{name}-{self._number}"
        top.mkdir(parents=True)
        where = f"{image}@@{file_system(image).offset_bytes}"
        command = ["mcopy", "-s", "-n", "-m", "-i", where, "::.", str(top)]
        subprocess.run(command, env=_MTOOLS, check=True, capture_output=True)
        return os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def uses(self, _: Path) -> bool:
        return False
