"""Owns the composition of the convert service: comes on demand, leaves when there is nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from appliance.call import Counter, listen
from appliance.convert.preview import Previews
from appliance.convert.repack import Repack
from appliance.convert.stage import Convert
from appliance.journal.away import is_away
from appliance.services.duty import main

if TYPE_CHECKING:
    from appliance.services.duty import Duty

_LEAVE_AFTER_S = 60.0
_SOCKET = "convert.sock"


def work(duty: Duty) -> None:
    """Convert, unpack, and draw what somebody wants to see; leave when there is nothing."""
    with duty.journal() as journal:
        journal.custody.free_the_dead()
        beat = duty.notifier.beat
        stages = (Convert(journal, beat), Repack(journal, beat))
        previews = Previews(journal, duty.settings.get, beat)
        door = duty.doors[0] if duty.doors else listen(duty.paths.run / _SOCKET)
        counter = Counter(door, {"preview": previews.answer})
        duty.loop(_Shift(duty, *stages, counter).turn, counter)


class _Shift:
    """All take turns, so that nobody waits for the others to have no more to do."""

    def __init__(self, duty: Duty, convert: Convert, repack: Repack, counter: Counter) -> None:
        self._duty = duty
        self._stages = deque([lambda: convert.turn(duty.settings.get()), repack.turn])
        self._counter = counter
        self._idle_since_s = duty.clock.monotonic()

    def turn(self) -> float:
        # Whoever looks comes first, for a stage may fail, and a caller who stays wakes us again.
        # Where the disk is too full for one stage, the other is next.
        answered = self._counter.answer()
        self._stages.rotate()
        worked = not is_away(self._duty.paths) and any(stage() for stage in self._stages)
        if worked:
            self._duty.ring("deliver", "keeper")
        if answered or worked:
            self._idle_since_s = self._duty.clock.monotonic()
            return 0
        left_s = self._idle_since_s + _LEAVE_AFTER_S - self._duty.clock.monotonic()
        if left_s <= 0:
            self._duty.leaving.set()
        return max(left_s, 0)


if __name__ == "__main__":
    main(work, "convert")
