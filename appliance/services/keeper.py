"""Owns the composition of the keeper service: lamps, retention, the only writer of settings."""

from __future__ import annotations

import logging
import math
import sys
from typing import TYPE_CHECKING

from appliance.call import Server
from appliance.desk.left import LeftBehind
from appliance.errors import DiskFull, JournalFault
from appliance.journal import away
from appliance.model import DeliveryState, ItemState
from appliance.services.duty import main
from appliance.services.panel import Face
from appliance.services.wanted import wanted
from appliance.settings import access
from appliance.settings.clerk import Clerk
from appliance.status import snapshot
from appliance.status.attendance import Attendance
from appliance.status.foundlings import Foundlings
from appliance.status.pattern import LampState
from appliance.status.retention import Housekeeping
from appliance.status.silence import Watch

if TYPE_CHECKING:
    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty
    from appliance.status.snapshot import Snapshot

_log = logging.getLogger(__name__)

_AFTER_TROUBLE_S = 5.0
_CONCERNED = ("watch", "deliver", "receive", "share", "keeper")
"""Who looks at the settings again when they change."""


def work(duty: Duty) -> None:
    """Keep the box until told to leave."""
    access.prepare(duty.paths.root)
    clerk = Clerk(duty.paths.root, lambda: duty.ring(*_CONCERNED))
    # Only keeper's own user, which is also the page's, may change settings.
    calls = Server(duty.paths.run / "keeper.sock", clerk.operations, mode=0o600)
    calls.start()
    face = Face(duty.paths, duty.clock, sys.stderr)
    with duty.journal() as journal:
        duty.loop(_Round(duty, journal, face).turn)
    face.close()
    calls.close()


class _Round:
    def __init__(self, duty: Duty, journal: Journal, face: Face) -> None:
        self._duty = duty
        self._journal = journal
        self._face = face
        self._housekeeping = Housekeeping(
            journal.custody, journal.orders, duty.paths.spool, duty.clock
        )
        self._foundlings = Foundlings(journal.custody, duty.clock)
        self._silence = Watch(journal, duty.clock)
        self._attendance = Attendance(journal, duty.clock)
        self._left = LeftBehind(journal, duty.clock)

    def turn(self) -> float:
        try:
            if self._journal.charge.settle():
                self._duty.ring(*away.CONCERNED)
            found_s = math.inf if away.is_away(self._duty.paths) else self._foundlings.turn()
            settings = self._duty.settings.get()
            attend_s = min(self._attendance.turn(wanted(settings)), self._left.turn(settings))
            look = self._look()
            self._light(look.lamps)
            if look.items.get(ItemState.ARRIVED) or _is_made_anew(look):
                # convert is not there most of the time, so nobody else makes good a lost ring.
                self._duty.ring("convert")
            listen_s = self._silence.turn(settings)
            return min(self._housekeeping.turn(settings), listen_s, attend_s, found_s)
        except (DiskFull, JournalFault) as problem:
            _log.error("%s %s", problem, problem.hint)
            self._light(LampState.CANNOT_DELIVER)
            return _AFTER_TROUBLE_S

    def _look(self) -> Snapshot:
        settings = self._duty.settings.get()
        problem = self._duty.settings.problem
        problems = [problem] if problem else []
        return snapshot.take(self._journal, settings, problems, self._duty.clock)

    def _light(self, state: LampState) -> None:
        self._face.show(state, buzzer=self._duty.settings.get().box.buzzer)


def _is_made_anew(look: Snapshot) -> bool:
    """Whether anything waits for its destination's sake to be unpacked."""
    return any(each.deliveries.get(DeliveryState.WAITING) for each in look.destinations)


if __name__ == "__main__":
    main(work, "keeper")
