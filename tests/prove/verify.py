"""Owns asking a box's journal whether every row has its bytes and every byte its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from tests.prove.box import Look

if TYPE_CHECKING:
    from pathlib import Path


def verify(root: Path, run: Path) -> list[str]:
    """What `jembatan journal verify` says; nothing when all is well.

    A film may come again whose bytes were let go of, because its sender did not hear the answer:
    they then lie there until the next sweep.
    """
    worker = Worker(run, "proof")
    journal = Journal(Paths(root, run), worker, SystemClock())
    try:
        wrong = journal.custody.verify()
    finally:
        journal.close()
        worker.retire()
    purged = Look(root).rows("SELECT sha256 FROM item WHERE purged_at IS NOT NULL")
    again = {f"{sha256}: no row of the journal knows this file" for (sha256,) in purged}
    return [line for line in wrong if line not in again]
