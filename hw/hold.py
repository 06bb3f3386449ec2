"""Owns the sum of the power-hold: the charge a clean end takes. `python -m hw.hold` tells it."""

from __future__ import annotations

import math
from typing import NamedTuple

_BOARD_A = 0.6  # a Pi 4B at work, nothing plugged in (Raspberry Pi documentation, power supplies)
_USB_A = 0.6  # a stick or a serial adapter, and the panel
_VOLTS = 5.1
_EFFICIENCY = 0.85  # of the converter that makes 5.1 V out of what is left in the capacitors
_FULL_V = 5.0  # two in series at 2.5 V each: below their 2.7 V, for a long life
_EMPTY_V = 2.5  # what the converter still makes 5.1 V of
_AGED = 0.7  # of the capacity is left when a supercapacitor counts as worn
_LOST = 0.95  # what the capacitors' own resistance leaves
_CHARGE_A = 0.5


class Hold(NamedTuple):
    """What it takes to go on for a while."""

    seconds: float
    joules: float  # at the board
    farads: float  # of the pair in series, when new
    charge_s: float

    @property
    def each_farads(self) -> float:
        """Of each of the two."""
        return 2 * self.farads


def needed(seconds: float) -> Hold:
    """The charge for so many seconds."""
    joules = seconds * (_BOARD_A + _USB_A) * _VOLTS
    per_farad = (_FULL_V**2 - _EMPTY_V**2) / 2 * _AGED * _LOST * _EFFICIENCY
    farads = joules / per_farad
    return Hold(seconds, joules, farads, farads * _FULL_V / _CHARGE_A)


def rows() -> list[str]:
    """The table of hw/README.md."""
    found = ["| Time | Energy at the board | Two capacitors, each at least | Charged after |"]
    found.append("|---|---|---|---|")
    for seconds in (10, 30):
        hold = needed(seconds)
        each = math.ceil(hold.each_farads / 5) * 5
        minutes = math.ceil(hold.charge_s / 60)
        found.append(f"| {seconds} s | {hold.joules:.0f} J | {each} F, 2.7 V | {minutes} min |")
    return found


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201 - that is what it is for
