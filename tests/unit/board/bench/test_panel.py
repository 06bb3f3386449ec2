"""Trying the panel, on mock pins: a person who sees, one who does not, and nobody."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.board.bench.finding import Verdict
from appliance.board.bench.panel import panel
from appliance.board.lamps import Lamp
from appliance.board.pins import read_pins

if TYPE_CHECKING:
    from collections.abc import Iterator

PINS = read_pins()
NAMES = ["lamp green", "lamp yellow", "lamp red", "power-fail line", "buzzer", "button"]


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    factory = MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    yield factory
    gpiozero.Device.pin_factory = before
    factory.close()


class Person:
    """Looks at the pins, and presses the button when asked to."""

    def __init__(self, pins: MockFactory, *, answers: bool = True, presses: bool = True) -> None:
        self.lit: list[set[Lamp]] = []
        self._pins = pins
        self._answers = answers
        self._presses = presses

    def sees(self, question: str) -> bool | None:
        self.lit.append({lamp for lamp in Lamp if self._pins.pin(PINS.lamps[lamp]).state})
        return self._answers

    def please(self, request: str) -> None:
        if self._presses:
            button = self._pins.pin(PINS.button)
            button.drive_high()
            Timer(0.05, button.drive_low).start()


class Nobody:
    def sees(self, question: str) -> bool | None:
        return None

    def please(self, request: str) -> None:
        pass


def verdicts(person: Person | Nobody, wait_s: float = 5) -> dict[str, Verdict]:
    return {finding.name: finding.verdict for finding in panel(person, wait_s)}


def test_a_panel_that_is_right_is_good(pins: MockFactory) -> None:
    person = Person(pins)
    assert verdicts(person) == dict.fromkeys(NAMES, Verdict.GOOD)
    assert person.lit == [{lamp} for lamp in Lamp] + [set()]


def test_a_person_who_sees_nothing_makes_it_bad(pins: MockFactory) -> None:
    found = verdicts(Person(pins, answers=False))
    assert found["lamp red"] is found["buzzer"] is Verdict.BAD


def test_without_a_person_no_more_is_known_than_that_the_lines_moved(pins: MockFactory) -> None:
    found = {each.name: each for each in panel(Nobody(), 0.1)}
    assert found["lamp green"].verdict is found["buzzer"].verdict is Verdict.UNTOLD
    assert "went high; nobody looked" in found["lamp green"].found
    assert found["button"].verdict is Verdict.BAD
    assert found["button"].found == "not pressed"


def test_a_button_that_is_down_all_the_time_is_bad(pins: MockFactory) -> None:
    stuck = Stuck(pins)
    found = {each.name: each for each in panel(stuck, 0.1)}
    assert found["button"].found == "not let go"


class Stuck(Nobody):
    def __init__(self, pins: MockFactory) -> None:
        self._pins = pins

    def please(self, request: str) -> None:
        self._pins.pin(PINS.button).drive_high()


def test_pins_that_somebody_else_has_cannot_be_told(pins: MockFactory) -> None:
    with gpiozero.LED(PINS.lamps["green"]):
        assert verdicts(Nobody()) == {"panel": Verdict.UNTOLD}


def test_elsewhere_every_part_is_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    assert verdicts(Nobody()) == dict.fromkeys(NAMES, Verdict.UNTOLD)
