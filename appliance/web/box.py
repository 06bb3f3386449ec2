"""Owns what all views look at: the journal, the settings in force, the time."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import g

from appliance.box import report, state
from appliance.box.firewall import Place, on_the_box
from appliance.journal.journal import Journal
from appliance.journal.worker import Worker
from appliance.settings.current import Current
from appliance.status import snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.box.report import Said
    from appliance.box.state import State
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

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._current.get()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which people read times here."""
        return ZoneInfo(self.settings.box.timezone)

    @property
    def is_on_a_card(self) -> bool:
        """Whether it is a box by itself, and no program of a workstation."""
        return not self.paths.run.is_relative_to(self.paths.root)

    @property
    def network(self) -> State | None:
        """How the network of the box is; None on a workstation, whose network is its own."""
        return state.told(self.paths.run.with_name(state.FOLDER))

    def place(self, page_port: int) -> Place:
        """Where the page runs, as far as ports go: as all boxes do, or at this port."""
        told = self.network
        return on_the_box(told.network) if told else Place((page_port,))

    @property
    def said_at_start(self) -> Sequence[Said]:
        """What the start of the box (appliance/services/start.py) has to tell whoever looks."""
        told = report.read(self.paths.run.with_name(report.PLACE.parent.name) / report.PLACE.name)
        return told.said if told else ()

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
