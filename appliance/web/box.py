"""Owns what all views look at: the journal of this thread, the settings in force, the time."""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from appliance.journal.journal import Journal
from appliance.journal.worker import Worker
from appliance.settings.current import Current
from appliance.status import snapshot

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.journal.session import Paths
    from appliance.settings.schema import Settings
    from appliance.status.snapshot import Snapshot


class Box:
    """This box, as the page sees it."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        """Look at the state below `paths`."""
        self.paths = paths
        self.clock = clock
        self._current = Current(paths.root)
        self._worker = Worker(paths.run, "web")
        self._thread = local()

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._current.get()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people read times here."""
        return ZoneInfo(self.settings.box.timezone)

    @property
    def journal(self) -> Journal:
        """The journal, opened once for each thread. Raises JournalFault, JournalNewer."""
        if not hasattr(self._thread, "journal"):
            self._thread.journal = Journal(self.paths, self._worker, self.clock)
        journal: Journal = self._thread.journal
        return journal

    def snapshot(self) -> Snapshot:
        """How everything stands right now."""
        settings = self.settings
        problems = [self._current.problem] if self._current.problem else []
        return snapshot.take(self.journal, settings, problems, self.clock)
