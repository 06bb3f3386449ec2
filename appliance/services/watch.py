"""Owns the composition of the watch service: sources find files, aftercare lets go of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.intake.accept import Intake
from appliance.services.crew import Crew, Job
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.sources.aftercare import Aftercare
from appliance.sources.folder import FolderSource

if TYPE_CHECKING:
    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty
    from appliance.settings.schema import Profile, Settings, Source

_PATIENCE_S = 5.0


class Watcher:
    """One source in its thread."""

    def __init__(
        self, duty: Duty, journal: Journal, source: Source, profile: Profile | None
    ) -> None:
        """Watch `source` and care for its files."""
        self._duty = duty
        self._journal = journal
        self._folder = FolderSource(source, profile, journal, Intake(journal), duty.clock)
        self._aftercare = Aftercare(source, profile, journal)
        self._trouble: Problem | None = None

    def turn(self) -> float:
        """Accept what is whole, then act on what is proved."""
        taken, wait_s = self._folder.turn(self._trouble)
        if taken:
            self._duty.ring("convert", "keeper")
        self._trouble = self._aftercare.turn()
        return SAFETY_SCAN_S if wait_s is None else wait_s

    def fileno(self) -> int | None:
        """The folder's events."""
        return self._folder.fileno()

    def close(self) -> None:
        """Stop watching."""
        self._folder.close()


def work(duty: Duty) -> None:
    """Watch every source of the settings until told to leave."""
    with duty.journal() as journal:
        journal.custody.sweep()
    crew = Crew(duty)

    def turn() -> float:
        settings = duty.settings.get()
        crew.muster({f"source {s.name}": _job(duty, settings, s) for s in settings.sources})
        return SAFETY_SCAN_S

    duty.loop(turn)
    crew.dismiss(_PATIENCE_S)


def _job(duty: Duty, settings: Settings, source: Source) -> Job:
    profile = settings.profile_of(source.name)
    return Job((source, profile), lambda journal: Watcher(duty, journal, source, profile))


if __name__ == "__main__":
    main(work, "watch")
