"""Proves that a power cut at any instant of an update is harmless: the box starts, by itself, into
a slot that works, settings and queue as they were; and that quick cuts do not change the slot.

A cut here takes with it what the card had not been told to keep (image_torn.py), and it comes at
any instant from the stick going in until the new system has been found good.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from tests.prove.image_bundles import Bundles
from tests.prove.image_rig import BOOT_S
from tests.prove.image_torn import tear
from tests.prove.image_update import INSTALL_S, is_good, queued, state, stick_with, updates
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.image_card import Card
    from tests.prove.image_machine import Appliance, Moment
    from tests.prove.image_rig import Rig
    from tests.prove.image_update import State

ROUNDS = 30
QUICK = 3
_LOOK_EVERY_S = 0.3
"""U-Boot is up for longer before it writes."""
_SLOT = re.compile(r"^Slot ([AB]), attempts left", re.MULTILINE)
_KERNEL = re.compile(r"Starting kernel|Linux version")


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    appliance, hospital, moment = rig.ready()
    with appliance:
        appliance.go_on(moment)
        hospital.begin()
        queued(hospital)
        before = state(appliance)
        waiting = appliance.keep("waiting")
        stick = stick_with(rig, Bundles(rig.built, rig.folder("bundles")).good())
        _quick_cuts(rig, waiting)
        cuts = Cuts(rig, waiting, stick, before)
        return cuts.run(rig.rounds or ROUNDS)


class Cuts:
    """One box that waits for its PACS, one stick with an update."""

    def __init__(self, rig: Rig, waiting: Moment, stick: Path, before: State) -> None:
        self._rig = rig
        self._appliance, self._hospital, _ = rig.ready()
        self._waiting = waiting
        self._stick = stick
        self._before = before
        self._random = Random(1)
        self._phases: Counter[str] = Counter()
        self._slots: Counter[str] = Counter()

    def run(self, rounds: int) -> str:
        """So many cuts."""
        whole_s = self._uncut()
        self._rig.say(f"the update takes {whole_s:.0f} s when nobody cuts it")
        for number in range(1, rounds + 1):
            after_s = self._random.uniform(0, whole_s)
            phase = self._round(after_s)
            self._phases[phase] += 1
            self._rig.say(f"cut {number} after {after_s:.0f} s ({phase}): {self._found}")
        phases = ", ".join(f"{name} {count}" for name, count in self._phases.most_common())
        slots = ", ".join(f"{name} {count}" for name, count in sorted(self._slots.items()))
        return (
            f"{rounds} cuts ({phases}): each time it started by itself (slot {slots}), settings "
            f"and queue as before, every waiting film delivered whole and once; {QUICK} quick "
            "cuts did not change the slot"
        )

    def _uncut(self) -> float:
        """How long it takes; nothing of it is kept."""
        appliance = self._appliance
        appliance.go_on(self._waiting)
        started = time.monotonic()
        appliance.plug_stick("stick", self._stick)
        try:
            wait_for("the update good", lambda: is_good(appliance, "B"), INSTALL_S, 2)
        except NotProved as reason:
            appliance.fail(f"{reason}; the page says {updates(appliance)}")
        appliance.cut()
        return time.monotonic() - started

    def _round(self, after_s: float) -> str:
        """One cut; what went on when it came."""
        appliance = self._appliance
        log = appliance.folder / "writes"
        appliance.go_on(self._waiting, log=log)
        appliance.plug_stick("stick", self._stick)
        reset_at = _wait(appliance, log, after_s)
        phase = _phase(appliance)
        appliance.cut()
        card = self._waiting.card.layer(appliance.new_layer())
        torn = tear(log, card, self._random, reset_at)
        log.unlink()
        self._starts(card)
        slot = _slot(appliance)
        self._slots[slot] += 1
        self._found = f"{torn}; started slot {slot}"
        return phase

    def _starts(self, card: Card) -> None:
        """It comes up, is as it was, and delivers what waits."""
        appliance, hospital = self._appliance, self._hospital
        appliance.card = card
        appliance.start()
        appliance.page.wait(BOOT_S)
        if faults := card.fat_faults():
            appliance.fail(f"after a cut the first partition is damaged: {faults}")
        now = state(appliance)
        if now != self._before:
            appliance.fail(f"after a cut the box is {now}, which was {self._before}")
        hospital.pacs.come()
        try:
            hospital.reckon()
        finally:
            hospital.pacs.forget()
            hospital.pacs.go()
        appliance.cut()


def _wait(appliance: Appliance, log: Path, seconds: float) -> int | None:
    """So long; how long the log was when the machine was last reset meanwhile."""
    until = time.monotonic() + seconds
    resets, reset_at = 0, None
    while (left_s := until - time.monotonic()) > 0:
        time.sleep(min(left_s, _LOOK_EVERY_S))
        if (now := appliance.qmp.count("RESET")) > resets:
            resets, reset_at = now, log.stat().st_size
    return reset_at


def _phase(appliance: Appliance) -> str:
    said = updates(appliance)
    if not said:
        return "restarting"
    doing = said.get("doing")
    return str(doing["what"]) if doing else "on trial" if said.get("on_trial") else "good"


def _slot(appliance: Appliance) -> str:
    found = _SLOT.findall(appliance.console())
    return found[-1] if found else "unknown"


def _quick_cuts(rig: Rig, waiting: Moment) -> None:
    """Cut as soon as the kernel runs, again and again."""
    appliance, _, _ = rig.ready()
    appliance.card = waiting.card.layer(appliance.new_layer())
    for _ in range(QUICK):
        appliance.start()
        wait_for("the kernel", lambda: _KERNEL.search(appliance.console()), BOOT_S)
        appliance.cut()
    appliance.start()
    appliance.page.wait(BOOT_S)
    if (slot := _slot(appliance)) != "A":
        appliance.fail(f"after {QUICK} quick cuts slot {slot} was started")
    rig.say(f"{QUICK} cuts as soon as the kernel ran, then a start: slot {slot}")
    appliance.cut()
