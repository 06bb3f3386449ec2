"""Owns trying the clock chip: is it there, does it go, and does it agree with the system."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.board.bench.finding import Finding, judged

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.clock import Clock

_MOST_APART_S = 5.0
_EXPECTED = f"a DS3231 that agrees with the system's clock within {_MOST_APART_S:.0f} s"
_WIRING = (
    "Check its four wires (places 1, 3, 5 and 9), `dtoverlay=jembatan` in config.txt, and that "
    "its jumper is set for 3.3 V."
)
_SETTING = (
    "Connect the box to its time server, wait a minute and look again; if it is wrong after the "
    "next start, change its cell (CR2032)."
)


def clock_chip(root: Path, clock: Clock) -> Finding:
    """The clock that goes on while there is no power."""
    place = root / "sys/class/rtc/rtc0"
    if not place.exists():
        return _bad("none", _WIRING)
    name = _text(place / "name")
    try:
        told = datetime.fromisoformat(f"{_text(place / 'date')}T{_text(place / 'time')}+00:00")
    except ValueError:
        return _bad(f"{name} does not know the time: its cell was empty or missing", _SETTING)
    apart_s = (told.astimezone(UTC) - clock.utc()).total_seconds()
    return judged(
        "clock chip",
        good="ds" in name and abs(apart_s) <= _MOST_APART_S,
        found=f"{name}, {apart_s:+.0f} s from the system's clock",
        expected=_EXPECTED,
        advice=_SETTING,
    )


def _bad(found: str, advice: str) -> Finding:
    return judged("clock chip", good=False, found=found, expected=_EXPECTED, advice=advice)


def _text(path: Path) -> str:
    """A short text of the kernel's; the chip itself answers, or fails to."""
    with suppress(OSError):
        return path.read_text(encoding="ascii").strip()
    return ""
