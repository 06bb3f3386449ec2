"""Owns the doctor's test image: where it may go, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.remedies import filled
from appliance.desk.doctor.report import Entry, State
from appliance.desk.doctor.subject import Found
from appliance.desk.doctor.way import failed
from appliance.dicom.association import Link
from appliance.dicom.pdu import Context
from appliance.elements import EXPLICIT_LE, IMPLICIT_LE
from appliance.forward.outcome import Action, of_answer
from appliance.route.synthetic import SOP_CLASSES, test_image

if TYPE_CHECKING:
    from appliance.desk.doctor.subject import Visit
    from appliance.model import Instance

_SATUSEHAT_ROUTER = "DCMROUTER"  # what it takes goes to a national platform, test or not
_MAY_STORE = Entry("{pacs}, its list of known devices", "may store", "{calling}")
_THERE_ALREADY = Action.ASK_FIND


def image(visit: Visit) -> str | Found:
    """It stores an image. Raises AssociationFailed and what a refusal means."""
    patient = visit.subject.test_patient
    if visit.target.called == _SATUSEHAT_ROUTER:
        return Found("no test image is ever sent to SATUSEHAT", State.SKIPPED)
    if not patient:
        return _by_the_queue(visit)
    context = _fitting(visit.accepted)
    if context is None:
        return Found("it takes no kind of image that can be made for a test", State.UNKNOWN)
    return _stored(visit, test_image(*context, patient))


def _stored(visit: Visit, instance: Instance) -> str | Found:
    context = Context(instance.sop_class_uid, instance.transfer_syntax_uid)
    with Link.open(visit.target, [context], visit.limits.patience) as link:
        verdict = of_answer(visit.target, link.store(instance))
    if isinstance(verdict.why, errors.NotAuthorised):
        return failed(verdict.why, filled((_MAY_STORE,), visit.facts))
    if verdict.action not in {Action.SENT, _THERE_ALREADY}:
        raise verdict.why or errors.Problem(what=verdict.action)
    visit.stored = instance
    whose = visit.subject.test_patient["PatientID"]
    warning = f", with a warning: {verdict.why.sentence}" if verdict.why else ""
    return f"it stored the test image of patient {whose}{warning}"


def _by_the_queue(visit: Visit) -> Found:
    """No image can be taken back out of a real PACS: what became of the last real ones?"""
    if trouble := visit.subject.known.trouble:
        raise trouble
    facts = visit.facts
    agreed = '{ PatientID = "...", PatientName = "..." }'
    return Found(
        "none was sent: a PACS for real patients gets a test image only under a test patient",
        State.UNKNOWN,
        "Agree on a test patient with the PACS administrator, if you want to know.",
        entries=(Entry(str(facts["here"]), "`test_patient`", agreed),),
    )


def _fitting(accepted: tuple[Context, ...]) -> Context | None:
    wanted = (
        Context(kind, syntax) for kind in SOP_CLASSES for syntax in (EXPLICIT_LE, IMPLICIT_LE)
    )
    return next((context for context in wanted if context in accepted), None)
