"""Owns the sticks that this box may write to: those a person named for it, and no other.

A stick of any other name is a modality's, and is never opened for writing. Mounted for as long as
the work lasts, in the mount namespace of the steward, and unmounted before it counts as written.
"""

from __future__ import annotations

from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.board.attach import mounted
from appliance.board.usb import UsbBus, UsbVolume
from appliance.errors import NoServiceStick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.board.usb import Bus

_FOLDER = "JEMBATAN"


class Purpose(StrEnum):
    """What a stick is for, as its folder on it is called too."""

    SPARE = "handover"
    BACKUP = "backup"


class ServiceSticks:
    """What is plugged in for service."""

    def __init__(self, places: Path, bus: Bus | None = None) -> None:
        """Mount below `places`, a folder of our own."""
        self._places = places
        self._bus = bus

    def volume(self, purpose: Purpose) -> UsbVolume | None:
        """The stick for it; None where there is none. Raises NoServiceStick for two."""
        bus = self._bus or UsbBus()
        found = [each for each in bus.volumes() if each.service == purpose]
        if len(found) > 1:
            raise NoServiceStick(why="there are two")
        return found[0] if found else None

    @contextmanager
    def opened(self, purpose: Purpose, *, writing: bool) -> Iterator[Path]:
        """Its folder for the purpose, which may not be there yet, as long as the block lasts.

        Raises NoServiceStick, CannotMount, StickFailed.
        """
        volume = self.volume(purpose)
        if volume is None:
            raise NoServiceStick(why=f"none is named {LABELS[purpose]}")
        with mounted(volume.label, volume.device, volume.fs, self._places, writing=writing) as top:
            if writing:
                _explain(top)
            yield top / _FOLDER / purpose


LABELS = {Purpose.SPARE: "JEMBATAN-SP", Purpose.BACKUP: "JEMBATAN-BA"}
"""As FAT has room for; the words in full are read too where a file system has room for them."""

_READ_ME = """This stick belongs to a Jembatan box.

The folder JEMBATAN holds images of patients, encrypted: nobody can read them without the
passphrase that was shown, or chosen, on the page of the box that wrote them.

handover: the work of a box, on its way to a spare box. Put it into the spare, open its page,
          Settings, Service.
backup:   written by itself while the stick is in the box. Keep it in the box; a new card
          that finds it can go on from there.
"""


def _explain(top: Path) -> None:
    folder = top / _FOLDER
    folder.mkdir(exist_ok=True)
    text = folder / "READ ME.txt"
    if not text.exists():
        text.write_text(_READ_ME.replace("\n", "\r\n"), encoding="ascii", newline="")
