"""Owns what a person chooses from for an image: the orders that worklists told of around its day.

Looks only at what is remembered; nobody is asked over the network.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.identify import moments
from appliance.identify.candidates import ranked
from appliance.identify.matching import case_of, match
from appliance.model import ItemState

if TYPE_CHECKING:
    from appliance.desk.queue import Shown
    from appliance.identify.candidates import Candidate
    from appliance.identify.matching import Case
    from appliance.journal.journal import Journal
    from appliance.model import Item, Order
    from appliance.settings.schema import Settings

MOST = 20
_AROUND = timedelta(days=1)

OF_PATIENT = frozenset(
    {
        "clock-disagrees",
        "identity-conflict",
        "clock-unsure",
        "discarded-before",
        "found-again",
        "identity-unproven",
        "mixed-patients",
        "no-date",
        "no-identity",
        "no-worklist",
        "sidecar-of-another",
        "unencodable-name",
        "worklist-down",
        "worklist-many",
        "worklist-none",
    }
)
"""Codes of those that are held for want of a patient or an exam."""


def candidates(journal: Journal, settings: Settings, item: Item) -> tuple[Candidate, ...]:
    """The likeliest orders of an image, from the day before it was made to that after it came."""
    case = case_of(item, settings)
    if case.unsure and case.exam is None:
        return ()  # of no day
    days = sorted((case.when.day, _came(case).day))
    worklists = [worklist.name for worklist in settings.worklists_of(item.source)]
    told = journal.orders.between(worklists, days[0] - _AROUND, days[1] + _AROUND)
    return ranked(case, told)[:MOST]


def contradicted(journal: Journal, settings: Settings, item: Item, key: str) -> Order | None:
    """The order that somebody picked, where the device says that it is somebody else's.

    It alone is looked at: what was shown may be among the likeliest no more.
    """
    order = journal.orders.get(key)
    case = replace(case_of(item, settings), unsure=False)  # when it was tells nothing of whose
    return order if order and match(case, order).differing() else None


def _came(case: Case) -> moments.Moment:
    """When it came, as far as that is known."""
    return case.when if case.unsure else moments.came(case.arrived_at)


def choice(journal: Journal, settings: Settings, shown: Shown) -> tuple[Candidate, ...]:
    """What is offered of an image that is shown: only while it may still be released."""
    if not is_releasable(journal, shown):
        return ()
    return candidates(journal, settings, shown.item)


def is_releasable(journal: Journal, shown: Shown) -> bool:
    """Whether an image wants a person to say whose it is, or may have one say so."""
    film = shown.film
    if film.waits_for_order:
        return True
    wants = film.state is ItemState.HELD and film.code in OF_PATIENT
    return wants and bool(journal.items.bodies(shown.item))


def document(candidate: Candidate) -> dict[str, object]:
    """A candidate as `--json` shows it."""
    return {
        "key": candidate.order.key,
        "worklist": candidate.order.worklist,
        "values": dict(candidate.order.values),
        "score": candidate.score,
        "reasons": list(candidate.reasons),
        "seen_at": candidate.order.seen_at,
    }
