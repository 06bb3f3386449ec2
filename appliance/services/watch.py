"""Owns the composition of the watch service: sources find files, aftercare lets go of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance.board.drive.client import Drive
from appliance.board.mount import Helper
from appliance.errors import NotThere
from appliance.intake.accept import Intake
from appliance.services.crew import Crew, Job
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.services.offers import Offers
from appliance.settings.links import (
    DriveLink,
    FolderLink,
    ReceiverLink,
    SerialLink,
    ShareLink,
    StickLink,
)
from appliance.sources.aftercare import Aftercare
from appliance.sources.folder import FolderSource
from appliance.sources.hosted import hosted_folder
from appliance.sources.line.serial import SerialSource
from appliance.sources.media.drive import DriveSource
from appliance.sources.media.remote import reach
from appliance.sources.media.share import ShareSource
from appliance.sources.media.stick import StickSource

if TYPE_CHECKING:
    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty
    from appliance.settings.links import Source
    from appliance.settings.schema import Profile, Settings
    from appliance.sources.media.remote import Remote

_PATIENCE_S = 5.0


class Finder(Protocol):
    """What finds files, one class for each kind of source; belongs to one thread."""

    def turn(self, elsewhere: Problem | None = None) -> tuple[int, float | None]:
        """Take what can be taken now; how many, and in how many seconds it wants another turn."""
        ...

    def fileno(self) -> int | None:
        """Readable when something happened, or None."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Watcher:
    """One source in its thread."""

    def __init__(self, duty: Duty, journal: Journal, finder: Finder, aftercare: Aftercare) -> None:
        """Turn both of them by turns."""
        self._duty = duty
        self._custody = journal.custody
        self._finder = finder
        self._aftercare = aftercare
        self._trouble: Problem | None = None

    def turn(self) -> float:
        """Accept what is whole, then act on what is proved."""
        taken, wait_s = self._finder.turn(self._trouble)
        if taken:
            self._duty.ring("convert")
        if self._custody.has_news() or taken:  # the lamps say that a stick must stay in
            self._duty.ring("keeper")
        self._trouble = self._aftercare.turn()
        return SAFETY_SCAN_S if wait_s is None else wait_s

    def fileno(self) -> int | None:
        """The source's events."""
        return self._finder.fileno()

    def close(self) -> None:
        """Stop watching."""
        self._finder.close()


def work(duty: Duty) -> None:
    """Watch every source of the settings until told to leave."""
    with duty.journal() as journal:
        crew = Crew(duty, journal)
        journal.custody.sweep()
        offers = Offers(duty.paths.run, journal.custody)

        def turn() -> float:
            settings = duty.settings.get()
            crew.muster(_jobs(duty, settings))
            if offers.write_down(settings):
                duty.ring("keeper")
            return SAFETY_SCAN_S

        duty.loop(turn)
        crew.dismiss(_PATIENCE_S)


def _jobs(duty: Duty, settings: Settings) -> dict[str, Job]:
    return {
        f"source {source.name}": _job(duty, settings, source)
        for source in settings.sources
        if not isinstance(source, ReceiverLink)
    }


def _job(duty: Duty, settings: Settings, source: Source) -> Job:
    profile = settings.profile_of(source.name)
    return Job((source, profile), lambda journal: _watcher(duty, journal, source, profile))


def _watcher(duty: Duty, journal: Journal, source: Source, profile: Profile | None) -> Watcher:
    finder = _finder(duty, journal, source, profile)
    return Watcher(duty, journal, finder, Aftercare(source, profile, journal))


def _finder(duty: Duty, journal: Journal, source: Source, profile: Profile | None) -> Finder:
    def in_folder(top: Path, *, is_ours: bool) -> Finder:
        intake = Intake(journal)
        return FolderSource(source, top, profile, journal, intake, duty.clock, is_ours=is_ours)

    match source:
        case FolderLink():
            return in_folder(Path(source.path), is_ours=False)
        case ShareLink(hosted=True):
            return in_folder(hosted_folder(source, duty.paths), is_ours=True)
        case DriveLink():
            drive = Drive(duty.paths.run, source.name)
            return DriveSource(source, profile, journal, Intake(journal), duty.clock, drive)
        case StickLink():
            helper = Helper(duty.paths.run)
            return StickSource(source, profile, journal, Intake(journal), duty.clock, helper)
        case ShareLink():
            share = source
            staging = duty.paths.root / "var" / "fetched" / source.name

            def to_modality() -> Remote:
                return reach(share, duty.paths.run, staging)

            return ShareSource(source, profile, journal, Intake(journal), duty.clock, to_modality)
        case SerialLink():
            own = duty.paths.serial / source.name
            return SerialSource(source, profile, journal, Intake(journal), duty.clock, own)
        case _:
            raise NotThere(what=f"way to watch a {source.kind}")


if __name__ == "__main__":
    main(work, "watch")
