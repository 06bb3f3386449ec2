"""Owns noticing a stick with an update, once each time it is plugged in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from appliance import durable
from appliance.errors import NoHelper

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.board.mount import Helper
    from appliance.board.usb import UsbVolume
    from appliance.box.updates import Updates

_log = logging.getLogger(__name__)


class UpdateSticks:
    """What is plugged in now, and which of it was looked at; belongs to one thread."""

    def __init__(self, helper: Helper, updates: Updates, place: Path, start: str) -> None:
        """Keep in the folder `place` what was looked at; `start` tells one start from another."""
        self._helper = helper
        self._updates = updates
        self._seen_path = place / "update-stick"
        self._start = start

    def look(self) -> None:
        """Take the update of a stick that was not there before."""
        if self._updates.is_on_trial:
            return  # health rings when that is over
        try:
            volumes = [v for v in self._helper.volumes() if v.brings_update]
        except NoHelper:  # it rings again when it is there
            return
        for volume in volumes:
            if not self._is_seen(volume):
                self._take(volume)

    def _take(self, volume: UsbVolume) -> None:
        _log.info("%s brings an update (%s)", volume.label, volume.device)
        self._remember(volume)
        self._updates.take_from_stick(lambda: self._helper.open(volume.id), volume.label)

    def _is_seen(self, volume: UsbVolume) -> bool:
        return self._name(volume) in self._seen()

    def _remember(self, volume: UsbVolume) -> None:
        seen = [each for each in self._seen() if each.startswith(self._start)]
        durable.publish(
            self._seen_path, "\n".join([*seen, self._name(volume)]).encode(), mode=0o600
        )

    def _seen(self) -> list[str]:
        """Each stick that was looked at, at least those of this start."""
        try:
            return self._seen_path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _name(self, volume: UsbVolume) -> str:
        """This stick, plugged in this time."""
        return f"{self._start} {volume.id}"
