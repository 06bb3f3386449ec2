"""The panel's lines, on gpiozero's mock pins: what is heard of button and supply, what sounds."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.board.button import Meaning
from appliance.board.panel import Lines, Panel, find_panel, sounds_at
from appliance.board.pins import read_pins
from appliance.clock import SystemClock
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PINS = read_pins()
HW = Path(__file__).parents[3] / "hw"
LOOK_S = 0.05


class Ear:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def holding(self, meaning: Meaning) -> None:
        self.heard.append(("holding", meaning))

    def pressed(self, meaning: Meaning) -> None:
        self.heard.append(("pressed", meaning))

    def power_failed(self) -> None:
        self.heard.append("power failed")


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    yield factory
    gpiozero.Device.pin_factory = before
    factory.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    return model


@pytest.fixture
def panel(pins: MockFactory, clock: FakeClock, ear: Ear) -> Panel:
    """Not started: a test looks for itself."""
    lines = Lines(
        gpiozero.InputDevice(PINS.button, pull_up=False),
        gpiozero.InputDevice(PINS.power_fail, pull_up=False),
        gpiozero.OutputDevice(PINS.buzzer),
    )
    return Panel(lines, ear, clock)


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def pass_time(panel: Panel, clock: FakeClock, seconds: float) -> None:
    for _ in range(round(seconds / LOOK_S)):
        panel.look()
        clock.passes(seconds=LOOK_S)


def test_a_press_is_told_when_the_button_is_let_go(
    panel: Panel, pins: MockFactory, clock: FakeClock, ear: Ear
) -> None:
    pass_time(panel, clock, 1)
    pins.pin(PINS.button).drive_high()
    pass_time(panel, clock, 6)
    assert ("pressed", Meaning.NETWORK) not in ear.heard
    pins.pin(PINS.button).drive_low()
    pass_time(panel, clock, 1)
    shown = (Meaning.STATUS, Meaning.NOTHING, Meaning.NETWORK, Meaning.NOTHING)
    assert ear.heard == [*(("holding", each) for each in shown), ("pressed", Meaning.NETWORK)]


def test_a_button_that_was_down_as_the_box_started_resets(
    panel: Panel, pins: MockFactory, clock: FakeClock, ear: Ear
) -> None:
    clock.passes(seconds=40)
    pins.pin(PINS.button).drive_high()
    pass_time(panel, clock, 16)
    pins.pin(PINS.button).drive_low()
    pass_time(panel, clock, 1)
    assert ear.heard[-1] == ("pressed", Meaning.RESET)


def test_a_button_that_was_down_as_the_keeper_started_does_nothing(
    panel: Panel, pins: MockFactory, clock: FakeClock, ear: Ear
) -> None:
    clock.passes(minutes=10)
    pins.pin(PINS.button).drive_high()
    pass_time(panel, clock, 16)
    pins.pin(PINS.button).drive_low()
    pass_time(panel, clock, 1)
    assert ear.heard == []


def test_a_failing_supply_is_told(
    panel: Panel, pins: MockFactory, clock: FakeClock, ear: Ear
) -> None:
    pass_time(panel, clock, 1)
    pins.pin(PINS.power_fail).drive_high()
    pass_time(panel, clock, 1)
    assert ear.heard == ["power failed"]


def test_what_is_not_fitted_is_never_heard(panel: Panel, clock: FakeClock, ear: Ear) -> None:
    pass_time(panel, clock, 60)
    assert ear.heard == []


def test_the_buzzer_sounds_its_beats_once_and_new_ones_at_once(
    panel: Panel, pins: MockFactory, clock: FakeClock
) -> None:
    def heard(looks: int) -> str:
        marks = ""
        for _ in range(looks):
            panel.look()
            marks += "X" if pins.pin(PINS.buzzer).state else "."
            clock.passes(seconds=LOOK_S)
        return marks

    assert heard(2) == ".."
    panel.sound((0.08, 0.15, 0.2))
    assert heard(12) == "XX...XXXX..."
    panel.sound((10.0,))
    assert heard(3) == "XXX"
    panel.sound(())
    assert heard(2) == ".."


def test_a_closed_panel_is_silent_and_gives_its_lines_back(
    panel: Panel, pins: MockFactory
) -> None:
    panel.sound((60.0,))
    panel.look()
    assert pins.pin(PINS.buzzer).state
    panel.close()
    assert not pins.pin(PINS.buzzer).state
    gpiozero.LED(PINS.button).close()


def test_the_headers_panel_looks_by_itself(pins: MockFactory, ear: Ear, model: Path) -> None:
    panel = find_panel(ear, SystemClock(), model)
    assert panel
    with closing(panel):
        eventually(lambda: bool(pins.pin(PINS.button).function == "input"))
        panel.sound((60.0,))
        eventually(lambda: bool(pins.pin(PINS.buzzer).state))


def test_another_machines_pins_are_left_alone(ear: Ear, tmp_path: Path) -> None:
    assert find_panel(ear, SystemClock(), tmp_path / "model") is None


def test_pins_that_fail_leave_the_box_without_a_panel(
    pins: MockFactory, ear: Ear, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with gpiozero.LED(PINS.button):
        assert find_panel(ear, SystemClock(), model) is None
    assert "no button and no buzzer" in caplog.text


def test_every_pin_is_where_the_file_says_and_is_used_once(pins: MockFactory) -> None:
    header = pins.board_info.headers["J8"].pins
    text = (HW / "pins.toml").read_text(encoding="utf-8")
    numbered = text.partition("[supply]")[0]
    found = re.findall(r"^(\w+) = (\d+) +# \((\d+)\)", numbered, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\w+ = ", numbered, re.MULTILINE)) == 11
    for _, bcm, place in found:
        assert header[int(place)].name == f"GPIO{bcm}"
    assert len({bcm for _, bcm, _ in found}) == len(found)


def test_supplies_are_where_the_file_says(pins: MockFactory) -> None:
    header = pins.board_info.headers["J8"].pins
    names = {"3v3": "3V3", "5v": "5V", "ground": "GND"}
    for use, place in PINS.supply.items():
        assert header[place].name == names[use.rpartition("_")[2]]


def test_what_must_stay_off_at_a_reset_is_on_pins_that_are_pulled_down_then() -> None:
    # BCM2835 and BCM2711 ARM Peripherals, table of alternative functions: 0-8 up, 9-27 down.
    outputs_and_inputs = {PINS.button, PINS.buzzer, PINS.power_fail, PINS.power_hold}
    assert outputs_and_inputs | set(PINS.lamps.values()) <= set(range(9, 28))


def test_sounds_are_on_then_off() -> None:
    assert [sounds_at((1, 1, 1), at) for at in (0, 1, 2, 3)] == [True, False, True, False]
    assert not sounds_at((), 0)
