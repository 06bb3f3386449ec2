"""Owns the stick source: whichever USB stick is plugged in is read to its end, and never written.

A stick may be pulled at any moment. What was taken is safe then; the rest is said, and taken when
the stick comes again. A stick is known by what is on it: nothing is taken twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from appliance.errors import (
    CannotMount,
    Declined,
    DiskFull,
    NoHelper,
    Notice,
    StickFaulty,
    StickLacking,
    StickPulled,
    StickRead,
    StickReading,
    StickSafe,
)
from appliance.sources.media.reading import Reading
from appliance.sources.media.tally import Tally
from appliance.sources.media.volume import Taker, Volume

if TYPE_CHECKING:
    from appliance.board.mount import Helper, Mounted
    from appliance.board.usb import UsbVolume
    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import Source
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)

_SAY_EVERY_S = 1.0
_LOOK_EVERY_S = 1.0
_LOOK_AFTER_S = 1.0
"""How long after the last file a stick must still be there: FAT shows what was pulled as empty."""

_RETRY_S = 10.0
_PATIENT_MISSES = 3
_MOST_TRIES = 3
_REMEMBERED_S = 12 * 3600.0
"""For how long a stick that was pulled too early is asked for: a shift."""


class Place(NamedTuple):
    """How the source is doing."""

    state: str
    problem: Problem | None = None


class Plugged:
    """One volume, from being plugged in to being pulled."""

    def __init__(self, volume: UsbVolume, taker: Taker, clock: Clock) -> None:
        """Not mounted yet."""
        self.volume = volume
        self.reading: Reading | None = None
        self.trouble: Problem | None = None
        self._taker = taker
        self._clock = clock
        self._mounted: Mounted | None = None
        self._tries = 0
        self._again_at_s = 0.0
        self._read_at_s: float | None = None  # when its last file was
        self._was_there_after = False

    def turn(self, helper: Helper) -> int:
        """Read on; how many files were taken. Raises NoHelper, DiskFull."""
        if self.reading is None:
            self._open(helper)
        if self.reading is None:
            return 0
        rests = self.reading.is_over and self.reading.rest_s != 0
        try:
            taken = self.reading.step()
        except OSError as error:
            self._fail(CannotMount(name=self.volume.label, why=f"{error.strerror}"))
            return 0
        if self.reading.is_over and not rests:
            self._read_at_s, self._was_there_after = self._clock.monotonic(), False
        if self.reading.rest_s is None:
            self.close()  # nothing more is read from it
        return taken

    def is_there(self) -> None:
        """It was seen just now: what was read before, was not cut off."""
        if self._read_at_s is not None and not self._wait_s(self._read_at_s + _LOOK_AFTER_S):
            self._was_there_after = True

    @property
    def is_busy(self) -> bool:
        """Whether it is being read, and nothing says that it is gone."""
        return self.reading is not None and not (self.reading.is_over or self.reading.in_doubt)

    @property
    def rest_s(self) -> float | None:
        """In how many seconds it wants another turn; None: never."""
        if self._read_at_s is not None and not self._was_there_after:
            return self._wait_s(self._read_at_s + _LOOK_AFTER_S)
        if self.reading:
            return self.reading.rest_s
        return None if self._tries == _MOST_TRIES else self._wait_s(self._again_at_s)

    def _wait_s(self, until_s: float) -> float:
        return max(0.0, until_s - self._clock.monotonic())

    def place(self) -> Place:
        """What whoever stands before the box should know."""
        label, reading = self.volume.label, self.reading
        if self.trouble:
            return Place("denied", self.trouble)
        if reading is None or not reading.is_over:
            return Place("reading", self._progress(reading))
        if reading.gaps:
            return Place("denied", StickFaulty(label=label, what=reading.findings))
        if not self._was_there_after:
            return Place("reading", self._progress(reading))
        return Place("safe", StickSafe(label=label, what=reading.findings))

    def pulled(self) -> Place | None:
        """What is to be said once it is gone; None where it was said that it cannot be mounted."""
        self.close()
        label, reading = self.volume.label, self.reading
        if isinstance(self.trouble, Declined) and self.trouble.code == CannotMount.code:
            return None
        if reading and reading.is_over and reading.gaps:
            return Place("pulled", StickLacking(label=label, what=reading.findings))
        if reading and self._was_there_after:
            return Place("empty", StickRead(label=label, what=reading.findings))
        tally = reading.tally if reading else Tally()
        return Place("pulled", StickPulled(label=label, what=tally.progress()))

    def close(self) -> None:
        """Let go of the file system."""
        self._taker.afresh()
        if self._mounted:
            self._mounted.close()
            self._mounted = None

    def _open(self, helper: Helper) -> None:
        if self.rest_s != 0:
            return
        try:
            self._mounted = helper.open(self.volume.id)
        except Declined as problem:
            self._fail(problem)
            return
        self.trouble = None
        volume = Volume(self._mounted.root, self._mounted.errors)
        self.reading = Reading(self.volume.label, volume, self._taker, self._clock)

    def _fail(self, problem: Problem) -> None:
        self.close()
        self.reading = None
        self.trouble = problem
        self._tries += 1
        self._again_at_s = self._clock.monotonic() + _RETRY_S

    def _progress(self, reading: Reading | None) -> StickReading:
        tally = reading.tally if reading else Tally()
        return StickReading(
            label=self.volume.label,
            progress=tally.progress(),
            done=tally.done,
            total=tally.total or 0,
        )


class StickSource:
    """All sticks, one after the other as they come; belongs to one thread."""

    def __init__(
        self,
        source: Source,
        profile: Profile | None,
        journal: Journal,
        intake: Intake,
        clock: Clock,
        helper: Helper,
    ) -> None:
        """Look for sticks from the first `turn` on."""
        self._source = source
        self._profile = profile
        self._journal = journal
        self._intake = intake
        self._clock = clock
        self._helper = helper
        self._plugged: dict[str, Plugged] = {}
        self._asked_for: dict[str, tuple[float, Place]] = {}
        self._last = _left_behind(journal, source.name)
        self._said = Place("")
        self._said_at_s = 0.0
        self._look_at_s = 0.0
        self._misses = 0

    def fileno(self) -> int | None:
        """None: the devices service rings when a stick comes or goes."""
        return None

    def close(self) -> None:
        """Let go of all sticks."""
        for plugged in self._plugged.values():
            plugged.close()
        self._plugged.clear()

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Read the next few files of every stick; how many were taken, and when to come again."""
        taken = 0
        try:
            if self._look():
                self._say(self._place(elsewhere))
                return 0, 0  # whoever lights the lamps hears of it before anything is read
            for plugged in self._plugged.values():
                taken += plugged.turn(self._helper)
        except NoHelper as problem:
            return taken, self._without_helper(problem)
        except DiskFull as problem:
            self._say(Place("full", problem))
            return taken, _RETRY_S
        self._misses = 0
        self._say(self._place(elsewhere))
        rests = [plugged.rest_s for plugged in self._plugged.values()]
        return taken, min((rest for rest in rests if rest is not None), default=None)

    # What is plugged in

    def _look(self) -> bool:
        """Learn what went, and whether one came; while one is read that is asked once a second."""
        now_s = self._clock.monotonic()
        if now_s < self._look_at_s and any(p.is_busy for p in self._plugged.values()):
            return False
        self._look_at_s = now_s + _LOOK_EVERY_S
        listed = [v for v in self._helper.volumes() if not (v.brings_update or v.service)]
        present = {volume.id: volume for volume in listed}
        for gone in set(self._plugged) - set(present):
            self._pulled(self._plugged.pop(gone))
        for plugged in self._plugged.values():
            plugged.is_there()
        came = [volume for id_, volume in present.items() if id_ not in self._plugged]
        for new in came:
            _log.info("%s: %s was plugged in (%s)", self._source.name, new.label, new.device)
            taker = Taker(self._source, self._profile, self._journal, self._intake)
            self._plugged[new.id] = Plugged(new, taker, self._clock)
        return bool(came)

    def _pulled(self, plugged: Plugged) -> None:
        place, serial = plugged.pulled(), plugged.volume.serial
        _log.info("%s: %s was pulled", self._source.name, plugged.volume.label)
        if place is None:
            return
        before = self._asked_for.pop(serial, None)
        if place.state != "pulled":
            self._last = place
        elif before is None or not isinstance(place.problem, StickLacking):
            # What could not be read the second time either, somebody has seen by now.
            self._asked_for[serial] = (self._clock.monotonic() + _REMEMBERED_S, place)

    def _without_helper(self, problem: NoHelper) -> float:
        """Patience, then a word about it: both services are started at the same time."""
        self._misses += 1
        if self._misses <= _PATIENT_MISSES:
            return _LOOK_EVERY_S
        self._say(Place("denied", problem))
        return _RETRY_S

    # Saying

    def _place(self, elsewhere: Problem | None) -> Place:
        """The most pressing: what is plugged in first, then what should be, then the rest."""
        places = [plugged.place() for plugged in self._plugged.values()]
        if places:
            return min(places, key=lambda place: _PRESSING.index(place.state))
        now_s = self._clock.monotonic()
        asked_for = [place for until_s, place in self._asked_for.values() if now_s < until_s]
        if asked_for:
            return asked_for[-1]
        return Place("denied", elsewhere) if elsewhere else self._last

    def _say(self, place: Place) -> None:
        """Tell the journal, when that has changed; numbers that only grow once a second."""
        now_s = self._clock.monotonic()
        goes_on = place.state == self._said.state == "reading"
        if str(place) == str(self._said) or (goes_on and now_s < self._said_at_s + _SAY_EVERY_S):
            return
        state, problem = place
        well = problem is None or isinstance(problem, Notice)
        self._journal.custody.set_place("source", self._source.name, state, problem, ok=well)
        if problem and not goes_on:
            level = logging.INFO if well else logging.WARNING
            _log.log(level, "%s: %s %s", self._source.name, problem, problem.hint)
        self._said, self._said_at_s = place, now_s


def _left_behind(journal: Journal, source: str) -> Place:
    """What a process before this one had to say, where that still counts."""
    for row in journal.ledger.places():
        if (row["kind"], row["name"]) != ("source", source):
            continue
        if row["state"] == "pulled":
            said = Declined(sentence=row["sentence"], code=row["code"], hint=row["hint"])
            return Place("pulled", said)
        if row["state"] in {"reading", "full"}:
            return Place("pulled", StickPulled(label="A stick", what="the box was off meanwhile"))
    return Place("empty")


_PRESSING = ("reading", "denied", "safe")
