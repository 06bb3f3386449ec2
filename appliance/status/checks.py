"""Owns the answer to "is this box healthy?"; the network and the PACS have no part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from appliance.board.disk import room
from appliance.errors import Problem
from appliance.journal.worker import roll_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.journal.journal import Journal

_LEAST_FREE_BYTES = 64 << 20
_ALWAYS_THERE = ("keeper", "watch", "deliver", "receive")


class Health(NamedTuple):
    """Whether the box can do its work; else why not, a line each."""

    ok: bool
    reasons: tuple[str, ...]


def health(open_journal: Callable[[], Journal]) -> Health:
    """Check that the journal opens and answers, that there is room, and that services live."""
    try:
        reasons = tuple(_reasons(open_journal()))
    except Problem as problem:
        reasons = (f"{problem.code}: {problem.sentence}",)
    return Health(not reasons, reasons)


def _reasons(journal: Journal) -> Iterator[str]:
    journal.ledger.item_counts()
    free_bytes = room(journal.paths.root).free_bytes
    if free_bytes < _LEAST_FREE_BYTES:
        yield f"disk-full: only {free_bytes >> 20} MiB are left on the card"
    alive = roll_call(journal.paths.run)
    for service in _ALWAYS_THERE:
        # A service that was never started here is none that died.
        if not alive.get(service, True):
            yield f"service-died: {service} is not running"
