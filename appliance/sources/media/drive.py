"""Owns a drive source: when the box, posing as a stick, looks at what the host wrote, and when it
puts an empty drive in the place of a full one.

The host is never disturbed while it writes, and never told to let go.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.errors import (
    CannotMount,
    ChangedMeanwhile,
    DiskFull,
    DriveAlmostFull,
    DriveDamaged,
    DriveFilling,
    DriveInUse,
    DrivePortTaken,
    DriveRestless,
    DriveTooLarge,
    NoDrivePort,
    NoHelper,
    Notice,
    Problem,
    UnfinishedName,
)
from appliance.sources.media.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.board.drive.client import Seen
    from appliance.clock import Clock
    from appliance.intake.accept import Intake
    from appliance.journal.journal import Journal
    from appliance.settings.links import DriveLink
    from appliance.settings.schema import Profile

_log = logging.getLogger(__name__)

_AT_ONCE = 8
_LOOK_S = 5.0
_RETRY_S = 10.0
_ASK_S = 60.0
"""How often the exchange of a drive is tried, and whether all on it is proved is looked up."""

_SWAP_PERCENT = 70
_SAY_PERCENT = 85
_PRESSING_PERCENT = 95
_IDLE_S = 600.0
"""No write for so long: the modality is not in the middle of an exam."""

_AWAY_S = 60.0
"""The same where no host is there."""

_RESTLESS_S = 900.0
"""A host that is never quiet for so long keeps what it wrote from being taken."""

_AWAY, _ASLEEP = "not attached", "suspended"
"""A port with a supply of its own takes a host that is gone for one that sleeps."""


class Drive(Protocol):
    """What the privileged helper does with the drive."""

    def look(self) -> Seen:
        """How it stands; it is attached from the first look on."""
        ...

    def snapshot(self, stamp: str) -> AbstractContextManager[Path]:
        """What the host had written as of `stamp`. Raises ChangedMeanwhile, DiskFull."""
        ...

    def taken(self, stamp: str, *, in_part: bool) -> None:
        """Everything on it as of `stamp` was accepted, or what can be.

        Raises ChangedMeanwhile, DiskFull.
        """
        ...

    def swap(self, stamp: str) -> None:
        """Give the host an empty one. Raises ChangedMeanwhile, DriveInUse, DiskFull."""
        ...


class Obstacle(NamedTuple):
    """Why a drive is not exchanged, and whether that passes by itself."""

    why: str
    passes: bool


class DriveSource:
    """One drive; belongs to one thread."""

    def __init__(
        self,
        source: DriveLink,
        profile: Profile | None,
        journal: Journal,
        intake: Intake,
        clock: Clock,
        drive: Drive,
    ) -> None:
        """Pose as a stick from the first `turn` on."""
        self._source = source
        self._journal = journal
        self._clock = clock
        self._drive = drive
        self._agreement = Agreement(source, profile, journal, intake)
        self._walk: Generator[bool] | None = None
        self._stamp = ""
        self._noted = ("", False)  # as of which stamp it was taken, and whether in part
        self._quiet_since_s = 0.0
        self._due_s: float | None = None  # when the next snapshot is wanted
        self._first_write_s: float | None = None  # of those that no snapshot shows
        self._host = ""
        self._asked_s = -_ASK_S
        self._obstacle: Obstacle | None = None
        self._said = ""

    def fileno(self) -> int | None:
        """Nothing tells when a host writes."""
        return None

    def close(self) -> None:
        """Let go of a snapshot half-walked; the drive stays attached."""
        self._leave()

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Take what can be taken now; trouble `elsewhere` with the source is said with its own.

        Returns how many files were accepted, and in how many seconds it wants another turn.
        """
        now_s = self._clock.monotonic()
        try:
            taken, wait_s = self._go_on() if self._walk else self._look(now_s)
        except (OSError, Problem) as error:
            self._leave()
            return 0, self._stumble(now_s, error)
        if not self._walk:
            self._say(
                elsewhere or self._restless(now_s) or self._exchange(now_s) or self._unread()
            )
        return taken, wait_s

    # Looking

    def _look(self, now_s: float) -> tuple[int, float]:
        """See whether the host wrote; once it is quiet, see what."""
        seen = self._drive.look()
        self._host = seen.host
        if seen.stamp != self._stamp:
            self._stamp, self._quiet_since_s, self._due_s = seen.stamp, now_s, now_s
            self._first_write_s = self._first_write_s or now_s
        if self._due_s is None:
            self._note()
            return 0, _LOOK_S
        left_s = max(self._due_s, self._quiet_since_s + self._source.quiet_s) - now_s
        if left_s > 0:
            return 0, min(left_s, _LOOK_S)
        self._walk = self._snapshot(seen.stamp, now_s)
        return self._go_on()

    def _snapshot(self, stamp: str, now_s: float) -> Generator[bool]:
        with self._drive.snapshot(stamp) as root:
            yield from self._agreement.walk(root, stamp, now_s)

    def _go_on(self) -> tuple[int, float]:
        """Take some of the files; the next stage shall not wait for the rest."""
        taken = 0
        for is_new in self._walk or ():
            taken += is_new
            if taken == _AT_ONCE:
                return taken, 0
        self._walk = self._first_write_s = None
        self._due_s = self._agreement.findings.due_s
        self._asked_s = -_ASK_S
        return taken, 0

    def _note(self) -> None:
        """What is all taken may be erased with the box, what is not may not; for what cannot be
        taken nobody needs to wait.
        """
        found = self._stamp, bool(self._remains())
        if self._noted != found:
            self._drive.taken(self._stamp, in_part=found[1])
            self._noted = found

    def _remains(self) -> list[str]:
        """The files that were seen and cannot be taken."""
        findings = self._agreement.findings
        return [*(name for name, _ in findings.left), *findings.unfinished]

    def _leave(self) -> None:
        """End a walk early; its snapshot is let go of with it."""
        if self._walk:
            self._walk.close()
            self._walk = None

    def _stumble(self, now_s: float, error: OSError | Problem) -> float:
        """Say what went wrong, and in how many seconds to try again."""
        if isinstance(error, ChangedMeanwhile):
            return self._source.quiet_s
        if self._due_s is not None:
            self._due_s = now_s + _RETRY_S
        if isinstance(error, OSError):
            error = CannotMount(name="The drive", why=error.strerror)
        self._say(error)
        return _RETRY_S

    # Exchanging

    def _exchange(self, now_s: float) -> Problem | None:
        """Have an empty drive in the place of a full one; or why that cannot be, when it is time
        to say so.
        """
        percent = self._agreement.findings.used_percent
        if percent < _SWAP_PERCENT:
            return None
        if now_s >= self._asked_s + _ASK_S:
            self._asked_s = now_s
            self._obstacle = self._hindrance(now_s) or self._swapped()
        if not self._obstacle or percent < _SAY_PERCENT:
            return None
        passes = self._obstacle.passes and percent < _PRESSING_PERCENT
        kind = DriveAlmostFull if passes else DriveFilling
        return kind(percent=round(percent), why=self._obstacle.why)

    def _hindrance(self, now_s: float) -> Obstacle | None:
        """Why the drive must stay as it is for now."""
        if self._due_s is not None:
            return Obstacle("what is on it is still being looked at", passes=True)
        if kept := self._remains():
            why = f"{len(kept)} of its files cannot be taken, such as {kept[0]}"
            return Obstacle(why, passes=False)
        if unproved := self._agreement.unproved():
            why = f"{unproved} of its files are not proved to be at every destination yet"
            return Obstacle(why, passes=True)
        if now_s - self._quiet_since_s < (_AWAY_S if self._host in {_AWAY, _ASLEEP} else _IDLE_S):
            return _JUST_WRITTEN
        return None

    def _swapped(self) -> Obstacle | None:
        """Exchange the drive; None when that was done, else what was in the way."""
        try:
            self._drive.swap(self._stamp)
        except DriveInUse:
            return Obstacle("the modality does not let go of it", passes=False)
        except ChangedMeanwhile:
            return _JUST_WRITTEN
        _log.info("%s: exchanged the full drive for an empty one", self._source.name)
        self._agreement.forget()
        self._stamp = ""
        return None

    # Saying

    def _restless(self, now_s: float) -> Problem | None:
        if self._first_write_s is None or now_s - self._first_write_s < _RESTLESS_S:
            return None
        return DriveRestless(minutes=round(_RESTLESS_S / 60), quiet_s=round(self._source.quiet_s))

    def _unread(self) -> Problem | None:
        findings = self._agreement.findings
        if findings.left:
            name, why = findings.left[0]
            return DriveDamaged(count=len(findings.left), name=name, why=why)
        if findings.unfinished and self._due_s is None:
            return UnfinishedName(count=len(findings.unfinished), name=findings.unfinished[0])
        return None

    def _say(self, trouble: Problem | None) -> None:
        """Tell the journal how the source is doing, when that has changed."""
        resting = "empty" if self._host == _AWAY else "watching"
        state = _STATES.get(trouble.code, "denied") if trouble else resting
        saying = f"{state}: {trouble.sentence}" if trouble else state
        if saying == self._said:
            return
        self._said = saying
        well = trouble is None or isinstance(trouble, Notice)
        self._journal.custody.set_place("source", self._source.name, state, trouble, ok=well)
        if trouble:
            level = logging.INFO if well else logging.WARNING
            _log.log(level, "%s: %s %s", self._source.name, trouble, trouble.hint)
        else:
            _log.info("%s: posing as a stick (%s)", self._source.name, state)


_JUST_WRITTEN = Obstacle("the modality has written on it only just now", passes=True)

_STATES = {
    NoDrivePort.code: "unplugged",
    DrivePortTaken.code: "unplugged",
    NoHelper.code: "denied",
    DiskFull.code: "full",
    DriveTooLarge.code: "full",
    CannotMount.code: "denied",
    DriveDamaged.code: "watching",
    DriveAlmostFull.code: "watching",
    DriveFilling.code: "watching",
    DriveRestless.code: "watching",
    UnfinishedName.code: "watching",
}
