"""Owns setting the box's clock by hand, where no time server does; the clock chip learns it too.

Root only: the steward does it when the page asks.
"""

from __future__ import annotations

import fcntl
import logging
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.clock import UNSURE
from appliance.errors import ClockNotTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_log = logging.getLogger(__name__)

_RTC_SET_TIME = 0x4024700A  # linux/rtc.h: _IOW('p', 0x0a, struct rtc_time)
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Hour(NamedTuple):
    """Where the machine's clocks are, and what tells how late it is at least."""

    unsure: Path = UNSURE
    served: Path = Path("/run/systemd/timesync/synchronized")
    chip: Path = Path("/dev/rtc0")
    known: tuple[Path, ...] = (Path("/usr/lib/os-release"),)
    set_kernel: Callable[[int, float], None] = time.clock_settime

    def set(self, moment: datetime) -> None:
        """Make it `moment` (aware) now. Raises ClockNotTaken, and then nothing was changed."""
        if self.served.exists():
            raise ClockNotTaken(why="a time server sets it, and would set it back")
        if not self._earliest() <= moment < _LATEST:
            why = (
                f"{moment:%Y-%m-%d} cannot be today: this system is of {self._earliest():%Y-%m-%d}"
            )
            raise ClockNotTaken(why=why)
        self.set_kernel(time.CLOCK_REALTIME, moment.timestamp())
        self._tell_the_chip(moment)
        self.unsure.unlink(missing_ok=True)
        _log.info("somebody set the clock: it is %s", moment.isoformat(timespec="seconds"))

    def _earliest(self) -> datetime:
        ages_s = (path.stat().st_mtime for path in self.known if path.exists())
        return datetime.fromtimestamp(max(ages_s, default=0.0), UTC)

    def _tell_the_chip(self, moment: datetime) -> None:
        """So that it is known at the next start; a board without one will not know it."""
        try:
            with self.chip.open("rb", buffering=0) as chip:
                fcntl.ioctl(chip, _RTC_SET_TIME, as_chips_count(moment))
        except FileNotFoundError:
            _log.warning("there is no clock chip: the time is lost with the power")
        except OSError as error:
            _log.error("the clock chip does not take the time: %s", error.strerror)


def as_chips_count(moment: datetime) -> bytes:
    """`struct rtc_time` (linux/rtc.h): in UTC, months from 0, years from 1900."""
    utc = moment.astimezone(UTC)
    day = (utc.day, utc.month - 1, utc.year - 1900)
    return struct.pack("9i", utc.second, utc.minute, utc.hour, *day, 0, 0, 0)


def operations(hour: Hour | None = None) -> dict[str, Callable[[Mapping[str, Any]], Any]]:
    """By name, as the page asks for them."""
    machine = hour or Hour()

    def taken(request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"utc": ISO 8601 with its offset}."""
        moment = datetime.fromisoformat(str(request["utc"]))
        if moment.tzinfo is None:
            raise ClockNotTaken(why="it is not said of which time zone that is")
        machine.set(moment)
        return {}

    return {"clock-set": taken}
