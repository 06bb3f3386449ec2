"""Owns asking a box's journal whether every row has its bytes and every byte its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path


def verify(root: Path, run: Path) -> list[str]:
    """What `jembatan journal verify` says; nothing when all is well."""
    worker = Worker(run, "proof")
    journal = Journal(Paths(root, run), worker, SystemClock())
    try:
        return journal.custody.verify()
    finally:
        journal.close()
        worker.retire()
