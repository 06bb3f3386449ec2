"""What keeper shows, sounds and asks when the panel is used: a real socket, mock pins."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory

from appliance.board.button import Meaning
from appliance.board.lamps import Lamp
from appliance.board.pins import read_pins
from appliance.call import Server
from appliance.clock import SystemClock
from appliance.errors import Refused
from appliance.journal.journal import Paths
from appliance.services.panel import Face
from appliance.settings import access
from appliance.status.pattern import SIGNS, LampState, Sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PINS = read_pins()


class Steward:
    """Answers at the steward's socket; what it should refuse, it refuses."""

    def __init__(self, run: Path) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.refuses = False
        names = ("network-forget", "reset", "restart")
        self._server = Server(run / "steward.sock", dict.fromkeys(names, self._note), 0o600)
        self._server.start()

    def close(self) -> None:
        self._server.close()

    def _note(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(request)
        if self.refuses:
            raise Refused(what="the factory reset", why="unsent studies are here")
        return {}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "run").mkdir()
    access.prepare(tmp_path)
    return Paths(tmp_path, tmp_path / "run")


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    factory = MockFactory()
    before, gpiozero.Device.pin_factory = gpiozero.Device.pin_factory, factory
    yield factory
    gpiozero.Device.pin_factory = before
    factory.close()


@pytest.fixture
def face(paths: Paths, pins: MockFactory) -> Iterator[Face]:
    face = Face(paths, SystemClock(), io.StringIO(), shown_s=0.5)
    yield face
    face.close()


@pytest.fixture
def steward(paths: Paths) -> Iterator[Steward]:
    steward = Steward(paths.run)
    yield steward
    steward.close()


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def lit(pins: MockFactory) -> frozenset[Lamp]:
    return frozenset(lamp for lamp in Lamp if pins.pin(PINS.lamps[lamp]).state)


def shows(pins: MockFactory, sign: Sign) -> None:
    for frame in SIGNS[sign]:
        eventually(lambda frame=frame: lit(pins) == frame.lit)  # type: ignore[misc]


def sounds(pins: MockFactory) -> bool:
    return bool(pins.pin(PINS.buzzer).state)


def test_a_sign_stands_in_the_place_of_the_state_while_the_button_is_held(
    face: Face, pins: MockFactory
) -> None:
    face.show(LampState.IDLE, buzzer=False)
    eventually(lambda: lit(pins) == {Lamp.GREEN})
    face.holding(Meaning.NETWORK)
    shows(pins, Sign.LET_GO_FOR_NETWORK)
    face.show(LampState.CANNOT_DELIVER, buzzer=False)
    shows(pins, Sign.LET_GO_FOR_NETWORK)
    face.holding(Meaning.NOTHING)
    eventually(lambda: lit(pins) == {Lamp.RED})


def test_a_short_press_lights_all_lamps(face: Face, pins: MockFactory, steward: Steward) -> None:
    face.show(LampState.IDLE, buzzer=False)
    face.pressed(Meaning.STATUS)
    eventually(lambda: lit(pins) == set(Lamp))
    eventually(lambda: lit(pins) == {Lamp.GREEN})
    assert steward.asked == []


def test_five_seconds_forget_password_and_network(
    face: Face, pins: MockFactory, steward: Steward, paths: Paths
) -> None:
    code = access.claim_code(paths.root)
    access.claim(paths.root, code, "correct horse")
    face.pressed(Meaning.NETWORK)
    assert steward.asked == [{"op": "network-forget"}]
    assert not access.claimed(paths.root)
    assert access.claim_code(paths.root) not in ("", code)
    shows(pins, Sign.DONE)


def test_a_reset_that_is_refused_is_seen(
    face: Face, pins: MockFactory, steward: Steward, caplog: pytest.LogCaptureFixture
) -> None:
    steward.refuses = True
    face.pressed(Meaning.RESET)
    assert steward.asked == [{"op": "reset"}]
    shows(pins, Sign.REFUSED)
    assert "unsent studies" in caplog.text


def test_a_reset_that_is_not_refused_starts_the_box_again(face: Face, steward: Steward) -> None:
    face.pressed(Meaning.RESET)
    assert steward.asked == [{"op": "reset"}, {"op": "restart"}]


def test_a_steward_that_is_not_there_is_seen(face: Face, pins: MockFactory) -> None:
    face.pressed(Meaning.RESET)
    shows(pins, Sign.REFUSED)


def test_a_failing_supply_ends_the_box_whatever_the_button_does(
    face: Face, pins: MockFactory, paths: Paths
) -> None:
    (paths.run / "keeper").mkdir()
    face.show(LampState.IDLE, buzzer=False)
    face.power_failed()
    assert (paths.run / "keeper" / "power-failed").exists()
    face.holding(Meaning.STATUS)
    face.holding(Meaning.NOTHING)
    shows(pins, Sign.ENDING)


def test_a_failing_supply_that_nobody_hears_of_is_logged(
    face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    face.power_failed()
    assert "keeper/power-failed" in caplog.text


def test_the_buzzer_is_silent_unless_it_is_wanted(face: Face, pins: MockFactory) -> None:
    face.show(LampState.CANNOT_DELIVER, buzzer=False)
    eventually(lambda: lit(pins) == {Lamp.RED})
    assert not sounds(pins)
    face.show(LampState.IDLE, buzzer=True)
    face.show(LampState.CANNOT_DELIVER, buzzer=True)
    eventually(lambda: sounds(pins))


def test_without_pins_the_states_are_lines(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)
    out = io.StringIO()
    face = Face(paths, SystemClock(), out)
    face.show(LampState.IDLE, buzzer=True)
    face.holding(Meaning.STATUS)
    face.close()
    assert out.getvalue().splitlines()[-1] == "[all lamps lit]"
