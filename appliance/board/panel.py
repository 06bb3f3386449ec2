"""Owns the lines of the panel: looks at the button and the supply, sounds the buzzer.

A thread of its own looks twenty times a second. Nothing here waits for edges: a look is cheap, it
debounces by itself, and it works the same on every kernel.
"""

from __future__ import annotations

import logging
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.board import button, supply
from appliance.board.button import Meaning, Press
from appliance.board.pins import MODEL, is_meant, read_pins
from appliance.board.supply import Supply

if TYPE_CHECKING:
    from pathlib import Path

    from gpiozero import InputDevice, OutputDevice

    from appliance.clock import Clock

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05
_STARTING_S = 180.0
"""How long after switching on a button that is down was held from the start."""


class Lines(NamedTuple):
    """The lines on the header; they belong to the panel from then on."""

    button: InputDevice
    power_fail: InputDevice
    buzzer: OutputDevice

    def close(self) -> None:
        """Give them back; the buzzer is silent then."""
        self.buzzer.off()
        for line in self:
            line.close()


class Listener(Protocol):
    """Who is told, in the panel's thread; nothing is looked at until they return."""

    def holding(self, meaning: Meaning) -> None:
        """The button is down; that is what letting go now would mean. Told when it changes."""
        ...

    def pressed(self, meaning: Meaning) -> None:
        """The button was let go, and means that."""
        ...

    def power_failed(self) -> None:
        """The supply fails. Told again every few seconds while it does."""
        ...


class Panel:
    """Button, buzzer and power-fail line at work."""

    def __init__(self, lines: Lines, listener: Listener, clock: Clock) -> None:
        """Nothing is looked at before `start`."""
        self._lines = lines
        self._listener = listener
        self._clock = clock
        self._press = Press()
        self._supply = Supply()
        self._held = Meaning.NOTHING
        self._beeper = Beeper(lines.buzzer)
        self._leaving = Event()
        self._thread = Thread(target=self._work, name="panel", daemon=True)

    def start(self) -> None:
        """Look twenty times a second from now on, until `close`."""
        self._thread.start()

    def sound(self, beats: tuple[float, ...]) -> None:
        """Sound for so long, be silent for so long, and so on (seconds); replaces what sounds."""
        self._beeper.play(beats, self._clock.monotonic())

    def close(self) -> None:
        """Stop looking, be silent."""
        self._leaving.set()
        if self._thread.is_alive():
            self._thread.join()
        self._lines.close()

    def _work(self) -> None:
        while not self._leaving.wait(_LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        now_s = self._clock.monotonic()
        failing = bool(self._lines.power_fail.value)
        self._supply, says = supply.look(self._supply, failing=failing, now_s=now_s)
        if says:
            self._listener.power_failed()
        down = bool(self._lines.button.value)
        self._press, done = button.look(
            self._press, down=down, now_s=now_s, starting=now_s < _STARTING_S
        )
        self._tell(button.asked(self._press, now_s), done)
        self._beeper.look(now_s)

    def _tell(self, held: Meaning, done: Meaning) -> None:
        if held is not self._held:
            self._held = held
            self._listener.holding(held)
        if done is not Meaning.NOTHING:
            self._listener.pressed(done)


class Beeper:
    """The buzzer's turn of on and off."""

    def __init__(self, buzzer: OutputDevice) -> None:
        """Silent until something is played."""
        self._buzzer = buzzer
        self._beats: tuple[float, ...] = ()
        self._since_s = 0.0
        self._lock = Lock()

    def play(self, beats: tuple[float, ...], now_s: float) -> None:
        """From now on these; none: be silent."""
        with self._lock:
            self._beats, self._since_s = beats, now_s

    def look(self, now_s: float) -> None:
        """Have the buzzer be as it should be now."""
        with self._lock:
            on = sounds_at(self._beats, now_s - self._since_s)
        if on != bool(self._buzzer.value):
            self._buzzer.value = on


def sounds_at(beats: tuple[float, ...], after_s: float) -> bool:
    """Whether it sounds so long after the beginning: on, off, on ... Pure."""
    for turn, beat_s in enumerate(beats):
        if after_s < beat_s:
            return turn % 2 == 0
        after_s -= beat_s
    return False


def find_panel(listener: Listener, clock: Clock, model: Path = MODEL) -> Panel | None:
    """The header's panel at work on a Raspberry Pi; None elsewhere, or where the pins fail."""
    if not is_meant(model):
        return None
    import gpiozero  # noqa: PLC0415 - a workstation's keeper stays small without it

    pins = read_pins()
    try:
        lines = Lines(
            gpiozero.InputDevice(pins.button, pull_up=False),
            gpiozero.InputDevice(pins.power_fail, pull_up=False),
            gpiozero.OutputDevice(pins.buzzer),
        )
    except (gpiozero.GPIOZeroError, OSError) as error:
        _log.warning("no button and no buzzer on the header: %s", error)
        return None
    panel = Panel(lines, listener, clock)
    panel.start()
    return panel
