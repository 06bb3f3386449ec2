"""Owns what modalities brought to this box for a source that is in the settings no more.

They were told that it is stored, and nobody takes it in: not before a person makes that source
again.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.errors import LeftFromLine, LeftInShare
from appliance.intake.accept import shown_name
from appliance.settings.links import SerialLink, ShareLink
from appliance.sources.hosted import hosted, hosted_folder
from appliance.sources.untaken import files_below, is_untaken, untaken
from appliance.status.sayings import LEFT, Sayings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.errors import Problem
    from appliance.journal.journal import Journal
    from appliance.settings.links import Source
    from appliance.settings.schema import Settings

    IsLeft = Callable[[Path, Path], bool]  # of a folder, and a file below it

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 600.0
_SOON_S = 20.0
"""After a change of the settings: by then watch has let go of a source, or taken one up."""

_AT_ONCE = 500

Found = dict[tuple[str, str], "Problem | None"]


class LeftBehind:
    """One keeper's looks, a few files at a time: there may be many that were taken long ago."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        """Look at once, and again from time to time."""
        self._journal = journal
        self._clock = clock
        self._sayings = Sayings(journal, LEFT)
        self._settings: Settings | None = None
        self._at_s = 0.0
        self._walk: Generator[None, None, Found] | None = None

    def turn(self, settings: Settings) -> float:
        """Look on, where it is time; seconds after which to come again."""
        now_s = self._clock.monotonic()
        if settings is not self._settings:
            self._at_s = now_s + _SOON_S if self._settings else now_s
            self._settings, self._walk = settings, None
        if not self._walk:
            if now_s < self._at_s:
                return self._at_s - now_s
            self._walk, self._at_s = _looked(self._journal, settings), now_s + _LOOK_EVERY_S
        try:
            found = _a_part(self._walk)
        except BaseException:
            self._walk = None
            raise
        if found is None:
            return 0.0
        self._walk = None
        self._sayings.say(found)
        return self._at_s - now_s


def _a_part(walk: Generator[None, None, Found]) -> Found | None:
    """Go on with a walk; what was found once it is over."""
    try:
        for _ in range(_AT_ONCE):
            next(walk)
    except StopIteration as end:
        found: Found = end.value
        return found
    return None


def _looked(journal: Journal, settings: Settings) -> Generator[None, None, Found]:
    """What is left in every folder that no source of today's settings has."""
    found: Found = {}
    if not journal.charge.is_here():
        return found  # whoever works with it now has these files, too
    paths = journal.paths
    shares = {hosted_folder(each, paths) for each in hosted(settings)}
    lines = {paths.serial / each.name for each in settings.sources if isinstance(each, SerialLink)}
    for place, owned, is_left, problem in (
        (paths.shares, shares, _in_share(journal), LeftInShare),
        (paths.serial, lines, _off_line, LeftFromLine),
    ):
        for folder in _folders(place, owned):
            name = shown_name(folder.name)
            what = yield from _counted(folder, is_left)
            found[LEFT, f"{place.name}/{name}"] = problem(what=what, name=name) if what else None
    return found


def _folders(place: Path, owned: set[Path]) -> list[Path]:
    try:
        each = sorted(place.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        _log.error("%s cannot be read: %s", place, error.strerror)
        return []
    return [folder for folder in each if _is_folder(folder) and folder not in owned]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _counted(folder: Path, is_left: IsLeft) -> Generator[None, None, str]:
    number = 0
    try:
        for path in files_below(folder):
            yield
            with suppress(FileNotFoundError):  # somebody clears up
                number += is_left(folder, path)
    except OSError as error:
        return f"what cannot be read ({error.strerror})"
    return f"{number} file{'' if number == 1 else 's'}" if number else ""


def _in_share(journal: Journal) -> IsLeft:
    return lambda top, path: is_untaken(top.name, top, path, journal.arrivals)


def _off_line(_: Path, path: Path) -> bool:
    """What has not a single byte is no export."""
    return path.lstat().st_size > 0


def left_by(journal: Journal, source: Source) -> int:
    """How many files nobody would take in any more if a source were removed now.

    OSErrors fly.
    """
    if isinstance(source, ShareLink) and source.hosted:
        folder = hosted_folder(source, journal.paths)
        found = untaken(source.name, folder, journal.arrivals)
    elif isinstance(source, SerialLink):
        folder = journal.paths.serial / source.name
        found = (path for path in files_below(folder) if _off_line(folder, path))
    else:
        return 0
    return sum(1 for _ in found) if folder.is_dir() else 0
