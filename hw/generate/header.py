"""Owns the 40-pin header of every Raspberry Pi: which pin is at which place."""

from __future__ import annotations

import re

_NAMES = """
    3.3 V   5 V
    GPIO2   5 V
    GPIO3   GND
    GPIO4   GPIO14
    GND     GPIO15
    GPIO17  GPIO18
    GPIO27  GND
    GPIO22  GPIO23
    3.3 V   GPIO24
    GPIO10  GND
    GPIO9   GPIO25
    GPIO11  GPIO8
    GND     GPIO7
    GPIO0   GPIO1
    GPIO5   GND
    GPIO6   GPIO12
    GPIO13  GND
    GPIO19  GPIO16
    GPIO26  GPIO20
    GND     GPIO21
"""
"""As the pins stand, place 1 at the top left, seen with the USB sockets at the bottom."""

_BY_PLACE = dict(enumerate(re.split(r"\s{2,}", _NAMES.strip()), 1))
_BY_BCM = {
    int(name.removeprefix("GPIO")): place
    for place, name in _BY_PLACE.items()
    if name.startswith("GPIO")
}
PLACES = range(1, 41)


def place(bcm: int) -> int:
    """Where a BCM number is on the header."""
    return _BY_BCM[bcm]


def name(at: int) -> str:
    """What is at a place: "GPIO17", "3.3 V", "5 V" or "GND"."""
    return _BY_PLACE[at]
