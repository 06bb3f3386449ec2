"""Owns folders in the place of sticks for service; refuses as the real ones do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.board.usb import UsbVolume
from appliance.box.service_stick import Purpose, ServiceSticks
from appliance.errors import NoServiceStick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Sticks(ServiceSticks):
    """Those are plugged in whose folder is there."""

    def __init__(self, top: Path) -> None:
        super().__init__(top)
        self._top = top

    def volume(self, purpose: Purpose) -> UsbVolume | None:
        if not (self._top / purpose).is_dir():
            return None
        return UsbVolume(str(purpose), "JEMBATAN-SP", "vfat", 1 << 30, "/dev/sdx1", "", "")

    @contextmanager
    def opened(self, purpose: Purpose, *, writing: bool) -> Iterator[Path]:
        if self.volume(purpose) is None:
            raise NoServiceStick(why="none is plugged in")
        del writing
        yield self._top / purpose / "JEMBATAN" / purpose
