"""Owns the doctor's questions for a proof: is the image there, and does the peer answer for it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance import errors
from appliance.desk.doctor.report import State
from appliance.desk.doctor.subject import Found
from appliance.dicom import find as dicom
from appliance.dicom.association import Link
from appliance.elements import EXPLICIT_LE
from appliance.route.synthetic import SOP_CLASSES, test_image
from appliance.settings.schema import Confirm

if TYPE_CHECKING:
    from appliance.desk.doctor.subject import Visit

_NOBODY = {"PatientID": "NOBODY", "PatientName": "NOBODY"}


def commitment(visit: Visit) -> str | Found:
    """It answers a request for storage commitment."""
    del visit
    return Found("not asked", State.SKIPPED)


def find(visit: Visit) -> str | Found:
    """It answers a C-FIND at image level. Raises AssociationFailed and FindFailed."""
    destination = visit.subject.destination
    if destination.confirm is Confirm.RESPONSE:
        return Found('not asked: confirm is "response"', State.SKIPPED)
    try:
        return _asked(visit)
    except errors.FindUnsupported as problem:
        if destination.confirm is Confirm.FIND:
            raise
        return Found(
            problem.sentence, State.UNKNOWN, "Its answer to each image is the only proof."
        )


def _asked(visit: Visit) -> str | Found:
    """Whether the test image is there; else whether one that cannot be there is not."""
    wanted = visit.stored or test_image(SOP_CLASSES[0], EXPLICIT_LE, _NOBODY)
    with Link.open(visit.subject.find_target, dicom.CONTEXTS, visit.limits.patience) as link:
        is_there = bool(dicom.find(link, [wanted]))
    if visit.stored and not is_there:
        text = "it can be asked, and does not show the test image yet"
        return Found(text, State.UNKNOWN, "Some file slowly; ask again in a few minutes.")
    return "it showed the test image" if is_there else "it can be asked"
