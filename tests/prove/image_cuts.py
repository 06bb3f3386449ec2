"""Proves that a power cut at any instant of an update is harmless: the box starts, by itself, into
a slot that works, settings and queue as they were; and that quick cuts do not change the slot.

The update is made once, uncut, and each write of the machine is put down. A cut is a card with
what had been written until any instant from the stick going in to the new system found good, less
some of what the card had not been told to keep (image_torn.py): what a pulled plug leaves of it.
"""

from __future__ import annotations

import re
import time
from bisect import bisect
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from threading import Event
from typing import TYPE_CHECKING, Self, TypeVar

from tests.prove.image_bundles import Bundles
from tests.prove.image_rig import BOOT_S
from tests.prove.image_torn import tear
from tests.prove.image_update import (
    INSTALL_S,
    begun,
    is_good,
    same_again,
    state,
    stick_with,
    updates,
    waiting,
)
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.prove.image_card import Card
    from tests.prove.image_machine import Appliance, Moment
    from tests.prove.image_rig import Rig
    from tests.prove.image_update import State

_Seen = TypeVar("_Seen")

ROUNDS = 30
QUICK = 3
_LOOK_EVERY_S = 0.3
"""U-Boot is up for longer before it writes."""
_KERNEL = re.compile(r"Starting kernel|Linux version")


def prove(rig: Rig) -> str:
    """Raises NotProved."""
    with waiting(rig) as (appliance, _):
        before = state(appliance)
        moment = appliance.keep("waiting")
        stick = stick_with(rig, Bundles(rig.built, rig.folder("bundles")).good())
        _quick_cuts(rig, moment)
        cuts = Cuts(rig, moment, stick, before)
        return cuts.run(rig.rounds or ROUNDS)


@dataclass(frozen=True)
class Instant:
    """One of an update."""

    after_s: float
    phase: str
    """What went on, as the page told; from a reset until it tells again: starting."""
    told: int
    """How long the log of writes was."""
    reset_at: int | None
    """How long it was when the machine was reset last."""

    def __str__(self) -> str:
        return f"{self.after_s:.0f} s ({self.phase})"


class Uncut:
    """Watches an update that nobody cuts, until it is left; times are seconds since it began."""

    def __init__(self, appliance: Appliance, log: Path) -> None:
        self.log = log
        self.phases: list[tuple[float, str]] = []
        """What went on from when on; whoever asks the page puts it down."""
        self._appliance = appliance
        self._grown: list[tuple[float, int]] = []
        self._reset: list[tuple[float, int]] = []
        self._over = Event()
        self._watchers = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._watching = self._watchers.submit(self._watch)
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self.now()
        self._over.set()
        self._watchers.shutdown()
        self._watching.result()  # what it stumbled over: no instant after that would be one

    def now(self) -> float:
        """How long it takes until now."""
        return time.monotonic() - self._began

    @property
    def has_restarted(self) -> bool:
        """Whether the machine was seen to."""
        return bool(self._reset)

    def at(self, after_s: float) -> Instant:
        """The instant so long after it began."""
        resets = ((when, "starting") for when, _ in self._reset)
        return Instant(
            after_s,
            phase=_last(sorted([*self.phases, *resets]), after_s) or "plugged in",
            told=_last(self._grown, after_s) or 0,
            reset_at=_last(self._reset, after_s),
        )

    def _watch(self) -> None:
        """It alone speaks with QEMU meanwhile."""
        resets = 0
        while not self._over.wait(_LOOK_EVERY_S):
            before, resets = resets, self._appliance.qmp.count("RESET")
            told = (self.now(), self.log.stat().st_size)
            self._grown.append(told)
            if resets > before:
                self._reset.append(told)


def _last(seen: Sequence[tuple[float, _Seen]], now: float) -> _Seen | None:
    number = bisect([when for when, _ in seen], now)
    return seen[number - 1][1] if number else None


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
        uncut = self._uncut()
        self._rig.say(f"the update takes {uncut.seconds:.0f} s when nobody cuts it")
        for number in range(1, rounds + 1):
            instant = uncut.at(self._random.uniform(0, uncut.seconds))
            found = self._round(uncut.log, instant)
            self._phases[instant.phase] += 1
            self._rig.say(f"cut {number} after {instant}: {found}")
        phases = ", ".join(f"{name} {count}" for name, count in self._phases.most_common())
        slots = ", ".join(f"{name} {count}" for name, count in sorted(self._slots.items()))
        return (
            f"{rounds} cuts ({phases}): each time it started by itself (slot {slots}), settings "
            f"and queue as before, every waiting film delivered whole and once; {QUICK} quick "
            "cuts did not change the slot"
        )

    def _uncut(self) -> Uncut:
        """The update as it is when nobody cuts it."""
        appliance = self._appliance
        log = appliance.folder / "writes"
        appliance.go_on(self._waiting, log=log)
        appliance.plug_stick("stick", self._stick)
        with Uncut(appliance, log) as uncut:

            def is_over() -> bool:
                uncut.phases.append((uncut.now(), _phase(appliance)))
                return is_good(appliance, "B")

            try:
                wait_for("the update good", is_over, INSTALL_S, 2)
            except NotProved as reason:
                appliance.fail(f"{reason}; the page says {updates(appliance)}")
        if not uncut.has_restarted:
            appliance.fail("an update was found good without a restart")
        appliance.cut()
        return uncut

    def _round(self, log: Path, instant: Instant) -> str:
        """One cut; what was found."""
        card = self._waiting.card.layer(self._appliance.new_layer())
        torn = tear(log, card, self._random, instant.told, instant.reset_at)
        self._starts(card)
        slot = _slot(self._appliance)
        self._slots[slot] += 1
        card.path.unlink()
        return f"{torn}; started slot {slot}"

    def _starts(self, card: Card) -> None:
        """It comes up, is as it was, and delivers what waits."""
        appliance, hospital = self._appliance, self._hospital
        appliance.card = card
        appliance.start()
        appliance.page.wait(BOOT_S)
        same_again(appliance, self._before, "after a cut")
        hospital.pacs.come()
        try:
            hospital.reckon()
        finally:
            hospital.pacs.forget()
            hospital.pacs.go()
        appliance.cut()
        if faults := card.fat_faults():
            appliance.fail(f"after a cut the first partition is damaged: {faults}")


def _phase(appliance: Appliance) -> str:
    said = updates(appliance)
    if not said:
        return "away"
    doing = said.get("doing")
    return str(doing["what"]) if doing else "on trial" if said.get("on_trial") else "at rest"


def _slot(appliance: Appliance) -> str:
    return begun(appliance)[-1] if begun(appliance) else "unknown"


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
