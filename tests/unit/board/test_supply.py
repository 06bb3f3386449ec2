"""When the supply counts as failing, and waiting for it before anything is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gpiozero
from gpiozero.pins.mock import MockFactory

from appliance.board.pins import read_pins
from appliance.board.supply import Supply, look, wait_for_power, wait_while

if TYPE_CHECKING:
    import pytest

LOOK_S = 0.05


def said(*stretches: tuple[bool, float]) -> list[float]:
    """When it was said that the supply fails."""
    supply, found, at = Supply(), [], 0
    for failing, seconds in stretches:
        for _ in range(round(seconds / LOOK_S)):
            supply, says = look(supply, failing=failing, now_s=at * LOOK_S)
            found += [round(at * LOOK_S, 2)] if says else []
            at += 1
    return found


def test_a_failure_is_said_after_a_fifth_of_a_second_and_again_while_it_lasts() -> None:
    assert said((False, 1), (True, 8)) == [1.2, 6.2]


def test_a_dip_is_none() -> None:
    assert said((False, 1), (True, 0.2), (False, 1), (True, 0.15), (False, 1)) == []


def test_a_line_that_was_never_good_is_stuck_and_says_nothing() -> None:
    assert said((True, 60)) == []
    assert said((True, 60), (False, 1), (True, 1)) == [61.2]


def test_it_waits_while_the_supply_fails() -> None:
    levels = iter([True, True, False])
    assert wait_while(lambda: next(levels), 60)


def test_it_does_not_wait_for_ever() -> None:
    assert not wait_while(lambda: True, 0)


def test_without_lines_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    assert wait_for_power(60)


def test_the_line_of_the_pins_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    factory = MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    try:
        assert wait_for_power(60)  # pulled down: nothing is fitted
        with gpiozero.LED(read_pins().power_fail):
            assert wait_for_power(60)  # it is taken: it cannot be read, and that is said
    finally:
        gpiozero.Device.pin_factory = before
        factory.close()
