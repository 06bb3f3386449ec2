"""Owns the lamps: three LEDs on the header, or a line in the terminal where there are none.

Lit by the pins of hw/pins.toml. When the process ends the lamps go dark, which no state shows.
"""

from __future__ import annotations

import logging
import math
from enum import StrEnum
from threading import Condition, Thread
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

from appliance.board.pins import MODEL, is_meant, read_pins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gpiozero import LED

_log = logging.getLogger(__name__)


class Lamp(StrEnum):
    """The lamps by colour."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Frame(NamedTuple):
    """What is lit for a while; a state's frames are shown round and round."""

    lit: frozenset[Lamp]
    seconds: float


class Lamps(Protocol):
    """Something that shows frames until told otherwise."""

    def show(self, frames: tuple[Frame, ...], drawing: str) -> None:
        """Show `frames` over and over; `drawing` is the same for those who read."""
        ...

    def close(self) -> None:
        """Go dark."""
        ...


class TerminalLamps:
    """Writes each new drawing as a line; nothing blinks in a log."""

    def __init__(self, out: TextIO) -> None:
        """Write to `out`."""
        self._out = out
        self._drawing = ""

    def show(self, frames: tuple[Frame, ...], drawing: str) -> None:
        """Write the drawing when it is another than before."""
        if drawing != self._drawing:
            self._drawing = drawing
            print(drawing, file=self._out, flush=True)

    def close(self) -> None:
        """Nothing to put out."""


class GpioLamps:
    """LEDs on the header; a thread of their own turns the frames."""

    def __init__(self, leds: Mapping[Lamp, LED]) -> None:
        """Drive `leds`; they belong to this object from now on."""
        self._leds = leds
        self._frames: tuple[Frame, ...] = ()
        self._changed = Condition()
        self._open = True
        self._thread = Thread(target=self._turn, name="lamps", daemon=True)
        self._thread.start()

    def show(self, frames: tuple[Frame, ...], drawing: str) -> None:
        """Start the frames from their beginning, unless they are shown already."""
        with self._changed:
            if frames != self._frames:
                self._frames = frames
                self._changed.notify()

    def close(self) -> None:
        """Go dark and give the pins back."""
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join()
        self._light(frozenset())
        for led in self._leds.values():
            led.close()

    def _turn(self) -> None:
        with self._changed:
            while self._open:
                if not self._frames:
                    self._changed.wait()
                for frame in (frames := self._frames):
                    self._light(frame.lit)
                    self._changed.wait(None if frame.seconds == math.inf else frame.seconds)
                    if frames is not self._frames or not self._open:
                        break

    def _light(self, lit: frozenset[Lamp]) -> None:
        for lamp, led in self._leds.items():
            led.value = lamp in lit


def find_lamps(out: TextIO, model: Path = MODEL) -> Lamps:
    """The header's lamps on a Raspberry Pi; elsewhere, or where the pins fail, the terminal's."""
    if is_meant(model):
        import gpiozero  # noqa: PLC0415 - a workstation's keeper stays small without it

        try:
            return GpioLamps({lamp: gpiozero.LED(read_pins().lamps[lamp]) for lamp in Lamp})
        except (gpiozero.GPIOZeroError, OSError) as error:
            _log.warning("no lamps on the header: %s", error)
    return TerminalLamps(out)
