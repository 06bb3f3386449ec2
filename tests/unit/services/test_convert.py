"""Convert and whoever looks at images take turns, also where the stage cannot work."""

from __future__ import annotations

import os
import select
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from appliance.call import Counter, Handing, listen
from appliance.errors import DiskFull
from appliance.journal.bell import Bell, hang
from appliance.services.convert import _Shift
from appliance.services.duty import Duty, patiently
from appliance.settings.current import Current
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.settings.schema import Settings
    from tests.builders.box import Box


class Stage:
    """Has so many items to convert; a full disk has no room for any."""

    def __init__(self, items: int, *, is_full: bool = False) -> None:
        self.items = items
        self._is_full = is_full

    def turn(self, _: Settings) -> bool:
        if self._is_full:
            raise DiskFull(where="the card")
        self.items -= self.items > 0
        return self.items > 0


class Idle:
    """A stage with nothing to do."""

    def turn(self) -> bool:
        return False


def drawn(_: Mapping[str, object]) -> Handing:
    return Handing({}, os.memfd_create("preview"))


@pytest.fixture
def duty(box: Box) -> Iterator[Duty]:
    bell = Bell(hang(box.paths.run, "convert"))
    yield Duty("convert", box.paths, Current(box.paths.root), bell, clock=FakeClock())
    bell.close()


@pytest.fixture
def counter(duty: Duty) -> Iterator[Counter]:
    counter = Counter(listen(duty.paths.run / "convert.sock"), {"preview": drawn})
    yield counter
    counter.close()


@pytest.fixture
def callers(counter: Counter, duty: Duty) -> Iterator[list[socket.socket]]:
    """Three who look, and wait."""
    assert counter.fileno()
    with ExitStack() as lines:
        yield [lines.enter_context(caller(duty.paths.run)) for _ in range(3)]


def caller(run: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.connect(str(run / "convert.sock"))
    line.sendall(b'{"op": "preview"}\n')
    return line


def answered(callers: list[socket.socket]) -> int:
    return len(select.select(callers, [], [], 0)[0])


@pytest.mark.parametrize("is_full", [False, True])
def test_one_picture_and_one_image_in_turn(
    duty: Duty, counter: Counter, callers: list[socket.socket], *, is_full: bool
) -> None:
    stage = Stage(10, is_full=is_full)
    shift = _Shift(duty, stage, Idle(), counter)  # type: ignore[arg-type]  # it is asked for no more
    for turn in (1, 2, 3):
        patiently(shift.turn)
        assert answered(callers) == turn
        assert stage.items == (10 if is_full else 10 - turn)
    assert not duty.bell.wait(0, counter)


def test_it_leaves_when_nobody_wants_anything(duty: Duty, counter: Counter) -> None:
    clock = duty.clock
    assert isinstance(clock, FakeClock)
    shift = _Shift(duty, Stage(0), Idle(), counter)  # type: ignore[arg-type]
    clock.passes(seconds=59)
    assert shift.turn() == 1
    with caller(duty.paths.run):
        assert shift.turn() == 0
    clock.passes(seconds=59)
    assert shift.turn() == 1
    assert not duty.leaving.is_set()
    clock.passes(seconds=1)
    assert shift.turn() == 0
    assert duty.leaving.is_set()
