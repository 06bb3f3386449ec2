"""Owns what all views look at: the journal, the settings in force, the time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import g

from appliance.journal.journal import Journal
from appliance.journal.worker import Worker
from appliance.settings.current import Current
from appliance.status import snapshot

if TYPE_CHECKING:
    from appliance.clock import Clock
    from appliance.journal.session import Paths
    from appliance.settings.schema import Settings
    from appliance.status.snapshot import Snapshot


_DICOM_PORT = 104  # systemd/jembatan-dicom.socket


class Box:
    """This box, as the page sees it."""

    def __init__(self, paths: Paths, clock: Clock) -> None:
        """Look at the state below `paths`."""
        self.paths = paths
        self.clock = clock
        self._current = Current(paths.root)
        self._worker = Worker(paths.run, "web")

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._current.get()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people read times here."""
        return ZoneInfo(self.settings.box.timezone)

    @property
    def dicom_port(self) -> int:
        """The port that systemd opens for DICOM besides the one of the settings; 0: none.

        Only on a box: there systemd made the folder of sockets too.
        """
        return 0 if self.paths.run.is_relative_to(self.paths.root) else _DICOM_PORT

    @property
    def journal(self) -> Journal:
        """The journal, opened for the request that is being answered. Raises JournalFault."""
        if "journal" not in g:
            g.journal = Journal(self.paths, self._worker, self.clock)
        journal: Journal = g.journal
        return journal

    def close_journal(self, _: BaseException | None = None) -> None:
        """The request is answered."""
        if "journal" in g:
            g.pop("journal").close()

    def snapshot(self) -> Snapshot:
        """How everything stands right now."""
        settings = self.settings
        problems = [self._current.problem] if self._current.problem else []
        return snapshot.take(self.journal, settings, problems, self.clock)
