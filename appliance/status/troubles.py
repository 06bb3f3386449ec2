"""Owns what is wrong with the box as a whole, beside its settings: each thing needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import HandedOver
from appliance.status.sayings import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.errors import Problem
    from appliance.journal.journal import Journal


def troubles(journal: Journal, places: Iterable[Mapping[str, str]]) -> Iterator[Problem]:
    """All of them, as the journal's `places` and its charge tell."""
    if not journal.charge.is_here():
        yield HandedOver()
    yield from told(places)
