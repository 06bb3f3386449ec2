"""Owns the composition of the convert service: comes on demand, leaves when there is nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from appliance.convert.repack import Repack
from appliance.convert.stage import Convert
from appliance.services.duty import main

if TYPE_CHECKING:
    from appliance.services.duty import Duty

_LEAVE_AFTER_S = 60.0


def work(duty: Duty) -> None:
    """Convert what has arrived, and unpack what must; leave after a while without work."""
    with duty.journal() as journal:
        journal.custody.free_the_dead()
        beat = duty.notifier.beat
        duty.loop(_Shift(duty, Convert(journal, beat), Repack(journal, beat)).turn)


class _Shift:
    """The two stages take turns, so that neither waits for the other to have no more to do."""

    def __init__(self, duty: Duty, convert: Convert, repack: Repack) -> None:
        self._duty = duty
        self._stages = deque([lambda: convert.turn(duty.settings.get()), repack.turn])
        self._idle_since_s = duty.clock.monotonic()

    def turn(self) -> float:
        # Before it may fail: where the disk is too full for the one, the other is next.
        self._stages.rotate()
        if any(stage() for stage in self._stages):
            self._duty.ring("deliver", "keeper")
            self._idle_since_s = self._duty.clock.monotonic()
            return 0
        left_s = self._idle_since_s + _LEAVE_AFTER_S - self._duty.clock.monotonic()
        if left_s <= 0:
            self._duty.leaving.set()
        return max(left_s, 0)


if __name__ == "__main__":
    main(work, "convert")
