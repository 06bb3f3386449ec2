"""Owns the way out of a hold for want of a patient: a person says whose the image is.

What the device said of the patient is kept only where everybody says the same; what was said of
another one is emptied, never mixed.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.desk.decision import deciding, refused
from appliance.identify import rules
from appliance.model import Identity, ItemState
from appliance.settings.keywords import TEXTS, UIDS
from appliance.settings.schema import Profile
from appliance.settings.values import keyword

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.journal import Journal
    from appliance.model import Evidence, Item
    from appliance.settings.schema import Settings

_LONGEST = 64  # characters of an LO, or of a component group of a PN (PS3.5 6.2)
_TEXT = re.compile(r"[^\x00-\x1f\x7f\\]*")
_DOING = "Releasing"

_PATIENT = """
    PatientName PatientID IssuerOfPatientID TypeOfPatientID OtherPatientIDs OtherPatientNames
    PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight
    PatientAddress PatientTelephoneNumbers PatientMotherBirthName PatientComments
    AdditionalPatientHistory MedicalRecordLocator AdmissionID IssuerOfAdmissionID
    AccessionNumber StudyID StudyDescription ReferringPhysicianName RequestedProcedureID
    RequestedProcedureDescription ScheduledProcedureStepID
"""
_OF_A_PATIENT = frozenset(_PATIENT.split())


def release(
    journal: Journal, settings: Settings, item_id: int, said: Mapping[str, str], *, who: str
) -> str:
    """Let a held image go on under the patient that `who` says it is of.

    Without PatientID in `said` that is the patient whom the device named. Raises NotThere,
    Refused, NoDate.
    """
    item = journal.items.get(item_id)
    if fault := next(filter(None, map(_fault, said.items())), ""):
        raise refused(item, _DOING, fault)
    if item.state is not ItemState.HELD:
        raise refused(item, _DOING, "it is not held")
    if not journal.items.bodies(item):
        raise refused(item, _DOING, "it has not been read; retry it instead")
    identity = Identity(_values(item, settings, said), "person")
    _must_be_new(journal, item, identity)
    with deciding(journal, item, _DOING):
        why = f"{who} says that it is of {_patient(identity)}; before: {_patient_before(item)}."
        journal.items.released(item.id, identity, code="released", why=why, who=who)
    return f"It goes on as an image of {_patient(identity)}."


def _values(item: Item, settings: Settings, said: Mapping[str, str]) -> Mapping[str, str]:
    claimed = rules.claimed(item.evidence)
    number = said.get("PatientID", "") or claimed.get("PatientID", "")
    if not number:
        raise refused(item, _DOING, "nobody says which PatientID it has")
    if not _is_said_by_all(item.evidence, number):
        if not said.get("PatientName"):
            why = "a new PatientID needs the PatientName beside it, against slips of the finger"
            raise refused(item, _DOING, why)
        claimed = {k: _of_another(k, v) for k, v in claimed.items() if k not in UIDS}
    profile = settings.profile_of(item.source) or Profile()
    is_dated = bool(said.get("StudyDate"))
    date = {} if is_dated else rules.exam_date(item.name, item.evidence, profile)
    return {**claimed, **said, "PatientID": number, **date}


def _is_said_by_all(evidence: Evidence, number: str) -> bool:
    """Whether everybody who names a patient names this one."""
    return {c.value for c in evidence.claims if c.keyword == "PatientID" and c.value} == {number}


def _of_another(keyword: str, value: str) -> str:
    """What is left of a claim when it was made of another patient."""
    return "" if keyword in _OF_A_PATIENT else value


def _must_be_new(journal: Journal, item: Item, identity: Identity) -> None:
    """The same image of the same patient is here but once."""
    key = rules.identity_key(identity.values)
    for twin in journal.items.twins(item):
        if key == rules.identity_key(_said_of(twin)):
            why = f"{twin.name} (item {twin.id}) is the same image of this patient; discard it"
            raise refused(item, _DOING, why)


def _said_of(item: Item) -> Mapping[str, str]:
    return item.identity.values if item.identity else rules.claimed(item.evidence)


def _patient_before(item: Item) -> str:
    return _patient(Identity(_said_of(item), ""))


def _patient(identity: Identity) -> str:
    shown = ("PatientID", "PatientName", "AccessionNumber", "StudyDate")
    values = [f"{k}={identity.values[k]}" for k in shown if identity.values.get(k)]
    return ", ".join(values) or "nobody"


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
