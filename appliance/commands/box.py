"""Owns which box a command is about: where its state lies, its journal, its settings."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.errors import NotThere
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_THE_BOX = Path("/data")
_RUN_ON_THE_BOX = Path("/run/jembatan")


def checkout() -> Path | None:
    """The folder of the sources, where this runs from them."""
    top = Path(__file__).parents[2]
    return top if (top / "pyproject.toml").exists() else None


def paths_of(root: Path | None) -> Paths:
    """The paths of the box that was named, or of the one that is meant when none is."""
    root = (root or _default_root()).absolute()
    return Paths(root, _RUN_ON_THE_BOX if root == _ON_THE_BOX else root / "run")


def _default_root() -> Path:
    if named := os.environ.get("JEMBATAN_ROOT"):
        return Path(named)
    top = checkout()
    return top / "box" if top else _ON_THE_BOX


@contextmanager
def journal_of(paths: Paths) -> Iterator[Journal]:
    """The journal of a box that has one. Raises NotThere, JournalFault, JournalNewer."""
    if not paths.journal.exists():
        raise NotThere(what=f"journal in {paths.root}; nothing has run there yet")
    worker = Worker(paths.run, "command")
    try:
        journal = Journal(paths, worker, SystemClock())
        try:
            yield journal
        finally:
            journal.close()
    finally:
        worker.retire()
