"""Owns what becomes of a data set that came: as it lies, or with another head. Pure but for it.

The head that must change is read back from the spool; nothing else is read, and pixels never are.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from appliance.errors import BadValue, CannotEdit
from appliance.model import Origin
from appliance.route import iod, tags, uids
from appliance.route.content import instance, joined, read_slice
from appliance.route.edit import TYPE_2_OF_A_PATIENT, Revision, edited, is_of_a_patient
from appliance.route.originals import Trace
from appliance.settings.keywords import TEXTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Body, Evidence, Identity, Instance
    from appliance.route.case import Case
    from appliance.settings.schema import Destination, Profile

_MAX_HEAD_BYTES = 64 << 20
_PERSON = "person"

_DATES = ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate")
_TIMES = ("StudyTime", "AcquisitionTime", "ContentTime", "SeriesTime")
_FAMILIES = {"StudyDate": _DATES, "StudyTime": _TIMES}
"""Where a header has no StudyDate, another date of its own serves as one and changes nothing."""


def carried(body: Body, case: Case, destination: Destination) -> Instance:
    """A data set that came, as one destination gets it. Raises BadValue, CannotEdit, CannotSay."""
    moves = case.identity.apart or _is_of_another(case.evidence, case.identity)
    told = _told_otherwise(case.evidence, case.identity, anew=moves)
    by_person = bool(told) and case.identity.proof == _PERSON
    own = _uids(body, case, moves=moves, corrected=by_person)
    said = {**_header(case.evidence, moves=moves), **told}
    wanted = _wanted(body, said, case.profile, destination)
    changes = {**told, **case.identity.order, **own, **wanted}
    gone = frozenset(k for k, v in wanted.items() if not v and not iod.may_be_empty(body, k))
    revision = Revision(
        Trace(case.source, None if case.unsure else case.arrived_at, by_person),
        {k: v for k, v in changes.items() if k not in gone},
        gone,
        forget=moves,
    )
    return _revised(body, revision, own, destination)


def _revised(
    body: Body, revision: Revision, own: Mapping[str, str], destination: Destination
) -> Instance:
    untouched = instance(body, body.attributes, joined(body.slices), body.digest)
    if not (revision.changes or revision.remove or destination.charset):
        return untouched
    head, *rest = body.slices
    if head.length > _MAX_HEAD_BYTES:
        raise CannotEdit(destination=destination.name, why="its header is too long")
    old = read_slice(head)
    new = edited(old, body.transfer_syntax_uid, revision, destination)
    if new == old:
        return untouched
    digest = hashlib.sha256(new + body.digest.encode()).hexdigest()
    return instance(body, {**body.attributes, **own}, (new, *joined(rest)), digest)


def _header(evidence: Evidence, *, moves: bool) -> dict[str, str]:
    """What the header says, without what is forgotten."""
    claims = reversed([c for c in evidence.claims if c.origin is Origin.HEADER and c.value])
    return {c.keyword: c.value for c in claims if not (moves and is_of_a_patient(c.keyword))}


def _wanted(
    body: Body,
    said: Mapping[str, str],
    profile: Profile | None,
    destination: Destination,
) -> dict[str, str]:
    """The tag edits, the profile's first."""
    first = tags.changes(said, profile)
    wanted = first | tags.changes({**said, **first}, destination)
    for keyword in sorted(k for k, v in wanted.items() if not v and iod.needs(body, k)):
        raise BadValue(keyword=keyword, value="", why="an image must say it")
    return wanted


# --- what was decided ----------------------------------------------------------------------------


def _told_otherwise(evidence: Evidence, identity: Identity, *, anew: bool) -> dict[str, str]:
    """What was decided and is not what the header says; `anew`, all that is said of a patient."""
    said = {k: v for k, v in identity.values.items() if k in TEXTS}
    other = {k: v for k, v in said.items() if not _is_in_header(evidence, k, v)}
    if not anew:
        return other
    blank = dict.fromkeys(TYPE_2_OF_A_PATIENT, "")
    return {**blank, **{k: v for k, v in said.items() if is_of_a_patient(k)}, **other}


def _is_in_header(evidence: Evidence, keyword: str, value: str) -> bool:
    if keyword in _FAMILIES and not evidence.get("StudyDate", Origin.HEADER):
        return not value or value in {evidence.get(k, Origin.HEADER) for k in _FAMILIES[keyword]}
    return value == evidence.get(keyword, Origin.HEADER)


def _is_of_another(evidence: Evidence, identity: Identity) -> bool:
    """Whether the header names one patient and the decision another."""
    before = evidence.get("PatientID", Origin.HEADER)
    return bool(before) and before != identity.values.get("PatientID", before)


def _uids(body: Body, case: Case, *, moves: bool, corrected: bool) -> dict[str, str]:
    """New UIDs where there are none, or where the old ones stand for something else now.

    What a person corrects is another object; one study must not be of two patients.
    """
    study, series, own = (str(body.attributes[f"{each}InstanceUID"]) for each in _LEVELS)
    new: dict[str, str] = {}
    if moves or not study:
        new["StudyInstanceUID"] = study = uids.study_uid(case.identity, case.source)
    if moves or not series:
        values = {**case.identity.values, "SeriesInstanceUID": series}
        modality = str(body.attributes.get("Modality", ""))
        new["SeriesInstanceUID"] = uids.series_uid(study, modality, case.source, values)
    if moves or corrected or not own:
        new["SOPInstanceUID"] = uids.sop_instance_uid(body, case.identity)
    return new


_LEVELS = ("Study", "Series", "SOP")
