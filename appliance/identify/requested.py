"""Owns what an image takes over from its order, and how an order is told to people; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.identify import moments, names, rules
from appliance.identify.matching import value
from appliance.model import Identity, Order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.identify.matching import Case

COPIED = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "AdmissionID", "AccessionNumber", "ReferringPhysicianName", "StudyInstanceUID",
)  # fmt: skip
"""Taken over verbatim (IHE RAD TF-2, appendix A)."""

REQUESTED = (
    "RequestedProcedureID", "RequestedProcedureDescription", "ScheduledProcedureStepID",
    "ScheduledProcedureStepDescription",
)  # fmt: skip
_MUST_BE_THERE = {"PatientID": "the patient ID", "PatientName": "the name"}  # PS3.4 K.6.1.2.2


def identity(order: Order, case: Case, proof: str) -> Identity:
    """Whose an image is by an order: the order's word on patient and request, the exam's date.

    What else was said of the patient stays only where it was said of this one. Raises NoDate.
    """
    copied = {keyword: word for keyword in COPIED if (word := value(order, keyword))}
    kept = rules.said_of(case.evidence, copied["PatientID"])
    date = rules.exam_date(
        case.name, case.evidence, case.profile, worklist=moments.scheduled(order) or case.when
    )
    return Identity(
        # Empty in the order is empty in the image: what a device wrote there is nobody's word.
        {**kept, "AccessionNumber": "", **copied, **date},
        proof,
        request(order),
        priority=value(order, "RequestedProcedurePriority"),
    )


def request(order: Order) -> Mapping[str, object]:
    """The sequences by which an image says what it answers (PS3.3 10.6 and C.7.2.1)."""
    attributes: dict[str, object] = {k: word for k in REQUESTED if (word := value(order, k))}
    if protocol := order.codes.get("ScheduledProtocolCodeSequence"):
        attributes["ScheduledProtocolCodeSequence"] = [dict(code) for code in protocol]
    found: dict[str, object] = {"RequestAttributesSequence": [attributes]} if attributes else {}
    if procedure := order.codes.get("RequestedProcedureCodeSequence"):
        found["ProcedureCodeSequence"] = [dict(code) for code in procedure]
    return found


def as_one(several: Sequence[Order]) -> Order | None:
    """Steps of one study as one order that says what all of them say; None: they are several."""
    first = several[0]
    if len(several) == 1:
        return first
    studies = {(value(o, "StudyInstanceUID"), value(o, "AccessionNumber")) for o in several}
    if len(studies) > 1 or not value(first, "StudyInstanceUID"):
        return None
    values = {k: v for k, v in first.values.items() if all(o.values.get(k) == v for o in several)}
    codes = {k: v for k, v in first.codes.items() if all(o.codes.get(k) == v for o in several)}
    return Order(first.worklist, first.key, values, codes, first.seen_at)


def unreadable(order: Order) -> str:
    """What of an order's person is missing or damaged, in words; "" for nothing."""
    for keyword, called in _MUST_BE_THERE.items():
        if not value(order, keyword):
            return called
    return "the name" if names.is_damaged(value(order, "PatientName")) else ""


def person(order: Order) -> str:
    """Whom an order is for, in words."""
    shown = ("PatientID", "PatientName", "PatientBirthDate")
    return ", ".join(
        in_words(keyword, word) for keyword in shown if (word := value(order, keyword))
    )


def in_words(keyword: str, word: str) -> str:
    """What is said under one keyword, as people read it: born 1980-02-05."""
    if keyword != "PatientBirthDate":
        return word
    return "born " + re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", word)


def exam(order: Order) -> str:
    """What was ordered, in words."""
    number = value(order, "AccessionNumber")
    shown = (
        value(order, "Modality"),
        value(order, "ScheduledProcedureStepDescription")
        or value(order, "RequestedProcedureDescription"),
        f"accession number {number}" if number else "",
        str(moments.scheduled(order) or ""),
    )
    return ", ".join(filter(None, shown))
