"""Owns the way out of a hold for want of a patient: a person says whose the image is.

What the device said of the patient is kept only where everybody says the same; what was said of
another one is emptied, never mixed, also where a person repeats the number of that one's exam.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.desk.decision import deciding, refused
from appliance.identify import requested, rules
from appliance.identify.matching import case_of
from appliance.model import Identity, ItemState
from appliance.settings.keywords import TEXTS
from appliance.settings.schema import Profile
from appliance.settings.values import keyword

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.journal import Journal
    from appliance.model import Item
    from appliance.settings.schema import Settings

_LONGEST = 64  # characters of an LO, or of a component group of a PN (PS3.5 6.2)
_TEXT = re.compile(r"[^\x00-\x1f\x7f\\]*")
_DOING = "Releasing"
_DOUBTED = frozenset({"identity-conflict", "mixed-patients", "sidecar-of-another"})
"""Codes of images whose device says one patient, and something else another, or has said it of
another image."""


def release(
    journal: Journal, settings: Settings, item_id: int, said: Mapping[str, str], *, who: str
) -> str:
    """Let a held image go on under the patient in `said` (DICOM keyword to text); what happens.

    Without a PatientID it goes on as of the patient whom the device named, unless that is just
    what is in doubt. Raises NotThere, Refused, NoDate.
    """
    item = _releasable(journal, item_id)
    if not said.get("PatientID") and _is_doubted(journal, item):
        why = "who it is of is in doubt: pick the exam, or say the PatientID"
        raise refused(item, _DOING, why)
    if fault := next(filter(None, map(_fault, said.items())), ""):
        raise refused(item, _DOING, fault)
    identity = Identity(_values(item, settings, said), "person")
    return _go_on(journal, item, _for_tests(identity, item, settings), who)


def release_to_order(
    journal: Journal, settings: Settings, item_id: int, key: str, *, who: str
) -> str:
    """Let a held image go on as the answer to an order; what happens.

    `key` is that of an order that a worklist told of. Raises NotThere, Refused, NoDate.
    """
    item = _releasable(journal, item_id)
    order = journal.orders.get(key)
    if order is None or order.worklist not in {
        worklist.name for worklist in settings.worklists_of(item.source)
    }:
        raise refused(item, _DOING, f"no worklist of its source has an order {key} any more")
    if what := requested.unreadable(order):
        raise refused(item, _DOING, f"{what} in that order cannot be read")
    identity = requested.identity(order, case_of(item, settings), "person")
    return _go_on(journal, item, _for_tests(identity, item, settings), who)


def _releasable(journal: Journal, item_id: int) -> Item:
    """One that waits for a person, or for its order, and has been read."""
    item = journal.items.get(item_id)
    if item.state is not ItemState.HELD and not _waits(journal, item):
        raise refused(item, _DOING, "it is not held")
    if not journal.items.bodies(item):
        raise refused(item, _DOING, "it has not been read; retry it instead")
    return item


def _waits(journal: Journal, item: Item) -> bool:
    """Whether it waits for its order to come."""
    waiting = journal.ledger.item_row(item.id)["not_before"]
    return item.state is ItemState.CONVERTED and bool(waiting)


def _is_doubted(journal: Journal, item: Item) -> bool:
    return journal.ledger.item_row(item.id)["code"] in _DOUBTED


def _for_tests(identity: Identity, item: Item, settings: Settings) -> Identity:
    """Where patients are invented, a person's word makes none of them a real one."""
    return replace(identity, invented=settings.is_tried(item.source))


def _go_on(journal: Journal, item: Item, identity: Identity, who: str) -> str:
    _must_be_new(journal, item, identity)
    before = rules.claimed(item.evidence)
    uids = rules.studies(journal.items.bodies(item), before)
    mine = rules.person_in(identity.values)
    others = journal.items.patients_gone_on(item, uids)
    if any(rules.is_another(identity.values, other) for other in others):
        identity = _apart(identity, uids)
    elif rules.is_another(before, identity.values):
        identity = replace(identity, apart=not _is_same_number(before, identity.values))
        mine = rules.renamed(identity.values, before)
    kin = {} if identity.apart else dict.fromkeys(uids, mine)
    with deciding(journal, item, _DOING):
        why = f"{who} says that it is of {patient(identity.values)}; before: {_before(item)}."
        journal.items.released(item.id, identity, code="released", why=why, who=who, kin=kin)
    return f"It goes on as an image of {patient(identity.values)}."


def _is_same_number(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return bool(number := one.get("PatientID")) and number == other.get("PatientID")


def _apart(identity: Identity, uids: set[str]) -> Identity:
    """Of a study that has gone on as another patient's nothing may have the UIDs."""
    values = {keyword: word for keyword, word in identity.values.items() if word not in uids}
    return replace(identity, values=values, apart=True)


def _values(item: Item, settings: Settings, said: Mapping[str, str]) -> Mapping[str, str]:
    claimed = rules.claimed(item.evidence)
    number = said.get("PatientID", "") or claimed.get("PatientID", "")
    if not number:
        raise refused(item, _DOING, "nobody says which PatientID it has")
    kept = rules.said_of(item.evidence, number)
    if not kept.get("PatientID") and not said.get("PatientName"):
        why = "a new PatientID needs the PatientName beside it, against slips of the finger"
        raise refused(item, _DOING, why)
    profile = settings.profile_of(item.source) or Profile()
    is_dated = bool(said.get("StudyDate"))
    date = {} if is_dated else rules.exam_date(item.name, item.evidence, profile)
    own = rules.own_words(item.evidence, {**said, "PatientID": number})
    return {**kept, **own, **date}


def _must_be_new(journal: Journal, item: Item, identity: Identity) -> None:
    """The same image of the same patient is here but once, not counting what was for tests."""
    key = rules.identity_key(identity.values)
    for twin in journal.items.twins(item):
        if twin.identity and twin.identity.invented and not identity.invented:
            continue
        if twin.state in rules.UNREAD or not journal.items.contains(twin, item):
            continue
        if key == rules.identity_key(_said_of(twin)):
            why = f"{twin.name} (item {twin.id}) is the same image of this patient; discard it"
            raise refused(item, _DOING, why)


def _said_of(item: Item) -> Mapping[str, str]:
    return item.identity.values if item.identity else rules.claimed(item.evidence)


def _before(item: Item) -> str:
    return patient(_said_of(item))


def patient(values: Mapping[str, str]) -> str:
    """Patient and exam in a few words."""
    shown = ("PatientID", "PatientName", "AccessionNumber", "StudyDate")
    said = [f"{k}={values[k]}" for k in shown if values.get(k)]
    return ", ".join(said) or "nobody"


def _fault(entry: tuple[str, str]) -> str:
    """What is wrong with a keyword and its value, or ""."""
    word, value = entry
    if reason := keyword(word, TEXTS):
        return reason
    if not _TEXT.fullmatch(value) or len(value) > _LONGEST:
        return f"{word} must be at most {_LONGEST} characters without backslash"
    if value and word.endswith("Date") and not _is_date(value):
        return f"{word} must be a date such as 20260314"
    return ""


def _is_date(value: str) -> bool:
    with suppress(ValueError):
        return datetime.strptime(value, "%Y%m%d").strftime("%Y%m%d") == value  # noqa: DTZ007 - a day
    return False
