"""Owns the composition of the steward: root, for the machine itself, and there only while asked.

What it does for whom stands with each operation in appliance/box. Only the page's own user and
root may open its socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import __version__
from appliance.board.mount import Helper
from appliance.box import hour, image, machine, notary, posed, tool
from appliance.box.address import Changes, after_the_answer
from appliance.box.board import board
from appliance.box.bootenv import remembered
from appliance.box.bootfat import BOOT
from appliance.box.connect import Places
from appliance.box.engaged import Engaged
from appliance.box.errand import Errand
from appliance.box.incoming import Incoming
from appliance.box.rauc import Rauc
from appliance.box.record import this_start
from appliance.box.restart import restart, restart_soon
from appliance.box.service_stick import ServiceSticks
from appliance.box.spare import Spare
from appliance.box.update_stick import UpdateSticks
from appliance.box.updates import Machine, Updates
from appliance.call import Reception, listen
from appliance.desk import reset
from appliance.journal import schema
from appliance.services.duty import main
from appliance.services.handover import machine_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.call import Handler
    from appliance.services.duty import Duty

SOCKET = "steward.sock"

_LEAVE_AFTER_S = 60.0


def operations(duty: Duty, updates: Updates, engaged: Engaged) -> Mapping[str, Handler]:
    """Everything that may be asked for, by name: a line for each part of the machine.

    What goes on after its answer says so to the `engaged` of `work`.
    """
    return {
        "restart": _restart,
        **updates.operations,
        **_spare(duty, engaged).operations,
        **posed.operations(lambda: machine_of(duty.paths)),
        **machine.operations(),
        **reset.operations(duty.paths),
        **_network(duty, engaged).operations,
        **notary.operations(duty.paths.root, duty.clock),
        **hour.operations(),
    }


def work(duty: Duty) -> None:
    """Answer; leave when nobody has asked for a while and nothing goes on."""
    engaged = Engaged()
    updates = _updates(duty, engaged)
    place = duty.paths.root / "box"
    sticks = UpdateSticks(Helper(duty.paths.run), updates, place, this_start())
    door = duty.doors[0] if duty.doors else listen(duty.paths.run / SOCKET, 0o600)
    reception = Reception(door, operations(duty, updates, engaged))
    duty.loop(_Shift(duty, reception, sticks, engaged).turn, reception)


def _spare(duty: Duty, engaged: Engaged) -> Spare:
    errand = Errand(engaged)
    sticks = ServiceSticks(duty.paths.run / "service-mounts")
    return Spare(lambda: machine_of(duty.paths, errand.tell), sticks, errand, restart_soon)


def _network(duty: Duty, engaged: Engaged) -> Changes:
    places = Places(duty.paths.root)
    return Changes(places, tool.run, after_the_answer(places, engaged.at_work))


class _Shift:
    def __init__(
        self, duty: Duty, reception: Reception, sticks: UpdateSticks, engaged: Engaged
    ) -> None:
        self._duty = duty
        self._reception = reception
        self._sticks = sticks
        self._engaged = engaged
        self._idle_since_s = duty.clock.monotonic()

    def turn(self) -> float:
        came = self._reception.turn()
        if not came:
            self._sticks.look()  # the bell may have been rung for one
        now_s = self._duty.clock.monotonic()
        if came or self._reception.is_busy or self._engaged:
            self._idle_since_s = now_s
        left_s = self._idle_since_s + _LEAVE_AFTER_S - now_s
        if left_s <= 0:
            self._duty.leaving.set()
        return max(left_s, 0)


def _updates(duty: Duty, engaged: Engaged) -> Updates:
    place = duty.paths.root / "box"
    machine = Machine(
        place=place,
        slot=board().slot,
        version=__version__,
        build=image.build(),
        kept_schema=lambda: schema.kept(duty.paths.journal),
        remembered=lambda: remembered(BOOT),
        restart=restart,
        start=this_start(),
    )
    return Updates(machine, Rauc(), Incoming(place / "incoming"), duty.clock, engaged)


def _restart(_: Mapping[str, object]) -> Mapping[str, object]:
    """{}: shut down cleanly and start again, after the answer."""
    restart_soon()
    return {}


if __name__ == "__main__":
    main(work, "steward")
