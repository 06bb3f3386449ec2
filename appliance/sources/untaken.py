"""Owns finding what lies in shares of this box and was never taken in: a spare takes it along."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.intake.accept import fingerprint, shown_name
from appliance.model import Arrival
from appliance.sources.patience import is_junk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.journal.arrivals import Arrivals


def untaken(source: str, top: Path, arrivals: Arrivals) -> Iterator[Path]:
    """The files below the folder `top` of a source that it has not shown yet, as they are now."""
    for folder, _, names in os.walk(top):
        for name in sorted(names):
            path = top / folder / name
            if not path.is_symlink() and path.is_file() and not is_junk(name):
                shown = shown_name(path.relative_to(top).as_posix())
                if not arrivals.knows(Arrival(source, shown, path, fingerprint(path.lstat()))):
                    yield path
