"""Owns a pretended devices service, in this process: folders are sticks.

Like the real one it opens only what is plugged in, and what was opened lives on when that is
pulled.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.board.mount import Helper, Mounted
from appliance.board.usb import UsbVolume
from appliance.errors import Declined, NoHelper

if TYPE_CHECKING:
    from pathlib import Path


class FakeSticks(Helper):
    """Hand it to a StickSource in the place of the helper."""

    def __init__(self) -> None:
        self._arrivals = 0
        self._plugged: dict[str, tuple[UsbVolume, Path]] = {}
        self.is_there = True
        self.unreadable = ""  # why nothing can be mounted
        self.is_worn = False  # every look at a disk finds that it has failed again

    def plug(self, folder: Path, label: str = "EXPORT") -> str:
        """Returns the volume's id, which is never the same again."""
        self._arrivals += 1
        volume = UsbVolume(
            id=f"sdb1-{self._arrivals}",
            label=label,
            fs="vfat",
            size_bytes=1 << 30,
            device="/dev/sdb1",
            model="Disk",
            serial=str(folder),
        )
        self._plugged[volume.id] = (volume, folder)
        return volume.id

    def pull(self, volume_id: str) -> None:
        del self._plugged[volume_id]

    def volumes(self) -> list[UsbVolume]:
        self._answer()
        return [volume for volume, _ in self._plugged.values()]

    def open(self, volume_id: str) -> Mounted:
        self._answer()
        if self.unreadable or volume_id not in self._plugged:
            why = self.unreadable or "It is not plugged in any more."
            raise Declined(sentence=why, code="cannot-mount", hint="Take another one.")
        fd = os.open(self._plugged[volume_id][1], os.O_PATH | os.O_DIRECTORY)
        return _Worn(fd) if self.is_worn else Mounted(fd)

    def _answer(self) -> None:
        if not self.is_there:
            raise NoHelper(what="USB", why="the devices service does not answer")


class _Worn(Mounted):
    failures = 0

    def errors(self) -> int | None:
        self.failures += 1
        return self.failures
