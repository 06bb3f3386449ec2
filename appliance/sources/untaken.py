"""Owns finding what lies in shares of this box and was never taken in: a spare takes it along."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.intake.accept import fingerprint, shown_name
from appliance.model import Arrival
from appliance.sources.patience import is_junk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.journal.arrivals import Arrivals


def fly(error: OSError) -> None:
    """What cannot be read may hold anything, so nobody may go on as if nothing were there."""
    raise error


def files_below(top: Path, cannot: Callable[[OSError], None] = fly) -> Iterator[Path]:
    """Every regular file below a folder, now; links are not followed, and nothing is watched.

    `cannot` hears of folders that cannot be read.
    """
    folders = [top]
    while folders:
        try:
            entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
            below = [Path(entry) for entry in entries if entry.is_dir(follow_symlinks=False)]
            files = [Path(entry) for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError as error:
            cannot(error)
            continue
        folders.extend(reversed(below))
        yield from files


def untaken(source: str, top: Path, arrivals: Arrivals) -> Iterator[Path]:
    """The files below the folder `top` of a source that it has not shown yet, as they are now.

    OSErrors fly: who hands the box over must not leave a folder out.
    """
    return (path for path in files_below(top) if is_untaken(source, top, path, arrivals))


def is_untaken(source: str, top: Path, path: Path, arrivals: Arrivals) -> bool:
    """Whether a file below `top` is an export that its source has not shown yet, as it is now."""
    shown = shown_name(path.relative_to(top).as_posix())
    return not is_junk(path.name) and not arrivals.knows(
        Arrival(source, shown, path, fingerprint(path.lstat()))
    )
