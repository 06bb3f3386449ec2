"""Owns asking how much room there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class Room(NamedTuple):
    """The size of a file system, and what of it is left for us."""

    total_bytes: int
    free_bytes: int

    @property
    def free_percent(self) -> float:
        """What is left, of what there is."""
        return 100 * self.free_bytes / self.total_bytes if self.total_bytes else 0.0


def room(path: Path) -> Room:
    """The room on the file system that `path` lies on; root's reserve is not ours."""
    found = os.statvfs(path)
    return Room(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)
