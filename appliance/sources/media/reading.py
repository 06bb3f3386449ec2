"""Owns the reading of one volume, from its first file to its last, a few files at a time."""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

from appliance.errors import ChangedMeanwhile, DiskFull
from appliance.sources.media.dicomdir import is_dicomdir, missing
from appliance.sources.media.tally import Tally
from appliance.sources.media.volume import Fate, may_be_gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.sources.media.volume import Outcome, Taker, Volume

_log = logging.getLogger(__name__)

_AT_ONCE = 8
_SLICE_S = 0.25
_AGAIN_AFTER_S = 20.0
_MOST_LOGGED = 50


class Reading:
    """One volume being read; belongs to one thread.

    `in_doubt` once a file failed as it does when a medium is pulled, until the next step.
    """

    def __init__(self, label: str, volume: Volume, taker: Taker, clock: Clock) -> None:
        """Nothing is read yet."""
        self.label = label
        self.tally = Tally()
        self.in_doubt = False
        self._volume = volume
        self._taker = taker
        self._clock = clock
        self._files: Iterator[Path] = iter(())
        self._now: Path | None = None
        self._failed: list[Path] = []
        self._again_at_s = 0.0
        self._logged = 0

    @property
    def is_over(self) -> bool:
        """Whether every file was looked at; what could not be read is tried again later."""
        return self.tally.total is not None and self._now is None

    @property
    def gaps(self) -> list[str]:
        """What is not here and should be, in words."""
        unread = {self._volume.name(path): _words(e) for path, e in self._volume.unread.items()}
        return self.tally.gaps({**unread, **self._volume.unlisted})

    @property
    def findings(self) -> str:
        """All that was found, in words."""
        return "; ".join([*self.gaps, self.tally.findings(self._volume.strange)])

    @property
    def rest_s(self) -> float | None:
        """In how many seconds there is something to do; None: never."""
        if not self.is_over:
            return 1.0 if self.in_doubt else 0.0
        if not self._failed and not self._volume.unread:
            return None
        return max(0.0, self._again_at_s - self._clock.monotonic())

    def step(self) -> int:
        """Look at the next few files; how many were taken.

        A file that cannot be read is tried again. Raises OSError where the root folder cannot be
        read, and DiskFull: then the same file comes next.
        """
        self.in_doubt = False
        if self.tally.total is None:
            self._begin()
        elif self.is_over and self.rest_s == 0:
            self._begin_again()
        return self._a_few()

    def _begin(self) -> None:
        self._taker.afresh()
        self.tally.total = sum(1 for _ in self._volume.files())
        self._queue(self._met(self._volume.files()))

    def _begin_again(self) -> None:
        failed, self._failed = self._failed, []
        self._taker.afresh()
        self._queue(chain(failed, self._met(self._volume.files_again())))

    def _met(self, files: Iterator[Path]) -> Iterator[Path]:
        for path in files:
            self.tally.met += 1
            yield path

    def _queue(self, files: Iterator[Path]) -> None:
        self._files = files
        self._advance()

    def _advance(self) -> None:
        self._now = next(self._files, None)
        self._again_at_s = self._clock.monotonic() + _AGAIN_AFTER_S

    def _a_few(self) -> int:
        taken, until_s = 0, self._clock.monotonic() + _SLICE_S
        while self._now is not None and not self.in_doubt:
            try:
                taken += self._one(self._now)
            except DiskFull:
                if taken:
                    break  # the next step says it
                raise
            self._advance()
            if taken == _AT_ONCE or self._clock.monotonic() >= until_s:
                break  # the next stage shall not wait for the rest, nor who wants to know
        return taken

    def _one(self, path: Path) -> bool:
        name = self._volume.name(path)
        try:
            if is_dicomdir(path.name):
                self.tally.add_missing(missing(path))
            outcome = self._taker.take(path, name)
        except OSError as error:
            self._fail(path, name, _words(error))
            self.in_doubt = may_be_gone(error)
            return False
        except ChangedMeanwhile:
            self._fail(path, name, "it changes while it is read")
            return False
        self.tally.add(name, outcome)
        self._tell(name, outcome)
        return outcome.fate is Fate.TAKEN

    def _fail(self, path: Path, name: str, why: str) -> None:
        if name not in self.tally.unread:
            _log.warning("%s: %s could not be read: %s", self.label, name, why)
        self.tally.unread[name] = why
        self._failed.append(path)

    def _tell(self, name: str, outcome: Outcome) -> None:
        problem = outcome.judgement.problem
        if outcome.fate is Fate.TAKEN:
            _log.info(
                "%s: took %s%s", self.label, name, f": {problem.sentence}" if problem else ""
            )
        elif outcome.fate is Fate.LEFT and self._logged <= _MOST_LOGGED:
            self._logged += 1
            more = ", and others" if self._logged > _MOST_LOGGED else ""
            _log.info("%s: left %s on it%s", self.label, name, more)


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
