"""Owns the composition of the devices service: the only one that is root, and mounts for others.

What it does is in the settings or plugged in; callers name things, they never say how.
"""

from __future__ import annotations

import logging
import os
import pwd
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appliance.board.attach import Reader, attach_volume, hide_mounts
from appliance.board.drive.gadget import Gadget, KernelConfigfs, serial_of_this_box
from appliance.board.drive.helper import Drives
from appliance.board.drive.loop import LoopViewer
from appliance.board.mount import SOCKET
from appliance.board.smb.cifs import Shares
from appliance.board.usb import UsbBus
from appliance.call import Handing, Server
from appliance.errors import NoHelper, StickGone, WorkerDied
from appliance.journal.away import is_away
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.settings.links import DriveLink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.board.usb import Bus, UsbVolume
    from appliance.call import Handler
    from appliance.services.duty import Duty

_log = logging.getLogger(__name__)

_CALLER = "jembatan-watch"


class Sticks:
    """The operations on what is plugged in by USB."""

    def __init__(self, bus: Bus, places: Path, reader: Callable[[], Reader]) -> None:
        """Mount what is on `bus` below the folder `places`, for `reader` to read."""
        self._bus = bus
        self._places = places
        self._reader = reader

    @property
    def operations(self) -> Mapping[str, Handler]:
        """By name, as callers ask for them."""
        return {"volumes": self._volumes, "open": self._open}

    def _volumes(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: what is plugged in now, {"volumes": [...]}."""
        return {"volumes": [asdict(volume) for volume in self._bus.volumes()]}

    def _open(self, request: Mapping[str, Any]) -> Handing:
        """{"volume": ID}: its root folder; it is let go of when the caller closes that."""
        volume = self._find(str(request["volume"]))
        fd = attach_volume(volume.label, volume.device, volume.fs, self._places, self._reader())
        _log.info("%s (%s, %s) is open", volume.label, volume.device, volume.fs)
        return Handing({}, fd)

    def _find(self, volume_id: str) -> UsbVolume:
        for volume in self._bus.volumes():
            if volume.id == volume_id:
                return volume
        raise StickGone(name=f"The volume {volume_id}")


def operations(duty: Duty, bus: Bus, places: Path, drives: Drives) -> Mapping[str, Handler]:
    """Everything that may be asked for, by name."""
    sticks = Sticks(bus, places, lambda: _reader(duty))
    shares = Shares(duty.settings.get, places, lambda: _reader(duty))
    return {**sticks.operations, **drives.operations, **shares.operations}


def work(duty: Duty, bus: Bus | None = None) -> None:
    """Do what only root may until told to leave."""
    places = duty.paths.run / "mounts"
    try:
        hide_mounts(places)
    except PermissionError as error:
        raise NoHelper(what="Devices", why="only root may mount") from error
    bus = bus or UsbBus()
    drives = _drives(duty, places)
    asked = operations(duty, bus, places, drives)
    calls = Server(duty.paths.run / SOCKET, asked, callers=_callers())
    calls.start()
    _tell(duty, bus)  # whoever asked in vain
    news = Thread(target=_announce, args=(duty, bus), name="usb", daemon=True)
    news.start()
    duty.loop(lambda: _rest(news, drives))
    calls.close()


def _announce(duty: Duty, bus: Bus) -> None:
    for _ in bus.changes():
        _tell(duty, bus)


def _tell(duty: Duty, bus: Bus) -> None:
    """Something came or went: watch looks after sticks, the steward after those with an update."""
    duty.ring("watch")
    if any(volume.brings_update for volume in bus.volumes()):
        duty.ring("steward")


def _rest(news: Thread, drives: Drives) -> float:
    if not news.is_alive():
        raise WorkerDied(name=news.name)
    drives.tend()
    return SAFETY_SCAN_S


def _drives(duty: Duty, places: Path) -> Drives:
    def wanted() -> list[DriveLink]:
        if is_away(duty.paths):
            return []
        return [s for s in duty.settings.get().sources if isinstance(s, DriveLink)]

    viewer = LoopViewer(places, lambda: _reader(duty))
    return Drives(
        duty.paths.drives, wanted, Gadget(KernelConfigfs()), viewer, serial_of_this_box()
    )


def _callers() -> frozenset[int]:
    """Watch's own user where the box has one; else whoever started this."""
    with suppress(KeyError):
        return frozenset({0, pwd.getpwnam(_CALLER).pw_uid})
    return frozenset({0, os.geteuid()})


def _reader(duty: Duty) -> Reader:
    """Our own group; modalities write local time, and FAT does not say which."""
    zone = ZoneInfo(duty.settings.get().box.timezone)
    ahead = duty.clock.utc().astimezone(zone).utcoffset() or timedelta()
    return Reader(os.getegid(), round(ahead.total_seconds() / 60))


if __name__ == "__main__":
    main(work, "devices")
