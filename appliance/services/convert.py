"""Owns the composition of the convert service: comes on demand, leaves when there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.convert.stage import Convert
from appliance.services.duty import main

if TYPE_CHECKING:
    from appliance.services.duty import Duty

_LEAVE_AFTER_S = 60.0


def work(duty: Duty) -> None:
    """Convert what has arrived; leave after a while without work."""
    with duty.journal() as journal:
        journal.custody.free_the_dead()
        duty.loop(_Shift(duty, Convert(journal, duty.notifier.beat)).turn)


class _Shift:
    def __init__(self, duty: Duty, stage: Convert) -> None:
        self._duty = duty
        self._stage = stage
        self._idle_since_s = duty.clock.monotonic()

    def turn(self) -> float:
        if self._stage.turn(self._duty.settings.get()):
            self._duty.ring("deliver", "keeper")
            self._idle_since_s = self._duty.clock.monotonic()
            return 0
        left_s = self._idle_since_s + _LEAVE_AFTER_S - self._duty.clock.monotonic()
        if left_s <= 0:
            self._duty.leaving.set()
        return max(left_s, 0)


if __name__ == "__main__":
    main(work, "convert")
