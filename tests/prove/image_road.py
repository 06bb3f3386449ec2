"""Proves the road through the booted box: exports on a stick that is plugged in and files put on
its share arrive at the PACS, each whole and once; and what the box holds of memory after that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.prove.image_inside import memory, verified
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.prove.films import Film
    from tests.prove.image_hospital import Hospital
    from tests.prove.image_rig import Rig

_FILMS = 10
_SAFE_S = 300
_CONFIRMED_S = 300
_IDLE_S = 60


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance, hospital, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        hospital.begin()
        by_stick = [*hospital.real_films(), *hospital.next_films(_FILMS)]
        took = _stick(hospital, by_stick)
        rig.say(f"{len(by_stick)} exports on a stick: at the PACS {took:.0f} s after it went in")
        by_share = hospital.next_films(_FILMS)
        started = time.monotonic()
        for film in by_share:
            hospital.put_on_share(film)
        hospital.wait_until_there(by_share)
        took = time.monotonic() - started
        rig.say(f"{len(by_share)} files put on the share: at the PACS after {took:.0f} s")
        hospital.reckon()
        rig.say(f"{_confirmed(hospital)} confirmed by the PACS (storage commitment calls back)")
        _again(hospital, by_stick)
        if appliance.has_hand:
            time.sleep(_IDLE_S)
            rig.say(memory(appliance.hand))
            rig.say(verified(appliance.hand))
    count = len(by_stick) + len(by_share)
    return f"{count} exports by stick and share, each at the PACS whole and once"


def _stick(hospital: Hospital, made: Sequence[Film]) -> float:
    """Plug it in, wait until it may be pulled, pull it; the seconds until all were there."""
    appliance = hospital.appliance
    started = time.monotonic()
    appliance.plug_stick("stick", hospital.stick(made))
    hospital.wait_until_there(made)
    took = time.monotonic() - started
    _wait_for_stick(hospital, "safe")
    appliance.pull("stick")
    _wait_for_stick(hospital, "empty")
    return took


def _wait_for_stick(hospital: Hospital, state: str) -> None:
    def says() -> str:
        sources = hospital.appliance.page.status()["sources"]
        return next((one["state"] for one in sources if one["name"] == "stick"), "nothing")

    try:
        wait_for(f"the stick {state}", lambda: says() == state, _SAFE_S, 1)
    except NotProved as reason:
        hospital.fail(f"{reason}: the page says {says()}")


def _confirmed(hospital: Hospital) -> int:
    wanted = len(hospital.films)

    def confirmed() -> int:
        return int(hospital.appliance.page.status()["deliveries"].get("confirmed", 0))

    try:
        wait_for("all confirmed", lambda: confirmed() >= wanted, _CONFIRMED_S, 2)
    except NotProved as reason:
        status = hospital.appliance.page.status()
        hospital.fail(f"{reason}: {confirmed()} of {wanted}; {status}")
    return confirmed()


def _again(hospital: Hospital, made: Sequence[Film]) -> None:
    """The same exports on another stick are nothing new."""
    before = len(list(hospital.pacs.received()))
    appliance = hospital.appliance
    appliance.plug_stick("stick", hospital.stick(made), "4C530002")
    _wait_for_stick(hospital, "safe")
    appliance.pull("stick")
    hospital.reckon()
    if len(list(hospital.pacs.received())) != before:
        hospital.fail("the same exports on another stick were sent again")
