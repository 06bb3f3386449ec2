"""Proves that the image boots as flashed: to the page, to the claimed page, and how fast; what the
services hold of memory; that the card was grown, and that a second boot finds what the first made.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.prove.image_inside import memory, reads, times
from tests.prove.image_rig import BOOT_S, RESULT, claim_code, claimed
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from tests.prove.image_machine import Appliance
    from tests.prove.image_rig import Rig

AIM_S = 90
SMALL_MB = 512
"""What a Zero 2 W has."""

_SIGNS = {
    "U-Boot": r"^U-Boot 20",
    "the kernel is read": r"Starting kernel",
    "Linux": r"Linux version",
    "systemd": r"systemd\[1\]: ",
}
_PAGE = "the page"
_LOOK_EVERY_S = 0.5
_IDLE_S = 60
_FILMS = 10


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance = rig.new("boot")
    with appliance:
        rig.say(appliance.kind)
        first = _booted(rig, appliance, "first boot (card grown, encrypted, formatted)")
        claimed(appliance, claim_code(appliance))
        rig.say("claimed with the code found on the card")
        appliance.cut()
        second = _booted(rig, appliance, "second boot")
        _stays_claimed(appliance)
    _measured_within(rig)
    if rig.board.name == "vm":
        _small(rig)
    slow = f"; MORE THAN THE {AIM_S} s AIMED AT" if max(first, second) > AIM_S else ""
    return f"the page after {first:.0f} s, on the second boot {second:.0f} s{slow}"


def _booted(rig: Rig, appliance: Appliance, name: str) -> float:
    """Switch it on; the seconds until its page opens, each step said; it must become well, too."""
    seen: dict[str, float] = {}
    started = time.monotonic()
    appliance.start()

    def is_up() -> bool:
        now = time.monotonic() - started
        said = appliance.console()
        for sign, pattern in _SIGNS.items():
            if sign not in seen and re.search(pattern, said, re.MULTILINE):
                seen[sign] = now
        if _PAGE not in seen and appliance.page.opens():
            seen[_PAGE] = time.monotonic() - started
        return _PAGE in seen and appliance.page.answers() == 200

    try:
        wait_for("a box that is well", is_up, BOOT_S, _LOOK_EVERY_S)
    except NotProved as reason:
        appliance.fail(f"{name}: {reason}; seen: {seen}")
    well = time.monotonic() - started
    steps = ", ".join(f"{sign} {at:.1f} s" for sign, at in seen.items())
    rig.say(f"{name}: {steps}, all of it well {well:.1f} s")
    return seen[_PAGE]


def _stays_claimed(appliance: Appliance) -> None:
    appliance.page.log_in()
    if appliance.page.get("/claim", follow=False).status != 302:
        appliance.fail("after a cut the box can be claimed again")
    if b"claim code" in (appliance.card.read(RESULT) or b""):
        appliance.fail(f"{RESULT} still tells the claim code of a claimed box")


def _measured_within(rig: Rig) -> None:
    """With the hand: how the time and the memory of a box that is set up are spent."""
    appliance, _, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        time.sleep(_IDLE_S)
        rig.say(memory(appliance.hand))
        rig.say(reads(appliance.hand, "df", "-h", "/data", "/"))
        appliance.cut()
        appliance.start()
        appliance.page.wait(BOOT_S)
        for line in times(appliance.hand):
            rig.say(line)


def _small(rig: Rig) -> None:
    """The box that is set up, with less memory: idle, and after work."""
    appliance, hospital, moment = rig.ready()
    appliance.board = replace(rig.board, memory_mb=SMALL_MB)
    # What was kept of its memory is larger: it starts with that moment's card.
    appliance.card = moment.card.layer(appliance.new_layer())
    with appliance:
        _booted(rig, appliance, f"with {SMALL_MB} MB")
        time.sleep(_IDLE_S)
        rig.say(f"with {SMALL_MB} MB, idle: {memory(appliance.hand)}")
        hospital.begin()
        for film in hospital.next_films(_FILMS):
            hospital.put_on_share(film)
        hospital.reckon()
        rig.say(f"with {SMALL_MB} MB, after {_FILMS} films: {memory(appliance.hand)}")
        killed = reads(appliance.hand, "journalctl", "--boot", "--dmesg", "--grep=Out of memory")
        if killed and "No entries" not in killed:
            appliance.fail(f"with {SMALL_MB} MB the kernel ended somebody: {killed}")
    appliance.board = rig.board
