"""Owns which pin does what on the 40-pin header, as hw/pins.toml has it: the one reader of it."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL = Path("/proc/device-tree/model")


@dataclass(frozen=True, slots=True)
class Pins:
    """BCM numbers by use; `supply` alone has places on the header."""

    lamps: Mapping[str, int]
    button: int
    buzzer: int
    power_fail: int
    power_hold: int
    clock_data: int
    clock_clock: int
    serial_transmit: int
    serial_receive: int
    supply: Mapping[str, int]


@cache
def read_pins(path: Path | None = None) -> Pins:
    """The pins of the file, by default the product's own. Raises KeyError where one is missing."""
    place = path or resources.files(__package__).joinpath("pins.toml")
    table = tomllib.loads(place.read_text(encoding="utf-8"))
    return Pins(
        lamps=table["lamps"],
        button=table["panel"]["button"],
        buzzer=table["panel"]["buzzer"],
        power_fail=table["power"]["fail"],
        power_hold=table["power"]["hold"],
        clock_data=table["clock"]["data"],
        clock_clock=table["clock"]["clock"],
        serial_transmit=table["serial"]["transmit"],
        serial_receive=table["serial"]["receive"],
        supply=table["supply"],
    )


def is_meant(model: Path = MODEL) -> bool:
    """Whether this machine's pins are those of the file: on a Raspberry Pi.

    Other machines have GPIO chips too, wired to what nobody wants moving. Setting gpiozero's own
    GPIOZERO_PIN_FACTORY says that the pins are meant.
    """
    return "GPIOZERO_PIN_FACTORY" in os.environ or (
        model.exists() and model.read_bytes().startswith(b"Raspberry Pi")
    )
