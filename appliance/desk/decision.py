"""Owns how a person's decision reaches the journal: refused in a sentence, or heard by all."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.errors import ClaimLost, ForbiddenMove, Refused
from appliance.journal.bell import ring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.journal.journal import Journal
    from appliance.model import Item

_EVERYBODY = ("convert", "deliver", "keeper")


@contextmanager
def deciding(journal: Journal, item: Item, doing: str) -> Iterator[None]:
    """Say why the journal will not, and wake the services when it did."""
    try:
        yield
    except ClaimLost as lost:
        why = "a service is working on it right now; try again in a moment"
        raise refused(item, doing, why) from lost
    except ForbiddenMove as forbidden:
        raise refused(item, doing, str(forbidden.facts["why"])) from forbidden
    ring(journal.paths.run, *_EVERYBODY)


def refused(item: Item, doing: str, why: str) -> Refused:
    """A refusal that names the image."""
    return Refused(what=f"{doing} {item.name} (item {item.id})", why=why)
