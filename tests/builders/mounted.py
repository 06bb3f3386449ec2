"""Owns a modality's share through the kernel's mount; a folder stands for the mount here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.board.mount import Mounted
from appliance.intake.accept import Intake
from appliance.settings.links import ShareLink
from appliance.sources.media.remote import ByKernel, Entry, Listing
from appliance.sources.media.share import ShareSource
from tests.builders.box import Box
from tests.builders.pictures import grey, saved
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.errors import Problem
    from appliance.settings.schema import Profile
    from appliance.sources.media.remote import Remote

POLL_S = 5.0
SETTLE_S = 20.0


def png(film: int = 0) -> bytes:
    return saved(grey(8, film=film), "PNG")


class Kernel(ByKernel):
    """Counts the readings; `fails` is what the next look or reading ends with."""

    def __init__(self, folder: Path, bad: Mapping[str, Exception]) -> None:
        self.fails: OSError | None = None
        super().__init__(Mounted(os.open(folder, os.O_PATH | os.O_DIRECTORY)))
        self._bad = bad
        self.read: list[str] = []
        self._is_open = True

    def listing(self) -> Listing:
        self._fail()
        return super().listing()

    def digest(self, entry: Entry) -> str:
        self._fail()
        if entry.name in self._bad:
            raise self._bad[entry.name]
        self.read.append(entry.name)
        return super().digest(entry)

    def must_be_there(self) -> None:
        self._fail()
        super().must_be_there()

    def close(self) -> None:
        self._is_open = False
        super().close()

    def is_open(self) -> bool:
        return self._is_open

    def _fail(self) -> None:
        if self.fails:
            raise self.fails


class Share:
    """A share source whose share is the folder `there`."""

    def __init__(self, root: Path, profile: Profile | None = None) -> None:
        self.clock = FakeClock()
        self.box = Box(root / "box", clock=self.clock)
        self.there = root / "there"
        self.there.mkdir()
        self.refuses: Problem | None = None
        self.bad: dict[str, Exception] = {}
        self.kernel: Kernel | None = None
        link = ShareLink(
            name="ct", mount="//ct/export", poll_s=POLL_S, settle_s=SETTLE_S,
            profile=profile.name if profile else "",
        )  # fmt: skip
        self._link, self._profile = link, profile
        self.source = self._new_source()

    def _new_source(self) -> ShareSource:
        journal = self.box.journal
        taken_by = Intake(journal)
        return ShareSource(self._link, self._profile, journal, taken_by, self.clock, self._reach)

    def restarts(self) -> None:
        self.source.close()
        self.source = self._new_source()

    def _reach(self) -> Remote:
        if self.refuses:
            raise self.refuses
        self.kernel = Kernel(self.there, self.bad)
        return self.kernel

    @property
    def mounted(self) -> Kernel:
        assert self.kernel
        return self.kernel

    def turn(self, after_s: float = 0.0) -> int:
        self.clock.passes(seconds=after_s)
        return self.source.turn()[0]

    def turns(self, number: int) -> int:
        """As many, a poll apart; how many files were taken."""
        return sum(self.turn(POLL_S) for _ in range(number))

    def counts(self) -> dict[str, int]:
        return self.box.journal.ledger.item_counts()

    def place(self) -> tuple[str, str]:
        (row,) = [row for row in self.box.journal.ledger.places() if row["name"] == "ct"]
        return row["state"], row["code"]

    def close(self) -> None:
        self.source.close()
        self.box.close()
