"""Owns trying the panel: lamps one after another, buzzer, button and the power-fail line.

What only eyes and ears can tell, a person is asked; where nobody is, that is said.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from appliance.board.bench.finding import Finding, Verdict, judged, untold
from appliance.board.lamps import Lamp
from appliance.board.pins import is_meant, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_EVERY_S = 0.02
_SOUNDS_S = 0.5
_NO_BOARD = "no pins: this is no Raspberry Pi"
_WIRING = "Check the wiring against hw/drawings/wiring.svg."


class Person(Protocol):
    """Whoever stands before the board."""

    def sees(self, question: str) -> bool | None:
        """Their answer; None where nobody is there."""
        ...

    def please(self, request: str) -> None:
        """Ask them to do something now."""
        ...


def panel(person: Person, wait_s: float) -> Iterator[Finding]:
    """All of it; `wait_s` is how long the button is waited for."""
    if not is_meant():
        for name in (*(f"lamp {lamp}" for lamp in Lamp), "power-fail line", "buzzer", "button"):
            yield untold(name, _NO_BOARD, "a Raspberry Pi with a panel", "Try it on the box.")
        return
    import gpiozero  # noqa: PLC0415 - only a board has lines

    try:
        yield from _lamps(person)
        yield _power_fail()
        yield _buzzer(person)
        yield _button(person, wait_s)
    except (gpiozero.GPIOZeroError, OSError) as error:
        yield untold("panel", str(error), "its pins are free", "Stop jembatan-keeper first.")


def _lamps(person: Person) -> Iterator[Finding]:
    import gpiozero  # noqa: PLC0415 - as above

    leds = {lamp: gpiozero.LED(read_pins().lamps[lamp]) for lamp in Lamp}
    try:
        for lamp, led in leds.items():
            led.on()
            is_high = bool(led.pin.state)
            seen = person.sees(f"Is the {lamp} lamp lit, and no other?")
            led.off()
            yield _told(f"lamp {lamp}", "lit, and no other", seen, is_high=is_high)
    finally:
        for led in leds.values():
            led.close()


def _buzzer(person: Person) -> Finding:
    import gpiozero  # noqa: PLC0415 - as above

    with gpiozero.OutputDevice(read_pins().buzzer) as buzzer:
        buzzer.on()
        is_high = bool(buzzer.pin.state)
        time.sleep(_SOUNDS_S)
        buzzer.off()
    heard = person.sees("Did the buzzer sound for half a second?")
    return _told("buzzer", "half a second of sound", heard, is_high=is_high)


def _told(name: str, expected: str, seen: bool | None, *, is_high: bool) -> Finding:
    """What a person said; without one no more is known than that the line went high."""
    if seen is None:
        found = f"its line went {'high' if is_high else 'not high'}; nobody looked"
        verdict = Verdict.UNTOLD if is_high else Verdict.BAD
        return Finding(name, verdict, found, expected, "Run it at a terminal, and look.")
    found = expected if seen else "not so"
    return judged(name, good=seen, found=found, expected=expected, advice=_WIRING)


def _power_fail() -> Finding:
    import gpiozero  # noqa: PLC0415 - as above

    with gpiozero.InputDevice(read_pins().power_fail, pull_up=False) as line:
        fails = bool(line.value)
    return judged(
        "power-fail line",
        good=not fails,
        found="high: the supply fails" if fails else "low: the supply is good, or nothing fitted",
        expected="low while the supply is good",
        advice="Check the power board; a line that is always high is taken for a broken one.",
    )


def _button(person: Person, wait_s: float) -> Finding:
    import gpiozero  # noqa: PLC0415 - as above

    expected = f"pressed and let go within {wait_s:.0f} s"
    with gpiozero.InputDevice(read_pins().button, pull_up=False) as button:
        if button.value:
            found = "it is down all the time"
            return judged("button", good=False, found=found, expected=expected, advice=_WIRING)
        person.please(f"Press the button and let it go, within {wait_s:.0f} s.")
        until_s = time.monotonic() + wait_s
        pressed = _comes(button, until_s, high=True)
        released = pressed and _comes(button, until_s, high=False)
    found = "pressed and let go" if released else "not let go" if pressed else "not pressed"
    return judged("button", good=released, found=found, expected=expected, advice=_WIRING)


def _comes(line: object, until_s: float, *, high: bool) -> bool:
    while time.monotonic() < until_s:
        if bool(line.value) is high:  # type: ignore[attr-defined]  # gpiozero has no types
            return True
        time.sleep(_LOOK_EVERY_S)
    return False
