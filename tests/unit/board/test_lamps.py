"""The lamps: pins from the one file, frames on LEDs (mock pins), lines in a terminal."""

from __future__ import annotations

import io
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.board.lamps import Frame, GpioLamps, Lamp, TerminalLamps, find_lamps
from appliance.board.pins import read_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PINS = Path(__file__).parents[3] / "hw" / "pins.toml"
GREEN, YELLOW, RED = (frozenset({lamp}) for lamp in Lamp)
DARK: frozenset[Lamp] = frozenset()


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    yield factory
    gpiozero.Device.pin_factory = before
    factory.close()


@pytest.fixture
def raspberry(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    return model


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def lit(pins: MockFactory) -> frozenset[Lamp]:
    return frozenset(
        Lamp(lamp) for lamp, number in read_pins().lamps.items() if pins.pin(number).state
    )


def test_the_package_reads_the_file_of_hw() -> None:
    assert read_pins() == read_pins(PINS)


def test_every_lamp_has_a_pin() -> None:
    assert set(read_pins().lamps) == set(Lamp)


def test_a_lamp_is_lit_and_another_instead(pins: MockFactory, raspberry: Path) -> None:
    lamps = find_lamps(io.StringIO(), raspberry)
    lamps.show((Frame(GREEN, math.inf),), "")
    eventually(lambda: lit(pins) == GREEN)
    lamps.show((Frame(RED, math.inf),), "")
    eventually(lambda: lit(pins) == RED)
    lamps.close()


def test_frames_go_round(pins: MockFactory, raspberry: Path) -> None:
    lamps = find_lamps(io.StringIO(), raspberry)
    lamps.show((Frame(YELLOW, 0.02), Frame(DARK, 0.02)), "")
    for _ in range(3):
        eventually(lambda: lit(pins) == YELLOW)
        eventually(lambda: lit(pins) == DARK)
    lamps.close()


def test_the_same_frames_again_do_not_start_again(pins: MockFactory, raspberry: Path) -> None:
    lamps = find_lamps(io.StringIO(), raspberry)
    until = time.monotonic() + 5
    while lit(pins) != RED:
        assert time.monotonic() < until
        lamps.show((Frame(DARK, 0.1), Frame(RED, 60)), "")
        time.sleep(0.01)
    lamps.close()


def test_closed_lamps_are_dark(pins: MockFactory, raspberry: Path) -> None:
    lamps = find_lamps(io.StringIO(), raspberry)
    lamps.show((Frame(GREEN, math.inf),), "")
    eventually(lambda: lit(pins) == GREEN)
    lamps.close()
    assert lit(pins) == DARK


def test_another_machines_pins_are_left_alone(tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert isinstance(find_lamps(io.StringIO(), model), TerminalLamps)
    model.write_bytes(b"Some Laptop\0")
    assert isinstance(find_lamps(io.StringIO(), model), TerminalLamps)


def test_gpiozeros_own_variable_says_that_the_pins_are_meant(
    tmp_path: Path, pins: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    lamps = find_lamps(io.StringIO(), tmp_path / "model")
    assert isinstance(lamps, GpioLamps)
    lamps.close()


def test_pins_that_fail_leave_the_terminal(
    pins: MockFactory, raspberry: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken = gpiozero.LED(read_pins().lamps[Lamp.GREEN])
    assert isinstance(find_lamps(io.StringIO(), raspberry), TerminalLamps)
    assert "no lamps on the header" in caplog.text
    taken.close()


def test_the_terminal_gets_a_line_for_each_change() -> None:
    out = io.StringIO()
    lamps = find_lamps(out, Path("/nowhere"))
    for drawing in ("idle", "idle", "working", "idle"):
        lamps.show((), drawing)
    lamps.close()
    assert out.getvalue() == "idle\nworking\nidle\n"
